//! The neighbourhood bakery by the sea: its front with a striped awning, a
//! lit window full of bread, and Haeundae's beach and towers behind.
//!
//! Not here: the breads themselves (`breads`) and what stands around the house
//! (`street`).

use crate::canvas::{Canvas, Paint, hex};
use crate::combine::{Joined, Moved, Rim};
use crate::outline::{Polygon, Stroke};
use crate::scene::{HEIGHT, WIDTH, breads, petals, street};
use crate::shape::{Block, Circle, Ellipse, Frame, Point, Shape, at};

/// The dark green of the woodwork.
const WOOD: u32 = 0x2f_5b_54;
/// The gold of emblem, handle and lamps.
const GOLD: u32 = 0xe3_b0_5a;
/// Where the pavement meets the house.
const GROUND: f64 = 1150.0;

pub(crate) fn draw() -> Canvas {
    let sky = Paint::down(0.0, 760.0, hex(0x9c_d8_ee), hex(0xff_ef_d6));
    let mut canvas = Canvas::new(WIDTH, HEIGHT, sky);
    street::seaside(&mut canvas);
    street::pavement(&mut canvas);
    house(&mut canvas);
    sign(&mut canvas);
    window(&mut canvas);
    door(&mut canvas);
    awning(&mut canvas);
    street::planter(&mut canvas, 206.0, 424.0);
    street::basket(&mut canvas, at(168.0, 1284.0));
    street::board(&mut canvas, at(946.0, 1270.0));
    canvas
}

fn house(canvas: &mut Canvas) {
    canvas.soft(
        &Block::new(110.0, 1130.0, 880.0, 40.0),
        26.0,
        hex(0x5a_34_28).fade(0.55),
    );
    let wall = Block::new(140.0, 250.0, 800.0, GROUND - 250.0);
    canvas.fill(&wall, Paint::down(250.0, 1000.0, hex(0xfd_f1_dd), hex(0xf3_d9_b8)));
    let bricks = [
        (152.0, 420.0),
        (176.0, 446.0),
        (868.0, 300.0),
        (884.0, 326.0),
        (850.0, 440.0),
        (152.0, 296.0),
    ];
    for (left, top) in bricks {
        let brick = Block::new(left, top, 44.0, 18.0).round(4.0);
        canvas.fill(&brick, hex(0xe5_bf_96).fade(0.5));
    }
    let roof = Block::new(112.0, 222.0, 856.0, 46.0).round(10.0);
    canvas.soft(&Moved(&roof, at(0.0, 20.0), 0.0), 14.0, hex(0x6a_3a_24).fade(0.3));
    canvas.fill(&roof, Paint::down(222.0, 268.0, hex(0xc9_6a_4c), hex(0xa8_4f_3a)));
    canvas.fill(
        &Block::new(112.0, 226.0, 856.0, 8.0).round(4.0),
        hex(0xf0_a0_80).fade(0.6),
    );
    let front = Block::new(160.0, 560.0, 760.0, GROUND - 560.0);
    canvas.fill(&front, Paint::down(560.0, GROUND, hex(WOOD), hex(WOOD).darker(0.25)));
    canvas.fill(
        &Block::new(150.0, GROUND - 26.0, 780.0, 26.0).round(3.0),
        hex(0x24_46_42),
    );
}

fn sign(canvas: &mut Canvas) {
    let plate = Block::new(270.0, 310.0, 540.0, 150.0).round(75.0);
    canvas.soft(&Moved(&plate, at(8.0, 16.0), 0.0), 14.0, hex(0x6a_3a_24).fade(0.35));
    canvas.fill(&plate, Paint::down(310.0, 460.0, hex(0x3a_69_61), hex(0x27_4c_47)));
    canvas.fill(&Rim(&Moved(&plate, at(0.0, 0.0), -12.0), 1.8), hex(GOLD));
    let gold = hex(0xf2_cc_80);
    breads::wheat(canvas, at(500.0, 392.0), -0.235, 23.0, gold);
    breads::wheat(canvas, at(580.0, 392.0), 0.235, 23.0, gold);
    canvas.fill(&Circle(at(540.0, 385.0), 50.0), gold);
    canvas.fill(&Circle(at(540.0, 385.0), 43.0), hex(0xff_f6_e2));
    breads::croissant(canvas, at(540.0, 390.0), 0.0, 30.0);
    for left in [222.0, 822.0] {
        let lamp = at(left + 18.0, 372.0);
        canvas.soft(&Circle(lamp, 40.0), 50.0, hex(0xff_e2_a0).fade(0.8));
        canvas.fill(&Block::new(left + 14.0, 330.0, 8.0, 30.0), hex(0x3a_3a_36));
        canvas.fill(&Block::new(left, 352.0, 36.0, 20.0).rounds(16.0, 2.0), hex(0x3a_3a_36));
        canvas.fill(&Circle(lamp + at(0.0, 4.0), 12.0), hex(0xff_f4_d0));
    }
}

