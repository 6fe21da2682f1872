//! The way down: commands to the event loop. Every method returns at once; a full queue is an
//! answer, not a wait.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc;

use super::address::Address;
use super::payload::{Budget, Payload};
use super::stats::{Counters, Stats};
use super::{GOSSIP_BYTES_MAX, InboundId, Peer, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, RequestId};

/// Commands that may wait; the loop empties the queue in one turn unless it is overloaded.
const COMMANDS_MAX: usize = 1_024;
/// Memory of requests, answers and publications that were accepted here and are not on the wire
/// yet.
const LEAVING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Commands the room. Cheap to clone; the room ends when the last clone is dropped.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

/// Why a command was not accepted. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HandleError {
    /// Too many commands or bytes are waiting; try again later.
    #[error("the cluster connection is overloaded")]
    Full,
    /// The event loop has ended.
    #[error("the cluster connection is closed")]
    Closed,
    /// Above the limit of its kind.
    #[error("{bytes} bytes are more than the {max} a cluster message may have")]
    TooLarge {
        /// Size asked for.
        bytes: usize,
        /// The limit.
        max: usize,
    },
}

/// What the loop is asked to do.
pub(crate) enum Command {
    Publish(Payload),
    Request {
        peer: Peer,
        id: RequestId,
        bytes: Payload,
    },
    Respond {
        to: InboundId,
        bytes: Payload,
    },
    Dial(Address),
    Disconnect {
        peer: Peer,
        pause: Duration,
    },
    Shutdown,
    #[cfg(test)]
    Panic,
    #[cfg(test)]
    Fill,
    #[cfg(test)]
    Oversize(Peer),
    #[cfg(test)]
    Unsubscribe,
}

/// What handle and loop have in common.
pub(crate) struct Shared {
    pub(crate) local: Peer,
    pub(crate) counters: Counters,
    listening: Mutex<Vec<SocketAddr>>,
    next: AtomicU64,
    budget: Budget,
}

// === impl Handle ===

impl Handle {
    pub(crate) fn open(local: Peer) -> (Self, mpsc::Receiver<Command>, Arc<Shared>) {
        let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
        let shared = Arc::new(Shared {
            local,
            counters: Counters::default(),
            listening: Mutex::default(),
            next: AtomicU64::new(1),
            budget: Budget::of(LEAVING_BYTES_MAX),
        });
        (
            Self {
                commands,
                shared: Arc::clone(&shared),
            },
            receiver,
            shared,
        )
    }

    /// This node's identity.
    #[must_use]
    pub fn local(&self) -> Peer {
        self.shared.local
    }

    /// The addresses the node accepts connections at now.
    #[must_use]
    pub fn listening(&self) -> Vec<SocketAddr> {
        self.shared
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A reading of the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counters.read()
    }

    /// Gossips to all connected peers, at most once each, without a receipt. Nobody there is not an
    /// error.
    ///
    /// # Errors
    /// Above [`GOSSIP_BYTES_MAX`], or see [`HandleError`].
    pub fn publish(&self, bytes: Vec<u8>) -> Result<(), HandleError> {
        self.send(Command::Publish(self.payload(bytes, GOSSIP_BYTES_MAX)?))
    }

    /// Asks one peer; [`super::Event::Response`] with the returned id follows, within about 10 s.
    ///
    /// # Errors
    /// Above [`REQUEST_BYTES_MAX`], or see [`HandleError`]; then no event follows.
    pub fn request(&self, peer: Peer, bytes: Vec<u8>) -> Result<RequestId, HandleError> {
        let bytes = self.payload(bytes, REQUEST_BYTES_MAX)?;
        let id = RequestId(self.shared.next.fetch_add(1, Ordering::Relaxed));
        self.send(Command::Request { peer, id, bytes })?;
        Ok(id)
    }

    /// Answers a request. An id that is answered already, or whose 10 s are over, is ignored.
    ///
    /// # Errors
    /// Above [`RESPONSE_BYTES_MAX`], or see [`HandleError`]; the peer then runs into its time
    /// limit.
    pub fn respond(&self, to: InboundId, bytes: Vec<u8>) -> Result<(), HandleError> {
        let bytes = self.payload(bytes, RESPONSE_BYTES_MAX)?;
        self.send(Command::Respond { to, bytes })
    }

    /// Adds an address that is dialled now and for ever, like a configured one.
    ///
    /// # Errors
    /// See [`HandleError`].
    pub fn dial(&self, address: Address) -> Result<(), HandleError> {
        self.send(Command::Dial(address))
    }

    /// Closes all connections to a peer and admits none for `pause`; gossip it wrote is dropped
    /// meanwhile.
    ///
    /// # Errors
    /// See [`HandleError`].
    pub fn disconnect(&self, peer: Peer, pause: Duration) -> Result<(), HandleError> {
        self.send(Command::Disconnect { peer, pause })
    }

    /// Ends the room after the commands before it; the loop's future tells when. What was published
    /// or answered just before gets 100 ms to leave. Waits only for a place in the queue.
    pub async fn shutdown(&self) {
        // An error means that the loop has ended, which is what was asked for.
        drop(self.commands.send(Command::Shutdown).await);
    }

    pub(crate) fn send(&self, command: Command) -> Result<(), HandleError> {
        self.commands
            .try_send(command)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => HandleError::Full,
                mpsc::error::TrySendError::Closed(_) => HandleError::Closed,
            })
    }

    fn payload(&self, bytes: Vec<u8>, max: usize) -> Result<Payload, HandleError> {
        if bytes.len() > max {
            return Err(HandleError::TooLarge {
                bytes: bytes.len(),
                max,
            });
        }
        if self.commands.is_closed() {
            return Err(HandleError::Closed);
        }
        let share = self
            .shared
            .budget
            .try_take(bytes.len())
            .ok_or(HandleError::Full)?;
        Ok(Payload::new(bytes, share))
    }
}

// === impl Shared ===

impl Shared {
    pub(crate) fn listens(&self, address: SocketAddr, listens: bool) {
        let mut listening = self
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listening.retain(|other| *other != address);
        if listens {
            listening.push(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_or_budget_that_is_full_is_an_answer_and_not_a_wait() {
        let (handle, mut commands, _shared) = Handle::open(Peer(libp2p::PeerId::random()));
        let accepted =
            std::iter::repeat_with(|| handle.respond(InboundId(1), vec![0; RESPONSE_BYTES_MAX]));
        assert_eq!(accepted.take_while(Result::is_ok).count(), 7);
        assert_eq!(
            handle.respond(InboundId(1), vec![0; RESPONSE_BYTES_MAX]),
            Err(HandleError::Full)
        );
        while commands.try_recv().is_ok() {}
        let accepted = std::iter::repeat_with(|| handle.publish(Vec::new()));
        assert_eq!(accepted.take_while(Result::is_ok).count(), COMMANDS_MAX);
        drop(commands);
        assert_eq!(handle.publish(Vec::new()), Err(HandleError::Closed));
    }

    #[test]
    fn a_message_above_its_limit_is_refused_here() {
        let (handle, _commands, shared) = Handle::open(Peer(libp2p::PeerId::random()));
        assert!(matches!(
            handle.publish(vec![0; GOSSIP_BYTES_MAX + 1]),
            Err(HandleError::TooLarge { .. })
        ));
        let request = handle.request(shared.local, vec![0; REQUEST_BYTES_MAX + 1]);
        assert!(matches!(request, Err(HandleError::TooLarge { .. })));
        assert!(handle.publish(vec![0; GOSSIP_BYTES_MAX]).is_ok());
    }
}
