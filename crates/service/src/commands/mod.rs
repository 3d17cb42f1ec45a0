//! The command line: what can be asked for, and how it ends.
//!
//! One command, one file. `serve`, `demo`, `story` and `load` start a service; `keys`
//! works on the database, since the first key can't be asked for with a key;
//! `recipients` works on the files of lists; `channels check` calls the channels by the configuration, and `channels token` works
//! on the database;
//! `partners` talks to a partner, and to no service; all others talk to a running service over HTTP, like everybody else. None of them
//! knows the engine.
//!
//! | file | is |
//! |---|---|
//! | `failure.rs` | how a command can end badly, in words and as an exit code |
//! | `client.rs` | the HTTP client |
//! | `progress.rs` | reads the stream of events |
//! | `answer.rs` | what the service answers, read leniently |
//! | `screen.rs`, `results.rs`, `bars.rs` | what people see |
//! | `simulated.rs` | a service of `demo`'s and `story`'s own, and its channels |

mod account;
mod answer;
mod bars;
mod breaker;
mod cancel;
mod channels;
mod check;
mod client;
mod completions;
mod config;
mod demo;
mod distribute;
mod events;
mod failure;
mod keys;
mod load;
mod partners;
mod progress;
mod recipients;
mod redrive;
mod resolve;
mod results;
mod retry;
mod screen;
mod serve;
mod simulated;
mod status;
mod stop;
mod story;
mod token;
mod watch;
mod withdraw;

use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::client::Client;
use self::failure::Failure;

const EXIT_CODES: &str = "\
Exit codes:
  0  done; of a distribution: every chosen channel says SUCCESS
  1  the service or this command failed (an answer of 5xx, a file, a port)
  2  the command line or the configuration is wrong
  3  the service refused the request (4xx); each fault is named by its JSON pointer
  4  the distribution did not succeed on every channel, or is still open;
     of `withdraw`: it is live still;
     of `partners check`: a promise of the contract is broken; of `channels check`:
     a live channel is not reached, or does not take its credentials
  5  the service cannot be reached

A service that asks for API keys is sent the one in FANFARE_API_KEY.";

/// Announces a shop's event on up to six channels at once, and says truthfully
/// what happened on each.
#[derive(Debug, Parser)]
#[command(name = "fanfare", version, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Common options")]
struct Common {
    /// The configuration of `serve`, `config`, `keys`, `recipients`, `channels check`, `channels token` and `load`
    #[arg(
        long,
        global = true,
        env = "FANFARE_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    config: Option<PathBuf>,
    // The variable is not read by clap: `load` must not meet a service that it
    // was not pointed at by hand.
    #[arg(
        long,
        global = true,
        help = "Where the service is [env: FANFARE_URL] [default: http://127.0.0.1:8080]"
    )]
    url: Option<String>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
}

impl Common {
    /// With the key of `FANFARE_API_KEY`. There is no option for it: what stands
    /// on a command line, every user of the machine can read.
    fn client(&self) -> Result<Client, Failure> {
        let named = self.url.clone().or_else(|| std::env::var("FANFARE_URL").ok());
        let client = Client::new(named.as_deref().unwrap_or("http://127.0.0.1:8080"))?;
        match std::env::var("FANFARE_API_KEY") {
            Ok(key) if !key.trim().is_empty() => client.with_key(key.trim()),
            _ => Ok(client),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve(serve::Args),
    /// Start a service of its own and send it three examples; no real channel is called
    Demo(demo::Args),
    /// Play ten minutes in which a channel is out of order, and show what came of it
    Story(story::Args),
    /// Send a request to distribute, and show what came of it
    Distribute(distribute::Args),
    /// Show how an event stands
    Status(status::Args),
    /// Follow a distribution until nothing moves
    Watch(watch::Args),
    /// Try again what failed or was called off
    Retry(retry::Args),
    /// Count what failed, by filter, and try it again
    Redrive(redrive::Args),
    /// Call a distribution off; what is live stays live
    Cancel(cancel::Args),
    /// Take down what is live on a channel
    Withdraw(withdraw::Args),
    /// Say what came of a channel that is in review
    Resolve(resolve::Args),
    /// Stop all sending, or one tenant's, or let it go on
    Stop(stop::Args),
    /// Read the journal of published events, or publish some again
    Events(events::Args),
    /// Show the channels, try their credentials, hand a token or an account over, or order something of a circuit breaker
    Channels(channels::Args),
    /// Make, list and revoke API keys, in the configured database
    Keys(keys::Args),
    /// Hold a partner's endpoint against the contract that we propose
    Partners(partners::Args),
    /// Import and forget people who are sent advertising
    Recipients(recipients::Args),
    /// Look at the configuration
    Config(config::Args),
    /// Measure throughput, latency and cost
    Load(load::Args),
    /// Write the completions of a shell
    Completions(completions::Args),
}

/// Does what the command line asks for; says on stderr what went wrong.
pub fn run(cli: &Cli) -> ExitCode {
    // Behind a pointer: all of it would be compiled for each way of a runtime to wait.
    let done: Pin<Box<dyn Future<Output = _>>> = Box::pin(dispatch(cli));
    match runtime(&cli.command).and_then(|runtime| runtime.block_on(done)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report(cli.common.json);
            failure.exit_code()
        }
    }
}

async fn dispatch(Cli { common, command }: &Cli) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => Box::pin(serve::run(common, args)).await,
        Command::Demo(args) => Box::pin(demo::run(common, args)).await,
        Command::Story(args) => Box::pin(story::run(common, args)).await,
        Command::Distribute(args) => distribute::run(common, args).await,
        Command::Status(args) => status::run(common, args).await,
        Command::Watch(args) => watch::run(common, args).await,
        Command::Retry(args) => retry::run(common, args).await,
        Command::Redrive(args) => redrive::run(common, args).await,
        Command::Stop(args) => stop::run(common, args).await,
        Command::Cancel(args) => cancel::run(common, args).await,
        Command::Resolve(args) => resolve::run(common, args).await,
        Command::Withdraw(args) => withdraw::run(common, args).await,
        Command::Events(args) => events::run(common, args).await,
        Command::Channels(args) => channels::run(common, args).await,
        Command::Keys(args) => keys::run(common, args).await,
        Command::Partners(args) => partners::run(common, args).await,
        Command::Recipients(args) => recipients::run(common, args),
        Command::Config(args) => config::run(common, args),
        Command::Load(args) => Box::pin(load::run(common, args)).await,
        Command::Completions(args) => completions::run(args),
    }
}

/// A service takes what the machine has; a client makes do with one thread,
/// which for `load` leaves the rest to what is measured.
fn runtime(command: &Command) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = match command {
        Command::Serve(_) | Command::Demo(_) | Command::Story(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    Ok(builder.enable_all().build()?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_every_exit_code() {
        let help = Cli::command().render_long_help().to_string();
        for code in 0..=5 {
            assert!(help.contains(&format!("\n  {code}  ")), "{code} is missing in\n{help}");
        }
    }
}
