//! A latte in a cup and saucer.
//!
//! Not here: the room around them; see `spring_coffee`.

use crate::canvas::{Canvas, Paint, hex};
use crate::combine::{Common, Moved, Rim};
use crate::outline::{Polygon, Stroke};
use crate::scene::petals;
use crate::shape::{Block, Ellipse, Frame, Point, Pool, at};

/// The cup stands with the middle of its saucer at `middle`.
pub(super) fn latte(canvas: &mut Canvas, middle: Point) {
    saucer(canvas, middle);
    let rim = middle + at(0.0, -285.0);
    handle(canvas, rim);
    body(canvas, rim);
    coffee(canvas, rim);
    steam(canvas, rim);
    spoon(canvas, middle);
}

fn saucer(canvas: &mut Canvas, middle: Point) {
    canvas.soft(
        &Pool(middle + at(26.0, 40.0), 330.0, 84.0),
        34.0,
        hex(0x6b_35_20).fade(0.5),
    );
    let under = Ellipse::new(middle + at(0.0, 16.0), 322.0, 88.0);
    canvas.fill(&under, Paint::across(220.0, 860.0, hex(0xe9_b9_b4), hex(0xc9_8d_8c)));
    let plate = Ellipse::new(middle, 326.0, 88.0);
    canvas.fill(&plate, Paint::across(220.0, 860.0, hex(0xff_f3_ee), hex(0xf6_d5_cf)));
    let well = Ellipse::new(middle + at(0.0, 4.0), 236.0, 58.0);
    canvas.fill(&well, Paint::across(300.0, 800.0, hex(0xf0_cb_c4), hex(0xfb_e7_e1)));
    canvas.fill(&Rim(&plate, 2.0), hex(0xff_fb_f8).fade(0.8));
}

fn handle(canvas: &mut Canvas, rim: Point) {
    let frame = Frame::new(rim, 0.0, 1.0);
    let line = frame.points(&[
        (196.0, 62.0),
        (270.0, 34.0),
        (322.0, 86.0),
        (284.0, 158.0),
        (150.0, 196.0),
    ]);
    let grip = Stroke::tapered(&line, 40.0, 34.0);
    canvas.fill(
        &grip,
        Paint::down(rim.y + 20.0, rim.y + 200.0, hex(0xff_f1_ec), hex(0xe3_b3_ae)),
    );
    let shine = Stroke::tapered(&frame.points(&[(216.0, 48.0), (268.0, 28.0), (312.0, 72.0)]), 9.0, 4.0);
    canvas.fill(&shine, hex(0xff_ff_ff).fade(0.8));
}

fn body(canvas: &mut Canvas, rim: Point) {
    let frame = Frame::new(rim, 0.0, 1.0);
    let foot = Ellipse::new(rim + at(0.0, 274.0), 104.0, 28.0);
    canvas.soft(&Moved(&foot, at(12.0, 12.0), 10.0), 18.0, hex(0x8a_45_40).fade(0.45));
    canvas.fill(&foot, hex(0xdc_a9_a4));
    let below = Block::new(rim.x - 260.0, rim.y, 520.0, 300.0);
    let whole = Polygon::smooth(&frame.points(&[
        (-240.0, 0.0),
        (-228.0, 96.0),
        (-178.0, 204.0),
        (-104.0, 264.0),
        (0.0, 280.0),
        (104.0, 264.0),
        (178.0, 204.0),
        (228.0, 96.0),
        (240.0, 0.0),
        (232.0, -22.0),
        (0.0, -40.0),
        (-232.0, -22.0),
    ]));
    let side = Common(&whole, &below);
    canvas.fill(
        &side,
        Paint::across(rim.x - 240.0, rim.x + 250.0, hex(0xff_f8_f4), hex(0xf0_c6_c0)),
    );
    let dark = Ellipse::new(rim + at(215.0, 190.0), 150.0, 250.0);
    canvas.shade(&side, &dark, 90.0, hex(0xb8_6f_72).fade(0.32));
    let shine = Stroke::tapered(
        &frame.points(&[(-196.0, 96.0), (-178.0, 150.0), (-142.0, 200.0)]),
        26.0,
        10.0,
    );
    canvas.shade(&side, &shine, 7.0, hex(0xff_ff_ff).fade(0.9));
    petals::blossom(canvas, rim + at(-18.0, 168.0), 0.02, 46.0);
    petals::petal(canvas, rim + at(58.0, 212.0), 0.3, 20.0);
    petals::petal(canvas, rim + at(-92.0, 200.0), -0.2, 17.0);
}

