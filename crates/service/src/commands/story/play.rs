//! What happens when, and what is seen of it meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::CHANNEL;
use super::told::{Listeners, Told, WHO};
use crate::commands::answer::{Answer, Row, name_of, text};
use crate::commands::client::{Client, TIMEOUT, segment};
use crate::commands::failure::Failure;
use crate::commands::screen::{Screen, Tone};
use crate::commands::simulated::Service;

const EXAMPLE: &str = include_str!("../../../../../examples/spring-coffee.json");

/// Where the example's media are said to be; the simulator has them.
const MEDIA: &str = "https://media.fanfare.example";

/// Half minutes of the story: when the channel falls silent, when it is back, and
/// when the last event is announced.
const FALLS_SILENT: u32 = 2;
const IS_BACK: u32 = 22;
const LAST_EVENT: u32 = 24;

/// After the last event, longer than any of the service's own waits.
const PATIENCE: u32 = 30;
const PATIENCE_MORE: Duration = Duration::from_mins(1);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// An event that was announced, and how it stood when it was last looked at.
pub(super) struct Announced {
    pub(super) answer: Answer,
    /// From the request until the five other channels had succeeded.
    pub(super) others_after: Option<Duration>,
    begun: Instant,
}

impl Announced {
    /// Of the channel that falls silent.
    pub(super) fn silent(&self) -> Option<&Row> {
        self.answer.rows.iter().find(|row| row.channel == CHANNEL.0)
    }

    fn at_rest(&self) -> bool {
        let ended = |row: &Row| matches!(&*row.status, "SUCCESS" | "FAILED" | "CANCELLED" | "NEEDS_REVIEW");
        self.answer.rows.iter().all(ended)
    }
}

/// The story, as far as it has come.
pub(super) struct Play<'a> {
    client: Client,
    simulator: Client,
    media: String,
    listeners: &'a Listeners,
    /// Half a minute of the story.
    half: Duration,
    screen: Option<Screen>,
    began: Instant,
    pub(super) announced: Vec<Announced>,
    /// The events that have waited because the breaker was open.
    pub(super) waited: BTreeSet<String>,
    /// What the breaker was said to be, in its order.
    pub(super) breaker: Vec<String>,
    told: usize,
}

