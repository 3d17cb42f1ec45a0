//! A request is sent again, and meanwhile a time in it has passed, or the list that it
//! names was taken away: it was right when it was accepted, so it is answered as any other repeat is (I12).
//!
//! All other repeats are found where requests are accepted, in the Ledger.

use fanfare_core::distribution::Distribution;
use fanfare_core::fault::Fault;
use fanfare_core::ids::{DistributionId, IdempotencyKey};
use fanfare_core::request::CanonicalRequest;
use fanfare_core::validate::{self, AdmitSettings, code};
use fanfare_ledger::{KEY_LIFETIME, StoreError};
use jiff::Timestamp;
use serde_json::Value;

use super::caller::Caller;
use super::state::Api;

/// The distribution that this request was accepted as, before its times passed.
pub(super) async fn of_the_past(
    state: &Api,
    caller: &Caller,
    body: &Value,
    key: Option<&IdempotencyKey>,
    faults: &[Fault],
) -> Result<Option<DistributionId>, StoreError> {
    let comes_with_time = |fault: &Fault| [code::IN_THE_PAST, code::UNKNOWN_RECIPIENT_LIST].contains(&fault.code);
    if !faults.iter().any(comes_with_time) {
        return Ok(None);
    }
    let admit = &state.admit_for(caller).await?;
    if let Some(key) = key {
        let since = state.clock.now().saturating_sub(KEY_LIFETIME).unwrap_or(Timestamp::MIN);
        let known = state.store.distribution_of_key(&caller.tenant, key, since).await?;
        return Ok(known.filter(|known| was_this(admit, body, known)).map(|known| known.id));
    }
    let Some(request) = validate::faults(body, admit, state.clock.now()).0 else {
        return Ok(None);
    };
    let Some(newest) = state.store.newest_of_event(&caller.tenant, &request.event_id).await? else {
        return Ok(None);
    };
    let mut candidate = Some(newest.distribution);
    let mut others = newest.others.into_iter();
    while let Some(known) = candidate {
        let holds = known.deliveries.iter().any(|delivery| delivery.holds_claim);
        if holds && was_this(admit, body, &known) {
            return Ok(Some(known.id));
        }
        candidate = match others.next() {
            Some(id) => state.store.distribution(&caller.tenant, id).await?,
            None => None,
        };
    }
    Ok(None)
}

/// Whether the body, read at the time of that acceptance, is what was accepted.
fn was_this(admit: &AdmitSettings, body: &Value, known: &Distribution) -> bool {
    validate::admit(body, admit, known.accepted_at)
        .is_ok_and(|admitted| CanonicalRequest::new(admitted.request).hash == known.request.hash)
}
