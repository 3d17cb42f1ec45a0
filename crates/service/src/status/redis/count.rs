//! Counts what became of questions to Redis, for `/metrics`.

use metrics::{Counter, Gauge, counter, gauge};

use crate::telemetry;

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
        let reads = |result: &'static str| counter!(telemetry::CACHE_READS, "result" => result);
        Self {
            hits: reads("hit"),
            misses: reads("miss"),
            failed_reads: reads("failed"),
            unasked_reads: reads("unasked"),
            lost_writes: counter!(telemetry::CACHE_LOST_WRITES),
            breaker_open: gauge!(telemetry::CACHE_BREAKER_OPEN),
        }
    }
}
