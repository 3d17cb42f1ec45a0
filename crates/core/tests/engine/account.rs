//! One tenant's account in trouble, and others' that are not.

use std::time::Duration;

use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::channel::Channel;
use fanfare_core::delivery::{DeliveryStatus, Failure};
use fanfare_core::engine::{Call, Command, Input, NewDistribution};
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::resilience::breaker::{BreakerAction, BreakerState};
use fanfare_core::text::Text;
use fanfare_core::write::{Write, Written};

use crate::{KEY, Node, TWO, calls, confirmed, new, record, stepped};

const CHANNEL: Channel = TWO[0];

fn of(tenant: &str) -> NewDistribution {
    NewDistribution {
        tenant: TenantId::new(tenant),
        ..new(&[CHANNEL], None)
    }
}

fn away(retry: Retry) -> StepOutcome {
    StepOutcome::Rejected {
        failure: Failure::new("channel_unavailable", Text::new("No.", "안 됩니다.")),
        retry,
        checkpoint: None,
    }
}

fn roomy() -> Node {
    crate::node_for(KEY, 8, 100)
}

impl Node {
    fn sent(&mut self, tenant: &str) -> (DistributionId, Vec<Call>) {
        // Ids of one millisecond have no order.
        self.now += Duration::from_millis(1);
        self.accepted(of(tenant))
    }

    fn ends(&mut self, tenant: &str, outcome: &StepOutcome) {
        let (id, out) = self.sent(tenant);
        self.step(vec![stepped(&out[0], outcome.clone())]);
        self.written(id, Written::Recorded);
    }

    fn fails(&mut self, tenant: &str, times: u32) {
        for _ in 0..times {
            self.ends(tenant, &away(Retry::Never));
        }
    }

    /// Fails as often as it is asked whether it is in order again.
    fn fails_on(&mut self, tenant: &str, times: u32) {
        self.fails(tenant, 5);
        for _ in 0..times {
            let (id, out) = self.sent(tenant);
            assert_eq!(out, []);
            self.later(Duration::from_mins(6));
            let probe = calls(self.written(id, Written::Recorded));
            self.step(vec![stepped(&probe[0], away(Retry::Never))]);
            self.written(id, Written::Recorded);
        }
        assert_eq!(self.of_account(tenant), Some(BreakerState::Open));
    }

    fn of_channel(&self) -> BreakerState {
        self.engine.breaker(CHANNEL).state
    }

    fn of_account(&self, tenant: &str) -> Option<BreakerState> {
        let view = self.engine.account_breaker(CHANNEL, &TenantId::new(tenant));
        view.map(|view| view.state)
    }
}

#[test]
fn an_account_that_fails_holds_back_its_own_deliveries_and_nobody_else_s() {
    let mut node = roomy();
    node.fails("cafe", 5);
    assert_eq!(
        (node.of_account("cafe"), node.of_channel()),
        (Some(BreakerState::Open), BreakerState::Closed)
    );
    node.now += Duration::from_millis(1);
    let (_, commands) = node.ask(of("cafe"));
    let [Command::Write(Write::Accept(acceptance))] = &commands[..] else {
        panic!("{commands:?}")
    };
    let held = &acceptance.distribution.deliveries[0];
    let why = held.failure.as_ref().unwrap();
    assert_eq!(
        (held.status, held.attempt, &*why.code),
        (DeliveryStatus::Waiting, 0, "breaker_open")
    );
    assert!(why.detail.en.contains("others' are not affected"), "{why:?}");
    for tenant in ["bakery", "default"] {
        assert_eq!(node.sent(tenant).1.len(), 1, "{tenant} goes on");
    }
}

#[test]
fn two_accounts_that_fail_together_show_that_it_is_the_channel() {
    let mut node = roomy();
    for _ in 0..3 {
        assert_eq!(node.of_channel(), BreakerState::Closed);
        node.fails("cafe", 1);
        node.fails("bakery", 1);
    }
    assert_eq!(node.of_channel(), BreakerState::Open);
    assert_eq!(node.of_account("bakery"), Some(BreakerState::Closed));
    assert_eq!(node.sent("florist").1, []);
}

