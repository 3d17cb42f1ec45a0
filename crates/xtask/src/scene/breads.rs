//! What lies in the bakery's window: loaves, croissants, baguettes, buns.
//!
//! Every bread is drawn in a frame one unit high or so. Not here: the shop
//! around them; see `bakery`.

use crate::canvas::{Canvas, Color, Paint, hex};
use crate::combine::Moved;
use crate::outline::{Polygon, Stroke};
use crate::shape::{Block, Frame, Point, Shape, at};

const CRUST: u32 = 0xd0_7e_36;
const CRUMB: u32 = 0xfb_dc_9c;

/// Lays a bread's body: a shadow, a warm gradient, a dark lower edge.
fn baked(canvas: &mut Canvas, shape: &dyn Shape, frame: &Frame, crust: Color) {
    let size = frame.scale;
    canvas.soft(
        &Moved(shape, at(size * 0.04, size * 0.08), 0.0),
        size * 0.1,
        hex(0x6a_34_18).fade(0.4),
    );
    let paint = Paint::Linear(
        frame.at(-0.2, -0.9),
        frame.at(0.15, 0.35),
        crust.mix(hex(CRUMB), 0.55),
        crust.darker(0.16),
    );
    canvas.fill(shape, paint);
}

/// A tin loaf with three slashes on its domed top.
pub(super) fn loaf(canvas: &mut Canvas, base: Point, size: f64) {
    let frame = Frame::new(base, 0.0, size);
    let shape = Polygon::smooth(&frame.points(&[
        (-0.82, -0.02),
        (-0.86, -0.4),
        (-0.95, -0.66),
        (-0.7, -0.95),
        (0.0, -1.04),
        (0.7, -0.95),
        (0.95, -0.66),
        (0.86, -0.4),
        (0.82, -0.02),
        (0.0, 0.0),
    ]));
    baked(canvas, &shape, &frame, hex(0xcf_80_3c));
    let flank = Block::new(base.x - size, base.y - size * 0.52, size * 2.0, size * 0.6);
    canvas.shade(&shape, &flank, size * 0.1, hex(0xf4_c8_82).fade(0.75));
    for slash in [-0.45, 0.0, 0.45] {
        let cut = Stroke::new(
            &frame.points(&[(slash - 0.1, -0.92), (slash + 0.1, -0.66)]),
            size * 0.13,
        );
        canvas.shade(&shape, &cut, 0.8, hex(CRUMB));
    }
}

/// A croissant, its horns pointing down, made of overlapping segments.
pub(super) fn croissant(canvas: &mut Canvas, middle: Point, turns: f64, size: f64) {
    let frame = Frame::new(middle, turns, size);
    let segments: [(f64, f64, f64, f64, f64); 7] = [
        (-0.98, 0.28, 0.15, 0.2, -0.17),
        (0.98, 0.28, 0.15, 0.2, 0.17),
        (-0.74, 0.02, 0.24, 0.3, -0.12),
        (0.74, 0.02, 0.24, 0.3, 0.12),
        (-0.4, -0.16, 0.34, 0.38, -0.06),
        (0.4, -0.16, 0.34, 0.38, 0.06),
        (0.0, -0.22, 0.36, 0.43, 0.0),
    ];
    for (x, y, across, tall, lean) in segments {
        let shape = frame.ellipse((x, y), (across, tall), lean);
        canvas.soft(&shape, size * 0.06, hex(0x8a_48_1c).fade(0.55));
        let paint = Paint::Linear(
            frame.at(x - 0.1, y - tall),
            frame.at(x + 0.1, y + tall),
            hex(0xf6_c4_72),
            hex(0xc0_72_2e),
        );
        canvas.fill(&shape, paint);
        let shine = frame.ellipse(
            (x - across * 0.2, y - tall * 0.45),
            (across * 0.5, tall * 0.14),
            lean - 0.04,
        );
        canvas.shade(&shape, &shine, size * 0.07, hex(0xff_f0_c8).fade(0.6));
    }
}

/// A long bread with slanted cuts; its length is four units.
pub(super) fn baguette(canvas: &mut Canvas, middle: Point, turns: f64, size: f64) {
    let frame = Frame::new(middle, turns, size);
    let shape = Polygon::smooth(&frame.points(&[
        (-2.0, 0.0),
        (-1.6, -0.28),
        (-0.6, -0.38),
        (0.6, -0.38),
        (1.6, -0.28),
        (2.0, 0.0),
        (1.6, 0.28),
        (0.6, 0.36),
        (-0.6, 0.36),
        (-1.6, 0.28),
    ]));
    baked(canvas, &shape, &frame, hex(CRUST));
    for cut in 0..5 {
        let x = -1.3 + 0.65 * f64::from(cut);
        let line = frame.points(&[(x - 0.22, 0.14), (x, -0.06), (x + 0.22, -0.2)]);
        canvas.shade(
            &shape,
            &Stroke::tapered(&line, size * 0.2, size * 0.1),
            size * 0.03,
            hex(CRUMB),
        );
    }
}

