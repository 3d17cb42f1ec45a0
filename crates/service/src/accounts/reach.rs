//! Whom one call is made as, and how a delivery remembers it: its checkpoint bears the
//! mark of the account that it was begun with. Another account can't tell what became of
//! it, so it is not asked.

use std::sync::Arc;

use fanfare_channels::client::ChannelClient;
use fanfare_core::attempt::{LookUpOutcome, Observation, StepOutcome};
use fanfare_core::cause;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::{Checkpoint, Delivery, Failure};
use fanfare_core::text::Text;

use crate::perform::Connection;

/// In a checkpoint, beside what the channel's client keeps there and passes over.
const MARK: &str = "account";

/// Whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The tenant's own.
    Own,
    /// The configuration's.
    Shared,
}

/// Whom a tenant's calls to a channel are made as.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(crate) whose: Whose,
    pub(crate) connection: Connection,
    /// Which account; nothing where only its token tells.
    pub(crate) mark: Option<String>,
}

impl Reach {
    /// The client for a delivery.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn client_for(&self, delivery: &Delivery) -> Result<&Arc<dyn ChannelClient>, Failure> {
        if self.is_begun_with(delivery) {
            self.connection.client()
        } else {
            Err(begun_with_another(delivery.channel))
        }
    }

    /// Whether it is known to be begun with no other account.
    pub(crate) fn is_begun_with(&self, delivery: &Delivery) -> bool {
        let begun_with = delivery.checkpoint.as_ref().map(mark_of);
        match (begun_with, &self.mark) {
            (Some(Some(begun)), Some(mark)) => begun == mark,
            // Versions that left no mark knew the configuration's account alone.
            (Some(None), Some(_)) => self.whose == Whose::Shared,
            _ => true,
        }
    }

    /// Marks where a step has led.
    pub(crate) fn stepped(&self, mut outcome: StepOutcome) -> StepOutcome {
        match &mut outcome {
            StepOutcome::Advanced { checkpoint, .. }
            | StepOutcome::Prepared { checkpoint, .. }
            | StepOutcome::Rejected {
                checkpoint: Some(checkpoint),
                ..
            } => self.put_on(checkpoint),
            _ => {}
        }
        outcome
    }

    /// The same of a look-up.
    pub(crate) fn looked_up(&self, mut outcome: LookUpOutcome) -> LookUpOutcome {
        match &mut outcome {
            LookUpOutcome::Advanced { checkpoint, .. }
            | LookUpOutcome::Pending { checkpoint, .. }
            | LookUpOutcome::Absent {
                checkpoint: Some(checkpoint),
            } => self.put_on(checkpoint),
            _ => {}
        }
        outcome
    }

    /// The same of a look at what was taken.
    pub(crate) fn observed(&self, mut outcome: Observation) -> Observation {
        match &mut outcome {
            Observation::Advanced { checkpoint }
            | Observation::Stands {
                checkpoint: Some(checkpoint),
                ..
            }
            | Observation::Declined {
                checkpoint: Some(checkpoint),
                ..
            }
            | Observation::Unknown {
                checkpoint: Some(checkpoint),
                ..
            } => self.put_on(checkpoint),
            _ => {}
        }
        outcome
    }

    fn put_on(&self, checkpoint: &mut Checkpoint) {
        if let (Some(mark), Some(fields)) = (&self.mark, checkpoint.0.as_object_mut()) {
            fields.insert(MARK.to_owned(), mark.as_str().into());
        }
    }
}

/// Nothing in those of earlier versions.
pub(super) fn mark_of(checkpoint: &Checkpoint) -> Option<&str> {
    checkpoint.0.get(MARK)?.as_str()
}

fn begun_with_another(channel: Channel) -> Failure {
    let korean = channel.korean_name();
    let detail = Text::new(
        format!(
            "This was begun with another account on {channel} than the one that is set now, and only that one knows what \
             became of it. Set the former account again, or look at the channel and settle it by hand."
        ),
        format!(
            "지금 설정된 계정이 아닌 다른 {korean} 계정으로 시작된 배포라서 결과를 확인할 수 없습니다. 이전 계정을 다시 등록하거나, 채널을 직접 \
             확인해 처리해 주세요."
        ),
    );
    cause::CHANNEL_NOT_CONFIGURED.because(detail)
}

#[cfg(test)]
mod tests {
    use fanfare_channels::api::Api;
    use fanfare_channels::gateway::GatewayClient;
    use fanfare_channels::http::{HttpClient, HttpSettings};
    use fanfare_channels::secret::Secret;
    use fanfare_channels::wooridongne_tv::SHAPE;
    use fanfare_core::channel::Mode;
    use fanfare_core::ids::DeliveryId;
    use jiff::Timestamp;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn reach(mark: &str) -> Reach {
        let http = HttpClient::new(&HttpSettings::default()).unwrap();
        let api = Api::new(http, "http://127.0.0.1:9".parse().unwrap(), Secret::new("t"));
        Reach {
            whose: Whose::Own,
            connection: Connection::Live(Arc::new(GatewayClient::new(api, SHAPE))),
            mark: Some(mark.to_owned()),
        }
    }

    /// A delivery after a step with this account.
    fn begun(mark: &str) -> Delivery {
        let checkpoint = Checkpoint(json!({"stage": "ready", "container": "1"}));
        let outcome = reach(mark).stepped(StepOutcome::Advanced {
            checkpoint,
            next_has_effect: true,
        });
        let StepOutcome::Advanced { checkpoint, .. } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(checkpoint.0["container"], "1");
        let id = DeliveryId(Uuid::nil());
        let delivery = Delivery::new(id, Channel::Instagram, Mode::Live, Timestamp::UNIX_EPOCH);
        Delivery {
            checkpoint: Some(checkpoint),
            ..delivery
        }
    }

    #[tokio::test]
    async fn what_was_begun_with_one_account_is_not_followed_with_another() {
        assert!(reach("a").client_for(&begun("a")).is_ok());
        let refused = reach("b").client_for(&begun("a")).unwrap_err();
        assert_eq!(refused.code, "channel_not_configured");
        let unmarked = Delivery {
            checkpoint: Some(Checkpoint(json!({"stage": "ready"}))),
            ..begun("a")
        };
        assert!(
            reach("b").client_for(&unmarked).is_err(),
            "an earlier version began it, which knew no account of a tenant's own"
        );
        let shared = Reach {
            whose: Whose::Shared,
            ..reach("b")
        };
        assert!(shared.client_for(&unmarked).is_ok());
        let fresh = Delivery {
            checkpoint: None,
            ..begun("a")
        };
        assert!(reach("b").client_for(&fresh).is_ok());
    }

    #[tokio::test]
    async fn a_look_up_keeps_the_mark() {
        let checkpoint = Checkpoint(json!({"stage": "ready"}));
        let found = reach("a").looked_up(LookUpOutcome::Absent {
            checkpoint: Some(checkpoint),
        });
        let LookUpOutcome::Absent {
            checkpoint: Some(checkpoint),
        } = found
        else {
            panic!("{found:?}")
        };
        assert_eq!(mark_of(&checkpoint), Some("a"));
    }
}