/// In a row, by rate, slowly, or now and then: whatever one account comes to is counted
/// against it alone.
#[test]
fn one_account_does_not_open_the_channel_s_breaker_however_it_fails() {
    let slow = |node: &mut Node| {
        let (id, out) = node.sent("cafe");
        node.now += Duration::from_secs(9);
        node.step(vec![stepped(&out[0], confirmed())]);
        node.written(id, Written::Recorded);
    };
    for course in ["FFFFSFFFF", "FSFSFSFSFSFSFSFSFSFS", "LLLLLLLLLL", "FLFLFLFLFL"] {
        let mut node = roomy();
        for call in course.chars() {
            if node.of_account("cafe") == Some(BreakerState::Open) {
                break;
            }
            match call {
                'F' => node.fails("cafe", 1),
                'L' => slow(&mut node),
                _ => node.ends("cafe", &confirmed()),
            }
        }
        node.ends("bakery", &confirmed());
        assert_eq!(node.of_channel(), BreakerState::Closed, "{course}");
        assert_eq!(node.sent("bakery").1.len(), 1, "{course}");
    }
    // Flapping: what its probes come to is its own, too.
    let mut node = roomy();
    node.fails_on("cafe", 1);
    let (id, _) = node.sent("cafe");
    node.later(Duration::from_mins(6));
    let probe = calls(node.written(id, Written::Recorded));
    node.step(vec![stepped(&probe[0], confirmed())]);
    node.written(id, Written::Recorded);
    assert_eq!(node.of_account("cafe"), Some(BreakerState::Closed));
    node.fails("cafe", 4);
    node.ends("cafe", &confirmed());
    node.ends("bakery", &confirmed());
    assert_eq!(node.of_channel(), BreakerState::Closed);
}

/// A shop that was closed down fails now and then for good.
#[test]
fn an_account_that_is_known_to_be_in_trouble_does_not_make_another_s_the_channel_s() {
    let mut node = roomy();
    node.fails_on("cafe", 1);
    node.fails("bakery", 4);
    node.fails("florist", 1);
    node.ends("florist", &confirmed());
    assert_eq!(node.of_channel(), BreakerState::Closed);
    node.fails("bakery", 1);
    assert_eq!(node.of_account("bakery"), Some(BreakerState::Open));
    assert_eq!(node.of_channel(), BreakerState::Closed);
}

/// Long ago is not together.
#[test]
fn two_accounts_that_fail_at_different_times_are_two_troubles() {
    let mut node = roomy();
    for _ in 0..4 {
        node.fails("cafe", 1);
        node.later(Duration::from_mins(6));
        node.fails("bakery", 1);
        node.later(Duration::from_mins(6));
    }
    assert_eq!(node.of_channel(), BreakerState::Closed);
}

/// Its work went on at another node, or was called off: nobody here would ask again.
#[test]
fn a_breaker_that_nobody_asks_for_any_more_is_closed() {
    let mut node = roomy();
    node.fails("cafe", 5);
    let wakes = node.engine.next_timer().expect("it is looked at");
    assert!(wakes <= node.now + Duration::from_mins(1), "{wakes}");
    for minute in 1..=7 {
        let commands = node.later(Duration::from_mins(1));
        let closed = commands.iter().any(|command| {
            matches!(command, Command::BreakerChanged { account: Some(_), to, .. } if to.state == BreakerState::Closed)
        });
        // Open for half a minute; five minutes later nobody has come.
        assert_eq!(closed, minute == 6, "minute {minute}");
    }
    assert_eq!(node.engine.next_timer(), None, "nothing is left to look at");
    // While something waits for it here, it stays.
    node.fails("cafe", 5);
    let (_, out) = node.sent("cafe");
    assert_eq!(out, []);
    node.now += Duration::from_secs(20);
    node.step(Vec::new());
    assert_eq!(node.of_account("cafe"), Some(BreakerState::Open));
}

