//! Calls channels. A mock answers in place: nothing leaves the process. A live
//! channel is called in a task of its own, which is over within the deadline,
//! and whose answer goes back to the loop. As whom it is called, the tenant's own
//! account or the configuration's, is found there, too (`accounts/`).
//!
//! All calls share one thread: a call is mostly waiting, and handing it from
//! thread to thread costs more than the call itself.

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::client::ChannelClient;
use fanfare_channels::mock;
use fanfare_core::attempt::{Evidence, LookUpOutcome, Observation, Proof, Retry, StepOutcome, WithdrawOutcome};
use fanfare_core::cause;
use fanfare_core::channel::Mode;
use fanfare_core::delivery::{Failure, Phase};
use fanfare_core::engine::{Call, Input};
use fanfare_core::receipt::Receipt;
use fanfare_core::text::Text;
use fanfare_ledger::Store;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::call_counts::{CallCounts, Kind};
use super::lease::Lease;
use crate::accounts::reach::Reach;
use crate::accounts::{Accounts, READ_WITHIN};

/// What was begun on a channel that is no longer configured waits so long for
/// its configuration before it is tried again.
const CONFIGURATION_INTERVAL: Duration = Duration::from_mins(5);

/// What could not be sent for want of a lease, or of the database, is tried again after
/// this time.
const LEASE_INTERVAL: Duration = Duration::from_secs(5);

/// How a channel is reached.
#[derive(Debug, Clone)]
pub enum Connection {
    /// Not at all: a mock answers.
    Mock,
    /// By its client.
    Live(Arc<dyn ChannelClient>),
    /// It should be live, and something is missing for that.
    Unusable(Failure),
}

impl Connection {
    /// What it is called by.
    ///
    /// # Errors
    /// Why it can't be called.
    pub(crate) fn client(&self) -> Result<&Arc<dyn ChannelClient>, Failure> {
        match self {
            Self::Live(client) => Ok(client),
            Self::Mock => Err(now_a_mock()),
            Self::Unusable(why) => Err(why.clone()),
        }
    }

    /// Why what is live can't be taken down from here, and what a person does instead;
    /// nothing where it can.
    pub fn cannot_withdraw(&self) -> Option<Text> {
        match self {
            Self::Live(client) => client.cannot_withdraw(),
            Self::Mock => Some(now_a_mock().detail),
            Self::Unusable(why) => Some(why.detail.clone()),
        }
    }
}

/// Calls channels for the loop.
pub(super) struct Calls {
    /// Whom channels are called as.
    pub(super) accounts: Arc<Accounts>,
    /// For what was heard of an attempt beside its rows.
    pub(super) store: Arc<dyn Store>,
    /// A call is over after this time.
    pub(super) deadline: Duration,
    /// Nothing is sent without it.
    pub(super) lease: Lease,
    pub(super) thread: CallThread,
    /// Of calls to live channels that were made: what is held back, or is known from
    /// evidence, is none.
    pub(super) counts: Arc<CallCounts>,
}

/// The thread on which channels are called; it ends when this is dropped, and
/// what is still under way with it.
///
/// Waking a thread costs as much as a good part of a call. So what is handed
/// over together wakes it once, and so do its answers the loop: those that come
/// by the same look at the sockets are sent one right after the other.
pub(super) struct CallThread {
    calls: mpsc::UnboundedSender<BoxFuture<'static, Input>>,
}

impl CallThread {
    /// Answers go to `answered`.
    pub(super) fn start(answered: mpsc::UnboundedSender<Input>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (calls, given) = mpsc::unbounded_channel();
        std::thread::Builder::new()
            .name("channels".to_owned())
            .spawn(move || runtime.block_on(make(given, answered)))?;
        Ok(Self { calls })
    }

    fn call(&self, call: impl Future<Output = Input> + Send + 'static) {
        // Refused only where the thread has died; the next life finds the intent.
        _ = self.calls.send(call.boxed());
    }
}

/// Makes all calls that are given, each in a task of its own.
async fn make(mut given: mpsc::UnboundedReceiver<BoxFuture<'static, Input>>, answered: mpsc::UnboundedSender<Input>) {
    let (found, mut answers) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        // This task's turn comes after that of all calls whose answer is there.
        while let Some(answer) = answers.recv().await {
            // Refused only when the loop has ended; the next life finds the intent.
            _ = answered.send(answer);
        }
    });
    while let Some(call) = given.recv().await {
        let found = found.clone();
        tokio::spawn(async move { _ = found.send(call.await) });
    }
}