fn coffee(canvas: &mut Canvas, rim: Point) {
    let lip = Ellipse::new(rim, 241.0, 76.0);
    canvas.fill(
        &lip,
        Paint::across(rim.x - 240.0, rim.x + 240.0, hex(0xff_fb_f8), hex(0xf8_dd_d7)),
    );
    let wall = Ellipse::new(rim + at(0.0, 3.0), 222.0, 66.0);
    canvas.fill(
        &wall,
        Paint::down(rim.y - 66.0, rim.y + 30.0, hex(0xd9_a7_9c), hex(0xf3_d4_ca)),
    );
    let level = Ellipse::new(rim + at(0.0, 17.0), 212.0, 58.0);
    let drink = Common(&level, &wall);
    canvas.fill(
        &drink,
        Paint::Radial(rim + at(0.0, 17.0), 220.0, hex(0xc0_84_52), hex(0x84_4c_2c)),
    );
    canvas.shade(&drink, &Rim(&level, 5.0), 5.0, hex(0xe2_b0_7c).fade(0.7));
    art(canvas, &drink, rim + at(0.0, 16.0));
}

/// Three nested hearts poured of milk, flattened by the view from the side.
fn art(canvas: &mut Canvas, drink: &Common<'_>, middle: Point) {
    let heart = [
        (0.0, 1.0),
        (-0.5, 0.55),
        (-0.92, 0.0),
        (-0.84, -0.52),
        (-0.42, -0.72),
        (0.0, -0.42),
        (0.42, -0.72),
        (0.84, -0.52),
        (0.92, 0.0),
        (0.5, 0.55),
    ];
    let milk = hex(0xff_f3_df);
    let layers = [
        (1.0, milk),
        (0.74, hex(0xc7_8e_5c)),
        (0.6, milk),
        (0.36, hex(0xc7_8e_5c)),
        (0.24, milk),
    ];
    for (size, color) in layers {
        let points: Vec<Point> = heart
            .iter()
            .map(|&(x, y)| middle + at(x * 122.0 * size, (y - 0.1) * 46.0 * size))
            .collect();
        canvas.shade(drink, &Polygon::smooth(&points), 1.2, color);
    }
}

fn steam(canvas: &mut Canvas, rim: Point) {
    let wisps = [(-78.0, 0.8, 20.0), (8.0, 1.08, 26.0), (86.0, 0.7, 18.0)];
    for (x, height, width) in wisps {
        let frame = Frame::new(rim + at(x, -22.0), 0.0, 1.0);
        let line: Vec<(f64, f64)> = [
            (0.0, 0.0),
            (-24.0, -56.0),
            (20.0, -124.0),
            (-16.0, -196.0),
            (14.0, -262.0),
        ]
        .iter()
        .map(|&(x, y)| (x, y * height))
        .collect();
        let wisp = Stroke::tapered(&frame.points(&line), width, 4.0);
        canvas.soft(&wisp, 12.0, hex(0xff_ff_ff).fade(0.62));
    }
}

fn spoon(canvas: &mut Canvas, middle: Point) {
    let frame = Frame::new(middle + at(-150.0, 50.0), -0.02, 1.0);
    let stem = Stroke::tapered(&frame.points(&[(0.0, 0.0), (120.0, 8.0), (262.0, -4.0)]), 9.0, 14.0);
    let bowl = frame.ellipse((-34.0, -2.0), (48.0, 17.0), 0.0);
    canvas.soft(&Moved(&stem, at(4.0, 9.0), 0.0), 5.0, hex(0x8a_45_40).fade(0.35));
    canvas.soft(&Moved(&bowl, at(4.0, 9.0), 0.0), 6.0, hex(0x8a_45_40).fade(0.35));
    let gold = Paint::down(middle.y + 30.0, middle.y + 70.0, hex(0xf6_dc_9a), hex(0xc8_93_47));
    canvas.fill(&stem, gold);
    canvas.fill(&bowl, gold);
    canvas.fill(
        &frame.ellipse((-34.0, 0.0), (36.0, 10.0), 0.0),
        hex(0xb9_82_3e).fade(0.55),
    );
}
