//! `fanfare keys`, and the other commands at a service that asks for keys.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::bare_request;
use super::program::{Ended, Serving, fanfare_with};

/// `fanfare keys …` on these data.
fn keys(data: &Path, arguments: &[&str]) -> Ended {
    let variables = [("FANFARE_DATA_DIR", data.to_str().unwrap())];
    fanfare_with(&[&["keys"], arguments].concat(), &variables, "")
}

fn create(data: &Path, scopes: &[&str]) -> Value {
    let scopes: Vec<_> = scopes.iter().flat_map(|scope| ["--scope", scope]).collect();
    let made = keys(data, &[&["create", "--name", "계산대", "--json"], &*scopes].concat());
    assert_eq!((made.code, made.stderr.as_str()), (0, ""), "{}", made.stdout);
    serde_json::from_str(&made.stdout).unwrap()
}

fn run_with_key(service: &Serving, key: &str, arguments: &[&str], input: &str) -> Ended {
    let url = format!("http://{}", service.address());
    fanfare_with(
        &[arguments, &["--url", &url]].concat(),
        &[("FANFARE_API_KEY", key)],
        input,
    )
}

#[test]
fn a_key_is_made_used_listed_and_revoked_beside_a_service() {
    let service = Serving::start();
    let shown = keys(
        service.data(),
        &["create", "--name", "till", "--scope", "distribute", "--scope", "read"],
    );
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    let key = shown.stdout.lines().next().unwrap();
    assert!(key.starts_with("ff_") && key.len() == 46, "{key}");
    assert!(shown.stdout.contains("not shown again"), "{}", shown.stdout);

    let sent = run_with_key(&service, key, &["distribute", "-"], &bare_request("evt-1"));
    assert_eq!(sent.code, 0, "{}{}", sent.stdout, sent.stderr);
    for arguments in [&["status", "evt-1"][..], &["events", "tail"], &["channels"]] {
        let ended = run_with_key(&service, key, arguments, "");
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
    }

    let listed = keys(service.data(), &["list"]);
    assert!(
        listed.stdout.contains(&key[..10]) && !listed.stdout.contains(key),
        "{}",
        listed.stdout
    );
    let listed: Value = serde_json::from_str(&keys(service.data(), &["list", "--json"]).stdout).unwrap();
    let of = &listed["keys"][0];
    assert_eq!(of["scopes"], json!(["distribute", "read"]));
    assert_eq!((&of["tenant"], &of["name"]), (&json!("default"), &json!("till")));
    assert!(of["revokedAt"].is_null() && of["key"].is_null(), "{listed:#}");
    let id = of["id"].as_str().unwrap();
    let revoked = keys(service.data(), &["revoke", id]);
    assert_eq!(revoked.code, 0, "{}", revoked.stderr);
    let listed: Value = serde_json::from_str(&keys(service.data(), &["list", "--json"]).stdout).unwrap();
    assert!(listed["keys"][0]["revokedAt"].is_string(), "{listed:#}");
    let unknown = keys(service.data(), &["revoke", "019a9b1e-7c1a-7000-8000-000000000001"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""));
}

#[test]
fn a_command_without_the_right_key_says_what_to_do() {
    let service = Serving::start();
    let reader = create(service.data(), &["read"])["key"].as_str().unwrap().to_owned();
    let refused = run_with_key(&service, &reader, &["distribute", "-"], &bare_request("evt-1"));
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("scope `distribute`") && refused.stderr.contains("FANFARE_API_KEY"));
    // The reader's key has been seen, so a key is asked for now.
    let missing = service.run(&["status", "evt-1"]);
    assert_eq!(missing.code, 3, "{}", missing.stderr);
    assert!(
        missing.stderr.contains("401 unauthenticated") && missing.stderr.contains("FANFARE_API_KEY"),
        "{}",
        missing.stderr
    );
    let bad = keys(service.data(), &["create", "--name", "x", "--scope", "write"]);
    assert_eq!(bad.code, 2);
    assert!(
        bad.stderr.contains("distribute, read, operate, admin"),
        "{}",
        bad.stderr
    );
}

