//! The flower shop: one large bouquet in wrapping paper with a satin bow.
//!
//! Not here: the single flowers (`blooms`), the paper and the bow
//! (`wrapping`).

use crate::canvas::{Canvas, Paint, hex};
use crate::combine::Rim;
use crate::outline::Stroke;
use crate::scene::{HEIGHT, Scatter, WIDTH, blooms, petals, wrapping};
use crate::shape::{Block, Circle, Frame, Point, Pool, at};

/// Where the stems cross and the bow is tied.
const KNOT: Point = at(540.0, 1006.0);

pub(crate) fn draw() -> Canvas {
    let wall = Paint::down(0.0, 1150.0, hex(0xe9_f1_e4), hex(0xcf_de_cc));
    let mut canvas = Canvas::new(WIDTH, HEIGHT, wall);
    backdrop(&mut canvas);
    stems(&mut canvas);
    wrapping::behind(&mut canvas, KNOT);
    greenery(&mut canvas);
    flowers(&mut canvas);
    wrapping::before(&mut canvas, KNOT);
    wrapping::bow(&mut canvas, KNOT);
    strewn(&mut canvas);
    canvas
}

fn backdrop(canvas: &mut Canvas) {
    let disc = Circle(at(540.0, 560.0), 452.0);
    canvas.soft(&disc, 60.0, hex(0xff_ff_ff).fade(0.5));
    canvas.fill(&disc, Paint::down(110.0, 1010.0, hex(0xff_f4_e6), hex(0xff_d9_c8)));
    canvas.fill(&Rim(&Circle(at(540.0, 560.0), 482.0), 1.6), hex(0xff_ff_ff).fade(0.9));
    let table = Block::new(-10.0, 1150.0, 1100.0, 240.0);
    canvas.fill(&table, Paint::down(1150.0, 1350.0, hex(0xf6_e7_da), hex(0xe0_c2_ae)));
    canvas.soft(
        &Block::new(-10.0, 1140.0, 1100.0, 12.0),
        10.0,
        hex(0x7a_8a_6e).fade(0.3),
    );
    canvas.fill(&Block::new(-10.0, 1150.0, 1100.0, 4.0), hex(0xff_f8_ef));
    canvas.soft(&Pool(at(556.0, 1256.0), 200.0, 26.0), 24.0, hex(0x7a_4a_38).fade(0.55));
}

fn stems(canvas: &mut Canvas) {
    for stem in 0..11 {
        let spread = f64::from(stem) - 5.0;
        let line = [
            KNOT,
            KNOT + at(spread * 9.0, 130.0),
            KNOT + at(spread * 19.0, 262.0 - spread * spread * 1.5),
        ];
        let tint = if stem % 2 == 0 {
            hex(0x6f_98_5c)
        } else {
            hex(0x8c_b0_70)
        };
        canvas.fill(
            &Stroke::new(&line, 15.0),
            Paint::down(1000.0, 1270.0, tint.darker(0.25), tint),
        );
    }
}

/// The rim of the bouquet: each twig starts at its own distance from the knot.
fn greenery(canvas: &mut Canvas) {
    let from_knot = |turns: f64, away: f64| Frame::new(KNOT, turns, 1.0).at(0.0, -away);
    for (turns, away, size) in [
        (-0.055, 520.0, 330.0),
        (0.01, 540.0, 330.0),
        (0.07, 520.0, 320.0),
        (-0.1, 440.0, 320.0),
        (0.103, 440.0, 320.0),
    ] {
        blooms::sprig(canvas, from_knot(turns, away), turns, size);
    }
    for (turns, away, size, bend) in [
        (-0.113, 400.0, 300.0, -0.12),
        (-0.078, 480.0, 330.0, -0.14),
        (-0.026, 560.0, 330.0, -0.08),
        (0.036, 560.0, 330.0, 0.1),
        (0.08, 480.0, 330.0, 0.14),
        (0.115, 400.0, 300.0, 0.12),
    ] {
        blooms::eucalyptus(canvas, from_knot(turns, away), turns, size, bend);
    }
    for (turns, away, size) in [
        (-0.097, 440.0, 300.0),
        (-0.055, 540.0, 320.0),
        (-0.006, 600.0, 330.0),
        (0.056, 540.0, 320.0),
        (0.099, 440.0, 300.0),
    ] {
        blooms::lavender(canvas, from_knot(turns, away), turns, size);
    }
    leaves(canvas);
}

