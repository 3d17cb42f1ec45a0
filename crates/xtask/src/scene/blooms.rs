//! The flowers a florist sells: roses, tulips, daisies, hydrangeas, and the
//! green and white sprigs between them.
//!
//! Not here: how they are bound; see `flower_shop`.

use crate::canvas::{Canvas, Color, Paint, hex};
use crate::combine::Moved;
use crate::outline::{Polygon, Stroke};
use crate::scene::Scatter;
use crate::shape::{Circle, Frame, Point, Shape, at};

/// The soft dark edge that lifts a flower off those behind it.
fn lift(canvas: &mut Canvas, shape: &dyn Shape, size: f64, color: Color) {
    let offset = at(size * 0.05, size * 0.1);
    canvas.soft(&Moved(shape, offset, 0.0), size * 0.14, color.darker(0.7).fade(0.32));
}

/// A garden rose: rings of broad petals around a tight spiral. The second
/// colour is what the first deepens to between the petals.
pub(super) fn rose(canvas: &mut Canvas, middle: Point, turns: f64, size: f64, tints: (Color, Color)) {
    let (color, deep) = tints;
    lift(canvas, &Circle(middle, size * 0.98), size, deep);
    let rings = [
        (6, 0.52, 0.56, 0.0),
        (5, 0.4, 0.5, 0.1),
        (5, 0.27, 0.41, 0.02),
        (4, 0.15, 0.3, 0.13),
    ];
    for (depth, (count, away, radius, shift)) in (0_u8..).zip(rings) {
        let tone = color.mix(deep, 0.1 * f64::from(depth));
        for petal in 0..count {
            let frame = Frame::new(middle, turns + shift + f64::from(petal) / f64::from(count), size);
            let shape = frame.ellipse((0.0, -away), (radius, radius * 0.84), 0.0);
            canvas.soft(&shape, size * 0.05, deep.darker(0.15).fade(0.4));
            let (inner, outer) = (frame.at(0.0, -away + radius * 0.5), frame.at(0.0, -away - radius * 0.9));
            let paint = Paint::Linear(inner, outer, tone.mix(deep, 0.55), tone.lighter(0.3));
            canvas.fill(&shape, paint);
        }
    }
    let dark = deep.darker(0.18);
    canvas.fill(
        &Circle(middle, size * 0.22),
        Paint::Radial(middle, size * 0.24, dark, deep),
    );
    let spiral: Vec<Point> = (0..12)
        .map(|step| {
            let part = f64::from(step) / 11.0;
            Frame::new(middle, turns + part * 1.6, size).at(0.0, -0.19 * part)
        })
        .collect();
    canvas.fill(&Stroke::new(&spiral, size * 0.035), color.lighter(0.25).fade(0.9));
    let shine = Frame::new(middle, 0.0, size).ellipse((-0.3, -0.5), (0.3, 0.14), -0.1);
    canvas.soft(&shine, size * 0.15, hex(0xff_ff_ff).fade(0.25));
}

/// A daisy: two rings of narrow petals around a dotted eye.
pub(super) fn daisy(canvas: &mut Canvas, middle: Point, turns: f64, size: f64) {
    let white = hex(0xff_fd_f6);
    lift(canvas, &Circle(middle, size * 0.86), size, hex(0x8a_8a_5a));
    for (ring, tint) in [(0.0, hex(0xe6_e2_d4)), (0.5, white)] {
        for petal in 0..13 {
            let frame = Frame::new(middle, turns + (f64::from(petal) + ring) / 13.0, size);
            let shape = frame.ellipse((0.0, -0.62), (0.155, 0.38), 0.0);
            canvas.soft(&shape, size * 0.03, hex(0x9a_94_7a).fade(0.25));
            canvas.fill(
                &shape,
                Paint::Linear(frame.at(0.0, -0.2), frame.at(0.0, -0.8), tint.darker(0.12), tint),
            );
        }
    }
    let eye = Circle(middle, size * 0.28);
    canvas.soft(&eye, size * 0.08, hex(0x8a_5a_10).fade(0.4));
    canvas.fill(
        &eye,
        Paint::Radial(
            middle + at(-0.1, -0.1) * size,
            size * 0.36,
            hex(0xff_dc_6a),
            hex(0xe8_a0_26),
        ),
    );
    for dot in 0..12 {
        let reach = if dot % 3 == 0 { 0.1 } else { 0.2 };
        let frame = Frame::new(middle, f64::from(dot) / 12.0, size);
        canvas.fill(&frame.circle(0.0, -reach, 0.03), hex(0xc8_7c_18).fade(0.7));
    }
}

/// A tulip whose cup points away from its root; tints as of a rose.
pub(super) fn tulip(canvas: &mut Canvas, root: Point, turns: f64, size: f64, tints: (Color, Color)) {
    let (color, deep) = tints;
    let frame = Frame::new(root, turns, size);
    let outer = [
        (0.0, 0.05),
        (-0.5, -0.2),
        (-0.56, -0.75),
        (-0.42, -1.3),
        (-0.1, -0.9),
        (0.0, -0.5),
    ];
    let inner = [
        (0.0, 0.05),
        (-0.36, -0.3),
        (-0.34, -0.85),
        (0.0, -1.36),
        (0.34, -0.85),
        (0.36, -0.3),
    ];
    let back = [(-0.3, -0.6), (-0.22, -1.28), (0.0, -1.0), (0.22, -1.28), (0.3, -0.6)];
    let along = |from: Color, to: Color| Paint::Linear(frame.at(0.0, 0.0), frame.at(0.0, -1.3), from, to);
    let cup = Polygon::smooth(&frame.points(&inner));
    lift(canvas, &cup, size, deep);
    canvas.fill(&Polygon::smooth(&frame.points(&back)), deep);
    canvas.fill(&cup, along(color.mix(deep, 0.5), color.lighter(0.25)));
    for (side, depth) in [(outer, 0.1), (outer.map(|(x, y)| (-x, y)), 0.4)] {
        let petal = Polygon::smooth(&frame.points(&side));
        let tone = color.mix(deep, depth);
        canvas.soft(&petal, size * 0.05, deep.darker(0.2).fade(0.4));
        canvas.fill(&petal, along(tone.mix(deep, 0.4), tone.lighter(0.2)));
    }
    let shine = frame.ellipse((-0.34, -0.6), (0.08, 0.34), -0.01);
    canvas.soft(&shine, size * 0.08, hex(0xff_ff_ff).fade(0.5));
}

