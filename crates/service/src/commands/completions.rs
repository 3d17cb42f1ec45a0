//! `fanfare completions SHELL`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::failure::Failure;
use super::screen::Screen;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "fanfare", &mut script);
    Screen::stdout().say(String::from_utf8_lossy(&script).trim_end())
}
