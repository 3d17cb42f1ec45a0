//! What routes share by which a person asks something of a distribution: `retry`,
//! `cancel`, `resolve`, `withdraw`.

use std::sync::Arc;
use std::time::Duration;

use fanfare_core::distribution::Distribution;
use fanfare_core::ids::DistributionId;

use super::caller::Caller;
use super::error::ApiError;
use super::state::Api;
use crate::perform::{Ask, AskAnswer, AskRefusal};

/// Who asks for what is not there, or not theirs, learns just that, whatever else
/// is wrong.
pub(super) async fn known(state: &Api, caller: &Caller, id: DistributionId) -> Result<(), ApiError> {
    let found = state.store.distribution(&caller.tenant, id).await?;
    found.map(|_| ()).ok_or(ApiError::DistributionUnknown)
}

/// Committed, or why not.
pub(super) async fn granted(state: &Api, caller: &Caller, id: DistributionId, what: &Ask) -> Result<(), ApiError> {
    match state.engine.ask(&caller.tenant, id, what).await? {
        AskAnswer::Done => Ok(()),
        AskAnswer::Refused(refusal) => Err(ApiError::NotPossible(refusal)),
        AskAnswer::Held(holders) => Err(ApiError::AlreadyDistributed(holders)),
        AskAnswer::Behind(behind) => Err(ApiError::Behind(behind)),
        AskAnswer::OverSpent(over) => Err(ApiError::OverSpent(over)),
        AskAnswer::Elsewhere | AskAnswer::NotHere => Err(ApiError::OwnedElsewhere),
    }
}

/// The same of one channel, which the path names: one that was not chosen is not there.
pub(super) async fn granted_of_channel(
    state: &Api,
    caller: &Caller,
    id: DistributionId,
    what: &Ask,
) -> Result<(), ApiError> {
    match granted(state, caller, id, what).await {
        Err(ApiError::NotPossible(AskRefusal::NotChosen(channel))) => {
            Err(ApiError::ChannelUnknown(channel.name().to_owned()))
        }
        granted => granted,
    }
}

/// How it stands once nothing of it moves, or the wait is over.
pub(super) async fn stands(
    state: &Api,
    caller: &Caller,
    id: DistributionId,
    wait: Duration,
) -> Result<Arc<Distribution>, ApiError> {
    let found = state.engine.rest(&caller.tenant, id, wait).await?;
    found.ok_or(ApiError::DistributionUnknown)
}
