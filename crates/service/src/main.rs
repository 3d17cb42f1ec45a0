//! The program `fanfare`: reads the command line and runs what it asks for.
//!
//! Everything else is in the library, so that tests can reach it.

use std::process::ExitCode;

use clap::Parser;
use fanfare::commands::{self, Cli};

fn main() -> ExitCode {
    commands::run(&Cli::parse())
}
