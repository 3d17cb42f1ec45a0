//! `fanfare config check`: the configuration that `serve` would run with, or
//! what is wrong with it.

use anyhow::Context;
use fanfare_core::channel::Channel;
use serde_json::{Map, Value, json};

use super::Common;
use super::failure::Failure;
use super::screen::Screen;
use crate::config::{self, ChannelConfig, Config, Engine, Http, Ledger, Media, StatusCache};

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
    let effective = effective(&load(common)?);
    let screen = Screen::stdout();
    if common.json {
        return screen.say(format_args!("{effective:#}"));
    }
    let toml = toml::to_string_pretty(&effective).context("the configuration cannot be written as TOML")?;
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

/// All of it by name: a key that is added without being shown does not compile.
fn effective(config: &Config) -> Value {
    let Config {
        listen,
        data_dir,
        http,
        engine,
        ledger,
        status_cache,
        media,
        channels,
    } = config;
    let Ledger { commit_delay_ms } = ledger;
    let StatusCache { max_entries, ttl_s } = status_cache;
    let Media { allow_hosts } = media;
    let channel = |channel: Channel| (channel.config_name().to_lowercase(), of_channel(channels.get(channel)));
    json!({
        "listen": listen.to_string(),
        "data_dir": data_dir,
        "http": of_http(http),
        "engine": of_engine(engine),
        "ledger": { "commit_delay_ms": commit_delay_ms },
        "status_cache": { "max_entries": max_entries, "ttl_s": ttl_s },
        "media": { "allow_hosts": allow_hosts },
        "channels": Channel::ALL.into_iter().map(channel).collect::<Map<_, _>>(),
    })
}

fn of_http(http: &Http) -> Value {
    let Http {
        max_connections,
        header_timeout_ms,
        body_timeout_ms,
        max_body_bytes,
        default_wait_s,
        stop_timeout_s,
    } = http;
    json!({
        "max_connections": max_connections,
        "header_timeout_ms": header_timeout_ms,
        "body_timeout_ms": body_timeout_ms,
        "max_body_bytes": max_body_bytes,
        "default_wait_s": default_wait_s,
        "stop_timeout_s": stop_timeout_s,
    })
}

fn of_engine(engine: &Engine) -> Value {
    let Engine {
        max_in_flight,
        max_attempts,
        initial_interval_ms,
        max_interval_s,
        max_age_h,
    } = engine;
    json!({
        "max_in_flight": max_in_flight,
        "max_attempts": max_attempts,
        "initial_interval_ms": initial_interval_ms,
        "max_interval_s": max_interval_s,
        "max_age_h": max_age_h,
    })
}

fn of_channel(channel: &ChannelConfig) -> Value {
    let ChannelConfig {
        mode,
        base_url,
        concurrency,
    } = channel;
    let mut value = json!({ "mode": mode, "concurrency": concurrency });
    // TOML has no null.
    if let Some(base_url) = base_url {
        value["base_url"] = json!(base_url);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back_the_same() {
        let mut config = Config::default();
        config.media.allow_hosts = vec!["minio:9000".to_owned()];
        config.channels.naver_blog.base_url = Some("https://gateway.example".to_owned());
        config.http.max_connections = 7;
        let toml = toml::to_string_pretty(&effective(&config)).unwrap();
        assert_eq!(toml::from_str::<Config>(&toml).unwrap(), config, "{toml}");
    }
}
