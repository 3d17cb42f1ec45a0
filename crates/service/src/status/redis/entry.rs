//! What stands in Redis under which key, and the script that writes it.
//!
//! Two keys an event. `distribution:{eventId}` is the contract's, to the letter:
//! `{"status", "results"}`, for whoever else reads Redis. The service itself
//! reads the companion beside it, which holds all that a status shows, in both
//! languages, and the state's place in the order of states:
//!
//! ```text
//! 0192f0c1…(32 hex digits)0000000004(history number)R{"putAt": …, "status": …}
//! ```
//!
//! `R` rests; `M` moves, and nothing follows it. The place comes first and has
//! always the same width, so that the script compares two as plain text.

use fanfare_core::distribution::DistributionStatus;
use fanfare_core::result::ChannelResult;
use jiff::Timestamp;
use redis::Script;
use serde::{Deserialize, Serialize};

use crate::status::{CachedStatus, Order};

/// Digits of a state's place.
const PLACE_WIDTH: usize = 42;

/// Writes both keys, unless the companion holds something newer, or the same
/// state and that moves. What stands there and is no entry of this service is
/// overwritten.
///
/// Keys: the contract's, the companion. Arguments: place, companion, the
/// contract's value (empty: it moves), seconds.
const WRITE: &str = r"
local held = redis.pcall('GET', KEYS[2])
local place, state
if type(held) == 'string' then place, state = string.match(held, '^(%x+)([RM])') end
if place and #place == #ARGV[1] then
  if place > ARGV[1] then return 0 end
  if place == ARGV[1] and state == 'M' then return 0 end
end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[4])
if ARGV[3] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[4])
end
return 1
";

/// The script, ready to be called.
pub(super) fn write_script() -> Script {
    Script::new(WRITE)
}

/// The companion of a key. In a cluster the braces put both on the same node.
pub(super) fn companion_key(key: &str) -> String {
    format!("fanfare:status:{{{key}}}")
}

/// What the contract says: nothing more, in English.
#[derive(Serialize)]
struct Contract<'a> {
    status: DistributionStatus,
    results: Vec<&'a ChannelResult>,
}

/// What follows the place of a resting state.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Companion<S> {
    put_at: Timestamp,
    status: S,
}

/// A write of both keys.
pub(super) struct Write {
    pub(super) place: String,
    pub(super) companion: String,
    /// Empty where the state moves.
    pub(super) contract: String,
}

impl Write {
    /// Of a state that rests.
    pub(super) fn resting(status: &CachedStatus, put_at: Timestamp) -> Result<Self, serde_json::Error> {
        let place = place(status.order());
        let results = status.results.iter().map(|result| &result.shown).collect();
        let contract = serde_json::to_string(&Contract {
            status: status.status,
            results,
        })?;
        let companion = serde_json::to_string(&Companion { put_at, status })?;
        Ok(Self {
            companion: format!("{place}R{companion}"),
            place,
            contract,
        })
    }

    /// Of a state that moves.
    pub(super) fn moving(order: Order) -> Self {
        let place = place(order);
        Self {
            companion: format!("{place}M"),
            place,
            contract: String::new(),
        }
    }
}

/// Reads a companion: a resting state, and when it was put. What moves, what
/// another version of the program wrote, and what is nobody's is not there.
pub(super) fn read(companion: &[u8]) -> Option<(CachedStatus, Timestamp)> {
    let (state, json) = companion.get(PLACE_WIDTH..)?.split_first()?;
    if *state != b'R' {
        return None;
    }
    let Companion { put_at, status } = serde_json::from_slice(json).ok()?;
    Some((status, put_at))
}

/// A place as text that sorts like the place.
fn place((distribution, history_number): Order) -> String {
    format!("{}{history_number:010}", distribution.0.simple())
}

#[cfg(test)]
mod tests {
    use fanfare_core::ids::DistributionId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn places_sort_as_text_like_the_states_they_name() {
        let orders = [
            (0, 0),
            (0, 9),
            (0, 10),
            (0, u32::MAX),
            (1, 1),
            (0x0f, 1),
            (0x10, 0),
            (u128::MAX, 2),
        ];
        let places = orders.map(|(id, number)| place((DistributionId(Uuid::from_u128(id)), number)));
        assert!(places.is_sorted(), "{places:?}");
        assert!(places.iter().all(|place| place.len() == PLACE_WIDTH));
    }

    #[test]
    fn what_is_no_entry_is_not_there() {
        let zeros = "0".repeat(PLACE_WIDTH);
        for foreign in [
            String::new(),
            "x".to_owned(),
            zeros.clone(),
            format!("{zeros}M"),
            format!("{zeros}R"),
            format!("{zeros}R{{\"putAt\":1}}"),
            format!("{zeros}R{{\"putAt\":\"2026-01-01T00:00:00Z\",\"status\":{{}}}}"),
            "{\"status\":\"COMPLETED\",\"results\":[],\"and\":\"much more than forty-two bytes\"}".to_owned(),
        ] {
            assert!(read(foreign.as_bytes()).is_none(), "{foreign}");
        }
    }
}
