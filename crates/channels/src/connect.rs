//! How connections to channels are made: names resolved, both families of
//! addresses tried, TLS by the system's trusted certificates, and all of it in
//! time. No proxy of the environment is used.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Error as ClientError;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use tokio::net::TcpStream;
use tokio::time::error::Elapsed;
use tower_service::Service;

use crate::http::{Cause, NotSent};

/// A peer that is gone is found out after three times this time.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Makes connections.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    inner: HttpsConnector<HttpConnector>,
    /// For name, connection and TLS together.
    timeout: Duration,
}

impl Connector {
    /// Fails where the system's trusted certificates can't be read.
    pub(crate) fn new(timeout: Duration) -> io::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(3));
        let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(ring::default_provider())?;
        let inner = tls.https_or_http().enable_http1().wrap_connector(tcp);
        Ok(Self { inner, timeout })
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = Cause;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Cause>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.timeout, self.inner.call(uri));
        Box::pin(async { connecting.await? })
    }
}

/// What kept a connection from being made.
pub(crate) fn failure(error: &ClientError) -> NotSent {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<Elapsed>() {
            return NotSent::ConnectTimeout;
        }
        if is_tls(inner) {
            return NotSent::Tls;
        }
        // The connector tells this by its text alone.
        if inner.to_string() == "dns error" {
            return NotSent::Name;
        }
        cause = inner.source();
    }
    NotSent::Connect
}

/// An I/O error shows the source of what it wraps, not what it wraps; and one
/// may wrap another.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped.is_some_and(|inner| is_tls(inner))
}
