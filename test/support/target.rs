//! A target whose connections a story accepts and answers by hand, and the definition that leads
//! the gateway to it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use serde_json::{Value, json};
use socket2::SockRef;

use crate::support::{
    gateway::{Builder, Gateway},
    peer::{Peer, WAIT_MAX},
};

/// A listening socket.
pub(crate) struct Target {
    listener: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
}

// === impl Target ===

impl Target {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        // On Linux this also limits how long `accept` waits.
        SockRef::from(&listener)
            .set_read_timeout(Some(WAIT_MAX))
            .expect("a live socket");
        Self {
            listener,
            tls: None,
        }
    }

    /// The same, with TLS.
    pub(crate) fn start_tls(config: Arc<rustls::ServerConfig>) -> Self {
        Self {
            tls: Some(config),
            ..Self::start()
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener
            .local_addr()
            .expect("a bound socket has an address")
    }

    /// The next connection of the gateway.
    pub(crate) fn accept(&self) -> Peer {
        let (tcp, _) = self.listener.accept().expect("a connection of the gateway");
        match &self.tls {
            None => Peer::plain(tcp),
            Some(config) => Peer::tls(tcp, Arc::clone(config)),
        }
    }

    /// The gateway's end of the new connection that `request` of `client` leads to, the head read.
    pub(crate) fn meet(&self, client: &mut Peer, request: &str) -> Peer {
        client.say(request);
        let mut peer = self.accept();
        peer.head();
        peer
    }

    /// The gateway has opened no connection beyond those accepted.
    pub(crate) fn has_no_other_connection(&self) -> bool {
        self.listener.set_nonblocking(true).expect("a live socket");
        let waiting = self.listener.accept();
        self.listener.set_nonblocking(false).expect("a live socket");
        matches!(waiting, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// A gateway in front of this target only, with one worker, so that one pool of connections
    /// serves all clients.
    pub(crate) fn gateway(&self) -> Gateway {
        self.gateway_with(Gateway::builder())
    }

    /// The same, otherwise as `builder` says.
    pub(crate) fn gateway_with(&self, builder: Builder) -> Gateway {
        builder
            .env("WORKERS", "1")
            .config_json(&[self.definition("api", "")])
            .start()
            .expect("a gateway")
    }

    /// An API whose paths begin with `prefix`. What begins with `/secured` needs a token, with
    /// `/small` may have a body of 1,000 bytes, with `/quick` must be answered within 300 ms.
    pub(crate) fn definition(&self, id: &str, prefix: &str) -> Value {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        definition(
            id,
            prefix,
            &format!("{scheme}://localhost"),
            self.address().port(),
        )
    }
}

/// See [`Target::definition`].
pub(crate) fn definition(id: &str, prefix: &str, target_url: &str, port: u16) -> Value {
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE"];
    let endpoint = |method: &str, path: &str| {
        json!({
            "id": format!("{method}{path}"),
            "method": method,
            "path_regex": format!("{prefix}{path}.*"),
        })
    };
    let mut endpoints = Vec::new();
    for method in methods {
        let mut secured = endpoint(method, "/secured");
        secured["secured"] = json!(true);
        let mut small = endpoint(method, "/small");
        small["max_body_bytes"] = json!(1_000);
        let mut quick = endpoint(method, "/quick");
        quick["timeout_ms"] = json!(300);
        endpoints.extend([secured, small, quick, endpoint(method, "/")]);
    }
    json!({
        "id": id,
        "name": id,
        "auth_type": "jwt",
        "auth": { "use_header": true, "header_name": "Authorization" },
        "version_data": { "default": { "endpoints": endpoints } },
        "proxy": { "target_url": target_url, "port": port },
    })
}
