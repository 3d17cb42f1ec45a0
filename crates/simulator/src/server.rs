//! The one way that every request takes: it is read, met by a fault or not,
//! answered, and remembered.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming as Body;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use url::form_urlencoded;

use crate::channels::{self, Served};
use crate::clock::Clock;
use crate::exchange::{BrokenOff, Incoming, Outgoing, OutgoingBody};
use crate::fault::{Fault, Faults, Garbage, RuleError};
use crate::picture::Found;
use crate::scenario::Scenario;
use crate::world::{Effect, Seen, World};
use crate::{control, page, picture};

/// A request's largest body.
const BODY_MOST: usize = 8 * 1_024 * 1_024;

/// How it is started.
#[derive(Debug, Clone)]
pub struct SimulatorSettings {
    /// Where it listens; port 0 is any that is free.
    pub listen: SocketAddr,
    /// What goes wrong.
    pub scenario: Scenario,
    /// For faults that come by chance.
    pub seed: u64,
    /// What time it is.
    pub clock: Clock,
    /// Files under `/media/`, beside the small ones that stand for any name.
    pub media: HashMap<String, Bytes>,
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            scenario: Scenario::default(),
            seed: 0,
            clock: Clock::default(),
            media: HashMap::new(),
        }
    }
}

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// A rule of the scenario can never fit.
    #[error("the scenario is refused")]
    Scenario(#[from] RuleError),
}

/// Starts one.
#[derive(Debug)]
pub struct Simulator;

/// One that runs; it ends when this is dropped.
pub struct RunningSimulator {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
}

/// What every connection sees.
pub(crate) struct Shared {
    pub(crate) base_url: String,
    pub(crate) clock: Clock,
    world: Mutex<World>,
}

impl Simulator {
    /// Listens, and answers until the result is dropped.
    #[expect(
        clippy::unused_async,
        reason = "to listen needs a runtime, in which its callers are thus"
    )]
    pub async fn start(settings: SimulatorSettings) -> Result<RunningSimulator, StartError> {
        let refused = |error| StartError::Listen(settings.listen, error);
        let listener = listen(settings.listen).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let now = settings.clock.now();
        let faults = Faults::new(settings.scenario.rules, now)?;
        let world = World::new(now, StdRng::seed_from_u64(settings.seed), faults, settings.media);
        let shared = Arc::new(Shared {
            base_url: format!("http://{address}"),
            clock: settings.clock,
            world: Mutex::new(world),
        });
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(accept(listener, Arc::clone(&shared), stopping));
        Ok(RunningSimulator { address, shared, stop })
    }
}

impl RunningSimulator {
    /// Where it is.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// What came to be, oldest first.
    pub fn effects(&self) -> Vec<Effect> {
        self.shared.world().known.effects.clone()
    }

    /// From now on, this lies at `/media/{name}`.
    pub fn put_media(&self, name: &str, bytes: impl Into<Bytes>) {
        self.shared.world().media.insert(name.to_owned(), bytes.into());
    }

    /// Requests that met a fault, of those that are remembered.
    pub fn faults_met(&self) -> usize {
        self.shared.world().seen().filter(|seen| seen.fault.is_some()).count()
    }

    /// Its clock, to be moved on.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }
}

impl Drop for RunningSimulator {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl Shared {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        // A panic while it was changed makes the simulator worthless, not unsound.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.is_now(self.clock.now());
        world
    }
}

/// A service under load connects often at once: Tokio's own queue of 128 would drop some.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(address)?;
    socket.listen(1_024)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopping: watch::Receiver<bool>) {
    let for_connections = stopping.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => _ = tokio::spawn(connection(stream, Arc::clone(&shared), for_connections.clone())),
                // Too many open files: let some be closed.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            () = stopped(&mut stopping) => return,
        }
    }
}

