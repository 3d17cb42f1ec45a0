//! The invariants over what was observed. Pure, so that it can be shown to fail.

use std::collections::{BTreeMap, BTreeSet};

/// What everybody holds once faults have stopped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observed {
    /// Distributions that a client was told of.
    pub(crate) acknowledged: BTreeSet<String>,
    /// `distribution_logs`.
    pub(crate) distributions: BTreeMap<String, Distribution>,
    /// What came to be: channel and event of each.
    pub(crate) effects: Vec<(String, String)>,
    /// What a Kafka consumer read, in its order.
    pub(crate) records: Vec<Record>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Distribution {
    pub(crate) event: String,
    pub(crate) status: String,
    pub(crate) version: i64,
    pub(crate) deliveries: Vec<Delivery>,
    /// Numbers of the history, in order.
    pub(crate) history: Vec<i64>,
    /// Versions in the outbox and their ids, in order.
    pub(crate) outbox: Vec<(i64, String)>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Delivery {
    pub(crate) channel: String,
    pub(crate) status: String,
    pub(crate) holds_claim: bool,
    /// How far the channel's word goes.
    pub(crate) has_receipt: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// The event, by which Kafka keeps the order.
    pub(crate) key: String,
    /// `ce_id`.
    pub(crate) id: String,
    pub(crate) distribution: String,
    pub(crate) version: i64,
    /// The words of its results.
    pub(crate) statuses: Vec<String>,
}

/// The three figures, and what is wrong.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) lost: usize,
    pub(crate) repeated: usize,
    pub(crate) left_to_a_person: usize,
    pub(crate) faults: Vec<String>,
}

const MOVING: [&str; 3] = ["PENDING", "IN_PROGRESS", "RETRYING"];

pub(crate) fn examine(observed: &Observed) -> Verdict {
    let mut verdict = Verdict::default();
    let stored: BTreeSet<_> = observed.distributions.keys().cloned().collect();
    for id in observed.acknowledged.difference(&stored) {
        verdict.lost += 1;
        verdict
            .faults
            .push(format!("I1: {id} was acknowledged and is not there"));
    }
    effects(observed, &mut verdict);
    for (id, distribution) in &observed.distributions {
        rows(id, distribution, &mut verdict);
    }
    records(observed, &mut verdict);
    verdict
}

/// I2: what came to be, came to be once, and is known.
fn effects(observed: &Observed, verdict: &mut Verdict) {
    let mut times: BTreeMap<&(String, String), usize> = BTreeMap::new();
    for effect in &observed.effects {
        *times.entry(effect).or_default() += 1;
    }
    for ((channel, event), times) in &times {
        if *times > 1 {
            verdict.repeated += times - 1;
            verdict
                .faults
                .push(format!("I2: {event} came to be {times} times on {channel}"));
        }
    }
    for distribution in observed.distributions.values() {
        for Delivery { channel, status, .. } in &distribution.deliveries {
            let effect = (channel.clone(), distribution.event.clone());
            if status == "SUCCESS" && !times.contains_key(&effect) {
                verdict.faults.push(format!(
                    "{} is SUCCESS on {channel} and never came to be",
                    distribution.event
                ));
            }
        }
    }
}

fn rows(id: &str, distribution: &Distribution, verdict: &mut Verdict) {
    let mut fault = |what: String| verdict.faults.push(format!("{id}: {what}"));
    if MOVING.contains(&&*distribution.status) {
        fault(format!("I1: it is still {}", distribution.status));
    }
    let whole: Vec<i64> = (1..).take(distribution.history.len()).collect();
    if distribution.history != whole || whole.is_empty() {
        fault(format!("I11: its history is {:?}", distribution.history));
    }
    let versions: Vec<i64> = distribution.outbox.iter().map(|(version, _)| *version).collect();
    let expected: Vec<i64> = (1..=distribution.version).collect();
    if versions != expected {
        fault(format!(
            "I8: its outbox holds {versions:?}, its version is {}",
            distribution.version
        ));
    }
    let computed = status_of(&distribution.deliveries);
    if distribution.status != computed {
        fault(format!(
            "I7: it is {}, its channels make it {computed}",
            distribution.status
        ));
    }
    for delivery in &distribution.deliveries {
        let channel = &delivery.channel;
        match &*delivery.status {
            "SUCCESS" if !delivery.holds_claim => fault(format!("its claim on {channel} is lost")),
            "SUCCESS" if !delivery.has_receipt => fault(format!("I6: its receipt of {channel} is lost")),
            "NEEDS_REVIEW" => verdict.left_to_a_person += 1,
            _ => {}
        }
    }
}

/// As the contract states it, written anew: what the service calculates by is not asked.
fn status_of(deliveries: &[Delivery]) -> &'static str {
    let count = |status: &str| deliveries.iter().filter(|one| one.status == status).count();
    let succeeded = count("SUCCESS");
    let waits = ["WAITING", "NEEDS_REVIEW", "ACTION_REQUIRED"]
        .map(count)
        .iter()
        .sum::<usize>();
    let moves = MOVING.map(count).iter().sum::<usize>();
    if count("PENDING") + count("WAITING") == deliveries.len() {
        return "PENDING";
    }
    match (moves, succeeded) {
        (0, all) if all == deliveries.len() => "COMPLETED",
        (0, 1..) => "PARTIALLY_COMPLETED",
        (0, 0) if waits > 0 => "IN_PROGRESS",
        (0, 0) if count("FAILED") > 0 => "FAILED",
        (0, 0) => "CANCELLED",
        _ => "IN_PROGRESS",
    }
}

