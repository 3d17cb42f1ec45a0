//! Cherry blossoms, buds, loose petals and leaves.
//!
//! Not here: the flowers a florist sells; those are in `blooms`.

use crate::canvas::{Canvas, Color, Paint, hex};
use crate::combine::Moved;
use crate::outline::{Polygon, Stroke};
use crate::shape::{Circle, Frame, Point, at};

/// A notched petal from the origin upwards, one unit long.
const PETAL: [(f64, f64); 9] = [
    (0.0, 0.02),
    (-0.24, -0.22),
    (-0.44, -0.58),
    (-0.34, -0.92),
    (-0.12, -1.02),
    (0.0, -0.9),
    (0.12, -1.02),
    (0.34, -0.92),
    (0.44, -0.58),
];

/// An open cherry blossom seen from the front.
pub(super) fn blossom(canvas: &mut Canvas, middle: Point, turns: f64, size: f64) {
    let pale = hex(0xff_ec_ef);
    let deep = hex(0xf7_a9_bd);
    canvas.soft(
        &Circle(middle + at(size * 0.1, size * 0.22), size * 0.8),
        size * 0.3,
        hex(0x9c_4a_5a).fade(0.16),
    );
    for petal in 0..5 {
        let frame = Frame::new(middle, turns + f64::from(petal) / 5.0, size);
        let shape = Polygon::smooth(&frame.points(&PETAL));
        canvas.soft(&shape, size * 0.06, deep.fade(0.35));
        canvas.fill(&shape, Paint::Radial(middle, size, deep.mix(pale, 0.25), pale));
    }
    canvas.soft(&Circle(middle, size * 0.2), size * 0.16, hex(0xe0_6a_8a).fade(0.75));
    for stamen in 0..8 {
        let frame = Frame::new(middle, turns + f64::from(stamen) / 8.0 + 0.03, size);
        let reach = if stamen % 2 == 0 { 0.48 } else { 0.36 };
        let thread = Stroke::new(&frame.points(&[(0.0, -0.06), (0.0, -reach)]), size * 0.03);
        canvas.fill(&thread, hex(0xd9_6b_86).fade(0.8));
        canvas.fill(&frame.circle(0.0, -reach, 0.055), hex(0xf6_c3_4c));
    }
}

/// A closed bud hanging on a short stalk.
pub(super) fn bud(canvas: &mut Canvas, root: Point, turns: f64, size: f64) {
    let frame = Frame::new(root, turns, size);
    let stalk = Stroke::new(&frame.points(&[(0.0, 0.0), (0.08, -0.4), (0.0, -0.9)]), size * 0.09);
    canvas.fill(&stalk, hex(0x8a_9a_4e));
    let shape = frame.ellipse((0.0, -1.3), (0.34, 0.5), 0.0);
    let paint = Paint::Linear(
        frame.at(0.0, -1.8),
        frame.at(0.0, -0.8),
        hex(0xff_cd_d8),
        hex(0xe8_7d_98),
    );
    canvas.fill(&shape, paint);
    let cap = Polygon::smooth(&frame.points(&[(-0.28, -0.98), (0.0, -0.78), (0.28, -0.98), (0.0, -1.1)]));
    canvas.fill(&cap, hex(0x9b_5a_54));
}

/// A single petal lying or falling.
pub(super) fn petal(canvas: &mut Canvas, middle: Point, turns: f64, size: f64) {
    let frame = Frame::new(middle, turns, size);
    let shape = Polygon::smooth(&frame.points(&PETAL));
    canvas.soft(
        &Moved(&shape, at(size * 0.12, size * 0.2), 0.0),
        size * 0.16,
        hex(0x8a_45_40).fade(0.22),
    );
    let paint = Paint::Linear(
        frame.at(0.0, 0.0),
        frame.at(0.0, -1.0),
        hex(0xf6_a8_bb),
        hex(0xff_e3_e8),
    );
    canvas.fill(&shape, paint);
}

/// A pointed leaf with a lighter half and a midrib.
pub(super) fn leaf(canvas: &mut Canvas, root: Point, turns: f64, size: f64, color: Color) {
    let frame = Frame::new(root, turns, size);
    let whole = [
        (0.0, 0.0),
        (-0.2, -0.25),
        (-0.24, -0.55),
        (0.0, -1.0),
        (0.24, -0.55),
        (0.2, -0.25),
    ];
    let half = [(0.0, 0.0), (0.2, -0.25), (0.24, -0.55), (0.0, -1.0), (0.01, -0.5)];
    let shape = Polygon::smooth(&frame.points(&whole));
    canvas.soft(
        &Moved(&shape, at(size * 0.04, size * 0.07), 0.0),
        size * 0.07,
        color.darker(0.5).fade(0.25),
    );
    let paint = Paint::Linear(frame.at(0.0, 0.0), frame.at(0.0, -1.0), color.darker(0.12), color);
    canvas.fill(&shape, paint);
    canvas.shade(
        &shape,
        &Polygon::smooth(&frame.points(&half)),
        0.0,
        color.lighter(0.22).fade(0.8),
    );
    let rib = Stroke::tapered(
        &frame.points(&[(0.0, 0.0), (0.01, -0.45), (0.0, -0.92)]),
        size * 0.035,
        size * 0.01,
    );
    canvas.fill(&rib, color.lighter(0.45).fade(0.8));
}
