//! Reads the stream of events of a distribution, for those commands that follow
//! one.

use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::BytesMut;
use http_body_util::BodyExt;
use serde_json::Value;

use super::client::{Client, segment};
use super::failure::Failure;

/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(500);

/// Tries in a row that brought nothing, until it is given up.
const TRIES: u32 = 10;

/// Hands each state of the distribution to `show`, until that says that it has
/// seen enough, or nothing more can come. A connection that breaks off is made
/// anew, and goes on where it was.
pub(super) async fn follow(
    client: &Client,
    distribution: &str,
    mut show: impl FnMut(Value) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let path = format!("/api/distributions/{}/events", segment(distribution));
    let mut last: Option<String> = None;
    let mut tries = 0;
    loop {
        match read(client, &path, &mut last, &mut show).await {
            Ok(Ended::Done) => return Ok(()),
            Ok(Ended::BrokeOff) => tries = 0,
            Err(failure @ (Failure::Unreachable { .. } | Failure::Broken(_))) if last.is_none() || tries >= TRIES => {
                return Err(failure);
            }
            Err(Failure::Unreachable { .. } | Failure::Broken(_)) => tries += 1,
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

enum Ended {
    Done,
    BrokeOff,
}

async fn read(
    client: &Client,
    path: &str,
    last: &mut Option<String>,
    show: &mut impl FnMut(Value) -> Result<bool, Failure>,
) -> Result<Ended, Failure> {
    let Some(mut body) = client.open(path, last.as_deref()).await? else {
        return Ok(Ended::Done);
    };
    let mut read = BytesMut::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(bytes) = frame.into_data() else { continue };
        read.extend_from_slice(&bytes);
        while let Some(end) = read.windows(2).position(|two| two == b"\n\n") {
            let event = Event::read(&read.split_to(end + 2))?;
            if event.name == "end" {
                return Ok(Ended::Done);
            }
            if let Some(state) = event.data {
                last.clone_from(&event.id);
                if !show(state)? {
                    return Ok(Ended::Done);
                }
            }
        }
    }
    Ok(Ended::BrokeOff)
}

/// One event, or a sign of life, which has neither name nor data.
struct Event {
    id: Option<String>,
    name: String,
    data: Option<Value>,
}

impl Event {
    fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let text = std::str::from_utf8(bytes).context("the stream of events is not UTF-8; is it fanfare?")?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let data = match field("data:").filter(|data| !data.is_empty()) {
            Some(data) => Some(serde_json::from_str(data).map_err(|error| anyhow!("an event is not JSON: {error}"))?),
            None => None,
        };
        Ok(Self {
            id: field("id:").map(str::to_owned),
            name: field("event:").unwrap_or_default().to_owned(),
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_an_id_a_name_and_data_and_a_sign_of_life_has_none() {
        let event = Event::read(b"id: 7\nevent: progress\ndata: {\"a\": 1}\n\n").unwrap();
        assert_eq!((event.id.as_deref(), &*event.name), (Some("7"), "progress"));
        assert_eq!(event.data.unwrap()["a"], 1);
        let end = Event::read(b"event: end\ndata:\n\n").unwrap();
        assert_eq!((&*end.name, end.data), ("end", None));
        assert_eq!(Event::read(b": still here\n\n").unwrap().data, None);
        assert!(Event::read(b"data: {\n\n").is_err());
    }
}
