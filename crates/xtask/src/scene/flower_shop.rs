//! stub
use crate::canvas::{Canvas, Paint, hex};
use crate::scene::{HEIGHT, WIDTH};
pub(crate) fn draw() -> Canvas {
    Canvas::new(WIDTH, HEIGHT, Paint::Flat(hex(0xff_ff_ff)))
}
