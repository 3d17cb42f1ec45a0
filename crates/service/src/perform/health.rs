//! Whether the live channels can be reached: asked at the start and from time to
//! time, for people to read. Nothing is decided by it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fanfare_channels::client::ChannelClient;
use fanfare_core::cause;
use fanfare_core::channel::Channel;
use fanfare_core::delivery::Failure;
use fanfare_core::text::Text;

use super::channels::Connection;

/// Between two looks.
const INTERVAL: Duration = Duration::from_mins(1);

/// What is wrong with each channel.
#[derive(Debug, Default)]
pub(super) struct Health {
    problems: Mutex<[Option<Failure>; Channel::ALL.len()]>,
}

impl Health {
    /// Says what is wrong with the connections, and keeps looking at those that
    /// can be called, until the last handle to it is gone.
    pub(super) fn watch(connections: &[Connection; Channel::ALL.len()]) -> Arc<Self> {
        let health = Arc::new(Self::default());
        for (channel, connection) in Channel::ALL.into_iter().zip(connections) {
            match connection {
                Connection::Mock => {}
                Connection::Unusable(why) => health.set(channel, Some(why.clone())),
                Connection::Live(client) => {
                    let (weak, client) = (Arc::downgrade(&health), Arc::clone(client));
                    tokio::spawn(async move {
                        loop {
                            let problem = problem(channel, &*client).await;
                            let Some(health) = weak.upgrade() else { return };
                            health.set(channel, problem);
                            drop(health);
                            tokio::time::sleep(INTERVAL).await;
                        }
                    });
                }
            }
        }
        health
    }

    /// Of a channel that can be called: what the configuration's account lacks does not
    /// keep a tenant from calling it with its own.
    pub(super) fn unreachable(&self, channel: Channel) -> Option<Failure> {
        let problem = self.lock()[channel.index()].clone();
        problem.filter(|problem| problem.code == cause::CHANNEL_UNREACHABLE.code)
    }

    /// Logged only when it changes.
    fn set(&self, channel: Channel, problem: Option<Failure>) {
        let before = std::mem::replace(&mut self.lock()[channel.index()], problem.clone());
        let code = |failure: &Option<Failure>| failure.as_ref().map(|failure| failure.code.clone());
        match problem {
            _ if code(&before) == code(&problem) => {}
            Some(why) => {
                let said = why.channel_said.as_deref().unwrap_or_default();
                tracing::warn!(channel = %channel, code = %why.code, said, "{}", why.detail.en);
            }
            None => tracing::info!(channel = %channel, "the channel can be reached again"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Failure>; Channel::ALL.len()]> {
        // Each use is one operation.
        self.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn problem(channel: Channel, client: &dyn ChannelClient) -> Option<Failure> {
    let error = client.probe().await.err()?;
    let key = format!("channels.{}.base_url", channel.config_name().to_lowercase());
    let detail = Text::new(
        format!("Nothing answers at the address of {channel}; check {key} and the network."),
        format!(
            "{} 채널 주소에서 응답이 없습니다. {key} 설정과 네트워크를 확인해 주세요.",
            channel.korean_name()
        ),
    );
    Some(cause::CHANNEL_UNREACHABLE.because(detail).said(&error.words()))
}
