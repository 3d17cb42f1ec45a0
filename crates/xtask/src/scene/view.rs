//! The arched window of the coffee shop and the spring outside.
//!
//! Not here: the branch that reaches in; see `spring_coffee`.

use crate::canvas::{Canvas, Paint, hex};
use crate::combine::{Moved, Rim};
use crate::outline::{Polygon, Stroke};
use crate::scene::cloud;
use crate::shape::{Block, Circle, Frame, Point, Shape, at};

/// The window, its frame and the sill below it.
pub(super) fn window(canvas: &mut Canvas) {
    let pane = Block::new(176.0, 116.0, 728.0, 800.0).rounds(364.0, 0.0);
    canvas.soft(&Moved(&pane, at(16.0, 26.0), 40.0), 40.0, hex(0xa8_5a_4a).fade(0.28));
    canvas.fill(
        &Moved(&pane, at(0.0, 0.0), 34.0),
        Paint::across(140.0, 940.0, hex(0xff_fa_f5), hex(0xf3_dd_d3)),
    );
    canvas.fill(&pane, Paint::down(116.0, 760.0, hex(0xb9_df_f0), hex(0xff_f4_e4)));
    let sun = at(380.0, 330.0);
    canvas.shade(&pane, &Circle(sun, 120.0), 130.0, hex(0xff_f3_cf).fade(0.9));
    canvas.shade(&pane, &Circle(sun, 74.0), 2.0, hex(0xff_f6_d6));
    cloud(canvas, at(700.0, 430.0), 96.0, hex(0xff_ff_ff).fade(0.85));
    cloud(canvas, at(310.0, 520.0), 72.0, hex(0xff_ff_ff).fade(0.75));
    hills(canvas, &pane);
    canvas.shade(&pane, &Rim(&pane, 12.0), 16.0, hex(0x8a_4a_40).fade(0.22));
    let bar = Block::new(534.0, 116.0, 12.0, 800.0);
    canvas.shade(&pane, &Moved(&bar, at(5.0, 0.0), 2.0), 5.0, hex(0x8a_4a_40).fade(0.2));
    let lacquer = Paint::across(534.0, 546.0, hex(0xff_fa_f5), hex(0xf0_d8_cd));
    canvas.shade(&pane, &bar, 0.0, lacquer);
    sill(canvas);
}

const FAR: [(f64, f64); 6] = [
    (60.0, 720.0),
    (260.0, 610.0),
    (430.0, 660.0),
    (640.0, 570.0),
    (860.0, 640.0),
    (1020.0, 600.0),
];
const NEAR: [(f64, f64); 5] = [
    (60.0, 700.0),
    (230.0, 720.0),
    (450.0, 690.0),
    (700.0, 730.0),
    (1020.0, 670.0),
];
const LAWN: [(f64, f64); 4] = [(60.0, 820.0), (320.0, 780.0), (640.0, 810.0), (1020.0, 770.0)];

fn hills(canvas: &mut Canvas, pane: &dyn Shape) {
    let haze = Paint::down(570.0, 760.0, hex(0xb5_d3_d6), hex(0xd7_e6_dc));
    hill(canvas, pane, &FAR, haze);
    let meadow = Paint::down(670.0, 820.0, hex(0xa9_cf_ad), hex(0xcb_e2_bd));
    hill(canvas, pane, &NEAR, meadow);
    for (x, y, size) in [
        (250.0, 742.0, 74.0),
        (392.0, 730.0, 56.0),
        (690.0, 756.0, 62.0),
        (830.0, 738.0, 92.0),
    ] {
        tree(canvas, pane, at(x, y), size);
    }
    let grass = Paint::down(770.0, 900.0, hex(0x9a_c6_8d), hex(0xc2_dd_a4));
    hill(canvas, pane, &LAWN, grass);
}

fn hill(canvas: &mut Canvas, pane: &dyn Shape, ridge: &[(f64, f64)], paint: Paint) {
    let mut points: Vec<Point> = ridge.iter().map(|&(x, y)| at(x, y)).collect();
    points.extend([at(1200.0, 1000.0), at(540.0, 1060.0), at(-120.0, 1000.0)]);
    canvas.shade(pane, &Polygon::smooth(&points), 0.0, paint);
}

/// A cherry tree in full bloom, far away: a few overlapping crowns.
fn tree(canvas: &mut Canvas, pane: &dyn Shape, root: Point, size: f64) {
    let frame = Frame::new(root, 0.0, size);
    let trunk = Stroke::tapered(
        &frame.points(&[(0.0, 0.75), (0.04, 0.1), (-0.05, -0.5)]),
        size * 0.2,
        size * 0.1,
    );
    canvas.shade(pane, &trunk, 0.0, hex(0x9b_6a_5c));
    let crowns = [
        (-0.55, -0.55, 0.5),
        (0.55, -0.5, 0.48),
        (0.0, -0.4, 0.5),
        (-0.25, -1.0, 0.55),
        (0.35, -0.98, 0.5),
    ];
    for (x, y, radius) in crowns {
        let paint = Paint::Radial(
            frame.at(x - 0.2, y - 0.3),
            size * radius * 1.6,
            hex(0xff_dd_e4),
            hex(0xf3_a3_b8),
        );
        canvas.shade(pane, &frame.circle(x, y, radius), 0.0, paint);
    }
    let specks = [
        (-0.7, -0.7),
        (0.05, -1.2),
        (0.5, -0.85),
        (-0.2, -0.62),
        (0.25, -0.4),
        (-0.45, -1.1),
    ];
    for (x, y) in specks {
        canvas.shade(pane, &frame.circle(x, y, 0.05), 0.8, hex(0xff_f2_f4).fade(0.85));
    }
}

fn sill(canvas: &mut Canvas) {
    let board = Block::new(112.0, 890.0, 856.0, 44.0).round(8.0);
    canvas.soft(&Moved(&board, at(8.0, 22.0), 0.0), 18.0, hex(0x8a_4a_40).fade(0.3));
    canvas.fill(&board, Paint::down(890.0, 934.0, hex(0xff_fb_f7), hex(0xea_cf_c3)));
}
