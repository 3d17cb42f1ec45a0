//! `fanfare channels token`: a token is handed over, exchanged where it is
//! short-lived, kept sealed, and shown nowhere.

use std::path::Path;
use std::process::Stdio;

use fanfare_simulator::RunningSimulator;
use serde_json::Value;

use super::partners::simulator;
use super::program::{Ended, Serving, fanfare_with};

const SECRET: (&str, &str) = ("FANFARE_INSTAGRAM_APP_SECRET", "canary-of-the-app");

/// Instagram live there, over these data.
fn variables(simulator: &RunningSimulator, data: &Path, token: &str) -> Vec<(&'static str, String)> {
    vec![
        ("FANFARE_DATA_DIR", data.display().to_string()),
        ("FANFARE_CHANNELS__INSTAGRAM__MODE", "live".to_owned()),
        (
            "FANFARE_CHANNELS__INSTAGRAM__ACCOUNT_ID",
            "17841400000000000".to_owned(),
        ),
        (
            "FANFARE_CHANNELS__INSTAGRAM__BASE_URL",
            format!("{}/instagram", simulator.base_url()),
        ),
        ("FANFARE_CHANNELS__INSTAGRAM__ACCESS_TOKEN", token.to_owned()),
    ]
}

/// Runs a command with a token on its standard input; neither it nor any other is
/// shown.
fn run(variables: &[(&str, String)], more: &[(&str, &str)], arguments: &[&str], token: &str) -> Ended {
    let all: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
    let ended = fanfare_with(arguments, &[all, more.to_vec()].concat(), token);
    let shown = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!shown.contains("canary") && !shown.contains("IGAA"), "I16: {shown}");
    ended
}

fn files_hold(data: &Path, text: &str) -> bool {
    std::fs::read_dir(data).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    })
}

fn check(variables: &[(&str, String)]) -> Value {
    let ended = run(variables, &[], &["channels", "check", "Instagram", "--json"], "");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    report["channels"][0].clone()
}

#[test]
fn a_short_lived_token_is_exchanged_and_used_by_a_service_that_runs() {
    let (simulator, _runtime) = simulator("");
    let data = tempfile::tempdir().unwrap();
    let variables = variables(&simulator, data.path(), "canary-that-expired");
    assert_eq!(check(&variables)["outcome"], "refused");
    let given: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
    let place = data.path().to_owned();
    let serving = Serving::start_with(data, &given, Stdio::null());
    let arguments = ["channels", "token", "Instagram", "--exchange", "--json"];
    let Ended { code, stdout, stderr } = run(&variables, &[SECRET], &arguments, "canary-short\n");
    assert_eq!(code, 0, "{stdout}{stderr}");
    let kept: Value = serde_json::from_str(&stdout).unwrap();
    assert!(
        kept["tokenExpiresAt"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok()
    );
    let checked = check(&variables);
    assert_eq!(
        (&checked["outcome"], checked["good"].as_bool()),
        (&"accepted".into(), Some(true)),
        "{checked}"
    );
    // The service follows.
    let follows = (0..1_000).any(|_| {
        let shown: Value = serde_json::from_str(&serving.run(&["channels", "--json"]).stdout).unwrap();
        shown["channels"][3]["token"]["expiresAt"] == kept["tokenExpiresAt"]
    });
    assert!(follows, "it does not follow");
    let Ended { stdout, .. } = serving.run(&["channels"]);
    assert!(stdout.contains("token good, lapses at"), "{stdout}");
    for secret in ["canary", "IGAAsimulated"] {
        assert!(!files_hold(&place, secret), "I16: {secret} is in the files");
    }
    assert_eq!(serving.terminate(), Some(0));
}

#[test]
fn a_long_lived_token_is_kept_as_it_is() {
    let (simulator, _runtime) = simulator("");
    let data = tempfile::tempdir().unwrap();
    let variables = variables(&simulator, data.path(), "canary-that-expired");
    let Ended { code, stdout, stderr } = run(&variables, &[], &["channels", "token", "Instagram"], "canary-by-hand");
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("Kept, sealed."), "{stdout}");
    assert_eq!(check(&variables)["outcome"], "accepted");
    assert!(!files_hold(data.path(), "canary"), "I16");
}

#[test]
fn what_is_refused_keeps_nothing_and_says_what_to_do() {
    let (simulator, _runtime) = simulator("");
    let data = tempfile::tempdir().unwrap();
    let variables = variables(&simulator, data.path(), "canary-that-expired");
    let wrong = ("FANFARE_INSTAGRAM_APP_SECRET", "canary-wrong-secret");
    let exchange = ["channels", "token", "Instagram", "--exchange"];
    let hand_over = ["channels", "token", "Instagram"];
    for (more, arguments, input, code, words) in [
        (&[wrong][..], &exchange[..], "canary-short", 1, "app's secret"),
        (&[SECRET], &exchange, "canary-short-that-expired", 1, "log in again"),
        (
            &[],
            &exchange,
            "canary-short",
            2,
            "FANFARE_INSTAGRAM_APP_SECRET is missing",
        ),
        (&[], &hand_over, "", 2, "standard input"),
        (&[], &hand_over, "canary and more", 2, "standard input"),
        (
            &[],
            &["channels", "token", "GenieTV"],
            "canary",
            2,
            "the only one that lapses",
        ),
    ] {
        let ended = run(&variables, more, arguments, input);
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    let mock = [("FANFARE_DATA_DIR", data.path().display().to_string())];
    let ended = run(&mock, &[], &hand_over, "canary");
    assert!(ended.code == 2 && ended.stderr.contains("not live"), "{}", ended.stderr);
    assert_eq!(check(&variables)["outcome"], "refused", "the configured one, as before");
}

/// Another key is said, and the configured token tried.
#[test]
fn a_token_that_does_not_open_is_said() {
    let (simulator, _runtime) = simulator("");
    let data = tempfile::tempdir().unwrap();
    let mut variables = variables(&simulator, data.path(), "canary-that-expired");
    run(&variables, &[], &["channels", "token", "Instagram"], "canary-by-hand");
    let other = "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned();
    variables.push(("FANFARE_CREDENTIALS_KEY", other));
    let ended = run(&variables, &[], &["channels", "check", "Instagram"], "");
    assert_eq!(ended.code, 4);
    assert!(
        ended.stderr.contains("set the credentials_key that sealed it"),
        "{}",
        ended.stderr
    );
    variables.push(("FANFARE_CREDENTIALS_KEY", "canary".to_owned()));
    let ended = run(&variables, &[], &["channels", "check"], "");
    assert!(
        ended.code == 2 && ended.stderr.contains("credentials_key"),
        "{}",
        ended.stderr
    );
}