impl<'a> Play<'a> {
    pub(super) fn new(
        service: &Service,
        listeners: &'a Listeners,
        minute: Duration,
        screen: Option<Screen>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            client: Client::new(&service.url)?,
            simulator: Client::new(service.simulator_url())?,
            media: service.media(),
            listeners,
            half: minute / 2,
            screen,
            began: Instant::now(),
            announced: Vec::new(),
            waited: BTreeSet::new(),
            breaker: vec!["CLOSED".to_owned()],
            told: 0,
        })
    }

    /// From the first event until all rests and everybody has been told.
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        for now in 0..=LAST_EVENT {
            match now {
                FALLS_SILENT => {
                    self.fall_silent().await?;
                    self.say(
                        Tone::Bad,
                        &format!("{} is out of order: 503, for ten minutes", silent_name()),
                    )?;
                }
                IS_BACK => self.say(Tone::Good, &format!("{} is back; nobody knows it yet", silent_name()))?,
                _ => {}
            }
            self.announce().await?;
            self.look_until(self.began + self.half * (now + 1)).await?;
            if now % 4 == 3 {
                self.sum_up()?;
            }
        }
        let deadline = self.began + self.half * (LAST_EVENT + PATIENCE) + PATIENCE_MORE;
        while !self.rests() && Instant::now() < deadline {
            self.look_until(Instant::now() + LOOK).await?;
        }
        self.sum_up()?;
        // That a breaker has closed is told when no node has seen it open for a while.
        while !self.all_is_told() && Instant::now() < deadline {
            self.look_until(Instant::now() + LOOK).await?;
        }
        Ok(())
    }

    async fn announce(&mut self) -> Result<(), Failure> {
        let mut body: Value = serde_json::from_str(&EXAMPLE.replace(MEDIA, &self.media)).unwrap_or_default();
        body["eventId"] = json!(format!("story-{:02}", self.announced.len() + 1));
        let at_once = [(
            hyper::header::HeaderName::from_static("prefer"),
            "respond-async".to_owned(),
        )];
        let path = "/api/distribution/distribute";
        let begun = Instant::now();
        let reply = self
            .client
            .post(path, body.to_string().into(), &at_once, TIMEOUT)
            .await?;
        self.announced.push(Announced {
            answer: Answer::read(&reply.json()?)?,
            others_after: None,
            begun,
        });
        Ok(())
    }

    async fn fall_silent(&self) -> Result<(), Failure> {
        let silence = self.half * (IS_BACK - FALLS_SILENT);
        let rules = json!({"rules": [{
            "channel": CHANNEL.1, "forSeconds": silence.as_secs(),
            "fault": {"kind": "answer", "status": 503, "body": "Service Unavailable"},
        }]});
        self.simulator
            .put("/_simulator/faults", rules.to_string().into())
            .await?;
        Ok(())
    }

    async fn look_until(&mut self, until: Instant) -> Result<(), Failure> {
        loop {
            self.look().await?;
            let next = (Instant::now() + LOOK).min(until);
            tokio::time::sleep_until(next).await;
            if next == until {
                return Ok(());
            }
        }
    }

    /// At all that has not come to rest, at the breaker and at the notices.
    async fn look(&mut self) -> Result<(), Failure> {
        for place in 0..self.announced.len() {
            if self.announced[place].at_rest() {
                continue;
            }
            let path = format!(
                "/api/distributions/{}",
                segment(&self.announced[place].answer.distribution_id)
            );
            let answer = Answer::read(&self.client.get(&path).await?.json()?)?;
            let one = &mut self.announced[place];
            one.answer = answer;
            let others = |row: &Row| row.channel == CHANNEL.0 || row.status == "SUCCESS";
            if one.others_after.is_none() && one.answer.rows.iter().all(others) {
                one.others_after = Some(one.begun.elapsed());
            }
            if one.silent().is_some_and(|row| row.code == "breaker_open") {
                self.waited.insert(one.answer.event_id.clone());
            }
        }
        self.look_at_the_breaker().await?;
        let heard = self.listeners.heard();
        for Told { who, title, .. } in &heard[self.told..] {
            self.say(Tone::Mind, &format!("the {who} is told: {title}"))?;
        }
        self.told = heard.len();
        Ok(())
    }

    async fn look_at_the_breaker(&mut self) -> Result<(), Failure> {
        let channels = self.client.get("/api/channels").await?.json()?;
        let of = channels["channels"].as_array().into_iter().flatten();
        let of = of.filter(|channel| channel["name"] == CHANNEL.0);
        for state in of.map(|channel| text(&channel["breaker"]["state"])) {
            if self.breaker.last() != Some(&state) {
                self.say(Tone::Mind, &format!("the breaker of {} is {state}", silent_name()))?;
                self.breaker.push(state);
            }
        }
        Ok(())
    }

    fn rests(&self) -> bool {
        let closed = self.breaker.last().is_some_and(|state| state == "CLOSED");
        closed && self.announced.iter().all(Announced::at_rest)
    }

    fn all_is_told(&self) -> bool {
        WHO.iter()
            .all(|(who, _)| self.listeners.times(who, "breaker.closed") > 0)
    }

    /// How the deliveries stand.
    fn sum_up(&self) -> Result<(), Failure> {
        let of = |status: &str| {
            let rows = self.announced.iter().filter_map(Announced::silent);
            rows.filter(|row| row.status == status).count()
        };
        let others = self.announced.iter().flat_map(|one| &one.answer.rows);
        let others = others.filter(|row| row.channel != CHANNEL.0 && row.status == "SUCCESS");
        let words = format!(
            "{} events: {} has {} SUCCESS, {} WAITING, {} RETRYING; the other five {} SUCCESS",
            self.announced.len(),
            silent_name(),
            of("SUCCESS"),
            of("WAITING"),
            of("RETRYING"),
            others.count()
        );
        self.say(Tone::Faint, &words)
    }

    fn say(&self, tone: Tone, words: &str) -> Result<(), Failure> {
        let Some(screen) = self.screen else { return Ok(()) };
        let seconds = self.began.elapsed().mul_f64(30.0 / self.half.as_secs_f64()).as_secs();
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        screen.say(format_args!(
            "{}  {}",
            screen.paint(Tone::Faint, format_args!("{minutes:02}:{seconds:02}")),
            screen.paint(tone, words)
        ))
    }
}

fn silent_name() -> &'static str {
    name_of(CHANNEL.0)
}
