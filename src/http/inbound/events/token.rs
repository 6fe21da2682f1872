//! The connection token: names node, worker and line, so that a PUT may reach any node of the cluster
//! (spec: `events.md` 5.5). Sealed ([`crate::core::seal`]); possession suffices.

use crate::{
    core::{hub::position::NodeId, seal::SealFault},
    http::{
        inbound::events::{frame::KEY_CHARS, seats::LineId},
        sealer::Sealer,
    },
};

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The node that has the connection.
    pub node: NodeId,
    /// The worker's number there.
    pub desk: u32,
    /// The line there.
    pub line: LineId,
    /// The connection's key, under which its subscriptions are remembered.
    pub key: [u8; KEY_CHARS],
}

const BYTES: usize = 8 + 4 + 8 + KEY_CHARS;

// === impl Address ===

impl Address {
    /// A token; another one each time.
    pub fn seal(&self, sealer: &Sealer) -> String {
        self.seal_with(&[], sealer)
    }

    /// A token that carries something for [`open`](Self::open) to give back.
    pub fn seal_with(&self, behind: &[u8], sealer: &Sealer) -> String {
        let mut bytes = Vec::with_capacity(BYTES + behind.len());
        bytes.extend_from_slice(&self.node.as_u64().to_be_bytes());
        bytes.extend_from_slice(&self.desk.to_be_bytes());
        bytes.extend_from_slice(&self.line.to_u64().to_be_bytes());
        bytes.extend_from_slice(&self.key);
        bytes.extend_from_slice(behind);
        // A system without random numbers has no keys for TLS either; the token then opens nothing.
        sealer.seal(&bytes).unwrap_or_default()
    }

    /// Reads a token, and what it carries.
    ///
    /// # Errors
    /// [`SealFault`]
    pub fn open(token: &str, sealer: &Sealer) -> Result<(Self, Vec<u8>), SealFault> {
        let bytes = sealer.open(token)?;
        Self::read(&bytes).ok_or(SealFault::NotAuthentic)
    }

    fn read(bytes: &[u8]) -> Option<(Self, Vec<u8>)> {
        let (node, rest) = bytes.split_first_chunk()?;
        let (desk, rest) = rest.split_first_chunk()?;
        let (line, rest) = rest.split_first_chunk()?;
        let (key, behind) = rest.split_first_chunk()?;
        let address = Self {
            node: NodeId::new(u64::from_be_bytes(*node)),
            desk: u32::from_be_bytes(*desk),
            line: LineId::from_u64(u64::from_be_bytes(*line)),
            key: *key,
        };
        Some((address, behind.to_vec()))
    }
}
