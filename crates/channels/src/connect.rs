//! How connections to channels are made: names resolved, both families of
//! addresses tried, TLS by the system's trusted certificates, and all of it in
//! time. No proxy of the environment is used. Where addresses are users', only
//! those of the public internet are connected to.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use fanfare_core::validate::url::is_public;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Error as ClientError;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
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
    inner: HttpsConnector<HttpConnector<Names>>,
    /// For name, connection and TLS together.
    timeout: Duration,
}

impl Connector {
    /// Fails where the system's trusted certificates can't be read.
    pub(crate) fn new(timeout: Duration, names: Names) -> io::Result<Self> {
        let mut tcp = HttpConnector::new_with_resolver(names);
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

/// Resolves names, as the system does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Names {
    /// Wherever they lead: the operator has named them.
    Anywhere,
    /// To the public internet alone: users have named them.
    Public,
}

/// A name leads nowhere but into some network.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not on the public internet")]
pub(crate) struct LeadsInside;

impl Names {
    fn may_lead_to(self, address: IpAddr) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Public => is_public(address),
        }
    }
}

impl Service<Name> for Names {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Cause;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Cause>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let names = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may = |address: &SocketAddr| names.may_lead_to(address.ip());
            let addresses: Vec<_> = found.filter(may).collect();
            if addresses.is_empty() {
                return Err(LeadsInside.into());
            }
            Ok(addresses.into_iter())
        })
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