/// I8 and I9 at the consumer: every version, under one id, none while something
/// moves, and none before the one that it follows.
fn records(observed: &Observed, verdict: &mut Verdict) {
    let mut seen: BTreeMap<(&str, i64), &str> = BTreeMap::new();
    let mut newest: BTreeMap<&str, i64> = BTreeMap::new();
    for record in &observed.records {
        let mut fault = |what: &str| {
            let (id, version) = (&record.distribution, record.version);
            verdict.faults.push(format!("{id} version {version}: {what}"));
        };
        let id = seen.entry((&record.distribution, record.version)).or_insert(&record.id);
        if *id != record.id {
            fault("I8: it has two ids");
        }
        if record.statuses.iter().any(|status| MOVING.contains(&&**status)) {
            fault("I9: it was published while something moved");
        }
        let newest = newest.entry(&record.distribution).or_default();
        if record.version > *newest + 1 {
            fault("its predecessor was not published before it");
        }
        *newest = record.version.max(*newest);
        if observed
            .distributions
            .get(&record.distribution)
            .is_none_or(|stored| stored.event != record.key)
        {
            fault("its key is not its event, or it is of nothing that is stored");
        }
    }
    for (id, distribution) in &observed.distributions {
        for (version, uuid) in &distribution.outbox {
            match seen.get(&(&**id, *version)) {
                None => verdict
                    .faults
                    .push(format!("I8: {id} version {version} was never published")),
                Some(published) if published != uuid => {
                    verdict
                        .faults
                        .push(format!("I8: {id} version {version} has another id in the outbox"));
                }
                Some(_) => {}
            }
        }
    }
}

mod tests {
    use super::*;

    fn good() -> Observed {
        let distribution = Distribution {
            event: "evt".to_owned(),
            status: "COMPLETED".to_owned(),
            version: 1,
            deliveries: vec![Delivery {
                channel: "Instagram".to_owned(),
                status: "SUCCESS".to_owned(),
                holds_claim: true,
                has_receipt: true,
            }],
            history: vec![1, 2],
            outbox: vec![(1, "id-1".to_owned())],
        };
        Observed {
            acknowledged: BTreeSet::from(["d".to_owned()]),
            distributions: BTreeMap::from([("d".to_owned(), distribution)]),
            effects: vec![("Instagram".to_owned(), "evt".to_owned())],
            records: vec![record("id-1", 1)],
        }
    }

    fn record(id: &str, version: i64) -> Record {
        Record {
            key: "evt".to_owned(),
            id: id.to_owned(),
            distribution: "d".to_owned(),
            version,
            statuses: vec!["SUCCESS".to_owned()],
        }
    }

    /// What the checker says when this is changed.
    fn said(change: impl FnOnce(&mut Observed)) -> String {
        let mut observed = good();
        change(&mut observed);
        let verdict = examine(&observed);
        assert!(!verdict.faults.is_empty(), "it does not see it");
        verdict.faults.join("; ")
    }

    #[test]
    fn what_is_whole_is_praised() {
        assert_eq!(examine(&good()), Verdict::default());
        let mut twice = good();
        twice.records.push(record("id-1", 1));
        assert_eq!(examine(&twice), Verdict::default(), "at least once, under one id");
    }

    #[test]
    fn each_fault_is_found() {
        let of = |observed: &mut Observed, change: fn(&mut Distribution)| {
            change(observed.distributions.get_mut("d").unwrap());
        };
        assert!(said(|o| o.distributions.clear()).contains("I1"), "a lost row");
        assert!(
            said(|o| o.effects.push(o.effects[0].clone())).contains("I2"),
            "a duplicate post"
        );
        assert!(
            said(|o| o.effects.clear()).contains("never came to be"),
            "a success without an effect"
        );
        assert!(
            said(|o| o.records.push(record("id-2", 1))).contains("two ids"),
            "a second id"
        );
        assert!(
            said(|o| o.records[0].statuses[0] = "IN_PROGRESS".to_owned()).contains("I9"),
            "before rest"
        );
        assert!(said(|o| o.records.clear()).contains("never published"), "a lost event");
        assert!(
            said(|o| o.records.push(record("id-3", 3))).contains("predecessor"),
            "a gap"
        );
        assert!(
            said(|o| o.records[0].key = "other".to_owned()).contains("key"),
            "another key"
        );
        assert!(
            said(|o| of(o, |d| d.history = vec![1, 3])).contains("I11"),
            "a gap in the history"
        );
        assert!(
            said(|o| of(o, |d| d.version = 2)).contains("I8"),
            "a version without an event"
        );
        assert!(
            said(|o| of(o, |d| d.status = "IN_PROGRESS".to_owned())).contains("I1:"),
            "no rest"
        );
        assert!(
            said(|o| of(o, |d| d.status = "PARTIALLY_COMPLETED".to_owned())).contains("I7"),
            "another status than its channels make"
        );
        assert!(
            said(|o| of(o, |d| d.deliveries[0].has_receipt = false)).contains("I6"),
            "a lost receipt"
        );
        assert!(
            said(|o| of(o, |d| d.deliveries[0].holds_claim = false)).contains("claim"),
            "a lost claim"
        );
    }
}
