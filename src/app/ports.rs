//! The listening sockets, opened before anything answers on them.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::Arc,
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{app::StartError, config::Config};

/// Connections the kernel holds for us between two accepts; the system caps it.
const BACKLOG: i32 = 4_096;

/// One listening socket.
#[derive(Debug, Clone)]
pub struct Listener {
    /// As the boot log calls it.
    pub name: &'static str,
    /// Where it really listens.
    pub address: SocketAddr,
    /// Clients speak TLS.
    pub tls: bool,
    /// Shared by all workers.
    pub socket: Arc<TcpListener>,
}

/// All listening sockets of a node.
#[derive(Debug)]
pub struct Ports {
    /// Ports 4000 and, with a certificate, 4001.
    pub inbound: Vec<Listener>,
    /// Ports 4010 and, with a certificate, 4011.
    pub api: Vec<Listener>,
}

// === impl Ports ===

impl Ports {
    /// Opens the configured ports.
    ///
    /// # Errors
    /// The first port that cannot be opened; those before it are closed again.
    pub fn bind(config: &Config) -> Result<Self, StartError> {
        let (inbound, admin) = (&config.inbound, &config.admin);
        let mut ports = Self {
            inbound: vec![bind("inbound", inbound.bind, inbound.port, false)?],
            api: vec![bind("api", admin.bind, admin.port, false)?],
        };
        if config.tls.is_some() {
            ports
                .inbound
                .push(bind("inbound-tls", inbound.bind, inbound.https_port, true)?);
            ports
                .api
                .push(bind("api-tls", admin.bind, admin.https_port, true)?);
        }
        if let Some(cluster) = &config.cluster {
            // Only asked for: the network part opens it, and opens it again when it has to. But a node
            // that starts beside another process on its port would go on alone.
            drop(bind(
                "cluster",
                cluster.listen.ip(),
                cluster.listen.port(),
                false,
            )?);
        }
        Ok(ports)
    }

    /// The management API's own handle on its plain socket.
    ///
    /// # Errors
    /// The socket cannot be duplicated.
    pub fn admin(&self) -> io::Result<TcpListener> {
        self.api_socket(false)?
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The management API's own handle on its TLS socket, if there is one.
    ///
    /// # Errors
    /// The socket cannot be duplicated.
    pub fn admin_tls(&self) -> io::Result<Option<TcpListener>> {
        self.api_socket(true)
    }

    fn api_socket(&self, tls: bool) -> io::Result<Option<TcpListener>> {
        let listener = self.api.iter().find(|listener| listener.tls == tls);
        listener
            .map(|listener| listener.socket.try_clone())
            .transpose()
    }

    /// Says where the node listens.
    pub fn log(&self) {
        for listener in self.inbound.iter().chain(&self.api) {
            log::info!(
                listener = listener.name,
                address = listener.address.to_string().as_str();
                "listening"
            );
        }
    }

    /// Closes this handle on the inbound sockets; they close with the workers' loops.
    pub fn close_inbound(&mut self) {
        self.inbound.clear();
    }
}

fn bind(name: &'static str, ip: IpAddr, port: u16, tls: bool) -> Result<Listener, StartError> {
    let wanted = SocketAddr::new(ip, port);
    let listen = || {
        let socket = Socket::new(
            Domain::for_address(wanted),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        // A restarted gateway must not wait for the old one's closed connections to be forgotten.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&wanted.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    let (socket, address) = listen().map_err(|reason| StartError::Bind {
        name,
        address: wanted,
        reason,
    })?;
    Ok(Listener {
        name,
        address,
        tls,
        socket: Arc::new(socket),
    })
}

/// The IPv4 address `host` resolves to, for `by=` of `forwarded`, or `host` itself.
pub async fn own_address(host: &str) -> String {
    match tokio::net::lookup_host((host, 0)).await {
        Ok(mut addresses) => addresses
            .find(SocketAddr::is_ipv4)
            .map_or_else(|| host.to_owned(), |address| address.ip().to_string()),
        Err(error) => {
            log::warn!("HOST {host} does not resolve ({error}); `by=` carries the name");
            host.to_owned()
        }
    }
}
