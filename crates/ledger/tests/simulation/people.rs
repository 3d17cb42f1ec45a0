//! Those who ask: clients that distribute, and persons who repair.

use std::time::Duration;

use fanfare_core::cause;
use fanfare_core::channel::ChannelState;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::engine::{Answer, Ask, AskAnswer, AskId, Input, NewDistribution, Verdict};
use fanfare_core::ids::DistributionId;
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::request::RequestHash;
use fanfare_core::spend::Overspend;
use rand::RngExt;

use crate::channels::FICKLE;
use crate::requests::request;
use crate::world::{Happening, REQUESTS, World};

impl World {
    /// A client asks some node that is awake; else it comes back.
    pub(crate) fn request(&mut self) {
        let Some(node) = self.someone() else {
            return self.comes_within(Duration::from_secs(1), Happening::Request);
        };
        self.requests += 1;
        if self.requests < REQUESTS {
            let pause = Duration::from_millis(self.rng.random_range(0..20_000));
            self.comes_within(pause, Happening::Request);
        }
        let shown = self.nodes[node].clock.shows(self.now);
        let id = DistributionId::new(shown, &mut self.rng);
        let new = request(shown, &mut self.rng);
        self.asked.insert(id, new.clone());
        self.turn(node, vec![Input::Accept { id, new: Box::new(new) }]);
    }

    /// As the service does where a request says so: the other channels go on.
    fn goes_without(&mut self, mut new: NewDistribution, over: &[Overspend]) {
        let skipped = over
            .iter()
            .map(|over| (over.channel, cause::SPEND_CAP_EXCEEDED.because(over.text())));
        new.skipped.extend(skipped);
        if new.skipped.len() < new.request.request.channels.len() {
            self.comes_within(Duration::from_millis(1), Happening::RequestAgain(Box::new(new)));
        }
    }

    /// It goes to some node that is awake, or to none.
    pub(crate) fn request_again(&mut self, new: Box<NewDistribution>) {
        let Some(node) = self.someone() else { return };
        let shown = self.nodes[node].clock.shows(self.now);
        let id = DistributionId::new(shown, &mut self.rng);
        self.asked.insert(id, (*new).clone());
        self.turn(node, vec![Input::Accept { id, new }]);
    }

    /// A node that is awake and may send.
    fn someone(&mut self) -> Option<usize> {
        let now = self.now;
        let awake: Vec<_> = (0..self.nodes.len())
            .filter(|node| {
                !self.nodes[*node].is_stalled(now) && !self.nodes[*node].stopping && now < self.nodes[*node].lease_until
            })
            .collect();
        (!awake.is_empty()).then(|| awake[self.rng.random_range(0..awake.len())])
    }

    /// A person looks at a distribution and has something repaired.
    pub(crate) fn question(&mut self) {
        if self.peaceful() {
            return;
        }
        self.comes_within(Duration::from_secs(20), Happening::Question);
        let all = self.all();
        let Some(node) = self.someone().filter(|_| !all.is_empty()) else {
            return;
        };
        let distribution = &all[self.rng.random_range(0..all.len())];
        let in_review = distribution.deliveries.iter().find(|delivery| {
            let status = delivery.status;
            matches!(status, DeliveryStatus::NeedsReview | DeliveryStatus::ActionRequired)
        });
        let what = match in_review {
            // The person looks at the channel itself, and tells the truth.
            Some(delivery) => Ask::Resolve {
                channel: delivery.channel,
                verdict: if self.ever_came_to_be(delivery) {
                    Verdict::Live(Receipt {
                        state: ChannelState::Live,
                        fields: ResultFields::default(),
                    })
                } else {
                    Verdict::NotLive
                },
                by: None,
                reason: None,
            },
            None if self.rng.random_range(0..3) == 0 => Ask::Cancel { by: None, reason: None },
            None if self.withdraws && self.rng.random_range(0..3) == 0 => Ask::Withdraw {
                channel: distribution.deliveries[self.rng.random_range(0..distribution.deliveries.len())].channel,
                by: None,
                reason: None,
            },
            // The channel's own hook, which may be wrong.
            None if self.rng.random_range(0..6) == 0 => Ask::Observe { channel: FICKLE },
            None => Ask::Retry {
                channels: Vec::new(),
                by: None,
                reason: None,
            },
        };
        let (id, tenant) = (distribution.id, distribution.tenant.clone());
        let now = self.now;
        let holder = self.store.owner(&tenant, id);
        let alive = self
            .nodes
            .iter()
            .position(|node| Some(node.token) == holder && now < node.lease_until);
        let asked = alive.unwrap_or(node);
        if self.nodes[asked].is_stalled(now) {
            return;
        }
        let evidence = self.store.evidence(&tenant, id);
        let adopted = if self.nodes[asked].engine.holds(id) {
            None
        } else {
            self.store.take(self.nodes[asked].token, &tenant, id).map(Box::new)
        };
        let ask = AskId(self.figures.questions);
        self.figures.questions += 1;
        self.questions
            .insert(ask, (id, distribution.history_number, what.clone()));
        let input = Input::Asked {
            ask,
            id,
            what,
            adopted,
            evidence,
        };
        self.turn(asked, vec![input]);
    }