impl Calls {
    /// Runs the next step of a channel's protocol; a mock's answer comes back at
    /// once.
    pub(super) fn step(&self, call: Call, now: Timestamp) -> Option<Input> {
        let reference = call.reference();
        if call.delivery.mode == Mode::Mock {
            let outcome = StepOutcome::Confirmed(receipt(&call, now));
            return Some(Input::Stepped { reference, outcome });
        }
        let (accounts, counts) = (Arc::clone(&self.accounts), Arc::clone(&self.counts));
        let (lease, deadline) = (self.lease.clone(), self.deadline);
        let stepped = async move {
            let channel = call.delivery.channel;
            let Some(reach) = whom(&accounts, &call).await else {
                return held_for_database(&call, now);
            };
            let client = match reach.client_for(&call.delivery) {
                Ok(client) => client,
                Err(why) => return held(&call, why, now),
            };
            // Right before sending, however long it has waited for its turn.
            if !lease.covers(deadline) {
                return held_for_database(&call, now);
            }
            let step = within(deadline, client.step(&call, now), StepOutcome::Unknown);
            reach.stepped(counts.timed(channel, Kind::Step, step).await)
        };
        self.answer(stepped, StepOutcome::Unknown, move |outcome| Input::Stepped {
            reference,
            outcome,
        });
        None
    }

    /// Finds out whether a step took effect.
    pub(super) fn look_up(&self, call: Call, now: Timestamp) -> Option<Input> {
        let reference = call.reference();
        if call.delivery.mode == Mode::Mock {
            let outcome = LookUpOutcome::Found(receipt(&call, now));
            return Some(Input::LookedUp { reference, outcome });
        }
        let (accounts, counts) = (Arc::clone(&self.accounts), Arc::clone(&self.counts));
        let (store, deadline) = (Arc::clone(&self.store), self.deadline);
        let looked = async move {
            let looked = look(&accounts, store, counts, (call, deadline), now).await;
            looked.unwrap_or_else(LookUpOutcome::Unknown)
        };
        self.answer(looked, LookUpOutcome::Unknown, move |outcome| Input::LookedUp {
            reference,
            outcome,
        });
        None
    }

    /// Takes down what is live; of a mock, nothing is anywhere.
    pub(super) fn withdraw(&self, call: Call, now: Timestamp) -> Option<Input> {
        let reference = call.reference();
        if call.delivery.mode == Mode::Mock {
            let outcome = WithdrawOutcome::Gone;
            return Some(Input::Withdrawn { reference, outcome });
        }
        let (accounts, counts) = (Arc::clone(&self.accounts), Arc::clone(&self.counts));
        let (lease, deadline) = (self.lease.clone(), self.deadline);
        let withdrawn = async move {
            let channel = call.delivery.channel;
            let reach = whom(&accounts, &call).await;
            let Some(reach) = reach.filter(|_| lease.covers(deadline)) else {
                return not_withdrawn(service_restarting(), Retry::After(LEASE_INTERVAL));
            };
            match reach.client_for(&call.delivery) {
                Ok(client) => {
                    let withdrawal = within(deadline, client.withdraw(&call, now), WithdrawOutcome::Unknown);
                    counts.timed(channel, Kind::Withdraw, withdrawal).await
                }
                Err(why) => not_withdrawn(why, Retry::Never),
            }
        };
        self.answer(withdrawn, WithdrawOutcome::Unknown, move |outcome| Input::Withdrawn {
            reference,
            outcome,
        });
        None
    }

    /// Asks what became of what a channel took. A mock is never asked.
    pub(super) fn observe(&self, call: Call, now: Timestamp) -> Option<Input> {
        let reference = call.reference();
        let (accounts, counts) = (Arc::clone(&self.accounts), Arc::clone(&self.counts));
        let deadline = self.deadline;
        let observed = async move {
            let Some(reach) = whom(&accounts, &call).await else {
                return Observation::unknown(service_restarting());
            };
            match reach.client_for(&call.delivery) {
                Ok(client) => {
                    let look = within(deadline, client.observe(&call, now), Observation::unknown);
                    reach.observed(counts.timed(call.delivery.channel, Kind::Observe, look).await)
                }
                Err(why) => Observation::unknown(why),
            }
        };
        self.answer(observed, Observation::unknown, move |outcome| Input::Observed {
            reference,
            outcome,
        });
        None
    }

    /// Whatever happens to the call, one answer comes.
    fn answer<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
        unknown: fn(Failure) -> T,
        input: impl FnOnce(T) -> Input + Send + 'static,
    ) {
        // The call itself is over by its deadline; before it, the database may be read twice.
        let deadline = self.deadline + 2 * READ_WITHIN;
        self.thread.call(async move {
            let call = AssertUnwindSafe(call).catch_unwind();
            let outcome = match tokio::time::timeout(deadline, call).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => {
                    tracing::error!("a call to a channel panicked; the panic's own message stands above");
                    unknown(no_answer())
                }
                Err(_) => unknown(no_answer()),
            };
            input(outcome)
        });
    }
}

/// A call that takes no more than its time.
async fn within<T>(deadline: Duration, call: impl Future<Output = T>, unknown: fn(Failure) -> T) -> T {
    let called = tokio::time::timeout(deadline, call).await;
    called.unwrap_or_else(|_late| unknown(no_answer()))
}

/// Nothing where that can't be read now.
async fn whom(accounts: &Accounts, call: &Call) -> Option<Reach> {
    match accounts.reach_for(&call.tenant, &call.delivery).await {
        Ok(reach) => Some(reach),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn Error,
                "could not read the account that a channel is called as"
            );
            None
        }
    }
}