/// A round country bread with a wheat ear cut into its floured crust.
pub(super) fn boule(canvas: &mut Canvas, base: Point, size: f64) {
    let frame = Frame::new(base, 0.0, size);
    let shape = Polygon::smooth(&frame.points(&[
        (-0.85, -0.02),
        (-1.05, -0.35),
        (-0.75, -0.82),
        (0.0, -1.0),
        (0.75, -0.82),
        (1.05, -0.35),
        (0.85, -0.02),
        (0.0, 0.03),
    ]));
    baked(canvas, &shape, &frame, hex(0xbf_72_36));
    canvas.shade(
        &shape,
        &frame.ellipse((-0.2, -0.72), (0.6, 0.2), 0.0),
        size * 0.3,
        hex(0xff_f3_dc).fade(0.7),
    );
    let stem = Stroke::new(&frame.points(&[(0.0, -0.2), (0.0, -0.8)]), size * 0.06);
    canvas.shade(&shape, &stem, 0.6, hex(CRUMB));
    for row in 0..3 {
        let y = -0.34 - 0.17 * f64::from(row);
        for side in [-1.0, 1.0] {
            let line = frame.points(&[(0.04 * side, y), (0.22 * side, y - 0.1), (0.34 * side, y - 0.26)]);
            canvas.shade(
                &shape,
                &Stroke::tapered(&line, size * 0.1, size * 0.04),
                0.6,
                hex(CRUMB),
            );
        }
    }
}

/// A glossy bun; a cream top when asked for.
pub(super) fn bun(canvas: &mut Canvas, base: Point, size: f64, topping: Option<Color>) {
    let frame = Frame::new(base, 0.0, size);
    let shape = Polygon::smooth(&frame.points(&[
        (-0.8, -0.02),
        (-0.92, -0.34),
        (-0.6, -0.76),
        (0.0, -0.88),
        (0.6, -0.76),
        (0.92, -0.34),
        (0.8, -0.02),
        (0.0, 0.02),
    ]));
    baked(canvas, &shape, &frame, hex(0xd6_84_3e));
    if let Some(color) = topping {
        let top = Polygon::smooth(&frame.points(&[
            (-0.72, -0.5),
            (-0.4, -0.42),
            (-0.12, -0.52),
            (0.2, -0.4),
            (0.5, -0.5),
            (0.74, -0.48),
            (0.55, -0.78),
            (0.0, -0.93),
            (-0.55, -0.78),
        ]));
        canvas.fill(
            &top,
            Paint::Linear(frame.at(-0.3, -0.9), frame.at(0.3, -0.4), color.lighter(0.3), color),
        );
        canvas.fill(&frame.circle(0.0, -0.94, 0.14), hex(0xd8_48_4c));
    }
    canvas.soft(
        &frame.ellipse((-0.32, -0.66), (0.22, 0.07), -0.06),
        size * 0.06,
        hex(0xff_f8_e4).fade(0.75),
    );
}

/// An ear of wheat from its stalk's foot upwards, eight units long.
pub(super) fn wheat(canvas: &mut Canvas, root: Point, turns: f64, size: f64, color: Color) {
    let frame = Frame::new(root, turns, size);
    let stalk = Stroke::tapered(
        &frame.points(&[(0.0, 0.0), (0.15, -2.0), (0.0, -7.0)]),
        size * 0.22,
        size * 0.12,
    );
    canvas.fill(&stalk, color.darker(0.15));
    for row in 0..4 {
        let y = -3.6 - 0.85 * f64::from(row);
        for side in [-1.0, 1.0] {
            let grain = frame.ellipse((0.42 * side, y), (0.34, 0.68), 0.075 * side);
            canvas.fill(
                &grain,
                Paint::Linear(
                    frame.at(-0.6, y - 0.6),
                    frame.at(0.6, y + 0.6),
                    color.lighter(0.35),
                    color,
                ),
            );
            let beard = frame.points(&[(0.6 * side, y - 0.6), (0.95 * side, y - 1.6)]);
            canvas.fill(&Stroke::tapered(&beard, size * 0.08, size * 0.03), color.fade(0.8));
        }
    }
    canvas.fill(&frame.ellipse((0.0, -7.3), (0.3, 0.72), 0.0), color.lighter(0.15));
}