    pub(crate) fn person_hears(&mut self, ask: AskId, answer: &AskAnswer) {
        let Some((id, before, what)) = self.questions.remove(&ask) else {
            return;
        };
        let now = self.store.distribution(&self.whose(id), id).expect("it is there");
        match answer {
            AskAnswer::Done => {
                self.figures.granted += 1;
                // What was asked for already needs no write.
                let stands = match &what {
                    Ask::Cancel { .. } => now.deliveries.iter().any(|delivery| delivery.called_off),
                    Ask::Withdraw { .. } | Ask::Observe { .. } => true,
                    Ask::Retry { .. } | Ask::Resolve { .. } => false,
                };
                assert!(
                    now.history_number > before || stands,
                    "it is said to be done, and is not"
                );
                if matches!(what, Ask::Cancel { .. }) {
                    self.figures.cancelled += 1;
                    self.witness.is_called_off(&now);
                }
                self.figures.withdrawals += u64::from(matches!(what, Ask::Withdraw { .. }));
            }
            AskAnswer::Held(holders) => assert!(!holders.is_empty()),
            AskAnswer::Refused(_) | AskAnswer::Behind(_) | AskAnswer::Elsewhere | AskAnswer::NotHere => {}
            AskAnswer::OverSpent(_) => self.figures.redrives_over_spent += 1,
        }
    }

    pub(crate) fn client_hears(&mut self, id: DistributionId, answer: &Answer) {
        let Some(new) = self.asked.get(&id).cloned() else {
            return;
        };
        let tenant = new.tenant.clone();
        match answer {
            Answer::Accepted(_) => {
                assert!(
                    self.store.distribution(&tenant, id).is_some(),
                    "I1: {id} was acknowledged and is not there"
                );
                self.acknowledged.insert(id);
                self.figures.acknowledged += 1;
                self.key_means(&new, id);
            }
            Answer::Replayed(existing) => {
                self.figures.replayed += 1;
                let first = self
                    .store
                    .distribution(&tenant, *existing)
                    .expect("I12: a replay of nothing");
                assert_eq!(first.request.hash, new.request.hash, "I12: a replay of another request");
                self.key_means(&new, *existing);
            }
            Answer::Held(holders) => {
                self.figures.held += 1;
                assert!(!holders.is_empty());
            }
            Answer::KeyReused(existing) => {
                let first = self
                    .store
                    .distribution(&tenant, *existing)
                    .expect("I12: a key of nothing");
                assert_ne!(first.request.hash, new.request.hash, "I12: the same request is refused");
            }
            Answer::Overloaded { .. } | Answer::Unavailable { .. } | Answer::Behind(_) => {}
            Answer::OverSpent(over) => {
                self.figures.over_spent += 1;
                self.goes_without(new, over);
            }
        }
    }

    /// I12: the same key and request, the same distribution.
    fn key_means(&mut self, new: &NewDistribution, id: DistributionId) {
        let RequestHash(hash) = new.request.hash;
        if let Some(key) = new.idempotency_key.clone() {
            let first = *self.by_key.entry((key, hash)).or_insert(id);
            assert_eq!(first, id, "I12: one key, two distributions");
        }
    }
}
