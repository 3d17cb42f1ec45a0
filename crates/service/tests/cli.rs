//! The command line, through the real program: what it prints and how it ends.
//!
//! What the service answers is the API's tests' business; here it is only
//! looked at through the commands.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "cli/account.rs"]
mod account;
#[path = "cli/check.rs"]
mod check;
#[path = "cli/engines.rs"]
mod engines;
#[path = "cli/keys.rs"]
mod keys;
#[path = "cli/operators.rs"]
mod operators;
#[path = "cli/partners.rs"]
mod partners;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/readme.rs"]
mod readme;
#[path = "cli/redrive.rs"]
mod redrive;
#[path = "cli/story.rs"]
mod story;
#[path = "cli/token.rs"]
mod token;

use fanfare::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use self::program::{Ended, Serving, fanfare, fanfare_with};

/// Of the three examples, by channel count.
const EXAMPLE_CHANNELS: [&str; 3] = ["spring-coffee", "bakery", "flower-shop"];

fn example_channels(name: &str) -> usize {
    let path = format!("{}/../../examples/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let request: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    request["channels"].as_array().unwrap().len()
}

fn bare_request(event: &str) -> String {
    json!({
        "eventId": event,
        "channels": ["Instagram", "NaverBlog"],
        "contentUrls": { "imageUrl": "https://cdn.example.com/flyer.jpg" },
    })
    .to_string()
}

#[test]
fn the_demo_shows_every_channel_of_every_example() {
    let Ended { code, stdout, stderr } = fanfare(&["demo", "--once", "--port", "0"]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(!stdout.contains('\u{1b}'), "escapes without a terminal: {stdout:?}");
    let channels: usize = EXAMPLE_CHANNELS.into_iter().map(example_channels).sum();
    // Once as progress, once in the table.
    assert_eq!(stdout.matches(" SUCCESS ").count(), 2 * channels, "{stdout}");
    for words in [
        "우리동네TV",
        "카카오톡 채널",
        "mock",
        "DistributionCompleted",
        "version 1",
        "x-cache: hit",
        "fanfare is ready on http://",
    ] {
        assert!(stdout.contains(words), "{words:?} is missing in\n{stdout}");
    }
}

#[test]
fn the_demo_in_json_is_json() {
    let ended = fanfare(&["demo", "--once", "--port", "0", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let shown: Value = serde_json::from_str(&ended.stdout).unwrap();
    let examples = shown["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 3);
    for (example, name) in examples.iter().zip(EXAMPLE_CHANNELS) {
        let answer = &example["answer"];
        assert_eq!(
            (&example["httpStatus"], &answer["status"]),
            (&json!(200), &json!("COMPLETED")),
            "{answer:#}"
        );
        assert_eq!(
            answer["successChannels"].as_array().unwrap().len(),
            example_channels(name)
        );
        assert_eq!(
            (&example["event"]["version"], &example["cached"]["xCache"]),
            (&json!(1), &json!("hit"))
        );
    }
    let database = shown["database"].as_str().unwrap();
    assert!(!std::path::Path::new(database).exists(), "{database} is left behind");
}

#[test]
fn the_demo_keeps_its_data_where_it_is_told_and_sends_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let run = || fanfare(&["demo", "--once", "--port", "0", "--json", "--data-dir", place]);
    let (first, again) = (run(), run());
    assert_eq!((first.code, again.code), (0, 0), "{}{}", first.stderr, again.stderr);
    let read = |ended: &Ended| serde_json::from_str::<Value>(&ended.stdout).unwrap();
    let (first, again) = (read(&first), read(&again));
    for (first, again) in first["examples"]
        .as_array()
        .unwrap()
        .iter()
        .zip(again["examples"].as_array().unwrap())
    {
        assert_eq!((&first["replayed"], &again["replayed"]), (&json!(false), &json!(true)));
        assert_eq!(first["answer"]["distributionId"], again["answer"]["distributionId"]);
    }
    let rows = rusqlite::Connection::open(directory.path().join("fanfare.db")).unwrap();
    let count = |table: &str| {
        let count = rows.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get::<_, i64>(0));
        usize::try_from(count.unwrap()).unwrap()
    };
    let channels: usize = EXAMPLE_CHANNELS.into_iter().map(example_channels).sum();
    assert_eq!(
        (count("distribution_logs"), count("distribution_channel_logs")),
        (3, channels)
    );
}

#[test]
fn a_request_is_sent_looked_at_and_found_in_the_journal() {
    let service = Serving::start();
    let sent = service.run_with(&["distribute", "-"], &bare_request("a/b 봄"));
    assert_eq!((sent.code, sent.stderr.as_str()), (0, ""), "{}", sent.stdout);
    assert!(
        sent.stdout.contains("COMPLETED") && sent.stdout.contains("2 of 2"),
        "{}",
        sent.stdout
    );

    let status = service.run(&["status", "a/b 봄"]);
    assert_eq!(
        (status.code, status.stdout.contains("from the status cache")),
        (0, true),
        "{}{}",
        status.stdout,
        status.stderr
    );
    let as_json: Value = serde_json::from_str(&service.run(&["status", "a/b 봄", "--json"]).stdout).unwrap();

    let watched = service.run(&["watch", as_json["distributionId"].as_str().unwrap()]);
    assert_eq!(
        (watched.code, watched.stdout.matches("SUCCESS").count()),
        (0, 4),
        "{}",
        watched.stdout
    );

    let events = service.run(&["events", "tail", "--json"]);
    let events: Vec<Value> = events
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((events.len(), &events[0]["data"]["eventId"]), (1, &json!("a/b 봄")));
    let position = events[0]["position"].to_string();
    assert_eq!(service.run(&["events", "tail", "--after", &position]).stdout, "");

    let dead = service.run(&["events", "dead"]);
    assert_eq!((dead.code, dead.stdout.as_str()), (0, ""));
    let again = service.run(&["events", "replay", "--event-id", "a/b 봄", "--dead", "--json"]);
    let answer: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(answer, json!({"replayed": 0}), "nothing goes to Kafka here");
    let refused = service.run(&["events", "replay", "--since", "yesterday"]);
    assert_eq!(refused.code, 3);
    assert!(refused.stderr.contains("/since"), "{}", refused.stderr);
    assert_eq!(
        service.run(&["events", "replay"]).code,
        2,
        "what is published again must be said"
    );
}

#[test]
fn a_request_sent_twice_is_answered_twice_and_done_once() {
    let service = Serving::start();
    let send = || {
        service.run_with(
            &["distribute", "-", "--idempotency-key", "k", "--json"],
            &bare_request("twice"),
        )
    };
    let (first, again) = (send(), send());
    let id = |ended: &Ended| serde_json::from_str::<Value>(&ended.stdout).unwrap()["distributionId"].clone();
    assert_eq!((first.code, again.code, id(&first)), (0, 0, id(&again)));
    let said = service
        .run_with(&["distribute", "-", "--idempotency-key", "k"], &bare_request("twice"))
        .stdout;
    assert!(said.contains("accepted before"), "{said}");
}

#[test]
fn a_refused_request_names_every_fault_by_its_pointer() {
    let service = Serving::start();
    let body =
        json!({ "eventId": "", "channels": ["KakaoTalk", "Instagram"], "contentUrls": { "imageUrl": "ftp://a" } });
    let refused = service.run_with(&["distribute", "-"], &body.to_string());
    assert_eq!((refused.code, refused.stdout.as_str()), (3, ""));
    for words in ["refused", "(422", "/eventId", "/channels/0", "KakaoChannel"] {
        assert!(
            refused.stderr.contains(words),
            "{words:?} is missing in\n{}",
            refused.stderr
        );
    }
    let as_json = service.run_with(&["distribute", "-", "--json"], &body.to_string());
    let problem: Value = serde_json::from_str(&as_json.stdout).unwrap();
    assert!(problem["errors"].as_array().unwrap().len() >= 2, "{problem:#}");

    assert_eq!(service.run_with(&["distribute", "-"], "{").code, 3);
    assert_eq!(service.run(&["status", "never-heard-of"]).code, 3);
    assert_eq!(service.run(&["distribute", "/nowhere.json"]).code, 1);
}

#[test]
fn a_distribution_that_is_still_open_is_no_success() {
    let service = Serving::start();
    let tomorrow = SystemClock::default().now() + jiff::SignedDuration::from_hours(24);
    let mut body: Value = serde_json::from_str(&bare_request("later")).unwrap();
    body["scheduledAt"] = json!(tomorrow.to_string());
    let sent = service.run_with(&["distribute", "-"], &body.to_string());
    assert_eq!(sent.code, 4, "{}{}", sent.stdout, sent.stderr);
    assert!(
        sent.stdout.contains("PENDING") && sent.stdout.contains("WAITING"),
        "{}",
        sent.stdout
    );
}

#[test]
fn the_channels_are_shown_with_their_mode() {
    let shown = Serving::start().run(&["channels"]);
    assert_eq!(
        (
            shown.code,
            shown.stdout.contains("네이버 블로그"),
            shown.stdout.contains("mock")
        ),
        (0, true, true),
        "{}{}",
        shown.stdout,
        shown.stderr
    );
}

#[test]
fn no_service_is_exit_code_5_with_advice() {
    let (url, _held) = program::closed_port();
    for command in [
        &["status", "e"][..],
        &["channels"],
        &["events", "tail"],
        &["watch", "x"],
        &["load", "--seconds", "1"],
    ] {
        let ended = fanfare(&[command, &["--url", &url]].concat());
        assert_eq!(ended.code, 5, "{command:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(&url) && ended.stderr.contains("fanfare serve"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_wrong_command_line_or_configuration_is_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("fanfare.toml");
    std::fs::write(&file, "listne = \"127.0.0.1:1\"\n").unwrap();
    let file = file.to_str().unwrap();
    for (command, words) in [
        (
            &["config", "check", "--config", file][..],
            &["listne", "listen", "line 1", file][..],
        ),
        (&["serve", "--config", file], &["listne"]),
        (&["serve", "--config", "/nowhere.toml"], &["/nowhere.toml"]),
        (&["status", "e", "--url", "https://a"], &["plain http"]),
        (&["distribute"], &["FILE"]),
        (&["load", "--callers", "0"], &["callers"]),
        (&["load", "--engines"], &["FANFARE_DATABASE_URL"]),
        (&["load", "--engines", "--pid", "1"], &["--engines"]),
        (
            &["load", "--commit-delay-ms", "5", "--pid", "1"],
            &["FANFARE_LEDGER__COMMIT_DELAY_MS"],
        ),
        (&[], &["Usage"]),
    ] {
        let ended = fanfare(command);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (2, ""),
            "{command:?}: {}",
            ended.stderr
        );
        for word in words {
            assert!(ended.stderr.contains(word), "{word:?} is missing in\n{}", ended.stderr);
        }
    }
}

#[test]
fn a_wrong_log_filter_is_exit_code_2() {
    for filter in [
        "fanfare=loud",
        "inof",
        "info,=,",
        "info,fanfare=",
        "=debug",
        "fanfare[=debug",
    ] {
        let ended = fanfare_with(
            &["serve"],
            &[("FANFARE_LOG", filter), ("FANFARE_LISTEN", "127.0.0.1:0")],
            "",
        );
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (2, ""),
            "{filter}: {}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains("FANFARE_LOG is no filter") && ended.stderr.contains("Example: FANFARE_LOG="),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_data_directory_that_cannot_be_used_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("plain");
    std::fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    let variables = [("FANFARE_LISTEN", "127.0.0.1:0"), ("FANFARE_DATA_DIR", file)];
    let ended = fanfare_with(&["serve"], &variables, "");
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let words = format!("cannot use the data directory {file} (setting data_dir, FANFARE_DATA_DIR): ");
    assert!(ended.stderr.contains(&words), "{}", ended.stderr);
}

#[test]
fn the_effective_configuration_is_printed_as_toml() {
    let checked = fanfare_with(&["config", "check"], &[("FANFARE_HTTP__MAX_CONNECTIONS", "7")], "");
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let effective: toml::Table = toml::from_str(&checked.stdout).unwrap();
    assert_eq!(effective["http"]["max_connections"].as_integer(), Some(7));
    let refused = fanfare_with(&["config", "check"], &[("FANFARE_LISTNE", "x")], "");
    assert_eq!(
        (refused.code, refused.stderr.contains("FANFARE_LISTNE")),
        (2, true),
        "{}",
        refused.stderr
    );
}

#[test]
fn completions_and_help_are_there() {
    assert!(fanfare(&["completions", "bash"]).stdout.contains("complete -F"));
    let help = fanfare(&["--help"]);
    assert_eq!((help.code, help.stdout.contains("Exit codes:")), (0, true));
}

#[test]
fn a_service_stops_when_it_is_told_to() {
    let service = Serving::start();
    assert_eq!(service.terminate(), Some(0));
}

#[test]
fn a_taken_port_is_said_so() {
    let service = Serving::start();
    let directory = tempfile::tempdir().unwrap();
    let variables = [
        ("FANFARE_LISTEN", service.address()),
        ("FANFARE_DATA_DIR", directory.path().to_str().unwrap()),
    ];
    let ended = fanfare_with(&["serve"], &variables, "");
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains(service.address()) && ended.stderr.contains("FANFARE_LISTEN"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_short_load_gives_plausible_figures() {
    let ended = fanfare(&["load", "--seconds", "1", "--callers", "2", "--json"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let measured: Value = serde_json::from_str(&ended.stdout).unwrap();
    let run = &measured["runs"][0];
    assert_eq!((&run["errors"], &run["open"]), (&json!(0), &json!(0)), "{measured:#}");
    for figure in [
        "completed",
        "accepted",
        "distributionsPerSecond",
        "cpuSecondsPer1000Deliveries",
        "commitsPerDistribution",
    ] {
        assert!(
            run[figure].as_f64().is_some_and(|figure| figure > 0.0),
            "{figure} in {measured:#}"
        );
    }
    assert!(run["accepted"].as_f64() >= run["completed"].as_f64(), "{measured:#}");
    let latency = |name: &str| run["latencyMs"][name].as_f64().unwrap();
    assert!(0.0 < latency("p50") && latency("p50") <= latency("p99") && latency("p99") <= latency("max"));
    assert!(measured["residentBytes"]["peak"].as_u64() >= measured["residentBytes"]["idle"].as_u64());
}

#[test]
fn an_open_loop_sends_what_was_asked_for() {
    let service = Serving::start();
    let ended = service.run(&["load", "--seconds", "1", "--callers", "4", "--rate", "50", "--json"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let measured: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(measured["runs"][0]["completed"], json!(50), "{measured:#}");
}
