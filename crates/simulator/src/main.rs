//! `fanfare-simulator`: the simulated channels as a program of their own.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use fanfare_simulator::{Scenario, Simulator, SimulatorSettings};

/// The six channels' APIs, with faults on demand
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:9099")]
    listen: SocketAddr,

    /// What goes wrong: calm, publish-lies, slow-instagram, flaky, outage, or a .toml file
    #[arg(long, default_value = "calm")]
    scenario: String,

    /// For faults that come by chance
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let simulator = Simulator::start(SimulatorSettings {
        listen: args.listen,
        scenario: Scenario::load(&args.scenario)?,
        seed: args.seed,
        ..SimulatorSettings::default()
    })
    .await?;
    let base = simulator.base_url();
    let mut out = std::io::stdout();
    writeln!(
        out,
        "The simulated channels are ready on {base} (scenario {})",
        args.scenario
    )?;
    writeln!(
        out,
        "  base URLs      {base}/instagram, /wooridongne-tv, /ringo-biz, /genie-tv, /kakao-channel, /naver-blog, /gateway"
    )?;
    writeln!(out, "  media          {base}/media/anything.jpg")?;
    writeln!(out, "  what came to be  {base}/ and {base}/_simulator/effects")?;
    writeln!(
        out,
        "  what goes wrong  curl -X PUT {base}/_simulator/faults -d '{{\"rules\": [{{\"step\": \"publish\", \"times\": 1, \"fault\": {{\"kind\": \"drop-after\"}}}}]}}'"
    )?;
    tokio::signal::ctrl_c().await.context("signals can't be heard")
}
