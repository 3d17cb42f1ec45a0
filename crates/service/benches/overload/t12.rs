//! T12: four times the load that can be held, for ten minutes, then the usual one. The
//! channels' latency sets what can be held: 40 places of 200 ms are 200 a second.
//! Wanted: goodput at least nine tenths of the peak, the excess refused with 429 or 503
//! and `Retry-After`, at most 300 MB resident, and all as usual again within a minute.

#![expect(clippy::print_stdout, reason = "it is read")]

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use fanfare_core::channel::Channel;
use serde_json::json;

use crate::channels::Channels;
use crate::offer::{Door, Offer, Phase, Told, What};
use crate::record::{self, Row};
use crate::service::Service;
use crate::share::{float, ms, percentile};

const CHANNELS: [Channel; 2] = [Channel::WooridongneTV, Channel::Instagram];
const PLACES: usize = 40;
const ANSWER: u64 = 200;
const CAPACITY: u32 = 200;
const USUAL: u32 = CAPACITY / 2;

/// What a usual second's p99 may be, in times of that before.
const AS_USUAL: f64 = 1.5;

/// So many usual seconds on end are needed.
const ON_END: u64 = 3;

pub(crate) async fn run(is_short: bool) -> anyhow::Result<()> {
    let flood = Duration::from_secs(if is_short { 60 } else { 600 });
    println!(
        "T12: {CAPACITY} a second can be held ({PLACES} places, {ANSWER} ms an answer, two channels); {} a second for {} s",
        4 * CAPACITY,
        flood.as_secs()
    );
    println!("phase     offered/s  complete/s  p50 ms  p99 ms  refused  by code");
    let channels = Channels::start()?;
    channels.meet(&json!({"kind": "delay", "millis": ANSWER})).await?;
    let addresses = CHANNELS.map(|channel| (channel, channels.base_url.as_str()));
    let mut service = Service::start(&addresses, PLACES).await?;
    let door = Door::new(&service.url)?;
    let offer = async |per_second, length| {
        let offer = Offer {
            per_second,
            length,
            half_wait: true,
        };
        door.offer(&CHANNELS, offer).await
    };
    let before = offer(USUAL, Duration::from_secs(15)).await?;
    // A little more than it can hold, for so short that the door stays open.
    let peak = offer(CAPACITY * 5 / 4, Duration::from_secs(20)).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let quiet_mb = service.resident().map(|(now, _)| now).unwrap_or_default();
    // What comes after is asked while the last of the flood still waits.
    let after = async {
        tokio::time::sleep(flood).await;
        offer(USUAL, Duration::from_mins(1)).await
    };
    let (flood, after) = tokio::try_join!(offer(4 * CAPACITY, flood), after)?;
    let (_, resident_mb) = service.resident().unwrap_or_default();
    let file = service.end(Duration::from_mins(1)).await?;
    let rows = record::rows(&file)?;
    let phases = [
        ("before", &before),
        ("peak", &peak),
        ("flood", &flood),
        ("after", &after),
    ];
    for (name, phase) in phases {
        show(name, phase, &rows);
    }
    let effects = channels.effects().await?;
    let figures = record::compare(&rows, &effects, &phases.map(|(_, phase)| phase), None);
    let share = goodput(&flood, &rows) / goodput(&peak, &rows);
    let normal = usual_again(&before, &after);
    println!(
        "goodput under the flood: {:.1} % of the peak (aim: 90 %)",
        share * 100.0
    );
    match normal {
        Some(seconds) => println!("as usual again after {seconds} s (aim: 60 s)"),
        None => println!("not as usual again within 60 s"),
    }
    println!("resident: {resident_mb:.0} MB at most, {quiet_mb:.0} MB before the flood (aim: 300 MB)");
    println!(
        "lost {}, repeated {}, left to a person {}; {:?}, {} effects at the channels",
        figures.lost,
        figures.repeated,
        figures.left,
        figures.statuses,
        effects.len()
    );
    let silent = flood.told.iter().filter(|told| !is_clear(told)).count();
    println!("refusals that are none of 429 and 503 with Retry-After: {silent}");
    ensure!(
        figures.lost == 0 && figures.repeated == 0 && silent == 0,
        "what must never be"
    );
    ensure!(
        share >= 0.9 && normal.is_some() && resident_mb <= 300.0,
        "it misses the aim"
    );
    Ok(())
}

fn goodput(phase: &Phase, rows: &[Row]) -> f64 {
    let length = record::between(phase.from, phase.until).as_secs_f64();
    float(record::completed_between(rows, phase.from, phase.until)) / length
}

fn show(name: &str, phase: &Phase, rows: &[Row]) {
    let mut took = waited(&phase.told, |_| true);
    took.sort_unstable();
    let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
    for told in &phase.told {
        let what = match &told.what {
            What::Completed(_) | What::Accepted(_) => continue,
            What::Refused(status, code, _) => format!("{status} {code}"),
            What::Unanswered(why) => why.clone(),
            What::Unasked => "crowd".to_owned(),
        };
        *refusals.entry(what).or_default() += 1;
    }
    let length = record::between(phase.from, phase.until).as_secs_f64();
    println!(
        "{name:<8}  {:>9.0}  {:>10.1}  {:>6}  {:>6}  {:>7}  {refusals:?}",
        float(phase.told.len()) / length,
        goodput(phase, rows),
        ms(percentile(&took, 50)),
        ms(percentile(&took, 99)),
        refusals.values().sum::<usize>(),
    );
}

/// Of those who waited for their channels, how long.
fn waited(told: &[Told], of: impl Fn(&Told) -> bool) -> Vec<Duration> {
    let complete = told
        .iter()
        .filter(|told| matches!(told.what, What::Completed(_)) && of(told));
    complete.map(|told| told.took).collect()
}

/// The first of so many seconds on end in which nobody is refused and those who wait
/// wait as long as before.
fn usual_again(before: &Phase, after: &Phase) -> Option<u64> {
    let mut usual = waited(&before.told, |_| true);
    usual.sort_unstable();
    let longest = percentile(&usual, 99).mul_f64(AS_USUAL);
    let is_usual = |second: u64| {
        let mut all = after.told.iter().filter(|told| told.due.as_secs() == second);
        let mut took = waited(&after.told, |told| told.due.as_secs() == second);
        took.sort_unstable();
        let taken = all.all(|told| matches!(told.what, What::Completed(_) | What::Accepted(_)));
        taken && !took.is_empty() && percentile(&took, 99) <= longest
    };
    (0..=60 - ON_END).find(|first| (*first..first + ON_END).all(is_usual))
}

/// Taken, or told when to come back.
fn is_clear(told: &Told) -> bool {
    match &told.what {
        What::Completed(_) | What::Accepted(_) => true,
        What::Refused(status, _, comes_back) => matches!(status, 429 | 503) && *comes_back,
        What::Unanswered(_) | What::Unasked => false,
    }
}