/// A ball of many four-petalled florets.
pub(super) fn hydrangea(canvas: &mut Canvas, middle: Point, size: f64, color: Color) {
    let ball = Circle(middle, size);
    lift(canvas, &ball, size, color);
    canvas.fill(
        &Circle(middle, size * 0.92),
        Paint::Radial(middle + at(-0.3, -0.4) * size, size * 1.5, color, color.darker(0.4)),
    );
    let mut scatter = Scatter(41);
    for floret in 0..46 {
        // The golden angle spreads them evenly, the outermost first.
        let reach = (1.0 - f64::from(floret) / 46.0).sqrt() * 0.86;
        let spot = Frame::new(middle, f64::from(floret) * 0.381_966, size).at(0.0, -reach);
        let tone = color.lighter(scatter.between(0.05, 0.45)).darker(reach * 0.12);
        let turns = scatter.between(0.0, 0.25);
        for petal in 0..4 {
            let frame = Frame::new(spot, turns + f64::from(petal) / 4.0, size * 0.17);
            let shape = frame.ellipse((0.0, -0.55), (0.46, 0.5), 0.0);
            canvas.soft(&shape, size * 0.02, color.darker(0.5).fade(0.3));
            canvas.fill(
                &shape,
                Paint::Linear(frame.at(0.0, 0.0), frame.at(0.0, -1.0), tone.darker(0.1), tone),
            );
        }
        canvas.fill(&Circle(spot, size * 0.03), hex(0xff_fb_e6));
    }
}

/// A eucalyptus twig: round leaves in pairs along a bending stem.
pub(super) fn eucalyptus(canvas: &mut Canvas, root: Point, turns: f64, size: f64, bend: f64) {
    let frame = Frame::new(root, turns, size);
    let stem = frame.points(&[(0.0, 0.0), (bend * 0.3, -0.5), (bend, -1.0)]);
    canvas.fill(&Stroke::tapered(&stem, size * 0.03, size * 0.012), hex(0x7c_93_7a));
    for pair in 0..8 {
        let part = 0.16 + 0.115 * f64::from(pair);
        let broad = 0.118 * (1.2 - part * 0.62);
        for side in [-1.0, 1.0] {
            let middle = (bend * part * part + side * broad * 1.05, -part - broad * 0.5);
            let leaf = frame.ellipse(middle, (broad, broad * 0.72), -0.09 * side);
            lift(canvas, &leaf, size * 0.2, hex(0x5a_7a_68));
            let tint = if side > 0.0 { hex(0xa6_c2_ac) } else { hex(0x86_a8_92) };
            let (foot, tip) = (frame.at(0.0, -part), frame.at(middle.0 * 2.0, -part - broad));
            canvas.fill(&leaf, Paint::Linear(foot, tip, tint.darker(0.1), tint.lighter(0.2)));
        }
    }
    let crown = frame.ellipse((bend * 1.02, -1.08), (0.05, 0.07), 0.0);
    canvas.fill(&crown, hex(0xb4_cc_b6));
}

/// A cloud of tiny white flowers on thin stalks.
pub(super) fn sprig(canvas: &mut Canvas, root: Point, turns: f64, size: f64) {
    let frame = Frame::new(root, turns, size);
    let mut scatter = Scatter(5);
    for _ in 0..30 {
        let tip = (scatter.between(-0.36, 0.36), scatter.between(-1.05, -0.55));
        let line = frame.points(&[(0.0, 0.0), (tip.0 * 0.35, tip.1 * 0.55), tip]);
        canvas.fill(&Stroke::new(&line, 1.8), hex(0x9c_b0_86).fade(0.8));
        let dot = frame.circle(tip.0, tip.1, 0.036);
        canvas.soft(&dot, 4.0, hex(0x6a_7a_5a).fade(0.3));
        canvas.fill(&dot, hex(0xff_fe_fa));
        canvas.fill(&frame.circle(tip.0, tip.1, 0.011), hex(0xf0_d8_8a));
    }
}

/// A stalk of lavender.
pub(super) fn lavender(canvas: &mut Canvas, root: Point, turns: f64, size: f64) {
    let frame = Frame::new(root, turns, size);
    canvas.fill(
        &Stroke::new(&frame.points(&[(0.0, 0.0), (0.03, -0.5), (0.0, -1.0)]), size * 0.018),
        hex(0x7f_99_70),
    );
    for row in 0..9 {
        let y = -0.52 - 0.058 * f64::from(row);
        let broad = 0.056 - 0.0035 * f64::from(row);
        for (x, lean) in [(-0.05, -0.12), (0.05, 0.12), (0.0, 0.0)] {
            let tint = if x < 0.0 { hex(0x8f_7c_c4) } else { hex(0xa9_96_da) };
            canvas.fill(
                &frame.ellipse((x, y), (broad * 0.7, broad), lean),
                Paint::Linear(
                    frame.at(x, y + broad),
                    frame.at(x, y - broad),
                    tint.darker(0.1),
                    tint.lighter(0.2),
                ),
            );
        }
    }
}
