//! SRV lookups: which hosts and ports a service has (RFC 2782).
//!
//! The system's resolver does not offer them, so hickory-resolver asks the name servers that the
//! system's configuration names. The configuration is read again for every lookup, and nothing is kept
//! between two: a lookup every five seconds is cheap, and what changed is seen. Deliberately absent:
//! priorities and weights; every target is a node.

#[cfg(test)]
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::{RData, RecordType};
#[cfg(test)]
use hickory_resolver::{
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
};

/// Targets taken from one answer: each costs a lookup.
const TARGETS_MAX: usize = 64;
/// For one question to one name server. Together with the repetitions below it stays within the time of
/// a lookup unless there are several servers that are all silent; then that time ends it.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);
/// Times the question is repeated, to all name servers in turn, after nobody has answered it.
const REPETITIONS: usize = 1;

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Servers {
    /// Those of the system's configuration.
    OfTheSystem,
    /// A test's own.
    #[cfg(test)]
    Only(SocketAddr),
}

/// One target of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) host: String,
    pub(super) port: u16,
}

/// The targets of a service; none if it has none, or cannot be looked up.
pub(super) async fn of(name: &str, servers: Servers) -> Vec<Service> {
    let lookup = match resolver(servers) {
        Ok(resolver) => resolver.lookup(name, RecordType::SRV).await,
        Err(error) => Err(error),
    };
    let lookup = match lookup {
        Ok(lookup) => lookup,
        Err(error) => {
            log::debug!("{name} cannot be looked up as a service: {error}");
            return Vec::new();
        }
    };
    let targets = lookup.answers().iter().filter_map(|record| {
        let RData::SRV(service) = &record.data else {
            return None;
        };
        let host = service.target.to_ascii();
        (service.port != 0 && host != ".").then_some(Service {
            host,
            port: service.port,
        })
    });
    targets.take(TARGETS_MAX).collect()
}

fn resolver(servers: Servers) -> Result<TokioResolver, NetError> {
    let mut builder = match servers {
        Servers::OfTheSystem => TokioResolver::builder_tokio()?,
        #[cfg(test)]
        Servers::Only(server) => {
            let mut udp = ConnectionConfig::udp();
            udp.port = server.port();
            let server = NameServerConfig::new(server.ip(), true, vec![udp]);
            let config = ResolverConfig::from_name_servers(vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options = builder.options_mut();
    options.cache_size = 0;
    options.timeout = QUESTION_TIMEOUT;
    options.attempts = REPETITIONS;
    builder.build()
}
