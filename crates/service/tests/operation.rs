//! What an operator sees, through the real program: every metric and what the
//! documents and alert rules say of it, and a line of the log for each attempt.
//!
//! `FANFARE_TEST_KAFKA` (host:port) and `FANFARE_TEST_REDIS_URL` say where the
//! servers are: without them not every metric is exposed. What the alert rules
//! do with the metrics, `scripts/check-alerts` tests.

#![expect(clippy::unwrap_used, reason = "what a test did not expect is to stop it")]

#[path = "operation/alerts.rs"]
mod alerts;
#[path = "operation/exposition.rs"]
mod exposition;
#[path = "operation/log.rs"]
mod log;
#[path = "operation/metrics.rs"]
mod metrics;
#[path = "cli/program.rs"]
#[expect(dead_code, reason = "other tests ask for more")]
mod program;
#[path = "support/mod.rs"]
#[expect(dead_code, reason = "other tests ask for more")]
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use fanfare_simulator::{RunningSimulator, Simulator, SimulatorSettings};
use serde_json::{Value, json};

use self::program::Serving;
use self::support::{DISTRIBUTE, ask_elsewhere};

/// No test waits longer for anything; a broker may take its time over a new topic.
const PATIENCE: Duration = Duration::from_mins(1);

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A file of the repository.
fn document(path: &str) -> String {
    let path = repository(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

async fn simulator() -> RunningSimulator {
    Simulator::start(SimulatorSettings::default()).await.unwrap()
}

/// Instagram live there; what takes a minute takes a moment.
fn live(simulator: &RunningSimulator) -> Vec<(&'static str, String)> {
    let base_url = format!("{}/instagram", simulator.base_url());
    vec![
        ("FANFARE_CHANNELS__INSTAGRAM__MODE", "live".to_owned()),
        ("FANFARE_CHANNELS__INSTAGRAM__BASE_URL", base_url),
        ("FANFARE_CHANNELS__INSTAGRAM__ACCESS_TOKEN", "canary-token".to_owned()),
        (
            "FANFARE_CHANNELS__INSTAGRAM__ACCOUNT_ID",
            "17841400000000000".to_owned(),
        ),
        ("FANFARE_CHANNELS__INSTAGRAM__POLL_INTERVAL_MS", "20".to_owned()),
        ("FANFARE_ENGINE__INITIAL_INTERVAL_MS", "20".to_owned()),
        ("FANFARE_MEDIA__ALLOW_HOSTS", format!("[\"{}\"]", simulator.address)),
    ]
}

fn borrowed<'a>(variables: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn request(simulator: &RunningSimulator, event: &str, channels: &[&str]) -> Value {
    json!({
        "eventId": event,
        "channels": channels,
        "contentUrls": {"imageUrl": format!("{}/media/canary-picture.jpg", simulator.base_url())},
        "channelOptions": {"Instagram": {"caption": "canary-caption 010-5555-0101"}},
    })
}

async fn distribute(serving: &Serving, request: &Value) -> Value {
    let url = format!("http://{}{DISTRIBUTE}", serving.address());
    let answer = ask_elsewhere("POST", &url, request.to_string().as_bytes()).await;
    assert!([200, 202].contains(&answer.status), "{answer:?}");
    serde_json::from_slice(&answer.body).unwrap()
}
