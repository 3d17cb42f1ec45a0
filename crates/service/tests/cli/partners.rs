//! `fanfare partners check`, against the simulator as it is, and as partners may
//! fall short.

use std::io::Write;

use fanfare_simulator::{RunningSimulator, Scenario, Simulator, SimulatorSettings};
use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use super::program::{Ended, closed_port, fanfare, fanfare_with};

/// Each channel, its prefix in the simulator, the step that makes something, and
/// what the command wants to know.
const PARTNERS: [(&str, &str, &str, &[&str]); 3] = [
    ("WooridongneTV", "wooridongne-tv", "create", &[]),
    ("GenieTV", "genie-tv", "order", &["--book"]),
    ("RingoBiz", "ringo-biz", "replace", &["--line", "02-555-0134"]),
];

/// One in which this goes wrong, on a runtime of its own.
pub(crate) fn simulator(rules: &str) -> (RunningSimulator, tokio::runtime::Runtime) {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(rules.as_bytes()).unwrap();
    let settings = SimulatorSettings {
        scenario: Scenario::load(file.path().to_str().unwrap()).unwrap(),
        ..SimulatorSettings::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let simulator = runtime.block_on(Simulator::start(settings)).unwrap();
    (simulator, runtime)
}

fn check(
    simulator: &RunningSimulator,
    (channel, prefix, _, more): (&str, &str, &str, &[&str]),
    last: &[&str],
) -> Ended {
    let url = format!("{}/{prefix}", simulator.base_url());
    let sound = format!("{}/media/check.mp3", simulator.base_url());
    // Whether a sound is compared with its hash shows only where there is one.
    let media = (channel == "RingoBiz").then_some(["--media", &sound]);
    let media = media.as_ref().map_or(&[][..], |media| &media[..]);
    let arguments = [
        &["partners", "check", channel, "--url", &url, "--yes"],
        more,
        media,
        last,
    ]
    .concat();
    fanfare_with(&arguments, &[("FANFARE_PARTNER_TOKEN", "canary-token")], "")
}

#[test]
fn the_simulator_keeps_the_contracts() {
    let (simulator, _runtime) = simulator("");
    for partner in PARTNERS {
        let Ended { code, stdout, stderr } = check(&simulator, partner, &[]);
        assert_eq!(code, 0, "{}\n{stdout}{stderr}", partner.0);
        assert!(stderr.contains("this makes test orders at"), "{stderr}");
        assert!(stdout.contains(&format!("{}: 0 of ", partner.0)), "{stdout}");
        assert!(!stdout.contains("FAIL") && !stdout.contains("skip"), "{stdout}");
        assert!(!format!("{stdout}{stderr}").contains("canary"), "I16");
    }
    // Without being told to, nothing is booked.
    let draft = ("GenieTV", "genie-tv", "order", &[][..]);
    let booked = simulator.effects().len();
    let Ended { code, stdout, .. } = check(&simulator, draft, &[]);
    assert_eq!((code, stdout.matches("skip  ").count()), (0, 4), "{stdout}");
    assert_eq!(simulator.effects().len(), booked);
}

#[test]
fn a_partner_that_falls_short_is_told_in_what() {
    for (deviation, broken) in [
        ("token", "token-missing"),
        ("replay", "replay"),
        ("key-conflict", "key-conflict"),
        ("unique-name", "unique-name"),
        ("look-up", "found"),
        ("problems", "problem-json"),
        ("validation", "invalid"),
    ] {
        let rules = format!("[[rules]]\nfault = {{ kind = \"deviates\", from = \"{deviation}\" }}\n");
        let (simulator, _runtime) = simulator(&rules);
        for partner in PARTNERS {
            // A tone that is set again is the same: only what came between shows it.
            let broken = if (partner.0, broken) == ("RingoBiz", "replay") {
                "old-key"
            } else {
                broken
            };
            let Ended { code, stdout, stderr } = check(&simulator, partner, &["--json"]);
            assert_eq!(code, 4, "{} {deviation}\n{stdout}{stderr}", partner.0);
            let report: Value = serde_json::from_str(&stdout).unwrap();
            let checks = report["checks"].as_array().unwrap();
            let failed = checks.iter().filter(|check| check["outcome"] == "fail");
            let failed: Vec<_> = failed.map(|check| check["name"].as_str().unwrap()).collect();
            assert!(failed.contains(&broken), "{} {deviation}: {failed:?}", partner.0);
            assert_eq!(report["broken"], failed.len());
        }
    }
}

/// What is seen in the place of what is promised stands in the line.
#[test]
fn what_a_partner_answers_instead_is_shown() {
    for (partner, fault) in PARTNERS.iter().zip([
        "{ kind = \"answer\", status = 500, body = \"out of order\" }",
        "{ kind = \"garbage\", what = \"html\" }",
        "{ kind = \"drop-after\" }",
    ]) {
        let rules = format!("[[rules]]\nstep = \"{}\"\nfault = {fault}\n", partner.2);
        let (simulator, _runtime) = simulator(&rules);
        let Ended { code, stdout, .. } = check(&simulator, *partner, &[]);
        assert_eq!(code, 4, "{stdout}");
        assert!(
            stdout.contains("FAIL  made ") && stdout.contains("; seen: "),
            "{stdout}"
        );
    }
}

#[test]
fn a_declined_booking_needs_a_reason_and_an_end() {
    let (simulator, _runtime) = simulator(
        "[[rules]]\nstep = \"book\"\ntimes = 1\nfault = { kind = \"declined\", reason = \"자막\" }\n\
         [[rules]]\nstep = \"book\"\nfault = { kind = \"slow-review\", seconds = 3600 }\n",
    );
    let declined = check(&simulator, PARTNERS[1], &[]);
    assert!(declined.stdout.contains("ok    review "), "{}", declined.stdout);
    // The first booking of the next run is the slow one.
    let slow = check(&simulator, PARTNERS[1], &["--wait", "0"]);
    assert_eq!(slow.code, 4);
    assert!(slow.stdout.contains("FAIL  review "), "{}", slow.stdout);
}

#[test]
fn it_begins_only_when_told_to_and_knows_what_it_needs() {
    let (url, _held) = closed_port();
    let token = ["--token", "t"];
    for (arguments, code, words) in [
        (&["WooridongneTV", "--url", &url][..], 2, "Say --yes"),
        (&["WooridongneTV", "--yes"], 2, "--url must be"),
        (&["WooridongneTV", "--yes", "--url", "ftp://a"], 2, "http or https"),
        (&["RingoBiz", "--yes", "--url", &url], 2, "--line"),
        (&["RingoBiz", "--yes", "--url", &url, "--line", "114"], 2, "--line"),
        (
            &["Instagram", "--yes", "--url", &url],
            2,
            "WooridongneTV, GenieTV and RingoBiz",
        ),
        (&["WooridongneTV", "--yes", "--url", &url], 1, "nothing answers at"),
    ] {
        let ended = fanfare(&[&["partners", "check"], arguments, &token].concat());
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{arguments:?}: {}", ended.stderr);
    }
}

/// The place that `#/a/b` names.
fn place<'y>(document: &'y Yaml, reference: &str) -> &'y Yaml {
    let parts = reference.strip_prefix("#/").unwrap().split('/');
    parts.fold(document, |yaml, part| &yaml[part])
}

