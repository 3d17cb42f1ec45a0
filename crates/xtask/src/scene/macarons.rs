//! A small plate of macarons.
//!
//! Not here: the table it stands on; see `spring_coffee`.

use crate::canvas::{Canvas, Color, Paint, hex};
use crate::outline::{Polygon, Stroke};
use crate::shape::{Ellipse, Frame, Point, Pool, at};

/// A stack of two and one leaning on it, the plate around `middle`.
pub(super) fn plate(canvas: &mut Canvas, middle: Point) {
    canvas.soft(
        &Pool(middle + at(12.0, 22.0), 168.0, 42.0),
        26.0,
        hex(0x6b_35_20).fade(0.45),
    );
    canvas.fill(&Ellipse::new(middle + at(0.0, 10.0), 162.0, 42.0), hex(0xb7_c7_b2));
    let plate = Ellipse::new(middle, 164.0, 42.0);
    canvas.fill(
        &plate,
        Paint::across(middle.x - 160.0, middle.x + 160.0, hex(0xf3_f8_ee), hex(0xd7_e3_d0)),
    );
    canvas.fill(
        &Ellipse::new(middle + at(0.0, 2.0), 118.0, 27.0),
        hex(0xc6_d6_bf).fade(0.7),
    );
    macaron(canvas, middle + at(-34.0, -30.0), 0.0, hex(0xf4_a6_b8));
    macaron(canvas, middle + at(-30.0, -98.0), -0.008, hex(0xbf_d8_a6));
    macaron(canvas, middle + at(84.0, -22.0), 0.035, hex(0xfb_df_9d));
}

const LOWER: [(f64, f64); 7] = [
    (-76.0, 10.0),
    (-70.0, 28.0),
    (-40.0, 36.0),
    (40.0, 36.0),
    (70.0, 28.0),
    (76.0, 10.0),
    (0.0, 6.0),
];

const UPPER: [(f64, f64); 7] = [
    (-76.0, -8.0),
    (-68.0, -28.0),
    (-34.0, -40.0),
    (34.0, -40.0),
    (68.0, -28.0),
    (76.0, -8.0),
    (0.0, -2.0),
];

fn macaron(canvas: &mut Canvas, middle: Point, turns: f64, color: Color) {
    let frame = Frame::new(middle, turns, 1.0);
    canvas.soft(
        &frame.ellipse((6.0, 34.0), (70.0, 12.0), 0.0),
        9.0,
        hex(0x6b_35_20).fade(0.35),
    );
    let paint = Paint::Linear(
        frame.at(-40.0, -40.0),
        frame.at(50.0, 40.0),
        color.lighter(0.3),
        color.darker(0.14),
    );
    canvas.fill(&Polygon::smooth(&frame.points(&LOWER)), paint);
    let cream = Stroke::new(&frame.points(&[(-62.0, 1.0), (62.0, 1.0)]), 20.0);
    canvas.fill(&cream, hex(0xff_f6_ea));
    canvas.fill(&Polygon::smooth(&frame.points(&UPPER)), paint);
    for foot in 0..13 {
        let x = -72.0 + 12.0 * f64::from(foot);
        canvas.fill(&frame.circle(x, -7.0, 6.5), color.darker(0.06));
        canvas.fill(&frame.circle(x, 11.0, 6.0), color.darker(0.12));
    }
    canvas.soft(
        &frame.ellipse((-26.0, -28.0), (24.0, 6.0), -0.02),
        4.0,
        hex(0xff_ff_ff).fade(0.6),
    );
}
