//! Counts what became of questions to Redis, for `/metrics`.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// Counters, looked up once.
pub(super) struct Counts {
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    /// Reads that were answered late, wrongly, or not at all.
    pub(super) failed_reads: Counter,
    /// Reads that Redis was not asked for, as the breaker is open.
    pub(super) unasked_reads: Counter,
    /// Writes that did not reach Redis, for either reason.
    pub(super) lost_writes: Counter,
    pub(super) breaker_open: Gauge,
}

impl Counts {
    pub(super) fn register() -> Self {
        describe_counter!("fanfare_cache_reads_total", "Reads of the shared status cache");
        describe_counter!(
            "fanfare_cache_lost_writes_total",
            "Writes of the shared status cache that did not reach it"
        );
        describe_gauge!(
            "fanfare_cache_breaker_open",
            "1 while the shared status cache is left alone"
        );
        let reads = |result: &'static str| counter!("fanfare_cache_reads_total", "result" => result);
        Self {
            hits: reads("hit"),
            misses: reads("miss"),
            failed_reads: reads("failed"),
            unasked_reads: reads("unasked"),
            lost_writes: counter!("fanfare_cache_lost_writes_total"),
            breaker_open: gauge!("fanfare_cache_breaker_open"),
        }
    }
}