/// That the other end is gone is a stop too.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    _ = stopping.wait_for(|stop| *stop).await;
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, mut stopping: watch::Receiver<bool>) {
    // Small answers shall not wait for more.
    _ = stream.set_nodelay(true);
    let service = service_fn(move |request| exchange(Arc::clone(&shared), request));
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // What breaks off is the fault's doing, or the client's.
        _ = serving => {}
        () = stopped(&mut stopping) => {}
    }
}

/// Nothing is answered, and the connection closed, where this fails.
async fn exchange(shared: Arc<Shared>, request: Request<Body>) -> Result<Response<OutgoingBody>, BrokenOff> {
    let Some((prefix, mut incoming)) = read(&shared, request).await else {
        return Err(BrokenOff);
    };
    let served = channels::find(&prefix);
    let step = served.and_then(|served| Some((served, (served.step)(&incoming)?)));
    let Some((served, step)) = step else {
        let answer = match prefix.as_str() {
            "" => page::index(&shared),
            "_simulator" => control::handle(&shared, &incoming),
            // What probes only asks whether somebody is there.
            _ if served.is_some() && incoming.path.iter().all(String::is_empty) => {
                Outgoing::text(200, "text/plain", "")
            }
            _ => Outgoing::not_found(),
        };
        return Ok(answer.into_response(shared.clock.now()));
    };
    let fetches = matches!(
        (served.name, step),
        ("instagram", "create" | "child") | ("ringo-biz", "replace")
    );
    let named = || {
        let names = ["image_url", "video_url", "audioUrl"];
        names.into_iter().find_map(|name| incoming.parameter(name))
    };
    if fetches && let Some(url) = named() {
        incoming.picture = picture::fetch(&shared, &url).await;
    }
    let (answer, seen) = {
        let mut world = shared.world();
        let world = &mut *world;
        let token = incoming.bearer().unwrap_or_default();
        let place = (served.name, step);
        let fault = world.faults.meet(place, token, world.now, &mut world.rng);
        let answer = meet(world, served, &incoming, fault.as_ref());
        let seen = seen(world, (served, step), &incoming, &answer, fault.as_ref());
        (answer, seen)
    };
    shared.world().saw(seen);
    match answer {
        Met::Answer(answer) => Ok(answer.into_response(shared.clock.now())),
        Met::Late(answer, wait) => {
            tokio::time::sleep(wait).await;
            Ok(answer.into_response(shared.clock.now()))
        }
        Met::Odd(answer, body) => Ok(answer.into_response(shared.clock.now()).map(|_| body)),
        Met::Cut => Err(BrokenOff),
        Met::Hung => std::future::pending().await,
    }
}

async fn read(shared: &Shared, request: Request<Body>) -> Option<(String, Incoming)> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_MOST).collect().await.ok()?.to_bytes();
    let mut path = parts.uri.path().split('/').skip(1).map(decoded);
    let prefix = path.next().unwrap_or_default();
    let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let incoming = Incoming {
        method: parts.method,
        path: path.collect(),
        query: query.into_owned().collect(),
        headers: parts.headers,
        body,
        base_url: shared.base_url.clone(),
        picture: Found::Elsewhere,
    };
    Some((prefix, incoming))
}

/// What becomes of a request.
enum Met {
    Answer(Outgoing),
    Late(Outgoing, Duration),
    Odd(Outgoing, OutgoingBody),
    Cut,
    Hung,
}