#[test]
fn the_configured_account_s_breaker_is_the_channel_s() {
    let mut node = roomy();
    node.fails("default", 5);
    assert_eq!(
        (node.of_channel(), node.of_account("default")),
        (BreakerState::Open, None)
    );
}

#[test]
fn what_waited_for_an_account_goes_on_in_order_once_a_call_with_it_succeeds() {
    let mut node = roomy();
    node.fails("cafe", 5);
    let ids: Vec<_> = (0..3).map(|_| node.sent("cafe").0).collect();
    let commands = node.later(Duration::from_secs(30));
    let begun = |commands: &[Command]| -> Vec<_> {
        let records = commands.iter().filter_map(|command| match command {
            Command::Write(Write::Record(record)) => Some(record),
            _ => None,
        });
        let begins = records.filter(|record| record.deliveries[0].status == DeliveryStatus::InProgress);
        begins.map(|record| record.id).collect()
    };
    assert_eq!(begun(&commands), ids[..1], "one finds out");
    assert_eq!(node.of_account("cafe"), Some(BreakerState::HalfOpen));
    let probe = calls(node.written(ids[0], Written::Recorded));
    let commands = node.step(vec![stepped(&probe[0], confirmed())]);
    let changed = commands.iter().find_map(|command| match command {
        Command::BreakerChanged { account, to, .. } => Some((account.clone(), to.state)),
        _ => None,
    });
    assert_eq!(changed, Some((Some(TenantId::new("cafe")), BreakerState::Closed)));
    assert_eq!(begun(&node.later(Duration::ZERO)), ids[1..]);
}

/// Else the channel would be found away for all because of one account, which asks first.
#[test]
fn who_finds_out_whether_the_channel_is_back_is_one_whose_account_may_call() {
    let mut node = roomy();
    // Its own is open for a minute by now.
    node.fails_on("cafe", 1);
    for tenant in ["bakery", "florist", "bakery", "florist", "bakery", "florist"] {
        assert_eq!(node.of_channel(), BreakerState::Closed);
        node.fails(tenant, 1);
    }
    assert_eq!(node.of_channel(), BreakerState::Open);
    let first = node.sent("cafe").0;
    let second = node.sent("florist").0;
    let commands = node.later(Duration::from_secs(31));
    assert_eq!(node.of_channel(), BreakerState::HalfOpen);
    let writes: Vec<_> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Write(Write::Record(record)) => Some((record.id, record.deliveries[0].status)),
            _ => None,
        })
        .collect();
    assert!(writes.contains(&(second, DeliveryStatus::InProgress)), "{writes:?}");
    assert!(!writes.contains(&(first, DeliveryStatus::InProgress)), "{writes:?}");
}

/// As with a channel's: who asks whether the account is in order again must not run
/// out of attempts by asking.
#[test]
fn no_attempt_is_the_last_while_an_account_s_breaker_finds_out() {
    let mut node = roomy();
    let (id, mut out) = node.sent("cafe");
    node.fails("cafe", 4);
    // Three attempts are all there are; the first of these opens it.
    for round in 1..=3 {
        let commands = node.step(vec![stepped(&out[0], away(Retry::Backoff))]);
        let delivery = record(&commands).deliveries[0].clone();
        assert!(delivery.is_open(), "round {round}: {delivery:?}");
        node.written(id, Written::Recorded);
        out = Vec::new();
        for _ in 0..20 {
            let waited = node.later(Duration::from_mins(1));
            let wrote = waited.iter().any(|command| matches!(command, Command::Write(_)));
            if wrote {
                out = calls(node.written(id, Written::Recorded));
            }
            if !out.is_empty() {
                break;
            }
        }
        assert_eq!(out.len(), 1, "round {round}");
    }
}

