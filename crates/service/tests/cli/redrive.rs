//! `fanfare redrive`, against a service whose Instagram, a simulator, was out of order.

use std::process::Stdio;

use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};

use super::bare_request;
use super::operators::{json_of, says};
use super::partners::simulator;
use super::program::{Serving, fanfare};

/// The first calls are lost; what fails once has failed.
const OUTAGE: &str = r#"
[[rules]]
channel = "instagram"
step = "create"
times = 4
fault = { kind = "drop-before" }
"#;

fn serving(simulator: &RunningSimulator) -> Serving {
    let instagram = format!("{}/instagram", simulator.base_url());
    let media = format!("[\"{}\"]", simulator.address);
    let variables = [
        ("FANFARE_MEDIA__ALLOW_HOSTS", media.as_str()),
        ("FANFARE_ENGINE__MAX_ATTEMPTS", "1"),
        ("FANFARE_CHANNELS__INSTAGRAM__MODE", "live"),
        ("FANFARE_CHANNELS__INSTAGRAM__BASE_URL", instagram.as_str()),
        ("FANFARE_CHANNELS__INSTAGRAM__ACCESS_TOKEN", "canary-token"),
        ("FANFARE_CHANNELS__INSTAGRAM__ACCOUNT_ID", "17841400000000000"),
        ("FANFARE_CHANNELS__INSTAGRAM__POLL_INTERVAL_MS", "20"),
    ];
    Serving::start_with(tempfile::tempdir().unwrap(), &variables, Stdio::null())
}

/// Sends it to Instagram alone; how it ended.
fn announced(service: &Serving, simulator: &RunningSimulator, event: &str) -> Value {
    let mut body: Value = serde_json::from_str(&bare_request(event)).unwrap();
    body["contentUrls"] = json!({"imageUrl": format!("{}/media/a.jpg", simulator.base_url())});
    body["channels"] = json!(["Instagram"]);
    body["channelOptions"] = json!({"Instagram": {"caption": event}});
    json_of(&service.run_with(&["distribute", "-", "--json"], &body.to_string()))
}

#[test]
fn what_failed_is_counted_before_it_is_redriven() {
    let (simulator, _runtime) = simulator(OUTAGE);
    let service = serving(&simulator);
    for event in ["evt-1", "evt-2", "evt-3"] {
        let failed = announced(&service, &simulator, event);
        assert_eq!(failed["results"][0]["code"], "channel_unavailable", "{failed}");
    }
    let which = ["redrive", "--channel", "Instagram", "--code", "channel_unavailable"];
    let looked = service.run(&which);
    says(
        &looked,
        0,
        &["3 deliveries match; 3 can be redriven.", "Nothing was changed"],
    );
    assert!(
        looked.stdout.contains("Instagram channel_unavailable: 3 of 3"),
        "{looked:?}"
    );
    assert!(simulator.effects().is_empty());

    // One call is lost still: of that step nothing succeeds, and it goes no further.
    let yes = [&which[..], &["--yes", "--reason", "장애 복구", "--limit", "1"]].concat();
    let stopped = service.run(&yes);
    says(
        &stopped,
        4,
        &["1 redriven (1 FAILED)", "stops here", "In all: 1 redriven"],
    );
    let redriven = service.run(&yes);
    says(&redriven, 0, &["3 deliveries match", "In all: 3 redriven (3 SUCCESS)."]);
    assert_eq!(simulator.effects().len(), 3);
    says(&service.run(&yes), 0, &["0 deliveries match; 0 can be redriven."]);
}

#[test]
fn each_look_and_step_is_a_line_of_json() {
    let (simulator, _runtime) = simulator(OUTAGE);
    let service = serving(&simulator);
    announced(&service, &simulator, "evt-1");
    let since = ["redrive", "--since", "2026-01-01T00:00:00+09:00", "--json"];
    let look = json_of(&service.run(&since));
    assert_eq!((&look["dryRun"], &look["redrivable"]), (&json!(true), &json!(1)));
    let yes = [&since[..], &["--yes", "--reason", "장애 복구", "--keep-going"]].concat();
    let ended = service.run(&yes);
    assert_eq!(ended.code, 4, "it failed again: {ended:?}");
    let lines: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((lines.len(), &lines[1]["redriven"]), (2, &json!(1)), "{lines:?}");
    assert_eq!(lines[1]["results"][0]["eventId"], "evt-1");
}

#[test]
fn what_cannot_be_redriven_so_is_refused() {
    let service = Serving::start();
    says(&service.run(&["redrive", "--code", "unheard_of"]), 3, &["/codes/0"]);
    says(&service.run(&["redrive", "--channel", "Radio"]), 3, &["/channels/0"]);
    says(&fanfare(&["redrive"]), 2, &["--channel"]);
    says(&fanfare(&["redrive", "--code", "expired", "--yes"]), 2, &["--reason"]);
}
