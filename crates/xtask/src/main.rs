//! Chores of this repository that are not part of the service.
//!
//! One subcommand each: `cargo run -p xtask -- media`. Not here: anything the
//! service needs to build or run; deleting this crate must not break it.

mod canvas;
mod combine;
mod media;
mod outline;
mod scene;
mod shape;
mod tone;
mod trig;
mod tunes;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Chores of this repository")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Make the pictures and tones of the examples.
    Media(media::Options),
}

fn main() -> Result<()> {
    match Arguments::parse().chore {
        Chore::Media(options) => media::run(&options),
    }
}
