//! The coffee shop in spring: a latte on a wooden table before an arched
//! window, cherry trees outside and a branch of blossom reaching in.
//!
//! Not here: the cup itself (`cup`), the flowers (`petals`) and what
//! is seen through the window (`view`).

use crate::canvas::{Canvas, Color, Paint, hex};
use crate::combine::Moved;
use crate::outline::Stroke;
use crate::scene::{HEIGHT, Scatter, WIDTH, cup, macarons, petals, view};
use crate::shape::{Block, Ellipse, Frame, Point, at};

pub(crate) fn draw() -> Canvas {
    let wall = Paint::down(0.0, 1000.0, hex(0xfc_ea_e2), hex(0xf3_cf_c3));
    let mut canvas = Canvas::new(WIDTH, HEIGHT, wall);
    view::window(&mut canvas);
    table(&mut canvas);
    macarons::plate(&mut canvas, at(206.0, 1010.0));
    cup::latte(&mut canvas, at(580.0, 1150.0));
    branch(&mut canvas);
    falling(&mut canvas);
    canvas
}

fn table(canvas: &mut Canvas) {
    let top = 962.0;
    let board = Block::new(-20.0, top, 1120.0, 420.0);
    canvas.soft(
        &Block::new(-40.0, top - 18.0, 1160.0, 40.0),
        24.0,
        hex(0x8a_4a_40).fade(0.3),
    );
    canvas.fill(&board, Paint::down(top, 1350.0, hex(0xe9_bb_90), hex(0xc9_87_5c)));
    canvas.shade(
        &board,
        &Ellipse::new(at(360.0, 1010.0), 520.0, 150.0),
        150.0,
        hex(0xff_e8_c4).fade(0.55),
    );
    let mut scatter = Scatter(7);
    for seam in [1030.0, 1122.0, 1240.0] {
        canvas.fill(&Block::new(0.0, seam, 1080.0, 2.5), hex(0x9a_5c_3a).fade(0.4));
        canvas.fill(&Block::new(0.0, seam + 2.5, 1080.0, 2.0), hex(0xff_e2_bd).fade(0.35));
    }
    for _ in 0..34 {
        let start = scatter.place(at(-60.0, 980.0), at(980.0, 1340.0));
        let length = scatter.between(90.0, 300.0);
        let frame = Frame::new(start, 0.0, 1.0);
        let grain = Stroke::tapered(
            &frame.points(&[(0.0, 0.0), (length * 0.5, scatter.between(-3.0, 3.0)), (length, 0.0)]),
            3.5,
            1.0,
        );
        canvas.shade(&board, &grain, 1.0, hex(0xa5_66_40).fade(0.28));
    }
    canvas.fill(&Block::new(0.0, top, 1080.0, 5.0), hex(0xff_e6_c8).fade(0.8));
}

/// Points of a line, and its widths at both ends.
type Limb = (&'static [(f64, f64)], f64, f64);

const BARK: u32 = 0x7c_4e_45;

const LIMBS: [Limb; 5] = [
    (
        &[
            (1120.0, 40.0),
            (960.0, 96.0),
            (800.0, 90.0),
            (620.0, 150.0),
            (470.0, 140.0),
            (330.0, 190.0),
        ],
        34.0,
        5.0,
    ),
    (
        &[(930.0, 100.0), (850.0, 190.0), (790.0, 290.0), (700.0, 340.0)],
        18.0,
        4.0,
    ),
    (
        &[(1110.0, 180.0), (1020.0, 270.0), (980.0, 390.0), (930.0, 470.0)],
        20.0,
        4.0,
    ),
    (&[(700.0, 124.0), (640.0, 70.0), (560.0, 40.0)], 12.0, 4.0),
    (&[(560.0, 150.0), (500.0, 210.0), (470.0, 270.0)], 10.0, 3.0),
];

fn branch(canvas: &mut Canvas) {
    for (line, from, to) in LIMBS {
        let points: Vec<Point> = line.iter().map(|&(x, y)| at(x, y)).collect();
        let limb = Stroke::tapered(&points, from, to);
        canvas.soft(&Moved(&limb, at(14.0, 24.0), 0.0), 12.0, hex(0x8a_4a_40).fade(0.22));
        canvas.fill(&limb, hex(BARK));
        canvas.shade(
            &limb,
            &Moved(&limb, at(-2.0, -from * 0.3), -from * 0.2),
            2.0,
            hex(0xa8_74_66).fade(0.8),
        );
    }
    leaves(canvas);
    flowers(canvas);
}

fn leaves(canvas: &mut Canvas) {
    let green = hex(0xa7_c4_6a);
    let leaves: [(f64, f64, f64, Color); 7] = [
        (400.0, 168.0, 0.62, green),
        (690.0, 342.0, 0.58, green.lighter(0.15)),
        (930.0, 470.0, 0.54, green),
        (560.0, 42.0, 0.8, green.lighter(0.15)),
        (470.0, 270.0, 0.5, green),
        (850.0, 90.0, 0.12, green.darker(0.05)),
        (330.0, 190.0, 0.66, green.lighter(0.1)),
    ];
    for (x, y, turns, color) in leaves {
        petals::leaf(canvas, at(x, y), turns, 62.0, color);
    }
}

fn flowers(canvas: &mut Canvas) {
    let buds = [
        (352.0, 184.0, 0.42),
        (480.0, 268.0, 0.55),
        (712.0, 338.0, 0.5),
        (936.0, 462.0, 0.44),
        (580.0, 46.0, 0.98),
        (640.0, 148.0, 0.46),
    ];
    for (x, y, turns) in buds {
        petals::bud(canvas, at(x, y), turns, 24.0);
    }
    let open = [
        (1040.0, 66.0, 62.0),
        (972.0, 150.0, 54.0),
        (884.0, 72.0, 58.0),
        (900.0, 168.0, 46.0),
        (788.0, 108.0, 52.0),
        (826.0, 236.0, 50.0),
        (762.0, 306.0, 44.0),
        (700.0, 74.0, 44.0),
        (640.0, 122.0, 54.0),
        (536.0, 164.0, 48.0),
        (450.0, 120.0, 44.0),
        (386.0, 186.0, 40.0),
        (492.0, 222.0, 38.0),
        (1046.0, 214.0, 56.0),
        (1000.0, 310.0, 50.0),
        (962.0, 404.0, 46.0),
        (596.0, 60.0, 36.0),
        (1010.0, 20.0, 48.0),
    ];
    let mut scatter = Scatter(21);
    for (x, y, size) in open {
        petals::blossom(canvas, at(x, y), scatter.between(0.0, 0.2), size);
    }
}

fn falling(canvas: &mut Canvas) {
    let adrift = [
        (250.0, 372.0, 22.0),
        (612.0, 436.0, 20.0),
        (424.0, 470.0, 18.0),
        (846.0, 560.0, 24.0),
        (92.0, 560.0, 26.0),
        (996.0, 640.0, 24.0),
        (322.0, 642.0, 20.0),
        (70.0, 250.0, 22.0),
        (1010.0, 850.0, 22.0),
        (150.0, 1172.0, 30.0),
        (96.0, 1262.0, 34.0),
        (254.0, 1284.0, 28.0),
        (1000.0, 1056.0, 26.0),
        (960.0, 1262.0, 34.0),
        (820.0, 1302.0, 28.0),
    ];
    let mut scatter = Scatter(4);
    for (x, y, size) in adrift {
        petals::petal(canvas, at(x, y), scatter.between(0.0, 1.0), size);
    }
}