fn meet(world: &mut World, served: &'static Served, incoming: &Incoming, fault: Option<&Fault>) -> Met {
    if let Some(fault @ Fault::PerformLate { seconds }) = fault {
        world.take_on(served, incoming.clone(), fault.clone(), *seconds);
        return Met::Cut;
    }
    let mut work = || (served.handle)(world, incoming, fault);
    match fault {
        None
        | Some(
            Fault::Usage { .. }
            | Fault::SlowContainer { .. }
            | Fault::ContainerError { .. }
            | Fault::ContainerExpired
            | Fault::ProcessingConflict
            | Fault::Deviates { .. }
            | Fault::SlowReview { .. }
            | Fault::Declined { .. }
            | Fault::SlowResults { .. }
            | Fault::XmlRpc { .. },
        ) => Met::Answer(work()),
        Some(Fault::Delay { millis }) => Met::Late(work(), Duration::from_millis(*millis)),
        Some(Fault::DropBefore | Fault::PerformLate { .. }) => Met::Cut,
        Some(Fault::DropAfter) => {
            work();
            Met::Cut
        }
        Some(Fault::Hang { perform }) => {
            if *perform {
                work();
            }
            Met::Hung
        }
        Some(Fault::Garbage { what, perform }) => {
            if *perform {
                work();
            }
            garbage(*what)
        }
        Some(Fault::Throttle { minutes }) => Met::Answer((served.throttled)(*minutes)),
        Some(Fault::Answer {
            status,
            body,
            headers,
            perform,
        }) => {
            if *perform {
                work();
            }
            Met::Answer(instead(*status, body, headers))
        }
    }
}

fn instead(status: u16, body: &serde_json::Value, headers: &std::collections::BTreeMap<String, String>) -> Outgoing {
    let mut answer = match body.as_str() {
        Some(text) => Outgoing::text(status, "text/plain", text.to_owned()),
        None => Outgoing::json(status, body),
    };
    for (name, value) in headers {
        let known = [
            "retry-after",
            "location",
            "x-app-usage",
            "x-business-use-case-usage",
            "content-type",
        ];
        if let Some(known) = known.into_iter().find(|known| name.eq_ignore_ascii_case(known)) {
            answer = answer.with(known, value.clone());
        }
    }
    answer
}

fn garbage(what: Garbage) -> Met {
    let empty = || Outgoing::text(200, "application/json", "");
    match what {
        Garbage::Html => Met::Answer(Outgoing::text(200, "text/html", "<html><body>It works!</body></html>")),
        Garbage::NoId => Met::Answer(Outgoing::json(200, &json!({"ok": true}))),
        Garbage::Endless => Met::Odd(empty(), OutgoingBody::Endless),
        Garbage::Trickle => Met::Odd(empty(), OutgoingBody::trickle()),
        Garbage::Truncated => Met::Odd(empty(), OutgoingBody::broken(b"{\"id\": \"17")),
        Garbage::Redirect => {
            Met::Answer(Outgoing::text(307, "text/plain", "").with("location", "http://127.0.0.1:1/elsewhere"))
        }
        Garbage::AbsurdRetryAfter => {
            let answer = Outgoing::problem(429, "Too Many Requests", "come back some day");
            Met::Answer(answer.with("retry-after", "99999999999999999999"))
        }
    }
}

fn seen(
    world: &World,
    (served, step): (&Served, &'static str),
    incoming: &Incoming,
    met: &Met,
    fault: Option<&Fault>,
) -> Seen {
    let text = |name| incoming.header(name).map(str::to_owned);
    Seen {
        at: world.now,
        channel: served.name,
        step,
        method: incoming.method.to_string(),
        path: format!("/{}/{}", served.name, incoming.path.join("/")),
        idempotency_key: text("idempotency-key"),
        traceparent: text("traceparent"),
        status: match met {
            Met::Answer(answer) | Met::Late(answer, _) | Met::Odd(answer, _) => Some(answer.status.as_u16()),
            Met::Cut | Met::Hung => None,
        },
        fault: fault.map(Fault::kind),
    }
}

/// Undoes the escapes of one part of a path.
fn decoded(part: &str) -> String {
    // A form's rules, but for the plus, which is itself in a path.
    let pair = format!("={}", part.replace('+', "%2B"));
    let mut pairs = form_urlencoded::parse(pair.as_bytes());
    pairs.next().map(|(_, text)| text.into_owned()).unwrap_or_default()
}
