//! T11: one channel of three hangs. What do the others notice? In each pair of runs,
//! one after the other and in turns first, the same is offered with all three well, and
//! with the third hung. The others' wait in their lanes must be the same, and their
//! p99 (from acceptance to the channel's yes, as the database has it) at most 1.25
//! times as long, in the median of the pairs.

#![expect(clippy::print_stdout, reason = "it is read")]

use std::time::Duration;

use anyhow::ensure;
use fanfare_core::channel::Channel;
use serde_json::json;

use crate::channels::Channels;
use crate::offer::{Door, Offer, What};
use crate::record::{self, Figures};
use crate::service::Service;
use crate::share::{median, ms, percentile};

const HUNG: Channel = Channel::NaverBlog;
const CHANNELS: [Channel; 3] = [Channel::WooridongneTV, Channel::Instagram, HUNG];
const PLACES: usize = 16;
const PER_SECOND: u32 = 40;

/// What an answer of a channel that is well takes.
const ANSWER: u64 = 50;

/// At most so much longer.
const AIM: f64 = 1.25;

struct Seen {
    /// Of the others.
    wait_p99: Duration,
    took_p50: Duration,
    took_p99: Duration,
    refused: usize,
    resident_mb: f64,
    figures: Figures,
}

pub(crate) async fn run(is_short: bool) -> anyhow::Result<()> {
    let (pairs, length) = if is_short { (5, 15) } else { (5, 30) };
    let length = Duration::from_secs(length);
    println!(
        "T11: one channel of three hangs; {PER_SECOND} requests a second for {} s, {pairs} pairs",
        length.as_secs()
    );
    println!("pair  third  refused  lane wait p99 ms  p50 ms  p99 ms  MB  lost  repeated  left to a person");
    let mut ratios = Vec::new();
    let mut waits = Vec::new();
    for pair in 1..=pairs {
        let first_hung = pair % 2 == 0;
        let one = once(first_hung, length).await?;
        let other = once(!first_hung, length).await?;
        let (well, hung) = if first_hung { (other, one) } else { (one, other) };
        for (name, seen) in [("well", &well), ("hung", &hung)] {
            println!(
                "{pair:>4}  {name:>5}  {:>7}  {:>16}  {:>6}  {:>6}  {:.0}  {:>4}  {:>8}  {:>16}",
                seen.refused,
                ms(seen.wait_p99),
                ms(seen.took_p50),
                ms(seen.took_p99),
                seen.resident_mb,
                seen.figures.lost,
                seen.figures.repeated,
                seen.figures.left,
            );
            ensure!(
                seen.figures.lost == 0 && seen.figures.repeated == 0,
                "{:?}",
                seen.figures
            );
        }
        ratios.push(hung.took_p99.as_secs_f64() / well.took_p99.as_secs_f64());
        waits.push(hung.wait_p99.as_secs_f64() - well.wait_p99.as_secs_f64());
    }
    let (ratio, wait) = (median(ratios), median(waits) * 1_000.0);
    println!("the others' p99, hung to well, median of the pairs: {ratio:.3} (aim: {AIM})");
    println!("their wait in the lane, hung less well, median: {wait:.1} ms (aim: none)");
    ensure!(ratio <= AIM, "the others are slower than aimed at");
    Ok(())
}

async fn once(is_hung: bool, length: Duration) -> anyhow::Result<Seen> {
    let (well, third) = (Channels::start()?, Channels::start()?);
    let answers = json!({"kind": "delay", "millis": ANSWER});
    well.meet(&answers).await?;
    third
        .meet(&if is_hung { json!({"kind": "hang"}) } else { answers })
        .await?;
    let addresses = CHANNELS.map(|channel| {
        let of = if channel == HUNG { &third } else { &well };
        (channel, of.base_url.as_str())
    });
    let mut service = Service::start(&addresses, PLACES).await?;
    let door = Door::new(&service.url)?;
    let offer = Offer {
        per_second: PER_SECOND,
        length,
        half_wait: false,
    };
    let phase = door.offer(&CHANNELS, offer).await?;
    let (_, resident_mb) = service.resident().unwrap_or_default();
    let within = if is_hung {
        Duration::from_secs(2)
    } else {
        Duration::from_secs(30)
    };
    let file = service.end(within).await?;
    let rows = record::rows(&file)?;
    let mut effects = well.effects().await?;
    effects.extend(third.effects().await?);
    let others: Vec<_> = rows.iter().filter(|row| row.channel != HUNG.name()).collect();
    let mut waited: Vec<_> = others
        .iter()
        .filter_map(|row| Some(record::between(row.accepted, row.begun?)))
        .collect();
    let mut took: Vec<_> = others
        .iter()
        .map(|row| record::between(row.accepted, row.changed))
        .collect();
    waited.sort_unstable();
    took.sort_unstable();
    let refused = phase
        .told
        .iter()
        .filter(|told| !matches!(told.what, What::Completed(_) | What::Accepted(_)));
    Ok(Seen {
        wait_p99: percentile(&waited, 99),
        took_p50: percentile(&took, 50),
        took_p99: percentile(&took, 99),
        refused: refused.count(),
        resident_mb,
        figures: record::compare(&rows, &effects, &[&phase], is_hung.then_some(HUNG.name())),
    })
}
