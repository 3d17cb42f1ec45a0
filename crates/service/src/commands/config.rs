//! `fanfare config check`: the configuration that `serve` would run with, or
//! what is wrong with it.

use anyhow::Context;

use super::Common;
use super::failure::Failure;
use super::screen::Screen;
use crate::config::{self, Config};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print the effective configuration as TOML, or what is wrong with it
    Check,
}

pub(super) fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let Command::Check = args.command;
    let config = load(common)?;
    let screen = Screen::stdout();
    if common.json {
        let json = serde_json::to_value(&config).context("the configuration cannot be written as JSON")?;
        return screen.say(format_args!("{json:#}"));
    }
    let toml = toml::to_string_pretty(&config).context("the configuration cannot be written as TOML")?;
    screen.say(toml.trim_end())
}

/// The file and the variables of this process.
pub(super) fn load(common: &Common) -> Result<Config, Failure> {
    let readable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    };
    config::load(common.config.as_deref(), std::env::vars_os().filter_map(readable)).map_err(|error| {
        let error = anyhow::Error::new(error);
        Failure::Usage(format!(
            "the configuration is refused: {error:#}\nEvery key, with unit and default, stands in fanfare.example.toml."
        ))
    })
}
