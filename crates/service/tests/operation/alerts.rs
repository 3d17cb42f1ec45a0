//! The alert rules ask for metrics, labels and words that there are, and each
//! says who acts, what to do, and where more is written.

use std::collections::BTreeSet;

use fanfare::telemetry::ALL;
use fanfare_core::cause;
use fanfare_core::credential::TokenState;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::resilience::breaker::BreakerState;
use yaml_rust2::{Yaml, YamlLoader};

use crate::document;
use crate::exposition::Exposition;

const RULES: &str = "deploy/prometheus/alerts.yaml";

/// What Prometheus itself adds to a series.
const TARGET_LABELS: [&str; 3] = ["instance", "job", "le"];

fn alerts() -> Vec<Yaml> {
    let mut document = YamlLoader::load_from_str(&document(RULES)).unwrap().remove(0);
    let groups = std::mem::replace(&mut document["groups"], Yaml::Null)
        .into_vec()
        .unwrap();
    let alerts: Vec<_> = groups.iter().flat_map(|group| group["rules"].clone()).collect();
    assert!(alerts.len() >= 15, "{}", alerts.len());
    alerts
}

fn name(alert: &Yaml) -> &str {
    alert["alert"].as_str().unwrap()
}

/// `name{label="value",…}` in an expression; without braces where there are none.
struct Selector<'a> {
    metric: &'a str,
    /// Label and value, or the words of the pattern that it must match.
    labels: Vec<(&'a str, Vec<&'a str>)>,
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn selectors(text: &str) -> Vec<Selector<'_>> {
    let begins = text.match_indices("fanfare_").map(|(at, _)| &text[at..]);
    let read = begins.map(|rest| {
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let labels = rest[end..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let matchers = labels.map_or("", |(labels, _)| labels).split(',');
        Selector {
            metric: &rest[..end],
            labels: matchers.filter_map(matcher).collect(),
        }
    });
    read.collect()
}

fn matcher(text: &str) -> Option<(&str, Vec<&str>)> {
    let (label, value) = text.trim().split_at_checked(text.trim().find(|c| !is_name(c))?)?;
    let value = value.trim_start_matches(['=', '!', '~']).trim_matches('"');
    Some((label, value.split('|').collect()))
}

/// The labels by which an expression sums.
fn grouped(expression: &str) -> impl Iterator<Item = &str> {
    let groups = expression
        .match_indices(" by (")
        .map(|(at, words)| &expression[at + words.len()..]);
    groups.flat_map(|rest| rest.split_once(')').unwrap().0.split(',').map(str::trim))
}

/// Every metric that the rules name is exposed, with the labels that they name.
pub(crate) fn ask_for_what_is_exposed(exposed: &Exposition) {
    for alert in alerts() {
        let expression = alert["expr"].as_str().unwrap();
        let mut known: BTreeSet<&str> = TARGET_LABELS.into();
        for selector in selectors(expression) {
            let sample = exposed.samples.iter().find(|sample| sample.name == selector.metric);
            let sample = sample.unwrap_or_else(|| panic!("{}: no {} is exposed", name(&alert), selector.metric));
            known.extend(sample.labels.keys().map(String::as_str));
            for (label, _) in selector.labels {
                assert!(sample.labels.contains_key(label), "{}: {label}", name(&alert));
            }
        }
        for label in grouped(expression) {
            assert!(known.contains(label), "{}: by {label}", name(&alert));
        }
    }
}

#[test]
fn the_rules_know_the_words_that_labels_can_have() {
    let (mut asked, mut counted) = (0, BTreeSet::new());
    for alert in alerts() {
        for selector in selectors(alert["expr"].as_str().unwrap()) {
            for (label, values) in selector.labels {
                for value in values {
                    asked += 1;
                    let known = match (selector.metric, label) {
                        (_, "code") => cause::ALL.iter().any(|cause| cause.code == value),
                        ("fanfare_deliveries_open", "status") => DeliveryStatus::from_name(value).is_some(),
                        ("fanfare_breaker_state", "state") => {
                            BreakerState::ALL.iter().any(|state| state.name() == value)
                        }
                        ("fanfare_tokens", "state") => TokenState::NAMES.contains(&value),
                        _ => true,
                    };
                    assert!(known, "{}: {label} is never {value}", name(&alert));
                    if name(&alert) == "FanfareChannelFailing" {
                        counted.insert(value.to_owned());
                    }
                }
            }
        }
    }
    assert!(asked >= 15, "{asked}");
    let availability = cause::ALL.iter().filter(|cause| cause.availability);
    let availability: BTreeSet<_> = availability.map(|cause| cause.code.to_owned()).collect();
    assert_eq!(counted, availability, "what counts for the breaker, and no other");
}

/// The alerts of which a test expects that they fire. That one expects nothing says
/// only that it does not.
fn fire() -> BTreeSet<String> {
    let tests = YamlLoader::load_from_str(&document("deploy/prometheus/alerts.test.yaml")).unwrap();
    let expects = |case: &Yaml, key: &str| case[key].as_vec().is_some_and(|expected| !expected.is_empty());
    let mut fire = BTreeSet::new();
    for test in tests[0]["tests"].as_vec().unwrap() {
        let cases = |key: &str| test[key].as_vec().cloned().unwrap_or_default();
        for case in cases("alert_rule_test")
            .iter()
            .filter(|case| expects(case, "exp_alerts"))
        {
            fire.insert(case["alertname"].as_str().unwrap().to_owned());
        }
        for case in cases("promql_expr_test")
            .iter()
            .filter(|case| expects(case, "exp_samples"))
        {
            let asked = case["expr"].as_str().unwrap().split_once("alertname=\"");
            let name = asked.and_then(|(_, rest)| rest.split_once("\",alertstate=\"firing\""));
            fire.extend(name.map(|(name, _)| name.to_owned()));
        }
    }
    fire
}

#[test]
fn each_alert_says_who_acts_and_what_to_do_and_is_tested() {
    let operations = document("docs/operations.md");
    let headings: BTreeSet<_> = operations
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    let fire = fire();
    let mut names = BTreeSet::new();
    for alert in &alerts() {
        let name = name(alert);
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        let text = |key: &str| {
            alert["annotations"][key]
                .as_str()
                .unwrap_or_else(|| panic!("{name} has no {key}"))
        };
        assert!(!text("summary").is_empty());
        let who = ["The operator ", "The owner ", "Nobody acts at first"];
        assert!(
            who.iter().any(|who| text("description").starts_with(who)),
            "{name}: who acts?"
        );
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}: {severity}"
        );
        let heading = text("runbook_url").strip_prefix("docs/operations.md#").unwrap();
        assert_eq!(heading, name.to_lowercase());
        assert!(headings.contains(name), "docs/operations.md says nothing of {name}");
        assert!(fire.contains(name), "no test lets {name} fire");
    }
    let alerts = headings.iter().filter(|heading| heading.starts_with("Fanfare"));
    assert_eq!(
        alerts.count(),
        names.len(),
        "docs/operations.md knows alerts that there are not"
    );
}

#[test]
fn operations_and_rules_name_only_metrics_of_the_table() {
    for path in [RULES, "deploy/prometheus/alerts.test.yaml", "docs/operations.md"] {
        let text = document(path);
        for selector in selectors(&text) {
            let known = ALL.iter().any(|metric| {
                let end = selector.metric.strip_prefix(metric.name);
                end.is_some_and(|end| ["", "_bucket", "_sum", "_count"].contains(&end))
            });
            assert!(known, "{path}: {}", selector.metric);
        }
    }
}