fn window(canvas: &mut Canvas) {
    let pane = Block::new(204.0, 620.0, 424.0, 376.0).rounds(14.0, 4.0);
    canvas.fill(&Moved(&pane, at(0.0, 0.0), 14.0), hex(0x1f_40_3b));
    canvas.fill(&Moved(&pane, at(0.0, 0.0), 9.0), hex(0x47_7b_71));
    canvas.fill(
        &pane,
        Paint::Radial(at(416.0, 760.0), 360.0, hex(0xff_fa_e2), hex(0xfb_d8_96)),
    );
    for x in [290.0, 416.0, 542.0] {
        canvas.soft(&Circle(at(x, 724.0), 30.0), 44.0, hex(0xff_ff_ea).fade(0.8));
        canvas.fill(&Block::new(x - 1.5, 620.0, 3.0, 76.0), hex(0x6a_40_28));
        canvas.fill(
            &Block::new(x - 24.0, 692.0, 48.0, 26.0).rounds(22.0, 2.0),
            hex(0xc9_6a_4c),
        );
        canvas.fill(&Circle(at(x, 720.0), 9.0), hex(0xff_fb_e4));
    }
    for top in [856.0, 980.0] {
        canvas.soft(
            &Block::new(212.0, top + 8.0, 408.0, 16.0),
            8.0,
            hex(0x7a_44_1c).fade(0.4),
        );
        canvas.fill(
            &Block::new(204.0, top, 424.0, 16.0),
            Paint::down(top, top + 16.0, hex(0xb9_7a_48), hex(0x8c_55_30)),
        );
    }
    breads::loaf(canvas, at(276.0, 856.0), 62.0);
    breads::croissant(canvas, at(398.0, 832.0), 0.0, 50.0);
    breads::bun(canvas, at(494.0, 856.0), 42.0, None);
    breads::bun(canvas, at(576.0, 856.0), 42.0, Some(hex(0xff_ee_d6)));
    breads::boule(canvas, at(280.0, 980.0), 66.0);
    breads::baguette(canvas, at(452.0, 962.0), 0.0, 40.0);
    breads::baguette(canvas, at(446.0, 932.0), 0.008, 38.0);
    breads::boule(canvas, at(580.0, 980.0), 46.0);
    glass(canvas, &pane);
}

/// Slanted reflections on a pane.
fn glass(canvas: &mut Canvas, pane: &dyn Shape) {
    let bounds = pane.bounds();
    for (start, width) in [(0.12, 0.16), (0.36, 0.06)] {
        let across = bounds.max.x - bounds.min.x;
        let top = at(bounds.min.x + across * (start + 0.3), bounds.min.y);
        let foot = at(bounds.min.x + across * (start - 0.2), bounds.max.y);
        let broad = at(across * width, 0.0);
        let gleam = Polygon::new(&[top, top + broad, foot + broad, foot]);
        canvas.shade(pane, &gleam, 0.0, hex(0xff_ff_ff).fade(0.16));
    }
}

