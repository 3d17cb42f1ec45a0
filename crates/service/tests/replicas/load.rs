//! Clients that distribute at whichever node answers, and ask again, elsewhere
//! and with the same words, where they got no answer.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// One exchange; nothing where no whole answer came.
pub(crate) async fn call(address: SocketAddr, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
    call_and_wait(address, method, path, body, 10).await
}

/// The same for a client that waits so many seconds for the channels.
async fn call_and_wait(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: Option<&Value>,
    wait: u32,
) -> Option<(u16, Value)> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nprefer: wait={wait}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        let answer = String::from_utf8(answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        // A body that was cut off is no answer.
        Some((status, serde_json::from_str(body).ok()?))
    };
    tokio::time::timeout(Duration::from_secs(15), exchange)
        .await
        .ok()
        .flatten()
}

/// `media` is where the simulator is.
pub(crate) fn request(media: &str, event: &str) -> Value {
    json!({
        "eventId": event,
        "channels": ["WooridongneTV", "RingoBiz", "GenieTV", "Instagram", "NaverBlog", "KakaoChannel"],
        "contentUrls": {"imageUrl": format!("{media}/media/a.jpg"), "audioUrl": format!("{media}/media/a.wav")},
        "content": {"title": "여는 날", "body": "오늘 엽니다."},
        "channelOptions": {
            "WooridongneTV": {"regions": ["1114000000"], "budget": 50_000},
            "RingoBiz": {"phoneNumber": "02-312-4567"},
            "GenieTV": {"region": "1114000000", "budget": 300_000,
                "schedule": crate::support::schedule()},
            "Instagram": {"caption": format!("여는 날 {event}")},
            "KakaoChannel": {"message": "오늘 엽니다.", "recipientListRef": "regulars"},
        },
    })
}

/// Instagram takes fifty posts a day; each client has so many of them.
const POSTS: usize = 8;

/// Clients at work.
pub(crate) struct Load {
    clients: JoinSet<()>,
    stop: Arc<AtomicBool>,
    /// Ids of what was acknowledged.
    pub(crate) acknowledged: Arc<Mutex<BTreeSet<String>>>,
    /// Answers that no client should get.
    pub(crate) wrong: Arc<Mutex<Vec<String>>>,
    pub(crate) refused: Arc<AtomicU64>,
}

impl Load {
    /// So many clients, each at another node first; `media` is where the simulator is.
    pub(crate) fn begin(addresses: &[SocketAddr], media: &str, clients: usize) -> Self {
        let mut load = Self {
            clients: JoinSet::new(),
            stop: Arc::default(),
            acknowledged: Arc::default(),
            wrong: Arc::default(),
            refused: Arc::default(),
        };
        for client in 0..clients {
            let (stop, acknowledged) = (Arc::clone(&load.stop), Arc::clone(&load.acknowledged));
            let (wrong, refused) = (Arc::clone(&load.wrong), Arc::clone(&load.refused));
            let (addresses, media) = (addresses.to_vec(), media.to_owned());
            load.clients.spawn(async move {
                for number in 0.. {
                    if stop.load(Ordering::Acquire) {
                        return;
                    }
                    let mut body = request(&media, &format!("evt-{client}-{number}"));
                    if number >= POSTS {
                        body["channels"]
                            .as_array_mut()
                            .unwrap()
                            .retain(|channel| channel != "Instagram");
                    }
                    for again in 0..3 {
                        let address = addresses[(client + number + again) % addresses.len()];
                        match call_and_wait(address, "POST", crate::support::DISTRIBUTE, Some(&body), 0).await {
                            Some((200 | 202, answer)) => {
                                let id = answer["distributionId"].as_str().unwrap().to_owned();
                                acknowledged.lock().unwrap().insert(id);
                                break;
                            }
                            Some((503 | 429, _)) => _ = refused.fetch_add(1, Ordering::Relaxed),
                            Some(other) => wrong.lock().unwrap().push(format!("{other:?}")),
                            None => {}
                        }
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            });
        }
        load
    }

    /// Lets each client end what it has begun; how many were acknowledged.
    pub(crate) async fn end(&mut self) -> usize {
        self.stop.store(true, Ordering::Release);
        while self.clients.join_next().await.is_some() {}
        assert_eq!(self.wrong.lock().unwrap().clone(), Vec::<String>::new());
        self.acknowledged.lock().unwrap().len()
    }

    pub(crate) fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }
}