/// What was heard beside the rows comes first: it may be the answer already, or
/// show from where to look.
async fn look(
    accounts: &Accounts,
    store: Arc<dyn Store>,
    counts: Arc<CallCounts>,
    (mut call, deadline): (Call, Duration),
    now: Timestamp,
) -> Result<LookUpOutcome, Failure> {
    let evidence = store.evidence(&call.tenant, call.distribution).await.map_err(|error| {
        tracing::warn!(
            error = &error as &dyn Error,
            "could not read the evidence of an attempt"
        );
        no_answer()
    })?;
    let delivery = &call.delivery;
    let of_generation =
        |evidence: &&Evidence| evidence.channel == delivery.channel && evidence.generation == delivery.generation;
    let of_generation: Vec<_> = evidence.iter().filter(of_generation).collect();
    let receipt = of_generation.iter().find_map(|evidence| match &evidence.proof {
        Proof::Receipt(receipt) => Some(receipt),
        Proof::Checkpoint(_) => None,
    });
    // An answer that is there needs nobody to ask.
    if let Some(receipt) = receipt {
        return Ok(LookUpOutcome::Found(receipt.clone()));
    }
    let reach = whom(accounts, &call).await.ok_or_else(service_restarting)?;
    let client = reach.connection.client()?;
    let mut heard_from = None;
    for evidence in of_generation {
        if let Proof::Checkpoint(heard) = &evidence.proof {
            let so_far = heard_from.as_ref().or(delivery.checkpoint.as_ref());
            if client.is_further(heard, so_far) {
                heard_from = Some(heard.clone());
            }
        }
    }
    if heard_from.is_some() {
        call.delivery.checkpoint = heard_from;
    }
    // What was heard may have been begun with another account than the rows know of.
    let reach = whom(accounts, &call).await.ok_or_else(service_restarting)?;
    let client = reach.client_for(&call.delivery)?;
    let channel = call.delivery.channel;
    let look_up = within(deadline, client.look_up(&call, now), LookUpOutcome::Unknown);
    let outcome = counts.timed(channel, Kind::LookUp, look_up).await;
    Ok(reach.looked_up(outcome))
}

/// Nothing was sent now; but what was begun before may be live, and waits.
fn held(call: &Call, why: Failure, now: Timestamp) -> StepOutcome {
    let is_begun = call.delivery.checkpoint.is_some();
    // Nobody can be asked to call off what is begun: a person finds out, and says.
    if call.delivery.phase == Phase::Unknown || is_begun && call.delivery.called_off {
        return StepOutcome::Unknown(why);
    }
    if !is_begun {
        return StepOutcome::Rejected {
            failure: why,
            retry: Retry::Never,
            checkpoint: None,
        };
    }
    StepOutcome::Held {
        until: now.saturating_add(CONFIGURATION_INTERVAL).unwrap_or(Timestamp::MAX),
        reason: why,
    }
}

/// Nothing was sent: others may take this node's work over at any moment, or it can't
/// be read as whom to send. Where others have taken it over, writing this is refused.
fn held_for_database(call: &Call, now: Timestamp) -> StepOutcome {
    let why = service_restarting();
    if call.delivery.phase == Phase::Unknown {
        return StepOutcome::Unknown(why);
    }
    StepOutcome::Held {
        until: now.saturating_add(LEASE_INTERVAL).unwrap_or(Timestamp::MAX),
        reason: why,
    }
}

fn service_restarting() -> Failure {
    let detail = Text::new(
        "The service has lost touch with its database for a while; this goes on as soon as that is mended.",
        "서비스가 데이터베이스와 잠시 연결이 끊겼습니다. 복구되는 대로 이어서 진행됩니다.",
    );
    cause::SERVICE_RESTARTING.because(detail)
}

fn not_withdrawn(failure: Failure, retry: Retry) -> WithdrawOutcome {
    WithdrawOutcome::Refused { failure, retry }
}

fn receipt(call: &Call, now: Timestamp) -> Receipt {
    let delivery = &call.delivery;
    mock::receipt(
        delivery.channel,
        &call.request.request,
        delivery.id,
        delivery.generation,
        now,
    )
}

fn no_answer() -> Failure {
    let detail = Text::new(
        "The channel was called and gave no answer in time. Whether it took effect is being found out; do not post it \
         yourself.",
        "채널을 호출했지만 제때 응답을 받지 못했습니다. 반영 여부를 확인하고 있으니 직접 게시하지 마세요.",
    );
    cause::OUTCOME_UNKNOWN.because(detail)
}

/// It was accepted when the channel was live.
fn now_a_mock() -> Failure {
    let detail = Text::new(
        "The request was accepted when the channel was live, and now it is set to mock. Set it to live again.",
        "요청을 접수할 때는 실제 채널이었지만 지금은 모의(mock)로 설정되어 있습니다. 다시 live로 설정해 주세요.",
    );
    cause::CHANNEL_NOT_CONFIGURED.because(detail)
}
