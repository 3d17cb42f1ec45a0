//! How nodes begin, stop, die, and live again.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use fanfare_core::engine::{HELD_LIMIT, HOLD_LIMIT, Input};
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::write::Adopted;
use rand::RngExt;

use crate::node::{HEARTBEAT, LEASE, Node};
use crate::world::{Event, Fate, Happening, World};

impl World {
    /// A node's life begins.
    pub(crate) fn life(&mut self) -> Node {
        let token = self.store.begin_incarnation();
        self.witness.begins_life(self.now);
        self.comes_within(Duration::from_millis(200), Happening::To(token, Event::Adoption));
        self.comes_within(HEARTBEAT, Happening::To(token, Event::Heartbeat));
        self.comes_within(Duration::from_mins(1), Happening::To(token, Event::ClockSlews));
        let mut node = Node::new(token, self.bug, self.now, &mut self.rng);
        // It reads the orders before it does anything.
        let shown = node.clock.shows(self.now);
        let mut news = self.news_of_sending(&node);
        news.push(self.nodes_counted(1));
        node.hears(&self.sending, shown);
        node.engine.step(news, shown, &mut self.rng);
        node
    }

    /// What befalls a node before its next command.
    pub(crate) fn fate(&mut self) -> Fate {
        if self.peaceful() {
            return Fate::GoesOn;
        }
        match self.rng.random_range(0..900) {
            0..6 => Fate::Dies,
            6..9 => Fate::Stalls(Duration::from_millis(self.rng.random_range(100..90_000))),
            9..12 => Fate::Stops,
            _ => Fate::GoesOn,
        }
    }

    /// A node that may have lost its lease sends nothing: it can't know who has
    /// taken its work over.
    pub(crate) fn may_send(&self, node: usize) -> bool {
        self.now < self.nodes[node].lease_until
    }

    /// A life whose lease has ended is over, whoever finds it out first.
    pub(crate) fn renew(&mut self, node: usize) {
        if self.may_send(node) {
            self.nodes[node].lease_until = self.now + LEASE;
            let input = self.nodes_counted(0);
            return self.turn(node, vec![input]);
        }
        let next = if self.rng.random_range(0..4) == 0 {
            Event::Dies
        } else {
            Event::LivesAgain
        };
        let name = self.nodes[node].name;
        self.comes_within(Duration::from_secs(1), Happening::To(name, next));
    }

    /// As the database counts them.
    fn nodes_counted(&self, just_begun: usize) -> Input {
        let lives = just_begun + self.nodes.iter().filter(|node| self.now < node.lease_until).count();
        let lives = u32::try_from(lives).ok().and_then(NonZeroU32::new);
        Input::NodesCounted(lives.unwrap_or(NonZeroU32::MIN))
    }

    /// Another life of the same process, once nothing of the former one is on
    /// its way to the Ledger.
    pub(crate) fn lives_again(&mut self, node: usize) {
        if self.may_send(node) {
            return;
        }
        if self.nodes[node].committing {
            let name = self.nodes[node].name;
            return self.comes_within(Duration::from_millis(5), Happening::To(name, Event::LivesAgain));
        }
        self.figures.lived_again += 1;
        let token = self.store.begin_incarnation();
        self.witness.begins_life(self.now);
        let now = self.now;
        let this = &mut self.nodes[node];
        this.token = token;
        this.lease_until = now + LEASE;
        this.gathered.clear();
        this.dropped.clear();
        this.out.clear();
        for command in this.engine.live_again(token) {
            self.perform(node, command);
        }
        let input = self.nodes_counted(0);
        self.turn(node, vec![input]);
    }

    /// Told to stop: what is out ends, nothing begins, and after a while the
    /// process is killed.
    pub(crate) fn stops(&mut self, node: usize) {
        self.figures.stops += 1;
        self.nodes[node].stopping = true;
        self.nodes[node].engine.wind_down();
        let name = self.nodes[node].name;
        self.comes_within(Duration::from_secs(25), Happening::To(name, Event::Dies));
    }

    /// All that is in its memory is gone; a commit that was under way may have
    /// taken effect, and what was sent to the channels was sent. Another life
    /// begins, and does not wait for the old lease: nobody else has its place.
    pub(crate) fn dies(&mut self, node: usize) {
        self.figures.crashes += 1;
        let (name, token) = (self.nodes[node].name, self.nodes[node].token);
        self.trace.push(format!("{} {} dies", self.now, token.0));
        let own = |happening: &Happening| matches!(happening, Happening::To(to, _) if *to == name);
        let gone: Vec<_> = self
            .coming
            .iter()
            .filter(|(_, coming)| own(coming))
            .map(|(at, _)| *at)
            .collect();
        for at in gone {
            if let Some(Happening::To(
                _,
                Event::CommitEnds {
                    batch,
                    took_effect: true,
                    ..
                },
            )) = self.coming.remove(&at)
                && self.rng.random_range(0..2) == 0
            {
                self.commit(token, &batch);
            }
        }
        self.nodes[node] = self.life();
    }

    pub(crate) fn adopt(&mut self, node: usize) -> Vec<Adopted> {
        if !self.may_send(node) {
            return Vec::new();
        }
        let token = self.nodes[node].token;
        let held = std::mem::take(&mut self.nodes[node].held_wanted);
        let within = if held { HELD_LIMIT } else { HOLD_LIMIT };
        let due_by = self.nodes[node].clock.shows(self.now) + within;
        let now = self.now;
        let alive: BTreeSet<_> = self
            .nodes
            .iter()
            .filter(|node| now < node.lease_until)
            .map(|node| node.token)
            .collect();
        let mut adopted = self
            .store
            .adopt_from(token, due_by, 50, |owner| !alive.contains(&owner));
        for id in std::mem::take(&mut self.nodes[node].dropped) {
            let tenant = self.whose(id);
            if self.store.owner(&tenant, id).is_none_or(|owner| owner == token) {
                adopted.extend(self.store.take(token, &tenant, id));
            }
        }
        self.figures.adopted += adopted.len() as u64;
        // The commit took effect, and its answer was lost.
        if self.rng.random_range(0..20) == 0 {
            self.figures.missed += adopted.len() as u64;
            return Vec::new();
        }
        adopted
    }

    /// Own work that has been due for a while: each look, though nodes do it once a minute.
    pub(crate) fn owned(&self, node: usize) -> Vec<(TenantId, DistributionId)> {
        let due_by = self.nodes[node].clock.shows(self.now) - Duration::from_mins(1);
        self.store.owned(self.nodes[node].token, due_by, 50)
    }
}
