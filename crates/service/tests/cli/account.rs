//! `fanfare channels account`: handed over from the standard input or a file, shown,
//! tried, removed; and the token stands nowhere, the log among it.

use std::fs::File;
use std::process::Stdio;

use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::operators::{json_of, says};
use super::partners::simulator;
use super::program::{Ended, Serving, fanfare_with};

const SET: [&str; 6] = [
    "set",
    "Instagram",
    "--tenant",
    "cafe",
    "--account-id",
    "17847000000000000",
];

/// A service of which Instagram is live, with a token that has lapsed.
struct World {
    service: Serving,
    variables: Vec<(&'static str, String)>,
    /// Its log, and whatever a test puts there.
    folder: TempDir,
}

impl World {
    fn start(simulator: &RunningSimulator) -> Self {
        let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let variables = vec![
            ("FANFARE_DATA_DIR", data.path().display().to_string()),
            ("FANFARE_CHANNELS__INSTAGRAM__MODE", "live".to_owned()),
            (
                "FANFARE_CHANNELS__INSTAGRAM__BASE_URL",
                format!("{}/instagram", simulator.base_url()),
            ),
            (
                "FANFARE_CHANNELS__INSTAGRAM__ACCOUNT_ID",
                "17841400000000000".to_owned(),
            ),
            (
                "FANFARE_CHANNELS__INSTAGRAM__ACCESS_TOKEN",
                "canary-that-expired".to_owned(),
            ),
            ("FANFARE_LOG", "trace".to_owned()),
        ];
        let log = File::create(folder.path().join("log")).unwrap();
        let given: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
        Self {
            service: Serving::start_with(data, &given, Stdio::from(log)),
            variables,
            folder,
        }
    }

    /// `fanfare channels account`.
    fn account(&self, arguments: &[&str], input: &str) -> Ended {
        let all = [&["channels", "account"], arguments].concat();
        shows_no_token(self.service.run_with(&all, input))
    }

    /// What `fanfare channels check` ends with, and says of Instagram.
    fn check(&self, more: &[&str]) -> (i32, Value) {
        let given: Vec<_> = self.variables.iter().map(|(name, value)| (*name, &**value)).collect();
        let arguments = [&["channels", "check", "Instagram", "--json"], more].concat();
        let ended = shows_no_token(fanfare_with(&arguments, &given, ""));
        (ended.code, json_of(&ended)["channels"][0].clone())
    }
}

fn shows_no_token(ended: Ended) -> Ended {
    assert!(!format!("{ended:?}").contains("canary"), "I16: {ended:?}");
    ended
}

#[test]
fn an_account_is_handed_over_tried_and_removed() {
    let (simulator, _runtime) = simulator("");
    let world = World::start(&simulator);
    let of_cafe = |verb: &str| world.account(&[verb, "Instagram", "--tenant", "cafe"], "");
    says(&of_cafe("show"), 0, &["the configured one"]);
    let own = "cafe has an account of its own, accountId 17847000000000000";
    let set = world.account(&SET, "canary-of-the-cafe\n");
    says(&set, 0, &[own, "token good", "within five seconds"]);
    says(&of_cafe("show"), 0, &[own, "token good"]);
    let (code, tried) = world.check(&["--tenant", "cafe"]);
    assert_eq!(
        (code, &tried["outcome"], &tried["ownAccount"], &tried["account"]["id"]),
        (0, &json!("accepted"), &json!(true), &json!("17847000000000000"))
    );
    let (code, tried) = world.check(&["--tenant", "shop"]);
    assert_eq!(
        (code, &tried["outcome"], &tried["ownAccount"]),
        (4, &json!("refused"), &json!(false)),
        "the configured one"
    );
    assert_eq!(world.check(&[]).0, 4);

    says(&of_cafe("remove"), 0, &["the configured one", "within five seconds"]);
    assert_eq!(world.check(&["--tenant", "cafe"]).1["ownAccount"], false);
    let shown = world.account(&["show", "Instagram", "--tenant", "cafe", "--json"], "");
    assert_eq!(json_of(&shown)["account"], "shared");
    let log = world.folder.path().join("log");
    assert_eq!(world.service.terminate(), Some(0));
    let written = std::fs::read_to_string(log).unwrap();
    assert!(
        written.contains("was handed over") && !written.contains("canary"),
        "I16"
    );
}

#[test]
fn a_token_comes_from_the_input_or_a_file_and_what_is_wrong_is_said() {
    let (simulator, _runtime) = simulator("");
    let world = World::start(&simulator);
    says(&world.account(&SET, ""), 2, &["standard input"]);
    says(&world.account(&SET, "canary and more"), 2, &["standard input"]);
    let without_id = world.account(&SET[..4], "canary-of-the-cafe");
    says(&without_id, 3, &["/accountId", "digits only"]);
    let of_service = world.account(&["set", "Instagram", "--account-id", "1"], "canary");
    says(&of_service, 3, &["account_of_service"]);
    let missing = [&SET[..], &["--token-file", "/nowhere"]].concat();
    says(&world.account(&missing, ""), 1, &["/nowhere"]);
    let file = world.folder.path().join("token");
    std::fs::write(&file, "canary-of-the-file").unwrap();
    let from_file = [&SET[..], &["--token-file", file.to_str().unwrap(), "--json"]].concat();
    assert_eq!(json_of(&world.account(&from_file, ""))["account"], "own");
}
