//! README's walks, as a reader repeats them: with its own files and words.

use std::process::Stdio;

use serde_json::Value;

use super::operators::json_of;
use super::partners::simulator;
use super::program::Serving;

/// Where README has the simulator listen.
const SIMULATOR: &str = "127.0.0.1:9099";

fn file(path: &str) -> String {
    std::fs::read_to_string(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Both channels do their work and lose the answer.
#[test]
fn a_lost_answer_is_found_by_the_three_commands() {
    let readme = file("README.md");
    for command in [
        "cargo run --release -p fanfare-simulator -- --scenario publish-lies",
        "cargo run --release -- serve --config examples/simulator.toml",
        "cargo run --release -- distribute examples/simulated.json",
    ] {
        assert!(readme.contains(command), "{command} is not in README.md");
    }
    let (simulator, _runtime) = simulator(&file("crates/simulator/scenarios/publish-lies.toml"));
    let at_the_simulator = |path: &str| file(path).replace(SIMULATOR, &simulator.address.to_string());
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("simulator.toml");
    std::fs::write(&config, at_the_simulator("examples/simulator.toml")).unwrap();
    let serve = ["serve", "--config", config.to_str().unwrap()];
    let service = Serving::start_as(&serve, tempfile::tempdir().unwrap(), &[], Stdio::null());
    let body = at_the_simulator("examples/simulated.json");
    let ended = service.run_with(&["distribute", "-", "--json"], &body);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let answer: Value = json_of(&ended);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    let effects = simulator.effects();
    let mut came: Vec<_> = effects.iter().map(|effect| effect.channel).collect();
    came.sort_unstable();
    assert_eq!(came, ["instagram", "wooridongne-tv"], "one post and one booking");
}