#[test]
fn an_operator_s_order_to_the_channel_puts_its_accounts_in_order_too() {
    for action in [BreakerAction::Close, BreakerAction::Reset, BreakerAction::Disable] {
        let mut node = roomy();
        node.fails("cafe", 5);
        let held = node.sent("cafe").0;
        node.step(vec![Input::BreakerOrdered {
            channel: CHANNEL,
            action,
        }]);
        assert_eq!(node.of_account("cafe"), Some(BreakerState::Closed), "{action:?}");
        let commands = node.later(Duration::ZERO);
        assert_eq!(record(&commands).id, held, "{action:?}");
    }
    let mut node = roomy();
    let order = |action| Input::BreakerOrdered {
        channel: CHANNEL,
        action,
    };
    let (id, out) = node.sent("cafe");
    node.step(vec![order(BreakerAction::Disable)]);
    node.step(vec![stepped(&out[0], away(Retry::Never))]);
    node.written(id, Written::Recorded);
    node.fails("cafe", 10);
    assert_eq!(node.of_account("cafe"), Some(BreakerState::Closed), "nothing is judged");
    node.step(vec![order(BreakerAction::Close)]);
    node.fails("cafe", 5);
    assert_eq!(node.of_account("cafe"), Some(BreakerState::Open));
}

/// Its calls hang, and each has a place meanwhile.
#[test]
fn one_tenant_leaves_places_to_the_others() {
    let mut node = roomy();
    let out = |node: &mut Node, tenant: &str| -> usize { node.sent(tenant).1.len() };
    assert_eq!(
        (0..8).map(|_| out(&mut node, "cafe")).sum::<usize>(),
        8,
        "alone it has all"
    );
    let mut node = roomy();
    assert_eq!(out(&mut node, "bakery"), 1);
    assert_eq!((0..8).map(|_| out(&mut node, "cafe")).sum::<usize>(), 6);
    assert_eq!(out(&mut node, "bakery"), 1, "the last place is another's");
}

#[test]
fn one_account_s_retries_are_not_taken_from_another_s() {
    let mut node = roomy();
    let retried = |node: &mut Node, tenant: &str| {
        let (id, out) = node.sent(tenant);
        node.step(vec![stepped(&out[0], away(Retry::Backoff))]);
        node.written(id, Written::Recorded);
        id
    };
    // So many that no breaker opens: the budget alone holds them back.
    let succeeds = |node: &mut Node| node.ends("cafe", &confirmed());
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(retried(&mut node, "cafe"));
        succeeds(&mut node);
        succeeds(&mut node);
    }
    let other = retried(&mut node, "bakery");
    let commands = node.later(Duration::from_secs(20));
    let begun: Vec<_> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Write(Write::Record(record)) if record.deliveries[0].status == DeliveryStatus::InProgress => {
                Some(record.id)
            }
            _ => None,
        })
        .collect();
    assert_eq!(begun.iter().filter(|id| ids.contains(id)).count(), 3, "{begun:?}");
    assert!(begun.contains(&other), "{begun:?}");
}

/// As blogs are: what one host comes to says nothing of another, nor of the configured one.
#[test]
fn accounts_that_lie_apart_have_nothing_to_do_with_the_channel_s_breaker() {
    let mut node = crate::node_apart(KEY, 8, 100);
    for tenant in ["cafe", "bakery", "florist"] {
        node.fails(tenant, 4);
    }
    assert_eq!(node.of_channel(), BreakerState::Closed);
    node.fails("default", 5);
    assert_eq!(node.of_channel(), BreakerState::Open);
    assert_eq!(node.sent("default").1, []);
    assert_eq!(node.sent("cafe").1.len(), 1, "it lies elsewhere");
    node.fails("bakery", 1);
    assert_eq!(node.of_account("bakery"), Some(BreakerState::Open));
    let order = |action| Input::BreakerOrdered {
        channel: CHANNEL,
        action,
    };
    node.step(vec![order(BreakerAction::ForceOpen)]);
    assert_eq!(node.sent("cafe").1, [], "an operator holds all back");
    node.step(vec![order(BreakerAction::Close)]);
    assert_eq!(node.sent("cafe").1.len(), 1);
}