/// The refusal says the command that makes the first key; it does.
#[test]
fn a_service_for_others_starts_with_the_key_that_its_refusal_tells_to_make() {
    let data = tempfile::tempdir().unwrap();
    let everywhere = ("FANFARE_LISTEN", "0.0.0.0:0");
    let here = ("FANFARE_DATA_DIR", data.path().to_str().unwrap());
    let refused = fanfare_with(&["serve"], &[everywhere, here], "");
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    let told = refused.stderr.lines().find(|line| line.contains("fanfare keys create"));
    let command = told.unwrap_or_else(|| panic!("{}", refused.stderr)).trim();
    let program = Path::new(env!("CARGO_BIN_EXE_fanfare")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let made = Command::new("sh")
        .args(["-c", command])
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let service = Serving::start_with(data, &[everywhere], Stdio::inherit());
    let url = service.address().replace("0.0.0.0", "127.0.0.1");
    let made = String::from_utf8(made.stdout).unwrap();
    let arguments = ["channels", "--url", &format!("http://{url}")];
    let key = made.lines().next().unwrap();
    for (key, code) in [(key, 0), ("", 3)] {
        let ended = fanfare_with(&arguments, &[("FANFARE_API_KEY", key)], "");
        assert_eq!(ended.code, code, "{}", ended.stderr);
    }
    let load = [
        "load",
        "--seconds",
        "1",
        "--callers",
        "1",
        "--json",
        "--url",
        arguments[2],
    ];
    let ended = fanfare_with(&load, &[("FANFARE_API_KEY", key)], "");
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

/// In its log, whatever it logs, and in its files (I16).
#[test]
fn a_service_keeps_no_key_and_tells_none() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let everything = [("FANFARE_LOG", "trace"), ("FANFARE_AUTH__REQUIRED", "true")];
    let service = Serving::start_with(tempfile::tempdir().unwrap(), &everything, log.reopen().unwrap().into());
    let [admin, reader, revoked] = [["admin"], ["read"], ["admin"]].map(|scopes| create(service.data(), &scopes));
    keys(service.data(), &["revoke", revoked["id"].as_str().unwrap()]);
    let of = |made: &Value| made["key"].as_str().unwrap().to_owned();
    let unknown = ["CANARYcanary_canary", "canary-CANARY_CANARY"].map(|word| format!("ff_{word:0<43}"));
    let brought = [&of(&admin), &of(&reader), &of(&revoked), &unknown[0], &unknown[1]];
    let mut said = String::new();
    for key in brought {
        if *key == unknown[1] {
            // The look-up itself fails, and that is logged.
            let file = rusqlite::Connection::open(service.data().join("fanfare.db")).unwrap();
            file.execute_batch("ALTER TABLE api_keys RENAME TO gone").unwrap();
        }
        for arguments in [&["distribute", "-"][..], &["status", "evt-1"], &["channels"]] {
            let ended = run_with_key(&service, key, arguments, &bare_request("evt-1"));
            said.push_str(&ended.stdout);
            said.push_str(&ended.stderr);
        }
    }
    let log = std::fs::read_to_string(log.path()).unwrap();
    assert!(log.contains("look an API key up"), "{log}");
    let mut kept = vec![said.into_bytes(), log.into_bytes()];
    for file in std::fs::read_dir(service.data()).unwrap() {
        kept.push(std::fs::read(file.unwrap().path()).unwrap());
    }
    assert!(kept.len() >= 5, "database, write-ahead log and lock");
    for key in brought {
        // All but what is shown of it.
        let canary = &key.as_bytes()[10..30];
        for bytes in &kept {
            assert!(!bytes.windows(canary.len()).any(|window| window == canary));
        }
    }
    assert_eq!(service.terminate(), Some(0));
}
