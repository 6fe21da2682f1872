//! The small message by which nodes tell each other whom they are connected to.
//!
//! It turns a star of seeds into a mesh: without it a cluster whose nodes all know one seed loses
//! gossip. Form: version (1), count, then per entry: length and bytes of the identity, family (4 or
//! 6), address, port. Decoding never panics and never allocates more than the message's size.
//! Deliberately absent: trust; the reader decides which addresses are worth a dial.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use libp2p::PeerId;
use thiserror::Error;

/// Entries of one message: one address of every peer at the default limit of peers.
pub(crate) const ENTRIES_MAX: usize = 128;
/// Bytes of one message: 128 entries of at most 1 + 64 + 1 + 16 + 2 bytes, plus the head.
pub(crate) const ROSTER_BYTES_MAX: usize = 16 * 1024;
const VERSION: u8 = 1;

/// One peer and one address it can be dialled at.
pub(crate) type Entry = (PeerId, SocketAddr);

/// The bytes are not a roster of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a list of peers")]
pub(crate) struct Malformed;

/// Writes the first [`ENTRIES_MAX`] entries.
pub(crate) fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = vec![VERSION, 0];
    let mut count = 0u8;
    for (peer, address) in entries.iter().take(ENTRIES_MAX) {
        let identity = peer.to_bytes();
        let Ok(length) = u8::try_from(identity.len()) else {
            continue;
        };
        count += 1;
        bytes.push(length);
        bytes.extend_from_slice(&identity);
        match address.ip() {
            IpAddr::V4(ip) => {
                bytes.push(4);
                bytes.extend_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                bytes.push(6);
                bytes.extend_from_slice(&ip.octets());
            }
        }
        bytes.extend_from_slice(&address.port().to_be_bytes());
    }
    if let Some(place) = bytes.get_mut(1) {
        *place = count;
    }
    bytes
}

/// Reads what [`encode`] wrote; bytes left over are an error.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Entry>, Malformed> {
    let (&[version, count], mut rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    if version != VERSION || usize::from(count) > ENTRIES_MAX {
        return Err(Malformed);
    }
    let mut entries = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let [length] = take(&mut rest)?;
        let (identity, after) = rest
            .split_at_checked(usize::from(length))
            .ok_or(Malformed)?;
        rest = after;
        let peer = PeerId::from_bytes(identity).map_err(|_| Malformed)?;
        let ip = match take(&mut rest)? {
            [4] => IpAddr::V4(Ipv4Addr::from(take::<4>(&mut rest)?)),
            [6] => IpAddr::V6(Ipv6Addr::from(take::<16>(&mut rest)?)),
            [_] => return Err(Malformed),
        };
        let port = u16::from_be_bytes(take(&mut rest)?);
        entries.push((peer, SocketAddr::new(ip.to_canonical(), port)));
    }
    if rest.is_empty() {
        Ok(entries)
    } else {
        Err(Malformed)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (head, after) = rest.split_first_chunk::<N>().ok_or(Malformed)?;
    *rest = after;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(address: &str) -> Entry {
        (PeerId::random(), address.parse().unwrap())
    }

    #[test]
    fn a_roster_comes_back_as_it_was_written() {
        for entries in [
            vec![],
            vec![entry("10.0.0.1:4020"), entry("[2001:db8::1]:1")],
        ] {
            assert_eq!(decode(&encode(&entries)), Ok(entries));
        }
    }

    #[test]
    fn a_roster_ends_at_its_limits() {
        let many: Vec<_> = (0..=ENTRIES_MAX)
            .map(|_| entry("[2001:db8::1]:4020"))
            .collect();
        let bytes = encode(&many);
        assert!(bytes.len() <= ROSTER_BYTES_MAX);
        assert_eq!(decode(&bytes).unwrap().len(), ENTRIES_MAX);
    }

    #[test]
    fn every_cut_and_every_surplus_is_malformed() {
        let whole = encode(&[entry("10.0.0.1:4020"), entry("[::1]:1")]);
        for end in 0..whole.len() {
            assert_eq!(decode(&whole[..end]), Err(Malformed), "cut at {end}");
        }
        assert_eq!(decode(&[&whole[..], &[0]].concat()), Err(Malformed));
    }

    #[test]
    fn no_changed_byte_makes_decoding_panic() {
        let whole = encode(&[entry("10.0.0.1:4020")]);
        for at in 0..whole.len() {
            for value in 0..=u8::MAX {
                let mut changed = whole.clone();
                changed[at] = value;
                if let Ok(entries) = decode(&changed) {
                    assert!(entries.len() <= 1);
                }
            }
        }
    }
}
