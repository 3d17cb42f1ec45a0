//! What operators do from the command line: call off, stop and let go on, order
//! breakers, keep the lists of recipients.

use fanfare::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use super::program::{Ended, Serving, fanfare_with};
use super::{bare_request, fanfare};

#[track_caller]
pub(super) fn says(ended: &Ended, code: i32, words: &[&str]) {
    let all = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, code, "{all}");
    for word in words {
        assert!(all.contains(word), "{word:?} is missing in\n{all}");
    }
}

pub(super) fn json_of(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[test]
fn a_distribution_is_called_off_once() {
    let service = Serving::start();
    let tomorrow = SystemClock::default().now() + jiff::SignedDuration::from_hours(24);
    let mut body: Value = serde_json::from_str(&bare_request("later")).unwrap();
    body["scheduledAt"] = json!(tomorrow.to_string());
    let sent = service.run_with(&["distribute", "-", "--json"], &body.to_string());
    let id = json_of(&sent)["distributionId"].as_str().unwrap().to_owned();
    let cancelled = service.run(&["cancel", &id, "--reason", "비가 와서"]);
    says(
        &cancelled,
        0,
        &["CANCELLED", "Instagram: It was called off", "NaverBlog: "],
    );
    let again = service.run(&["cancel", &id]);
    says(&again, 3, &["already_closed"]);
    let second = service.run_with(
        &["distribute", "-", "--json"],
        &body.to_string().replace("later", "second"),
    );
    let id = json_of(&second)["distributionId"].as_str().unwrap().to_owned();
    let cancelled = json_of(&service.run(&["cancel", &id, "--json"]));
    assert_eq!(cancelled["cancellation"][0]["effect"], "cancelled", "{cancelled}");
}

#[test]
fn what_is_live_is_taken_down() {
    let service = Serving::start();
    let sent = service.run_with(&["distribute", "-", "--json"], &bare_request("wrong"));
    let id = json_of(&sent)["distributionId"].as_str().unwrap().to_owned();
    let withdrawn = service.run(&["withdraw", &id, "Instagram", "--reason", "가격 오류"]);
    says(
        &withdrawn,
        0,
        &["CANCELLED", "Instagram: It was live, and was taken down"],
    );
    let again = json_of(&service.run(&["withdraw", &id, "Instagram", "--json"]));
    assert_eq!(again["withdrawal"]["effect"], "withdrawn", "{again}");
    says(&service.run(&["withdraw", &id, "GenieTV"]), 3, &["channel_not_found"]);
    let nobody = "019a9b1e-7c1a-7000-8000-000000000001";
    says(
        &service.run(&["withdraw", nobody, "Instagram"]),
        3,
        &["distribution_not_found"],
    );
    let retried = service.run(&["retry", &id, "--channel", "Instagram"]);
    says(&retried, 0, &["COMPLETED"]);
}

#[test]
fn sending_stops_and_goes_on_with_a_reason() {
    let service = Serving::start();
    let stopped = service.run(&["stop", "--all", "--reason", "점검"]);
    says(&stopped, 0, &["All sending is stopped", "two seconds"]);
    let held = service.run_with(&["distribute", "-"], &bare_request("held"));
    says(&held, 4, &["Sending is stopped"]);
    let own = service.run(&["stop", "--own", "--reason", "점검", "--json"]);
    assert_eq!(
        (&json_of(&own)["scope"], &json_of(&own)["tenant"]),
        (&json!("tenant"), &json!("default"))
    );
    let resumed = service.run(&["stop", "--tenant", "default", "--resume"]);
    says(&resumed, 0, &["The sending of default goes on"]);
    let resumed = json_of(&service.run(&["stop", "--all", "--resume", "--reason", "끝", "--json"]));
    assert_eq!(
        (&resumed["action"], &resumed["reason"]),
        (&json!("resume"), &json!("끝"))
    );
    let sent = service.run_with(&["distribute", "-"], &bare_request("sent"));
    says(&sent, 0, &["COMPLETED"]);
    // A stop says why, and whose sending it is.
    says(&fanfare(&["stop", "--all"]), 2, &["--reason"]);
    says(&service.run(&["stop", "--reason", "점검"]), 3, &["/scope"]);
}

#[test]
fn a_breaker_is_ordered_and_shown() {
    let service = Serving::start();
    let opened = service.run(&["channels", "breaker", "Instagram", "force-open", "--reason", "점검"]);
    says(&opened, 0, &["The breaker of Instagram is FORCED_OPEN"]);
    says(&service.run(&["channels"]), 0, &["breaker FORCED_OPEN"]);
    let closed = service.run(&["channels", "breaker", "Instagram", "close", "--json"]);
    assert_eq!(json_of(&closed)["breaker"]["state"], "CLOSED");
    says(
        &service.run(&["channels", "breaker", "Instagram", "burn"]),
        3,
        &["/action"],
    );
    says(
        &service.run(&["channels", "breaker", "Radio", "close"]),
        3,
        &["channel_not_found"],
    );
}

#[test]
fn recipients_are_imported_and_forgotten_beside_the_service() {
    let data = tempfile::tempdir().unwrap();
    let table = data.path().join("friends.csv");
    let line = |number: &str| format!("{number},Kim,2026-03-01T12:00:00+09:00,web form,true,false,,\n");
    let head = "number,who,at,how,advertising,night,withdrawn_at,reconfirmed_at\n";
    let both = [head, &line("010-5555-0107"), &line("010-5555-0108")].concat();
    std::fs::write(&table, both).unwrap();
    let place = data.path().to_str().unwrap();
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let run = |arguments: &[&str], key: &str| {
        let variables = [("FANFARE_DATA_DIR", place), ("FANFARE_RECIPIENTS_KEY", key)];
        let given = variables.iter().copied().filter(|(_, value)| !value.is_empty());
        fanfare_with(&[&["recipients"], arguments].concat(), &given.collect::<Vec<_>>(), "")
    };
    let import = ["import", "friends", table.to_str().unwrap()];
    says(&run(&import, ""), 2, &["FANFARE_RECIPIENTS_KEY", "openssl rand"]);
    says(&run(&import, key), 0, &["friends has 2 people now; 0 were left out"]);
    says(&run(&["forget", "010-5555-0107"], key), 0, &["it was on 1 lists"]);
    let again = json_of(&run(&[&import[..], &["--json"]].concat(), key));
    assert_eq!(again, json!({"people": 1, "suppressed": 1}));
    let other = run(&import, "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    says(
        &other,
        1,
        &["did not make the list of forgotten numbers", "recipients_key"],
    );
    says(&run(&["forget", "12"], key), 2, &[]);
    std::fs::write(
        &table,
        format!("{head}02-555-0134,Kim,2026-03-01T12:00:00Z,b,true,false,,\n"),
    )
    .unwrap();
    let refused = run(&import, key);
    says(&refused, 2, &["line 2", "mobile"]);
    assert!(
        !refused.stderr.contains("0134"),
        "it repeats no number: {}",
        refused.stderr
    );
}
