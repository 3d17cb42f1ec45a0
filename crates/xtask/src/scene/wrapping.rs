//! What a bouquet is wrapped in: paper behind and before it, and a satin bow.
//!
//! All places are relative to the knot where the stems cross. Not here: the
//! flowers; see `flower_shop`.

use crate::canvas::{Canvas, Color, Paint, hex};
use crate::combine::Moved;
use crate::outline::{Polygon, Stroke};
use crate::shape::{Block, Frame, Point, at};

const BACK_LEFT: [(f64, f64); 5] = [
    (0.0, 4.0),
    (-390.0, -306.0),
    (-454.0, -586.0),
    (-240.0, -706.0),
    (20.0, -446.0),
];
const BACK_RIGHT: [(f64, f64); 5] = [
    (0.0, 4.0),
    (-20.0, -446.0),
    (236.0, -710.0),
    (454.0, -586.0),
    (390.0, -306.0),
];
const BACK_MIDDLE: [(f64, f64); 6] = [
    (0.0, 4.0),
    (-304.0, -366.0),
    (-290.0, -706.0),
    (0.0, -816.0),
    (296.0, -706.0),
    (308.0, -366.0),
];
/// The front sheets: the fourth point is the lip, the last lies across the other.
const FRONT_LEFT: [(f64, f64); 6] = [
    (0.0, 24.0),
    (-40.0, 4.0),
    (-344.0, -264.0),
    (-420.0, -416.0),
    (-210.0, -236.0),
    (70.0, -106.0),
];
const FRONT_RIGHT: [(f64, f64); 6] = [
    (0.0, 24.0),
    (44.0, 4.0),
    (348.0, -264.0),
    (422.0, -416.0),
    (210.0, -236.0),
    (-100.0, -96.0),
];
/// One loop of the bow, and the shadow inside of it.
const LOOP: [(f64, f64); 7] = [
    (4.0, -8.0),
    (60.0, -62.0),
    (136.0, -70.0),
    (166.0, -18.0),
    (136.0, 40.0),
    (60.0, 34.0),
    (4.0, 10.0),
];
const HOLLOW: [(f64, f64); 5] = [(30.0, -8.0), (84.0, -36.0), (132.0, -34.0), (138.0, -8.0), (96.0, 10.0)];

/// The sheets the flowers lie on.
pub(super) fn behind(canvas: &mut Canvas, knot: Point) {
    let frame = Frame::new(knot, 0.0, 1.0);
    let sheets: [(&[(f64, f64)], Color); 3] = [
        (&BACK_LEFT, hex(0xf7_d3_c8)),
        (&BACK_RIGHT, hex(0xf2_c6_ba)),
        (&BACK_MIDDLE, hex(0xfd_e6_dc)),
    ];
    for (corners, tint) in sheets {
        let shape = Polygon::new(&frame.points(corners));
        canvas.soft(&Moved(&shape, at(6.0, 14.0), 0.0), 22.0, hex(0x8a_4a_3a).fade(0.26));
        let (from, to) = (frame.at(-340.0, -706.0), frame.at(260.0, -6.0));
        canvas.fill(&shape, Paint::Linear(from, to, tint.lighter(0.3), tint.darker(0.1)));
    }
}

/// The two sheets folded across the stems, with a few creases.
pub(super) fn before(canvas: &mut Canvas, knot: Point) {
    let frame = Frame::new(knot, 0.0, 1.0);
    for (corners, from, to) in [
        (FRONT_RIGHT, hex(0xf6_cd_c0), hex(0xe4_a8_9a)),
        (FRONT_LEFT, hex(0xff_ef_e8), hex(0xf1_c2_b4)),
    ] {
        let points = frame.points(&corners);
        let shape = Polygon::new(&points);
        canvas.soft(&Moved(&shape, at(0.0, -10.0), 0.0), 20.0, hex(0x7a_3a_34).fade(0.34));
        canvas.fill(&shape, Paint::down(knot.y - 306.0, knot.y + 24.0, from, to));
        for fold in 1..4 {
            let brim = points[3] + (points[5] - points[3]) * (f64::from(fold) / 4.0);
            let crease = Stroke::tapered(&[brim, knot + at(0.0, 14.0)], 3.0, 1.5);
            canvas.shade(&shape, &crease, 3.0, hex(0xff_ff_ff).fade(0.5));
        }
    }
}

pub(super) fn bow(canvas: &mut Canvas, knot: Point) {
    let (light, dark) = (hex(0x8f_b3_8c), hex(0x4f_7a_5a));
    for (side, fall) in [(-1.0, 196.0), (1.0, 178.0)] {
        tail(
            canvas,
            knot,
            (side, fall),
            Paint::down(knot.y, knot.y + fall, dark, light),
        );
    }
    for side in [-1.0, 1.0] {
        let frame = Frame::new(knot, 0.015 * side, 1.0);
        let ribbon = Polygon::smooth(&frame.points(&LOOP.map(|(x, y)| (x * side, y))));
        canvas.soft(&Moved(&ribbon, at(4.0, 12.0), 0.0), 12.0, hex(0x3a_4a_34).fade(0.4));
        let (from, to) = (frame.at(0.0, 40.0), frame.at(60.0 * side, -70.0));
        canvas.fill(&ribbon, Paint::Linear(from, to, dark, light.lighter(0.15)));
        let hollow = Polygon::smooth(&frame.points(&HOLLOW.map(|(x, y)| (x * side, y))));
        canvas.shade(&ribbon, &hollow, 3.0, dark.darker(0.12));
    }
    let middle = Block::new(knot.x - 34.0, knot.y - 32.0, 68.0, 66.0).round(22.0);
    canvas.soft(&Moved(&middle, at(0.0, 6.0), 0.0), 9.0, hex(0x2a_3a_2a).fade(0.45));
    let satin = Paint::across(knot.x - 34.0, knot.x + 34.0, light.lighter(0.15), dark);
    canvas.fill(&middle, satin);
}

/// A loose end, hanging to one side and ending in a notch.
fn tail(canvas: &mut Canvas, knot: Point, (side, fall): (f64, f64), paint: Paint) {
    let outline = [
        (0.0, 0.0),
        (36.0, 50.0),
        (66.0, 120.0),
        (104.0, fall),
        (78.0, fall - 8.0),
        (58.0, fall + 8.0),
        (26.0, 110.0),
    ];
    let frame = Frame::new(knot, 0.0, 1.0);
    let shape = Polygon::smooth(&frame.points(&outline.map(|(x, y)| (x * side, y))));
    canvas.soft(&Moved(&shape, at(6.0, 10.0), 0.0), 10.0, hex(0x3a_4a_34).fade(0.35));
    canvas.fill(&shape, paint);
}
