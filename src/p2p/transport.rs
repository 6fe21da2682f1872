//! TCP, then the private network if there is a secret, then Noise, then Yamux; and what its
//! failures mean.
//!
//! libp2p reports every failure below a connection as text. A marker put around the errors of TCP
//! itself tells "nobody there" (normal, try again) from "somebody there who does not share our
//! keys" (tell the operator). pnet:
//! <https://github.com/libp2p/specs/blob/master/pnet/Private-Networks-PSK-V1.md>.

use std::error::Error;
use std::io;
use std::time::Duration;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::pnet::{PnetConfig, PreSharedKey};
use libp2p::{PeerId, Transport, TransportError, noise, tcp, yamux};

use super::identity::ClusterKeys;

/// TCP alone: a node that needs longer to accept is not reachable. Systems send the first packet again
/// after 1 s and then after 3 s, so a longer wait would bring nothing but a later next dial.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// TCP and all handshakes; a stranger's connection lives no longer than this.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(8);
/// Streams one connection may have open: two for gossip, one each for ping and identify, the rest
/// for requests.
const STREAMS_MAX: usize = 128;
const LISTEN_BACKLOG: u32 = 256;

/// Wraps what went wrong before a byte was exchanged.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unreached(#[source] Cause);

/// Marks it a second time: the `Either`s of the stack tell the source of what they hold, not what
/// they hold, and so hide the first mark.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(#[source] Box<dyn Error + Send + Sync>);

/// The transport of one node.
pub(crate) fn build(
    key: &Keypair,
    cluster: &ClusterKeys,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, noise::Error> {
    let tcp = tcp::tokio::Transport::new(
        tcp::Config::default()
            .nodelay(true)
            .listen_backlog(LISTEN_BACKLOG),
    );
    let tcp = TransportTimeout::with_outgoing_timeout(tcp, CONNECT_TIMEOUT)
        .map_err(|e| Unreached(Cause(Box::new(e))));
    let noise = noise::Config::new(key)?.with_prologue(cluster.prologue.to_vec());
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(STREAMS_MAX);
    Ok(match cluster.network {
        Some(secret) => {
            let private = PnetConfig::new(PreSharedKey::new(secret));
            tcp.and_then(move |socket, _| private.handshake(socket))
                .upgrade(Version::V1Lazy)
                .authenticate(noise)
                .multiplex(yamux)
                .timeout(HANDSHAKE_TIMEOUT)
                .boxed()
        }
        None => tcp
            .upgrade(Version::V1Lazy)
            .authenticate(noise)
            .multiplex(yamux)
            .timeout(HANDSHAKE_TIMEOUT)
            .boxed(),
    })
}

/// Whether TCP worked and only the handshake after it failed.
pub(crate) fn is_handshake_failure(error: &TransportError<io::Error>) -> bool {
    let TransportError::Other(error) = error else {
        return false;
    };
    let mut cause = error.get_ref().map(|inner| inner as &(dyn Error + 'static));
    while let Some(error) = cause {
        if error.is::<Unreached>() || error.is::<Cause>() {
            return false;
        }
        // An io::Error that wraps another error skips it in `source`.
        cause = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    true
}
