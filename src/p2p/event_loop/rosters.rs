//! The peer lists: whom we know is told, and whom others know is learned.

use std::net::IpAddr;
use std::time::Instant;

use libp2p::PeerId;
use libp2p::request_response::Message;

use super::EventLoop;
use super::requests::{Exchange, meaning};
use crate::p2p::RequestError;
use crate::p2p::address::is_dialable;
use crate::p2p::book::Origin;
use crate::p2p::codec::{Answer, Frame};
use crate::p2p::roster;

// === impl EventLoop ===

impl EventLoop {
    /// Tells a peer whom we know; its answer is whom it knows.
    pub(super) fn exchange_rosters(&mut self, peer: &PeerId) {
        let Some(reader) = self.seen_at(peer) else {
            return;
        };
        let bytes = roster::encode(&self.roster(reader));
        self.swarm
            .behaviour_mut()
            .rosters
            .send_request(peer, Frame::Whole(bytes.into()));
    }

    pub(super) fn on_roster(&mut self, event: Exchange) {
        match event {
            Exchange::Message {
                peer,
                message:
                    Message::Request {
                        request, channel, ..
                    },
                ..
            } => {
                let answer = match (request, self.seen_at(&peer)) {
                    (Frame::Whole(bytes), Some(reader)) => {
                        self.learn_roster(peer, &bytes);
                        Answer::Whole(roster::encode(&self.roster(reader)).into())
                    }
                    (Frame::TooLong(_), _) => {
                        self.malformed(peer, "a list of peers");
                        Answer::Busy
                    }
                    (Frame::Whole(_), None) => Answer::Busy,
                };
                let _ = self
                    .swarm
                    .behaviour_mut()
                    .rosters
                    .send_response(channel, answer);
            }
            Exchange::Message {
                peer,
                message:
                    Message::Response {
                        response: Answer::Whole(bytes),
                        ..
                    },
                ..
            } => {
                self.learn_roster(peer, &bytes);
            }
            Exchange::OutboundFailure { peer, error, .. }
                if meaning(&error) == RequestError::Malformed =>
            {
                self.malformed(peer, "a list of peers");
            }
            // Lists are repeated; one that is lost does not matter.
            Exchange::Message {
                message:
                    Message::Response {
                        response: Answer::Busy,
                        ..
                    },
                ..
            }
            | Exchange::OutboundFailure { .. }
            | Exchange::InboundFailure { .. }
            | Exchange::ResponseSent { .. } => {}
        }
    }

    fn roster(&self, reader: IpAddr) -> Vec<roster::Entry> {
        let own = self.advertise.map(|address| (self.local, address));
        let shared = self.book.share(reader, |peer| {
            self.peers.get(peer).is_some_and(|known| known.identified)
        });
        own.into_iter().chain(shared).collect()
    }

    fn learn_roster(&mut self, teller: PeerId, bytes: &[u8]) {
        let Some(seen) = self.seen_at(&teller) else {
            return;
        };
        let Ok(entries) = roster::decode(bytes) else {
            return self.malformed(teller, "a list of peers");
        };
        let now = Instant::now();
        for (peer, address) in entries {
            if is_dialable(address, seen) && self.swarm.behaviour().gate.admits(address.ip()) {
                self.book.learn(address, Origin::Told, Some(peer), now);
            }
        }
    }

    fn seen_at(&self, peer: &PeerId) -> Option<IpAddr> {
        let connection = self.peers.get(peer)?.connections.first()?;
        Some(connection.remote.ip())
    }
}
