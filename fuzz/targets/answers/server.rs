//! A server that answers what it is told, one after the other, whoever asks. Below `/media`
//! lie files that every channel takes, so that clients come as far as to call. A part of a
//! file is answered like anything else, and what was asked and said of it is noted.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::input::{Answer, Headers};

const JPEG: &[u8] = include_bytes!("../../../crates/simulator/src/channels/grey.jpg");
const MP3: &[u8] = include_bytes!("../../../crates/simulator/src/channels/silence.mp3");
const MP4: &[u8] = include_bytes!("../../../crates/simulator/src/channels/empty.mp4");

/// The wrong time of [`Headers::Date`].
pub(crate) const DATE: &str = "Tue, 24 Nov 2026 23:00:30 GMT";

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

/// What is answered, and what was.
#[derive(Default)]
struct Script {
    answers: Vec<Answer>,
    next: usize,
    repeats: bool,
    /// Since somebody looked.
    given: Vec<Answer>,
    /// The same, of what was asked for in parts.
    parts: Vec<Part>,
}

/// A part of a file: its first and last byte, as they were asked for and as they came.
pub(crate) struct Part {
    pub(crate) asked: (u64, u64),
    pub(crate) said: Option<(u64, u64)>,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Of a request only what an answer depends on.
struct Request {
    head: bool,
    path: String,
    /// A part is asked for, from its first byte to its last.
    range: Option<(u64, u64)>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let script = Arc::<Mutex<Script>>::default();
        let shared = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, script }
    }

    /// From now on.
    pub(crate) fn answers(&self, answers: Vec<Answer>, repeats: bool) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Script {
            answers,
            repeats,
            ..Script::default()
        };
    }

    /// What was answered since this was asked last.
    pub(crate) fn given(&self) -> Vec<Answer> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut script.given)
    }

    /// Which parts of files were, since this was asked last.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut script.parts)
    }
}

impl Script {
    fn next(&mut self) -> Answer {
        let out_of_order = Answer {
            status: 500,
            headers: Headers::None,
            body: Vec::new(),
        };
        let last = self.answers.last().filter(|_| self.repeats);
        let answer = self.answers.get(self.next).or(last).cloned().unwrap_or(out_of_order);
        self.next += 1;
        self.given.push(answer.clone());
        answer
    }
}

/// Until the client or the script ends the connection.
async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    let mut heard = Vec::new();
    while let Some(request) = read(&mut stream, &mut heard).await {
        let (whole, goes_on) = if let Some((kind, file)) = media(&request.path) {
            (response(200, &format!("content-type: {kind}\r\n"), file), true)
        } else {
            let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = script.next();
            script.parts.extend(request.range.map(|asked| Part::of(&answer, asked)));
            written(&answer, &request)
        };
        if stream.write_all(&whole).await.is_err() || !goes_on {
            break;
        }
    }
}

/// The next request, without its body.
async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Request> {
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        more(stream, bytes).await?;
    }
    bytes.drain(..end + length);
    let mut words = head.split(' ');
    Some(Request {
        head: words.next()? == "head",
        path: words.next()?.to_owned(),
        range: head.lines().find_map(|line| range(line.strip_prefix("range: bytes=")?)),
    })
}

/// `0-99`, whatever the numbers are.
fn range(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

impl Part {
    fn of(answer: &Answer, asked: (u64, u64)) -> Self {
        let (content_range, body) = match answer.headers {
            Headers::FirstLine => {
                let (line, body) = first_line(&answer.body);
                (Some(line), body)
            }
            _ => (content_range(answer, asked), &answer.body[..]),
        };
        let said = content_range.as_deref().and_then(|text| {
            let (parts, _) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
            range(parts)
        });
        Self {
            asked,
            said,
            status: answer.status,
            body: body.to_vec(),
        }
    }
}

/// Where an answer to a part says where it lies, without a line of its own.
fn content_range(answer: &Answer, (first, _): (u64, u64)) -> Option<String> {
    let end = first.saturating_add(answer.body.len() as u64);
    let last = end.saturating_sub(1);
    match answer.headers {
        Headers::Part => Some(format!("bytes {first}-{last}/*")),
        Headers::LastPart => Some(format!("bytes {first}-{last}/{end}")),
        _ => None,
    }
}

/// A body's first line, as it can stand in a header, and what follows.
pub(crate) fn first_line(body: &[u8]) -> (String, &[u8]) {
    let mut lines = body.splitn(2, |byte| *byte == b'\n');
    let line = lines.next().unwrap_or_default();
    // What is no header would be no HTTP, and is hyper's to refuse.
    let is_plain = |byte: &&u8| (0x20..0x7f).contains(*byte);
    let line = line.iter().filter(is_plain).map(|byte| char::from(*byte)).collect();
    (line, lines.next().unwrap_or_default())
}

async fn more(stream: &mut TcpStream, heard: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(heard).await.ok()?;
    (read > 0).then_some(())
}

fn media(path: &str) -> Option<(&'static str, &'static [u8])> {
    let name = path.strip_prefix("/media/")?;
    match name.rsplit_once('.')?.1 {
        "jpg" => Some(("image/jpeg", JPEG)),
        "mp3" => Some(("audio/mpeg", MP3)),
        "mp4" => Some(("video/mp4", MP4)),
        _ => None,
    }
}

/// An answer's bytes, and whether the connection goes on after it.
fn written(answer: &Answer, request: &Request) -> (Vec<u8>, bool) {
    let mut body = &answer.body[..];
    let mut headers = String::new();
    let kind = match answer.headers {
        Headers::Problem => "application/problem+json",
        _ if request.range.is_some() => "video/mp4",
        _ if body.first() == Some(&b'<') => "text/xml",
        _ => "application/json",
    };
    _ = write!(headers, "content-type: {kind}\r\n");
    match answer.headers {
        Headers::RetryAfter(text) => _ = write!(headers, "retry-after: {text}\r\n"),
        Headers::Used => headers.push_str(
            "x-app-usage: {\"call_count\":100,\"total_cputime\":25,\"total_time\":25}\r\n\
             x-business-use-case-usage: {\"1\":[{\"type\":\"instagram\",\"call_count\":100,\"estimated_time_to_regain_access\":19}]}\r\n",
        ),
        Headers::Date => _ = write!(headers, "date: {DATE}\r\n"),
        Headers::FirstLine => {
            let (value, rest) = first_line(body);
            body = rest;
            for name in ["retry-after", "x-app-usage", "x-business-use-case-usage", "date", "content-range"] {
                _ = write!(headers, "{name}: {value}\r\n");
            }
        }
        Headers::Part | Headers::LastPart => {
            if let Some(text) = request.range.and_then(|asked| content_range(answer, asked)) {
                _ = write!(headers, "content-range: {text}\r\n");
            }
        }
        Headers::None | Headers::Problem | Headers::Broken => {}
    }
    let broken = answer.headers == Headers::Broken;
    // These have none (RFC 9110, 6.4.1); to a HEAD its length alone is told.
    let bare = matches!(answer.status, 204 | 304);
    let mut whole = response(answer.status, &headers, if bare { b"" } else { body });
    if request.head {
        whole.truncate(whole.len() - if bare { 0 } else { body.len() });
    }
    if broken {
        whole.truncate(whole.len() - body.len().div_ceil(2).min(whole.len()));
    }
    (whole, !broken)
}

fn response(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
