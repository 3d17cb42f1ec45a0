//! The guarded HTTP client against servers that misbehave, byte by byte: what
//! was never sent must be told from what may have arrived.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use fanfare_channels::http::{Answer, ExchangeError, HttpClient, HttpSettings, NotSent};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const DEADLINE: Duration = Duration::from_millis(500);

async fn send(url: &str) -> Result<Answer, ExchangeError> {
    let client = HttpClient::new(&HttpSettings {
        deadline: DEADLINE,
        connect_timeout: DEADLINE,
        max_answer_bytes: 1_000,
        ..HttpSettings::default()
    });
    let request = Request::post(url).body(Bytes::from_static(b"hello")).unwrap();
    client.unwrap().send(request).await
}

/// A server that reads one request and then does as it likes.
async fn server<F: Future<Output = ()> + Send>(behave: impl FnOnce(TcpStream) -> F + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4_096];
        let mut read = 0;
        while !request[..read].ends_with(b"hello") {
            match stream.read(&mut request[read..]).await.unwrap() {
                0 => return,
                more => read += more,
            }
        }
        behave(stream).await;
    });
    format!("http://{address}/")
}

async fn answering(text: String) -> Result<Answer, ExchangeError> {
    let url = server(async move |mut stream| {
        // Who has read enough hangs up.
        _ = stream.write_all(text.as_bytes()).await;
    });
    send(&url.await).await
}

#[tokio::test]
async fn a_whole_answer_is_given_as_it_is() {
    let text = "HTTP/1.1 202 Accepted\r\nretry-after: 3\r\ncontent-length: 8\r\n\r\n{\"a\": 1}";
    let answer = answering(text.to_owned()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.cut), (202, false));
    assert_eq!(answer.json::<serde_json::Value>().unwrap()["a"], 1);
}

#[tokio::test]
async fn a_long_answer_is_cut_off_and_read_no_further() {
    for length in [1_000, 1_001, 1_000_000] {
        let body = "x".repeat(length);
        let answer = answering(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")).await;
        let answer = answer.unwrap();
        assert_eq!((answer.body.len(), answer.cut), (1_000, length > 1_000));
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let text = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(answering(text.to_owned()).await.unwrap().status.as_u16(), 307);
}

#[tokio::test]
async fn what_breaks_off_after_the_first_byte_may_have_arrived() {
    for text in [
        "",
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        "no HTTP at all\r\n\r\n",
    ] {
        let error = answering(text.to_owned()).await.unwrap_err();
        assert!(
            matches!(error, ExchangeError::Lost { timed_out: false, .. }),
            "{text:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn one_deadline_holds_for_the_whole_exchange() {
    let url = server(async |stream| {
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(stream);
    });
    let error = send(&url.await).await.unwrap_err();
    assert!(
        matches!(error, ExchangeError::Lost { timed_out: true, .. }),
        "{error:?}"
    );

    let url = server(async |mut stream| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n";
        stream.write_all(head).await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(DEADLINE / 5).await;
        }
    });
    let error = send(&url.await).await.unwrap_err();
    assert!(
        matches!(error, ExchangeError::Lost { timed_out: true, .. }),
        "a trickle: {error:?}"
    );
}

#[tokio::test]
async fn what_fails_before_the_first_byte_was_never_sent() {
    // Bound and closed again: nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let not_tls = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let not_tls_address = not_tls.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = not_tls.accept().await.unwrap();
        _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let mut rest = [0; 1_024];
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    });
    for (url, expected) in [
        (format!("http://{closed}/"), NotSent::Connect),
        ("http://fanfare.invalid/".to_owned(), NotSent::Name),
        (format!("https://{not_tls_address}/"), NotSent::Tls),
    ] {
        match send(&url).await {
            Err(ExchangeError::NotSent(kind, _)) => assert_eq!(kind, expected, "{url}"),
            other => panic!("{url}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_error_does_not_show_the_address() {
    let error = send("http://fanfare.invalid/?secret=canary").await.unwrap_err();
    assert!(!error.words().contains("canary"), "{}", error.words());
}

/// A connection that is closed while the next request is on its way to it: hyper
/// would send that one again by itself, over another connection.
#[tokio::test]
async fn a_request_on_a_connection_that_was_just_closed_is_not_sent_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (close, closing) = mpsc::channel::<()>();
    let (closed, is_closed) = mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4_096];
        _ = stream.read(&mut request).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        closing.recv().unwrap();
        drop(stream);
        closed.send(()).unwrap();
        listener.set_nonblocking(true).unwrap();
        closing.recv().unwrap();
        listener.accept().is_ok()
    });
    let settings = HttpSettings {
        deadline: DEADLINE,
        ..HttpSettings::default()
    };
    let client = HttpClient::new(&settings).unwrap();
    let request = || Request::post(&url).body(Bytes::new()).unwrap();
    assert_eq!(client.send(request()).await.unwrap().status.as_u16(), 200);
    // Back into the pool; and then it is closed while this thread, which would see
    // it, waits.
    tokio::time::sleep(Duration::from_millis(20)).await;
    close.send(()).unwrap();
    is_closed.recv().unwrap();
    // The runtime hears of it now, and goes on here before there.
    tokio::task::yield_now().await;
    let error = client.send(request()).await.unwrap_err();
    // None of it was written: who decides about it may send it again at once.
    assert!(matches!(error, ExchangeError::NotSent(NotSent::Closed, _)), "{error:?}");
    close.send(()).unwrap();
    assert!(!server.join().unwrap(), "it was sent again");
}
