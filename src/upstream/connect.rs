//! From an origin to an open stream: name lookup, TCP, TLS, all under one time limit.

use std::{io, net::SocketAddr, sync::Arc};

use rustls::pki_types::ServerName;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    core::route::origin::Origin,
    upstream::{Settings, stream::UpstreamStream},
};

/// Why a target cannot be connected to. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name does not resolve.
    #[error("the host name does not resolve: {0}")]
    Lookup(io::Error),
    /// No address accepted.
    #[error("no address accepts connections: {0}")]
    Tcp(io::Error),
    /// The certificate or the handshake was refused.
    #[error("TLS failed: {0}")]
    Tls(io::Error),
    /// The target is no valid TLS server name.
    #[error("the host is not a valid TLS server name")]
    ServerName,
    /// `PROXY_CONNECT_TIMEOUT` passed.
    #[error("not connected within PROXY_CONNECT_TIMEOUT")]
    Timeout,
    /// The HTTP handshake failed at once.
    #[error("HTTP cannot start: {0}")]
    Handshake(hyper::Error),
}

/// Opens a stream to `origin`.
///
/// # Errors
/// [`ConnectError`]
pub async fn connect(origin: &Origin, settings: &Settings) -> Result<UpstreamStream, ConnectError> {
    timeout(settings.connect_timeout, open(origin, settings))
        .await
        .map_err(|_elapsed| ConnectError::Timeout)?
}

async fn open(origin: &Origin, settings: &Settings) -> Result<UpstreamStream, ConnectError> {
    let stream = tcp(origin).await?;
    // Without this, Nagle's algorithm and delayed acknowledgements add 40 ms to small requests.
    stream.set_nodelay(true).map_err(ConnectError::Tcp)?;
    if !origin.https {
        return Ok(UpstreamStream::plain(stream, settings.connections.clone()));
    }
    let name =
        ServerName::try_from(origin.host.clone()).map_err(|_invalid| ConnectError::ServerName)?;
    let stream = TlsConnector::from(Arc::clone(&settings.tls))
        .connect(name, stream)
        .await
        .map_err(ConnectError::Tls)?;
    Ok(UpstreamStream::tls(stream, settings.connections.clone()))
}

/// Tries every address of the name in turn, as the resolver orders them (RFC 6724).
async fn tcp(origin: &Origin) -> Result<TcpStream, ConnectError> {
    if let Ok(ip) = origin.host.parse() {
        return TcpStream::connect(SocketAddr::new(ip, origin.port))
            .await
            .map_err(ConnectError::Tcp);
    }
    let addresses = lookup_host((origin.host.as_str(), origin.port))
        .await
        .map_err(ConnectError::Lookup)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(ConnectError::Tcp(last))
}
