//! One caller: a connection that stays open, one request at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::driver::{Driver, NUMBER, Run};
use super::turns::Turns;

/// Before a caller that lost its connection makes another.
const PAUSE: Duration = Duration::from_millis(20);

/// Only an answer whose distribution is complete contains this word: channels
/// say SUCCESS.
const COMPLETED: &[u8] = b"\"COMPLETED\"";

/// One connection, one request at a time.
pub(super) struct Caller {
    address: String,
    path: Uri,
    authorization: Option<HeaderValue>,
    body: Vec<u8>,
    number_at: usize,
    next: Arc<AtomicU64>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

enum Outcome {
    Completed,
    Open,
    Refused(u16),
}

impl Caller {
    pub(super) fn new(driver: &Driver) -> Self {
        Self {
            address: driver.address.clone(),
            path: driver.path.clone(),
            authorization: driver.authorization.clone(),
            body: driver.body.clone(),
            number_at: driver.number_at,
            next: Arc::clone(&driver.next),
            connection: None,
        }
    }

    pub(super) async fn call(mut self, turns: Arc<Turns>) -> Run {
        let mut tally = Run::default();
        while let Some(from) = turns.next().await {
            let refusal = match self.exchange().await {
                Ok(Outcome::Completed) => {
                    tally.latencies.push(from.elapsed());
                    continue;
                }
                Ok(Outcome::Open) => {
                    tally.open += 1;
                    continue;
                }
                Ok(Outcome::Refused(status)) => format!("HTTP {status}"),
                Err(error) => {
                    self.connection = None;
                    tokio::time::sleep(PAUSE).await;
                    format!("{error:#}")
                }
            };
            *tally.refusals.entry(refusal).or_default() += 1;
        }
        tally
    }

    async fn exchange(&mut self) -> anyhow::Result<Outcome> {
        let request = self.request()?;
        let response = self
            .connection()
            .await?
            .send_request(request)
            .await
            .context("the request was lost")?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .context("the answer broke off")?
            .to_bytes();
        Ok(if !status.is_success() {
            Outcome::Refused(status.as_u16())
        } else if body.windows(COMPLETED.len()).any(|window| window == COMPLETED) {
            Outcome::Completed
        } else {
            Outcome::Open
        })
    }

    fn request(&mut self) -> anyhow::Result<Request<Full<Bytes>>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let digits = format!("{:016x}", scattered(number));
        self.body[self.number_at..self.number_at + NUMBER.len()].copy_from_slice(digits.as_bytes());
        let mut request = Request::post(self.path.path())
            .header(HOST, &self.address)
            .header(CONTENT_TYPE, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request
            .body(Full::new(Bytes::copy_from_slice(&self.body)))
            .context("the request cannot be built")
    }

    async fn connection(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        let connection = match self.connection.take().filter(|connection| !connection.is_closed()) {
            Some(mut connection) => {
                connection.ready().await.context("the connection was closed")?;
                connection
            }
            None => connect(&self.address).await?,
        };
        Ok(self.connection.insert(connection))
    }
}

/// Events come in no order: neighbours in time are not neighbours in the index.
/// The factor is odd, so no two numbers become one.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

async fn connect(address: &str) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await.context("cannot connect")?;
    stream.set_nodelay(true).context("the socket refuses")?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .context("cannot speak HTTP")?;
    // How it ends, its requests are told.
    tokio::spawn(connection);
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn each_request_has_an_event_of_its_own() {
        let driver = Driver::new("http://127.0.0.1:1", 2, false).unwrap();
        let mut caller = Caller::new(&driver);
        let mut bodies = std::collections::BTreeSet::new();
        for _ in 0..100 {
            caller.request().unwrap();
            let body: Value = serde_json::from_slice(&caller.body).unwrap();
            assert_eq!(body["channels"], json!(["WooridongneTV", "RingoBiz"]));
            bodies.insert(body["eventId"].to_string());
        }
        assert_eq!(bodies.len(), 100);
    }
}
