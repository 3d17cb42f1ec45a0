//! The layout, as far as Cargo does not enforce it: who may use whom within the
//! service, that every file says what it is for, and that none grows beyond
//! what a reader takes in.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file, its inline tests apart.
const MOST_LINES: usize = 500;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

fn sources(under: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(under).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(repository()).unwrap().display().to_string();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

fn of_service(folder_or_file: &str) -> Vec<(String, String)> {
    let prefix = format!("crates/service/src/{folder_or_file}");
    let all = sources(&repository().join("crates/service/src"));
    let found: Vec<_> = all.into_iter().filter(|(name, _)| name.starts_with(&prefix)).collect();
    assert!(!found.is_empty(), "{prefix} is gone: mend this test");
    found
}

/// The modules of the service that a source names.
fn modules_used(source: &str) -> Vec<&str> {
    let after = |marker: &'static str| {
        source.match_indices(marker).map(move |(at, _)| {
            let rest = &source[at + marker.len()..];
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            &rest[..end]
        })
    };
    after("crate::").filter(|name| !name.is_empty()).collect()
}

#[test]
fn the_api_knows_core_ledger_status_clock_keys_accounts_names_of_metrics_and_one_handle_to_the_engine() {
    for (name, source) in of_service("api/") {
        for module in modules_used(&source) {
            assert!(
                ["api", "accounts", "status", "clock", "keys", "perform", "telemetry"].contains(&module),
                "{name} uses crate::{module}"
            );
        }
    }
}

#[test]
fn nothing_imports_app_or_commands() {
    for (name, source) in of_service("") {
        let may = name.ends_with("/main.rs") || name.contains("/commands/");
        for module in modules_used(&source) {
            assert!(
                may || !["app", "commands"].contains(&module),
                "{name} uses crate::{module}"
            );
        }
    }
}

#[test]
fn sql_is_written_in_the_ledger_only() {
    for folder in ["core", "channels", "service"] {
        for (name, source) in sources(&repository().join("crates").join(folder).join("src")) {
            for word in ["INSERT INTO", "UPDATE distribution", "DELETE FROM"] {
                assert!(!source.contains(word), "{name} holds SQL: {word}");
            }
        }
    }
}

#[test]
fn the_core_is_pure() {
    let manifest = fs::read_to_string(repository().join("crates/core/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
    for io in ["tokio", "hyper", "axum", "rusqlite", "tracing", "fanfare-"] {
        assert!(!dependencies.contains(&format!("\n{io}")), "the core depends on {io}");
    }
    for (name, source) in sources(&repository().join("crates/core/src")) {
        for word in [
            "async fn",
            ".await",
            "std::fs",
            "TcpStream",
            "ToSocketAddrs",
            "HashMap",
            "HashSet",
        ] {
            assert!(!source.contains(word), "{name} holds {word}");
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_can_be_taken_in() {
    for (name, source) in sources(&repository().join("crates")) {
        assert!(source.starts_with("//!"), "{name} has no module documentation");
        let lines = source
            .lines()
            .take_while(|line| !line.starts_with("#[cfg(test)]"))
            .count();
        assert!(
            lines <= MOST_LINES,
            "{name} has {lines} lines: split it along its meaning"
        );
    }
}