fn leaves(canvas: &mut Canvas) {
    for (x, y, turns) in [
        (270.0, 560.0, -0.17),
        (810.0, 560.0, 0.17),
        (420.0, 330.0, -0.06),
        (690.0, 330.0, 0.08),
        (260.0, 690.0, -0.22),
        (820.0, 690.0, 0.22),
    ] {
        petals::leaf(canvas, at(x, y), turns, 120.0, hex(0x6f_9a_62));
    }
}

fn flowers(canvas: &mut Canvas) {
    let coral = (hex(0xf8_94_7c), hex(0xdc_58_4c));
    let yellow = (hex(0xff_d8_6e), hex(0xee_a0_38));
    for (x, y, turns, color) in [
        (352.0, 400.0, -0.075, yellow),
        (728.0, 396.0, 0.07, coral),
        (462.0, 310.0, -0.03, coral),
        (632.0, 306.0, 0.035, yellow),
    ] {
        blooms::tulip(canvas, at(x, y), turns, 94.0, color);
    }
    blooms::hydrangea(canvas, at(296.0, 536.0), 102.0, hex(0x9c_b4_e4));
    blooms::hydrangea(canvas, at(790.0, 540.0), 102.0, hex(0xb6_a4_e0));
    for (x, y, size) in [
        (548.0, 340.0, 66.0),
        (378.0, 460.0, 56.0),
        (706.0, 452.0, 58.0),
        (224.0, 640.0, 54.0),
        (862.0, 640.0, 56.0),
    ] {
        blooms::daisy(canvas, at(x, y), x / 1080.0, size);
    }
    roses(canvas);
}

fn roses(canvas: &mut Canvas) {
    let pink = (hex(0xf7_a8_b8), hex(0xe0_6a_8c));
    let coral = (hex(0xf7_97_80), hex(0xd8_54_4c));
    let cream = (hex(0xff_ee_d4), hex(0xf2_b8_8a));
    let plum = (hex(0xd0_84_b0), hex(0x94_44_80));
    for (x, y, size, tints) in [
        (462.0, 430.0, 88.0, plum),
        (620.0, 428.0, 90.0, cream),
        (300.0, 680.0, 82.0, coral),
        (786.0, 684.0, 84.0, pink),
        (396.0, 584.0, 104.0, cream),
        (690.0, 580.0, 102.0, coral),
        (664.0, 744.0, 88.0, plum),
        (424.0, 744.0, 88.0, pink),
        (542.0, 610.0, 126.0, pink),
    ] {
        blooms::rose(canvas, at(x, y), x / 500.0, size, tints);
    }
    for (x, y, size) in [
        (546.0, 768.0, 68.0),
        (544.0, 476.0, 46.0),
        (330.0, 772.0, 48.0),
        (758.0, 772.0, 48.0),
    ] {
        blooms::daisy(canvas, at(x, y), y / 1000.0, size);
    }
    blooms::rose(canvas, at(494.0, 856.0), 0.1, 58.0, coral);
    blooms::rose(canvas, at(600.0, 852.0), 0.3, 58.0, cream);
}

fn strewn(canvas: &mut Canvas) {
    let mut scatter = Scatter(9);
    for (x, y, size) in [
        (132.0, 1236.0, 40.0),
        (232.0, 1302.0, 34.0),
        (846.0, 1292.0, 40.0),
        (972.0, 1262.0, 34.0),
        (320.0, 1216.0, 28.0),
    ] {
        petals::petal(canvas, at(x, y), scatter.between(0.0, 1.0), size);
    }
    blooms::daisy(canvas, at(890.0, 1226.0), 0.03, 44.0);
    petals::leaf(canvas, at(196.0, 1240.0), 0.2, 74.0, hex(0x7f_a8_6a));
}
