//! Faults that a test plants, to see that the deterministic simulation finds
//! them. Without the feature `planted-bugs` there are none, and every question
//! for one is `false` when the program is compiled.

/// A fault that can be planted; each changes one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Calls are made while their intent is being committed.
    CallBeforeCommit,
    /// A step that follows another is never said to have an effect.
    IntentForgotten,
    /// An unknown outcome is taken for a refusal.
    BlindRepeat,
    /// What another life has sent is looked up before its calls are over.
    NoWaitForOldCalls,
    /// A success is written without its receipt.
    ReceiptForgotten,
    /// Whatever answer comes is taken for the current call's.
    AnyAnswerTaken,
    /// Versions are counted in twos.
    VersionSkipped,
    /// History numbers are counted in twos.
    HistorySkipped,
    /// The distribution's status stays as it was.
    StatusForgotten,
    /// A success gives its claim back.
    ClaimDropped,
    /// Nothing wakes a delivery that waits.
    TimerForgotten,
    /// People are told before the commit.
    ToldBeforeCommit,
    /// A refused write is taken for a committed one.
    FencedIgnored,
    /// An intent that another life left open is run again.
    IntentRunAgain,
    /// One look that finds nothing is enough.
    OneLookIsEnough,
    /// What was permitted is sent, whatever the breaker says by then.
    OldLeaveTaken,
    /// A breaker that finds out whether the channel is back lets all through.
    ProbesUnlimited,
    /// A look-up does not ask the breaker.
    LookUpUnasked,
    /// A rejected attempt that was called off is followed by another one.
    CancelForgotten,
    /// An attempt begins although sending is stopped.
    StopForgotten,
    /// Calls do not count for the quota.
    QuotaForgotten,
    /// Each node takes the whole quota.
    QuotaUnshared,
    /// What is redriven spends nothing.
    SpendForgotten,
    /// No clear answer to a withdrawal is taken for its success.
    SilenceIsGone,
    /// A withdrawal that another life left behind does not go on.
    WithdrawalLeft,
    /// A look that another life was to take at what a channel took is not taken.
    LookLeft,
    /// What the breaker of a tenant's account holds back is sent all the same.
    AccountIgnored,
    /// Own work that is not in memory is not read again.
    MissedForgotten,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::CallBeforeCommit,
        Self::IntentForgotten,
        Self::BlindRepeat,
        Self::NoWaitForOldCalls,
        Self::ReceiptForgotten,
        Self::AnyAnswerTaken,
        Self::VersionSkipped,
        Self::HistorySkipped,
        Self::StatusForgotten,
        Self::ClaimDropped,
        Self::TimerForgotten,
        Self::ToldBeforeCommit,
        Self::FencedIgnored,
        Self::IntentRunAgain,
        Self::OneLookIsEnough,
        Self::OldLeaveTaken,
        Self::ProbesUnlimited,
        Self::LookUpUnasked,
        Self::CancelForgotten,
        Self::StopForgotten,
        Self::QuotaForgotten,
        Self::QuotaUnshared,
        Self::SpendForgotten,
        Self::SilenceIsGone,
        Self::WithdrawalLeft,
        Self::LookLeft,
        Self::AccountIgnored,
        Self::MissedForgotten,
    ];
}

/// What is planted in an engine: nothing, or one fault.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Planted {
    #[cfg(feature = "planted-bugs")]
    pub(super) bug: Option<Bug>,
}

impl Planted {
    #[cfg(feature = "planted-bugs")]
    pub(super) fn has(self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    #[cfg(not(feature = "planted-bugs"))]
    #[expect(clippy::unused_self, reason = "with the feature it is looked at")]
    pub(super) const fn has(self, _bug: Bug) -> bool {
        false
    }
}
