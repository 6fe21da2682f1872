//! From an origin to an open stream: name lookup, TCP, TLS, all under one time limit.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

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
    let stream = tcp(origin, settings.connect_timeout).await?;
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

async fn tcp(origin: &Origin, limit: Duration) -> Result<TcpStream, ConnectError> {
    if let Ok(ip) = origin.host.parse() {
        return TcpStream::connect(SocketAddr::new(ip, origin.port))
            .await
            .map_err(ConnectError::Tcp);
    }
    let addresses: Vec<_> = lookup_host((origin.host.as_str(), origin.port))
        .await
        .map_err(ConnectError::Lookup)?
        .collect();
    first_of(&addresses, limit).await
}

/// Tries the addresses in turn, as the resolver orders them (RFC 6724). One that does not answer
/// must not use up the time of the next: a host is often reachable by one protocol only.
async fn first_of(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, ConnectError> {
    let none = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut error = ConnectError::Lookup(none);
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(refused)) => error = ConnectError::Tcp(refused),
            Err(_elapsed) => error = ConnectError::Timeout,
        }
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    /// Accepts nobody and refuses nobody, as a host behind a firewall.
    struct Silent {
        socket: socket2::Socket,
        _waiting: Vec<std::net::TcpStream>,
    }

    impl Silent {
        fn start() -> Self {
            let socket =
                socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            socket.bind(&any.into()).unwrap();
            socket.listen(0).unwrap();
            let address = socket.local_addr().unwrap().as_socket().unwrap();
            // What does not fit into the backlog is dropped.
            let waiting = std::iter::from_fn(|| {
                std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok()
            });
            let waiting = waiting.take(100).collect();
            Self {
                socket,
                _waiting: waiting,
            }
        }

        fn address(&self) -> SocketAddr {
            self.socket.local_addr().unwrap().as_socket().unwrap()
        }
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_leaves_time_for_the_next() {
        let silent = Silent::start();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addresses = [silent.address(), listener.local_addr().unwrap()];
        let stream = timeout(
            Duration::from_secs(1),
            first_of(&addresses, Duration::from_secs(1)),
        );
        let stream = stream.await.expect("in time").expect("a connection");
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_passed_over() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let refusing = {
            let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            gone.local_addr().unwrap()
        };
        let addresses = [refusing, listener.local_addr().unwrap()];
        let stream = first_of(&addresses, Duration::from_secs(1))
            .await
            .expect("a connection");
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
    }

    #[tokio::test]
    async fn a_name_without_addresses_is_an_error() {
        let error = first_of(&[], Duration::from_secs(1))
            .await
            .expect_err("nowhere to go");
        assert!(matches!(error, ConnectError::Lookup(_)), "{error}");
    }
}
