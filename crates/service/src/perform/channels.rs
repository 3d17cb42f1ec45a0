//! Calls channels. A mock answers in place: nothing leaves the process. A live
//! channel is called in a task of its own, which is over within the deadline,
//! and whose answer goes back to the loop.
//!
//! All calls share one thread: a call is mostly waiting, and handing it from
//! thread to thread costs more than the call itself.

use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::client::ChannelClient;
use fanfare_channels::mock;
use fanfare_core::attempt::{Dedup, Evidence, LookUpOutcome, Proof, Protocol, Retry, StepOutcome, WithdrawOutcome};
use fanfare_core::cause;
use fanfare_core::channel::{Channel, Mode};
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

/// What was begun on a channel that is no longer configured waits so long for
/// its configuration before it is tried again.
const CONFIGURATION_INTERVAL: Duration = Duration::from_mins(5);

/// What could not be sent for want of a lease is tried again after this time.
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
    /// How its protocol behaves.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Mock => Protocol::MOCK,
            Self::Live(client) => client.protocol(),
            // Nothing is called; what is in doubt is not decided either.
            Self::Unusable(_) => Protocol {
                first_step_has_effect: true,
                dedup: Dedup::LookUp { settle: Duration::ZERO },
            },
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
    pub(super) connections: [Connection; Channel::ALL.len()],
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
        match self.connection(&call) {
            Connection::Live(client) => {
                let (client, lease, deadline) = (Arc::clone(client), self.lease.clone(), self.deadline);
                let counts = Arc::clone(&self.counts);
                let stepped = async move {
                    // Right before sending, however long it has waited for its turn.
                    if !lease.covers(deadline) {
                        return held_for_lease(&call, now);
                    }
                    let channel = call.delivery.channel;
                    counts.timed(channel, Kind::Step, client.step(&call, now)).await
                };
                self.answer(stepped, StepOutcome::Unknown, move |outcome| Input::Stepped {
                    reference,
                    outcome,
                });
                None
            }
            Connection::Unusable(why) => Some(Input::Stepped {
                reference,
                outcome: held(&call, why.clone(), now),
            }),
            Connection::Mock => Some(Input::Stepped {
                reference,
                outcome: held(&call, now_a_mock(), now),
            }),
        }
    }

    /// Finds out whether a step took effect.
    pub(super) fn look_up(&self, call: Call, now: Timestamp) -> Option<Input> {
        let reference = call.reference();
        let outcome = match (call.delivery.mode, self.connection(&call)) {
            (Mode::Mock, _) => LookUpOutcome::Found(receipt(&call, now)),
            (Mode::Live, Connection::Live(client)) => {
                let (store, counts) = (Arc::clone(&self.store), Arc::clone(&self.counts));
                let looked = look(Arc::clone(client), store, counts, call, now);
                self.answer(looked, LookUpOutcome::Unknown, move |outcome| Input::LookedUp {
                    reference,
                    outcome,
                });
                return None;
            }
            (Mode::Live, Connection::Unusable(why)) => LookUpOutcome::Unknown(why.clone()),
            (Mode::Live, Connection::Mock) => LookUpOutcome::Unknown(now_a_mock()),
        };
        Some(Input::LookedUp { reference, outcome })
    }

    /// Takes down what is live; of a mock, nothing is anywhere.
    pub(super) fn withdraw(&self, call: Call, now: Timestamp) -> Option<Input> {
        let reference = call.reference();
        let outcome = match (call.delivery.mode, self.connection(&call)) {
            (Mode::Mock, _) => WithdrawOutcome::Gone,
            (Mode::Live, Connection::Live(client)) => {
                let (client, lease, deadline) = (Arc::clone(client), self.lease.clone(), self.deadline);
                let counts = Arc::clone(&self.counts);
                let withdrawn = async move {
                    if !lease.covers(deadline) {
                        return not_withdrawn(service_restarting(), Retry::After(LEASE_INTERVAL));
                    }
                    let channel = call.delivery.channel;
                    counts.timed(channel, Kind::Withdraw, client.withdraw(&call, now)).await
                };
                self.answer(withdrawn, WithdrawOutcome::Unknown, move |outcome| Input::Withdrawn {
                    reference,
                    outcome,
                });
                return None;
            }
            (Mode::Live, Connection::Unusable(why)) => not_withdrawn(why.clone(), Retry::Never),
            (Mode::Live, Connection::Mock) => not_withdrawn(now_a_mock(), Retry::Never),
        };
        Some(Input::Withdrawn { reference, outcome })
    }

    fn connection(&self, call: &Call) -> &Connection {
        &self.connections[call.delivery.channel.index()]
    }

    /// Whatever happens to the call, one answer comes.
    fn answer<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
        unknown: fn(Failure) -> T,
        input: impl FnOnce(T) -> Input + Send + 'static,
    ) {
        let deadline = self.deadline;
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

/// What was heard beside the rows comes first: it may be the answer already, or
/// show from where to look.
async fn look(
    client: Arc<dyn ChannelClient>,
    store: Arc<dyn Store>,
    counts: Arc<CallCounts>,
    mut call: Call,
    now: Timestamp,
) -> LookUpOutcome {
    let evidence = match store.evidence(&call.tenant, call.distribution).await {
        Ok(evidence) => evidence,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn Error,
                "could not read the evidence of an attempt"
            );
            return LookUpOutcome::Unknown(no_answer());
        }
    };
    let delivery = &call.delivery;
    let of_generation =
        |evidence: &&Evidence| evidence.channel == delivery.channel && evidence.generation == delivery.generation;
    let mut heard_from = None;
    for evidence in evidence.iter().filter(of_generation) {
        match &evidence.proof {
            Proof::Receipt(receipt) => return LookUpOutcome::Found(receipt.clone()),
            Proof::Checkpoint(heard) => {
                let so_far = heard_from.as_ref().or(delivery.checkpoint.as_ref());
                if client.is_further(heard, so_far) {
                    heard_from = Some(heard.clone());
                }
            }
        }
    }
    if heard_from.is_some() {
        call.delivery.checkpoint = heard_from;
    }
    let channel = call.delivery.channel;
    counts.timed(channel, Kind::LookUp, client.look_up(&call, now)).await
}

/// Nothing was sent now; but what was begun before may be live, and waits.
fn held(call: &Call, why: Failure, now: Timestamp) -> StepOutcome {
    if call.delivery.phase == Phase::Unknown {
        return StepOutcome::Unknown(why);
    }
    if call.delivery.checkpoint.is_none() {
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

/// Nothing was sent: others may take this node's work over at any moment. Where
/// they have, writing this is refused.
fn held_for_lease(call: &Call, now: Timestamp) -> StepOutcome {
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
