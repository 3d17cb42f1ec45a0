//! Around the bakery: the beach behind it, the pavement, and what the baker
//! has put outside.
//!
//! Not here: the house; see `bakery`.

use crate::canvas::{Canvas, Paint, hex};
use crate::combine::{Common, Moved};
use crate::outline::{Polygon, Stroke};
use crate::scene::{Scatter, breads, cloud, petals};
use crate::shape::{Block, Circle, Ellipse, Frame, Point, Pool, at};

/// Sky, skyline and sea, far to near.
pub(super) fn seaside(canvas: &mut Canvas) {
    let sun = at(958.0, 118.0);
    canvas.soft(&Circle(sun, 80.0), 90.0, hex(0xff_f6_d8).fade(0.9));
    canvas.fill(&Circle(sun, 60.0), hex(0xff_f8_e0));
    cloud(canvas, at(176.0, 186.0), 130.0, hex(0xff_ff_ff).fade(0.92));
    cloud(canvas, at(640.0, 104.0), 92.0, hex(0xff_ff_ff).fade(0.8));
    cloud(canvas, at(1020.0, 420.0), 84.0, hex(0xff_ff_ff).fade(0.8));
    for (x, y, size) in [
        (424.0, 120.0, 30.0),
        (488.0, 164.0, 22.0),
        (60.0, 420.0, 26.0),
        (830.0, 176.0, 22.0),
    ] {
        gull(canvas, at(x, y), size);
    }
    skyline(canvas);
    beach(canvas);
}

fn gull(canvas: &mut Canvas, middle: Point, size: f64) {
    let frame = Frame::new(middle, -0.02, size);
    for side in [-1.0, 1.0] {
        let wing = frame.points(&[(0.0, 0.0), (0.45 * side, -0.42), (1.0 * side, -0.2)]);
        canvas.fill(&Stroke::tapered(&wing, size * 0.24, size * 0.05), hex(0xff_ff_ff));
    }
}

fn skyline(canvas: &mut Canvas) {
    let towers = [
        (930.0, 560.0, 34.0),
        (972.0, 500.0, 40.0),
        (1020.0, 590.0, 36.0),
        (1058.0, 640.0, 40.0),
    ];
    for (left, top, width) in towers {
        let tower = Block::new(left, top, width, 300.0).rounds(12.0, 0.0);
        let glass = Paint::across(left, left + width, hex(0xdc_ea_ee), hex(0xa9_c9_d6));
        canvas.fill(&tower, glass);
        for floor in 0..9 {
            let band = Block::new(left, top + 24.0 + 26.0 * f64::from(floor), width, 3.0);
            canvas.fill(&band, hex(0xff_ff_ff).fade(0.4));
        }
    }
    let cape = [
        (-40.0, 760.0),
        (40.0, 690.0),
        (120.0, 720.0),
        (220.0, 800.0),
        (120.0, 840.0),
        (-40.0, 840.0),
    ];
    let cape = Polygon::smooth(&cape.map(|(x, y)| at(x, y)));
    canvas.fill(&cape, Paint::down(690.0, 800.0, hex(0x9c_c2_b4), hex(0xb8_d6_c4)));
}

fn beach(canvas: &mut Canvas) {
    let sea = Block::new(-10.0, 778.0, 1100.0, 220.0);
    canvas.fill(&sea, Paint::down(778.0, 970.0, hex(0x4f_a9_c4), hex(0x9a_dc_d8)));
    let mut scatter = Scatter(3);
    for _ in 0..90 {
        let start = scatter.place(at(-20.0, 796.0), at(1060.0, 930.0));
        let length = scatter.between(16.0, 54.0);
        let glint = Block::new(start.x, start.y, length, 3.5).round(2.0);
        canvas.fill(&glint, hex(0xff_ff_ff).fade(0.42));
    }
    let shore = [
        (-60.0, 970.0),
        (180.0, 946.0),
        (400.0, 966.0),
        (700.0, 950.0),
        (980.0, 960.0),
        (1160.0, 940.0),
        (1160.0, 1300.0),
        (-60.0, 1300.0),
    ];
    let sand = Polygon::smooth(&shore.map(|(x, y)| at(x, y)));
    canvas.fill(&Moved(&sand, at(0.0, -9.0), 0.0), hex(0xff_ff_ff).fade(0.8));
    canvas.fill(&sand, Paint::down(940.0, 1130.0, hex(0xf8_e4_bc), hex(0xf0_d0_9c)));
}

pub(super) fn pavement(canvas: &mut Canvas) {
    let ground = Block::new(-10.0, 1120.0, 1100.0, 260.0);
    canvas.fill(&ground, Paint::down(1120.0, 1350.0, hex(0xe6_d3_c0), hex(0xc8_ac_97)));
    canvas.fill(&Block::new(-10.0, 1120.0, 1100.0, 5.0), hex(0xf7_ea_da));
    for row in [1168.0, 1222.0, 1288.0] {
        canvas.fill(&Block::new(-10.0, row, 1100.0, 3.0), hex(0xa8_8c_7a).fade(0.4));
    }
    for column in 0..9 {
        let top = 90.0 + 112.0 * f64::from(column);
        let foot = 540.0 + (top - 540.0) * 1.5;
        let joint = Stroke::new(&[at(top, 1122.0), at(foot, 1352.0)], 2.5);
        canvas.fill(&joint, hex(0xa8_8c_7a).fade(0.35));
    }
}