fn references(yaml: &Yaml, found: &mut Vec<String>) {
    match yaml {
        Yaml::Hash(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value.as_str()) {
                    (Some("$ref"), Some(reference)) => found.push(reference.to_owned()),
                    _ => references(value, found),
                }
            }
        }
        Yaml::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// What a partner reads holds together, and says whose word it is.
#[test]
fn the_contracts_are_called_our_proposal_and_hold_together() {
    for (name, text, words) in [
        (
            "wooridongne-tv",
            include_str!("../../../../api/partners/wooridongne-tv.yaml"),
            &["content_rejected"][..],
        ),
        (
            "ringo-biz",
            include_str!("../../../../api/partners/ringo-biz.yaml"),
            &[
                "line_not_found",
                "line_not_verified",
                "audio_rejected",
                "tone_not_found",
            ],
        ),
        (
            "genie-tv",
            include_str!("../../../../api/partners/genie-tv.yaml"),
            &[
                "creative_rejected",
                "no_inventory",
                "PendingBooking",
                "Declined",
                "declineReason",
            ],
        ),
    ] {
        let document = &YamlLoader::load_from_str(text).unwrap()[0];
        assert!(
            document["info"]["title"].as_str().unwrap().contains("(our proposal)"),
            "{name}"
        );
        let description = document["info"]["description"].as_str().unwrap();
        assert!(description.contains("**This is our own proposal"), "{name}");
        let common = [
            "key_reused",
            "in_progress",
            "auth_expired",
            "Retry-After",
            "problem+json",
        ];
        for word in common.iter().chain(words) {
            assert!(text.contains(word), "{name} does not speak of {word}");
        }
        let mut found = Vec::new();
        references(document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            assert!(
                !place(document, &reference).is_badvalue(),
                "{name}: {reference} leads nowhere"
            );
        }
        for (path, item) in document["paths"].as_hash().unwrap() {
            for method in ["get", "put", "post", "delete"].map(|method| &item[method]) {
                let refusals = method.is_badvalue() || !method["responses"]["4XX"].is_badvalue();
                assert!(refusals, "{name} {path:?} refuses nothing");
            }
        }
    }
}