fn door(canvas: &mut Canvas) {
    let frame = Block::new(676.0, 606.0, 206.0, GROUND - 606.0).rounds(16.0, 0.0);
    canvas.fill(&frame, hex(0x1f_40_3b));
    let leaf = Block::new(690.0, 620.0, 178.0, GROUND - 626.0).rounds(10.0, 0.0);
    canvas.fill(&leaf, Paint::across(690.0, 868.0, hex(0xb9_74_48), hex(0x94_55_34)));
    let pane = Block::new(716.0, 650.0, 126.0, 330.0).rounds(12.0, 12.0);
    canvas.fill(&Moved(&pane, at(0.0, 0.0), 6.0), hex(0x7a_42_28));
    canvas.fill(
        &pane,
        Paint::Radial(at(780.0, 740.0), 300.0, hex(0xff_ee_bc), hex(0xee_a8_5c)),
    );
    glass(canvas, &pane);
    let panel = Block::new(716.0, 1014.0, 126.0, 92.0).round(8.0);
    canvas.fill(&panel, hex(0x8a_4c_2e));
    canvas.fill(&Moved(&panel, at(3.0, 3.0), -3.0), hex(0xa8_66_40));
    canvas.fill(
        &Block::new(700.0, 880.0, 9.0, 90.0).round(4.5),
        Paint::across(700.0, 709.0, hex(0xff_dd_98), hex(0xc8_8c_3c)),
    );
    wreath(canvas, at(779.0, 800.0));
    let step = Block::new(656.0, GROUND - 12.0, 246.0, 30.0).round(5.0);
    canvas.soft(&Moved(&step, at(4.0, 12.0), 0.0), 12.0, hex(0x5a_34_28).fade(0.45));
    canvas.fill(
        &step,
        Paint::down(GROUND - 12.0, GROUND + 18.0, hex(0xef_e2_d2), hex(0xc8_b0_9c)),
    );
}

fn wreath(canvas: &mut Canvas, middle: Point) {
    let green = hex(0x6f_9c_5e);
    for sprig in 0..22 {
        let turns = f64::from(sprig) / 22.0;
        let frame = Frame::new(middle, turns, 1.0);
        let color = if sprig % 2 == 0 { green } else { green.lighter(0.2) };
        petals::leaf(canvas, frame.at(38.0, 8.0), turns + 0.1, 30.0, color);
        petals::leaf(canvas, frame.at(36.0, 8.0), turns - 0.06, 26.0, color);
    }
    for berry in 0..9 {
        let frame = Frame::new(middle, f64::from(berry) / 9.0 + 0.05, 1.0);
        canvas.fill(&frame.circle(42.0, 0.0, 5.0), hex(0xe8_b4_4c));
    }
    for side in [-1.0, 1.0] {
        let tail = [at(0.0, 48.0), at(10.0 * side, 66.0), at(16.0 * side, 84.0)].map(|point| middle + point);
        canvas.fill(&Stroke::tapered(&tail, 6.0, 11.0), hex(0xc2_48_42));
        let bow = Ellipse::turned(middle + at(17.0 * side, 45.0), 18.0, 11.0, 0.06 * -side);
        canvas.fill(&bow, hex(0xdb_5c_52));
    }
    canvas.fill(&Circle(middle + at(0.0, 47.0), 7.5), hex(0xa8_3a_36));
}

fn awning(canvas: &mut Canvas) {
    let (top, edge, stripes) = (486.0, 596.0, 12);
    let shadow = Block::new(150.0, 560.0, 780.0, 90.0);
    canvas.soft(&shadow, 30.0, hex(0x1a_20_1c).fade(0.4));
    for stripe in 0..stripes {
        let along = |line: f64, from: f64, to: f64| from + (to - from) * line / f64::from(stripes);
        let (one, two) = (f64::from(stripe), f64::from(stripe + 1));
        let upper = (along(one, 166.0, 914.0), along(two, 166.0, 914.0));
        let lower = (along(one, 116.0, 964.0), along(two, 116.0, 964.0));
        let cloth = if stripe % 2 == 0 {
            hex(0xd9_5b_4e)
        } else {
            hex(0xff_f6_e8)
        };
        let panel = Polygon::new(&[at(upper.0, top), at(upper.1, top), at(lower.1, edge), at(lower.0, edge)]);
        let lap = Block::new(lower.0, edge - 2.0, lower.1 - lower.0, 44.0).rounds(0.0, 36.0);
        let whole = Joined(&[&panel, &lap]);
        canvas.fill(
            &Moved(&whole, at(0.0, 0.0), 0.6),
            Paint::down(top, edge + 44.0, cloth.lighter(0.12), cloth.darker(0.12)),
        );
        canvas.shade(
            &lap,
            &Block::new(lower.0, edge - 4.0, 90.0, 8.0),
            5.0,
            hex(0x5a_20_18).fade(0.3),
        );
    }
    canvas.fill(&Block::new(158.0, top - 14.0, 764.0, 18.0).round(6.0), hex(0x24_46_42));
}
