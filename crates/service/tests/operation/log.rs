//! Each attempt is one line of the log, with what an operator asks for, and
//! nothing of what was sent.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::program::Serving;
use crate::support::ask_elsewhere;
use crate::{PATIENCE, borrowed, distribute, live, request, simulator};

/// What the log says of attempts, as soon as it says so much.
async fn attempts(path: &std::path::Path, at_least: usize) -> (String, Vec<Value>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let log = std::fs::read_to_string(path).unwrap();
        let lines = log.lines().filter_map(|line| serde_json::from_str(line).ok());
        let of_attempts = lines.filter(|line: &Value| line["target"] == "fanfare::attempt");
        let found: Vec<_> = of_attempts.collect();
        if found.len() >= at_least {
            return (log, found);
        }
        assert!(Instant::now() < deadline, "{at_least} attempts are not logged:\n{log}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn each_attempt_is_one_line_without_anything_of_its_content() {
    let simulator = simulator().await;
    let url = format!("{}/_simulator/faults", simulator.base_url());
    let busy = json!({"rules": [
        {"channel": "instagram", "step": "create", "times": 2, "fault": {"kind": "answer", "status": 503, "body": "canary-words"}},
    ]});
    ask_elsewhere("PUT", &url, busy.to_string().as_bytes()).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut variables = live(&simulator);
    variables.push(("FANFARE_LOG", "info".to_owned()));
    // A next attempt that has begun already when the line is written is not announced in it.
    variables.retain(|(name, _)| *name != "FANFARE_ENGINE__INITIAL_INTERVAL_MS");
    let log = Stdio::from(std::fs::File::create(&path).unwrap());
    let arguments = ["serve", "--log-format", "json"];
    let data = tempfile::tempdir().unwrap();
    let serving = Serving::start_as(&arguments, data, &borrowed(&variables), log);
    let answer = distribute(&serving, &request(&simulator, "evt-1", &["Instagram", "NaverBlog"])).await;
    assert_eq!(answer["status"], "COMPLETED", "{answer}");

    let (text, lines) = attempts(&path, 4).await;
    assert_eq!(lines.len(), 4, "{text}");
    let line = |channel: &str, attempt: u64| {
        let is_it = |line: &&Value| line["fields"]["channel"] == channel && line["fields"]["attempt"] == attempt;
        &lines
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("{channel} {attempt}: {text}"))["fields"]
    };
    let failed = [line("Instagram", 1), line("Instagram", 2)];
    let (succeeded, mock) = (line("Instagram", 3), line("NaverBlog", 1));
    for fields in [failed[0], failed[1], succeeded, mock] {
        assert_eq!(fields["distribution.id"], answer["distributionId"], "{fields}");
        assert_eq!(fields["distribution.event_id"], "evt-1", "{fields}");
        assert_eq!(
            (&fields["tenant"], &fields["generation"]),
            (&json!("default"), &json!(1)),
            "{fields}"
        );
        assert!(fields["latency_ms"].is_u64(), "{fields}");
    }
    for fields in failed {
        assert_eq!(
            [
                &fields["outcome"],
                &fields["code"],
                &fields["channel_code"],
                &fields["mode"]
            ],
            ["RETRYING", "channel_unavailable", "503", "live"]
        );
    }
    let announced = failed.iter().filter_map(|fields| fields["next_attempt_at"].as_str());
    assert!(
        announced.clone().count() > 0 && announced.into_iter().all(|at| at.ends_with('Z')),
        "{text}"
    );
    assert_eq!(
        (&succeeded["outcome"], &succeeded["code"]),
        (&json!("SUCCESS"), &Value::Null)
    );
    assert_eq!((&mock["outcome"], &mock["mode"]), (&json!("SUCCESS"), &json!("mock")));
    for secret in ["canary", "5555", "a.kr"] {
        assert!(!text.contains(secret), "{secret} is in the log:\n{text}");
    }
    assert_eq!(serving.terminate(), Some(0));
}