pub(super) fn planter(canvas: &mut Canvas, left: f64, width: f64) {
    let mut scatter = Scatter(17);
    let greens = [hex(0x6f_a0_62), hex(0x8a_b8_6c), hex(0x5c_8c_58)];
    for (row, green) in greens.iter().cycle().take(48).enumerate() {
        let deeper = if row % 2 == 0 { 0.0 } else { 8.0 };
        let root = at(scatter.between(left + 10.0, left + width - 10.0), 1062.0 + deeper);
        petals::leaf(
            canvas,
            root,
            scatter.between(-0.13, 0.13),
            scatter.between(38.0, 62.0),
            *green,
        );
    }
    let colors = [hex(0xf6_8f_7c), hex(0xff_d0_72), hex(0xff_f4_ea)];
    for (flower, color) in (0..19_u8).zip(colors.iter().cycle()) {
        let x = left + 18.0 + (width - 36.0) * f64::from(flower) / 18.0;
        let middle = at(x, scatter.between(1016.0, 1046.0));
        for petal in 0..5 {
            let frame = Frame::new(middle, f64::from(petal) / 5.0, 1.0);
            canvas.fill(&frame.ellipse((0.0, -9.0), (7.5, 9.5), 0.0), *color);
        }
        canvas.fill(&Circle(middle, 5.0), hex(0xc8_7a_30));
    }
    let trough = Block::new(left, 1054.0, width, 78.0).rounds(4.0, 10.0);
    canvas.soft(&Moved(&trough, at(6.0, 12.0), 0.0), 10.0, hex(0x10_20_1c).fade(0.45));
    canvas.fill(&trough, Paint::down(1054.0, 1132.0, hex(0xc8_84_58), hex(0x9c_5c_3c)));
    canvas.fill(
        &Block::new(left - 6.0, 1050.0, width + 12.0, 18.0).round(5.0),
        hex(0xd8_98_6a),
    );
}

/// A wicker basket of baguettes before the shop.
pub(super) fn basket(canvas: &mut Canvas, foot: Point) {
    canvas.soft(
        &Pool(foot + at(10.0, 0.0), 124.0, 22.0),
        20.0,
        hex(0x4a_2a_20).fade(0.55),
    );
    for (x, lean, size) in [
        (-52.0, -0.29, 56.0),
        (58.0, -0.21, 56.0),
        (-8.0, -0.255, 60.0),
        (28.0, -0.235, 52.0),
    ] {
        breads::baguette(canvas, foot + at(x, -170.0), lean, size);
    }
    let body = [(-112.0, -132.0), (112.0, -132.0), (90.0, -6.0), (-90.0, -6.0)].map(|(x, y)| foot + at(x, y));
    weave(canvas, foot, &Polygon::new(&body));
    let brim = Block::new(foot.x - 126.0, foot.y - 148.0, 252.0, 26.0).round(13.0);
    canvas.soft(&Moved(&brim, at(0.0, 10.0), 0.0), 8.0, hex(0x5a_30_18).fade(0.4));
    canvas.fill(
        &brim,
        Paint::down(foot.y - 148.0, foot.y - 122.0, hex(0xe6_b0_70), hex(0xa8_6c_3c)),
    );
}

fn weave(canvas: &mut Canvas, foot: Point, wicker: &Polygon) {
    let shade = Paint::across(foot.x - 120.0, foot.x + 120.0, hex(0xd9_a0_60), hex(0xa4_68_38));
    canvas.fill(&Moved(wicker, at(0.0, 0.0), 8.0), shade);
    for row in 0..5 {
        for column in 0..12 {
            let shift = if row % 2 == 0 { 0.0 } else { 10.0 };
            let (x, y) = (20.0 * f64::from(column) + shift, 25.0 * f64::from(row));
            let middle = foot + at(x - 116.0, y - 118.0);
            let strand = Ellipse::new(middle, 11.0, 8.0);
            let paint = Paint::down(middle.y - 9.0, middle.y + 9.0, hex(0xf0_c0_80), hex(0xb0_72_40));
            canvas.fill(&Common(&strand, wicker), paint);
        }
    }
}

/// A folding board that praises the croissants.
pub(super) fn board(canvas: &mut Canvas, foot: Point) {
    canvas.soft(
        &Pool(foot + at(8.0, 4.0), 108.0, 18.0),
        18.0,
        hex(0x4a_2a_20).fade(0.55),
    );
    let outer = [(-78.0, -226.0), (78.0, -226.0), (92.0, 4.0), (-92.0, 4.0)].map(|(x, y)| foot + at(x, y));
    let inner = [(-62.0, -208.0), (62.0, -208.0), (72.0, -34.0), (-72.0, -34.0)].map(|(x, y)| foot + at(x, y));
    canvas.fill(
        &Moved(&Polygon::new(&outer), at(0.0, 0.0), 5.0),
        Paint::across(foot.x - 90.0, foot.x + 90.0, hex(0xc8_86_54), hex(0x9a_5e_3a)),
    );
    canvas.fill(
        &Polygon::new(&inner),
        Paint::down(foot.y - 208.0, foot.y - 34.0, hex(0x3c_4a_46), hex(0x2a_36_34)),
    );
    breads::croissant(canvas, foot + at(0.0, -142.0), 0.0, 44.0);
    for (row, half) in [(0.0, 44.0), (18.0, 32.0), (36.0, 38.0)] {
        let chalk = Block::new(foot.x - half, foot.y - 100.0 + row, half * 2.0, 5.0).round(2.5);
        canvas.fill(&chalk, hex(0xff_f6_e4).fade(0.75));
    }
}
