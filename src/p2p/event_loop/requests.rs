//! Requests of both directions, as far as the loop has to remember them.
//!
//! Every accepted request of ours ends in exactly one `Response` event; every request of a peer is
//! answered, refused as "busy", or runs into its time limit and is forgotten.

use std::io;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::request_response::{self, InboundRequestId, Message, OutboundFailure, ResponseChannel};

use super::EventLoop;
use crate::p2p::codec::{Answer, Frame};
use crate::p2p::payload::Payload;
use crate::p2p::{Event, InboundId, Peer, RequestError, RequestId};

/// Requests of ours that may be open; more are answered "busy" at once.
const ASKING_MAX: usize = 1_024;
/// How long a peer is kept out that sent too many malformed frames.
const MALFORMED_PAUSE: Duration = Duration::from_secs(60);

/// A request of ours.
pub(super) struct Asking {
    id: RequestId,
}

/// A request of a peer.
pub(super) struct Asked {
    id: u64,
    peer: PeerId,
    channel: Option<ResponseChannel<Answer>>,
}

pub(super) type Exchange = request_response::Event<Frame, Answer>;

// === impl EventLoop ===

impl EventLoop {
    /// Sends a request of the floor above.
    pub(super) fn ask(&mut self, peer: PeerId, id: RequestId, bytes: Payload) {
        let refusal = match self.peers.contains(&peer) {
            // Left to libp2p it would dial, with addresses it does not have.
            false => Some(RequestError::NotConnected),
            true if self.asking.len() >= ASKING_MAX => Some(RequestError::Busy),
            true => None,
        };
        if let Some(error) = refusal {
            self.shared.counters.requests_failed.add(1);
            return self.outbox.tell(Event::Response {
                id,
                result: Err(error),
            });
        }
        self.shared.counters.requests_out.add(1);
        self.shared.counters.request_bytes_out.add(bytes.len());
        let asking = self
            .swarm
            .behaviour_mut()
            .sync
            .send_request(&peer, Frame::Whole(bytes));
        self.asking.insert(asking, Asking { id });
        self.occupy(&peer, 1);
    }

    /// Sends an answer of the floor above.
    pub(super) fn answer(&mut self, to: InboundId, bytes: Payload) {
        let asked = self
            .inbound_ids
            .get(&to.0)
            .and_then(|id| self.asked.get_mut(id));
        let Some(channel) = asked.and_then(|asked| asked.channel.take()) else {
            return;
        };
        let length = bytes.len();
        // An error means that the time limit or the connection has ended; the failure event tidies
        // up.
        if self
            .swarm
            .behaviour_mut()
            .sync
            .send_response(channel, Answer::Whole(bytes))
            .is_ok()
        {
            self.shared.counters.request_bytes_out.add(length);
        }
    }

    pub(super) fn on_sync(&mut self, event: Exchange) {
        match event {
            Exchange::Message {
                peer,
                message:
                    Message::Request {
                        request_id,
                        request,
                        channel,
                    },
                ..
            } => {
                self.on_asked(peer, request_id, request, channel);
            }
            Exchange::Message {
                peer,
                message:
                    Message::Response {
                        request_id,
                        response,
                    },
                ..
            } => {
                let result = match response {
                    Answer::Whole(bytes) => {
                        self.shared.counters.request_bytes_in.add(bytes.len());
                        Ok(bytes)
                    }
                    Answer::Busy => Err(RequestError::PeerBusy),
                };
                self.settle(peer, request_id, result);
            }
            Exchange::OutboundFailure {
                peer,
                request_id,
                error,
                ..
            } => {
                let error = meaning(&error);
                if error == RequestError::Malformed {
                    self.malformed(peer, "an answer");
                }
                self.settle(peer, request_id, Err(error));
            }
            Exchange::InboundFailure { request_id, .. }
            | Exchange::ResponseSent { request_id, .. } => {
                self.forget_asked(request_id);
            }
        }
    }

    fn on_asked(
        &mut self,
        peer: PeerId,
        id: InboundRequestId,
        request: Frame,
        channel: ResponseChannel<Answer>,
    ) {
        let bytes = match request {
            Frame::Whole(bytes) => bytes,
            Frame::TooLong(bytes) => {
                self.malformed(peer, &format!("a request of {bytes} bytes"));
                let _ = self
                    .swarm
                    .behaviour_mut()
                    .sync
                    .send_response(channel, Answer::Busy);
                return;
            }
        };
        self.shared.counters.requests_in.add(1);
        self.shared.counters.request_bytes_in.add(bytes.len());
        if !self.outbox.takes_request() {
            self.shared.counters.requests_shed.add(1);
            let _ = self
                .swarm
                .behaviour_mut()
                .sync
                .send_response(channel, Answer::Busy);
            return;
        }
        let own = self.next_inbound;
        self.next_inbound += 1;
        self.inbound_ids.insert(own, id);
        self.asked.insert(
            id,
            Asked {
                id: own,
                peer,
                channel: Some(channel),
            },
        );
        self.occupy(&peer, 1);
        self.outbox.tell(Event::Request {
            peer: Peer(peer),
            id: InboundId(own),
            bytes,
        });
    }

    fn settle(
        &mut self,
        peer: PeerId,
        id: request_response::OutboundRequestId,
        result: Result<Payload, RequestError>,
    ) {
        let Some(asking) = self.asking.remove(&id) else {
            return;
        };
        if result.is_err() {
            self.shared.counters.requests_failed.add(1);
        }
        self.occupy(&peer, -1);
        self.outbox.tell(Event::Response {
            id: asking.id,
            result,
        });
    }

    fn forget_asked(&mut self, id: InboundRequestId) {
        if let Some(asked) = self.asked.remove(&id) {
            self.inbound_ids.remove(&asked.id);
            self.occupy(&asked.peer, -1);
        }
    }

    /// Forgets requests whose peer has stopped waiting without libp2p saying so.
    pub(super) fn sweep_asked(&mut self) {
        let abandoned = |asked: &&Asked| {
            asked
                .channel
                .as_ref()
                .is_some_and(|channel| !channel.is_open())
        };
        let gone: Vec<u64> = self
            .asked
            .values()
            .filter(abandoned)
            .map(|asked| asked.id)
            .collect();
        for id in gone
            .iter()
            .filter_map(|own| self.inbound_ids.get(own).copied())
            .collect::<Vec<_>>()
        {
            self.forget_asked(id);
        }
    }

    fn occupy(&mut self, peer: &PeerId, by: isize) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.busy = peer.busy.saturating_add_signed(by);
        }
    }

    /// Counts a frame that is none; too many of them, and the peer is kept out for a minute.
    pub(super) fn malformed(&mut self, peer: PeerId, what: &str) {
        self.shared.counters.malformed.add(1);
        log::debug!("cluster peer {peer} sent {what} that is malformed or too large");
        if self.peers.malformed(&peer, Instant::now()) {
            log::warn!(
                "cluster peer {peer} sent too many malformed messages; disconnected for a minute"
            );
            self.ban(peer, MALFORMED_PAUSE);
        }
    }
}

pub(super) fn meaning(error: &OutboundFailure) -> RequestError {
    match error {
        OutboundFailure::DialFailure => RequestError::NotConnected,
        OutboundFailure::Timeout => RequestError::Timeout,
        OutboundFailure::ConnectionClosed => RequestError::Closed,
        OutboundFailure::UnsupportedProtocols => RequestError::Unsupported,
        OutboundFailure::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            RequestError::Malformed
        }
        OutboundFailure::Io(_) => RequestError::Closed,
    }
}
