//! stub, replaced by branch clusterconfig
use crate::config::secret::Secret;
use ipnet::IpNet;
use std::net::SocketAddr;
/// x
#[derive(Debug, Clone)]
pub struct Cluster {
    /// x
    pub name: String,
    /// x
    pub listen: SocketAddr,
    /// x
    pub advertise: Option<SocketAddr>,
    /// x
    pub peers: Vec<String>,
    /// x
    pub allow: Vec<IpNet>,
    /// x
    pub mdns: bool,
    /// x
    pub dns: Option<String>,
    /// x
    pub secret: Option<Secret>,
}
