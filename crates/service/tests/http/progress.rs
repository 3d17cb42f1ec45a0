//! How a distribution comes along, as Server-Sent Events.

use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::ManualClock;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, Service};
use crate::{bare, with};

/// An open stream, read as it comes.
struct Stream {
    wire: TcpStream,
    read: String,
}

impl Stream {
    async fn open(service: &Service, id: &str, last: Option<u32>) -> Self {
        let mut wire = TcpStream::connect(service.address).await.unwrap();
        let last = last
            .map(|last| format!("Last-Event-ID: {last}\r\n"))
            .unwrap_or_default();
        let request = format!("GET /api/distributions/{id}/events HTTP/1.1\r\nHost: a\r\n{last}\r\n");
        wire.write_all(request.as_bytes()).await.unwrap();
        let mut stream = Self {
            wire,
            read: String::new(),
        };
        stream.until("\r\n\r\n").await;
        stream
    }

    /// All up to this text, which is taken off.
    async fn until(&mut self, text: &str) -> String {
        let reading = async {
            loop {
                if let Some(at) = self.read.find(text) {
                    let rest = self.read.split_off(at + text.len());
                    return std::mem::replace(&mut self.read, rest);
                }
                let mut chunk = [0; 2_048];
                let count = self.wire.read(&mut chunk).await.unwrap();
                assert_ne!(count, 0, "it ended before {text:?}: {:?}", self.read);
                self.read.push_str(&String::from_utf8_lossy(&chunk[..count]));
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("nothing came")
    }

    /// The next state: its number and what it says.
    async fn event(&mut self) -> (u32, Value) {
        let text = self.until("}\n\n").await;
        let line = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap()
                .to_owned()
        };
        (
            line("id: ").parse().unwrap(),
            serde_json::from_str(&line("data: ")).unwrap(),
        )
    }

    /// The other side has closed.
    async fn ended(&mut self) {
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, self.wire.read_to_end(&mut rest))
            .await
            .expect("it stayed open")
            .unwrap();
    }
}

async fn id_of(service: &Service, body: &Value) -> String {
    service.distribute(body).await.json()["distributionId"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn later(event: &str) -> Value {
    with(
        bare(event, &["Instagram"]),
        "scheduledAt",
        json!("2026-11-22T09:00:30Z"),
    )
}

#[tokio::test]
async fn what_has_ended_is_shown_once_and_then_no_more() {
    let service = Service::start().await;
    let id = id_of(&service, &bare("evt-1", &["Instagram"])).await;
    let path = format!("/api/distributions/{id}/events");
    let all = service.get(&path).await;
    assert_eq!((all.status, all.header("content-type")), (200, "text/event-stream"));
    let text = String::from_utf8_lossy(&all.body).into_owned();
    assert!(text.starts_with("id: 2\nevent: progress\ndata: {"), "{text}");
    assert!(text.ends_with("\n\nevent: end\ndata:\n\n"), "{text}");
    assert_eq!(text.matches("event: progress").count(), 1);
    for last in ["2", "9"] {
        let none = service.ask("GET", &path, &[("last-event-id", last)], b"").await;
        assert_eq!(none.status, 204, "an EventSource stops here");
        assert_eq!(service.get(&format!("{path}?lastEventId={last}")).await.status, 204);
    }
    let again = service.ask("GET", &path, &[("last-event-id", "1")], b"").await;
    assert_eq!(again.body, all.body);
    service.stop().await;
}

#[tokio::test]
async fn a_client_follows_until_the_end_and_misses_nothing_when_it_comes_back() {
    let clock = Arc::new(ManualClock::new("2026-11-22T09:00:00Z".parse().unwrap()));
    let service = Service::start_at(Arc::clone(&clock) as _, |config| config.http.heartbeat_ms = 20).await;
    let id = id_of(&service, &later("evt-1")).await;
    let mut first = Stream::open(&service, &id, None).await;
    let (number, state) = first.event().await;
    assert_eq!((number, &state["status"]), (1, &json!("PENDING")));
    first.until(": still here\n\n").await;
    drop(first);

    let mut second = Stream::open(&service, &id, Some(number)).await;
    second.until(": still here\n\n").await;
    clock.advance(Duration::from_secs(31));
    // Something happens, and the engine looks at its clock.
    service.distribute(&bare("evt-2", &["Instagram"])).await.success(200);
    let mut numbers = vec![number];
    loop {
        let (number, state) = second.event().await;
        numbers.push(number);
        if state["status"] == "COMPLETED" {
            break;
        }
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    second.until("event: end\ndata:\n\n").await;
    service.stop().await;
}

#[tokio::test]
async fn streams_are_bounded_and_a_place_comes_back() {
    let clock = Arc::new(ManualClock::new("2026-11-22T09:00:00Z".parse().unwrap()));
    let service = Service::start_at(clock, |config| {
        config.http.max_streams = 1;
        config.http.heartbeat_ms = 20;
    })
    .await;
    let id = id_of(&service, &later("evt-1")).await;
    let mut only = Stream::open(&service, &id, None).await;
    only.event().await;
    let path = format!("/api/distributions/{id}/events");
    let refused = service.get(&path).await;
    refused.problem(503, "too_many_streams");
    assert_eq!(refused.header("retry-after"), "1");
    drop(only);
    let free = async {
        let mut another = Stream::open(&service, &id, None).await;
        while !another.read.contains("PENDING") {
            another = Stream::open(&service, &id, None).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
            let mut chunk = [0; 2_048];
            let count = another.wire.read(&mut chunk).await.unwrap();
            another.read.push_str(&String::from_utf8_lossy(&chunk[..count]));
        }
    };
    tokio::time::timeout(PATIENCE, free)
        .await
        .expect("the place did not come back");
    service.stop().await;
}

#[tokio::test]
async fn a_stop_ends_open_streams() {
    let clock = Arc::new(ManualClock::new("2026-11-22T09:00:00Z".parse().unwrap()));
    let service = Service::start_at(clock, |_| {}).await;
    let id = id_of(&service, &later("evt-1")).await;
    let mut open = Stream::open(&service, &id, None).await;
    open.event().await;
    let stopping = tokio::spawn(service.stop());
    open.ended().await;
    stopping.await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let service = Service::start().await;
    let id = id_of(&service, &bare("evt-1", &["Instagram"])).await;
    let path = format!("/api/distributions/{id}/events");
    for last in ["x", "-1", "1.5", "99999999999"] {
        let answer = service.ask("GET", &path, &[("last-event-id", last)], b"").await;
        answer.problem(400, "bad_last_event_id");
        let answer = service.get(&format!("{path}?lastEventId={last}")).await;
        assert_eq!(answer.faults(), [("lastEventId".to_owned(), "out_of_range".to_owned())]);
    }
    let absent = "/api/distributions/019a9b1e-7c1a-7000-8000-000000000001/events";
    service.get(absent).await.problem(404, "distribution_not_found");
    service.stop().await;
}
