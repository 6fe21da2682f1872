//! The cursor: a [`Vector`] as text, which clients carry as the `id` of an event and hand back to
//! resume on any node (names.md: gap event). Base64url (RFC 4648, 5) without padding over one version
//! byte and, per node, 8 bytes of name and one variable-length number (LEB128) of `seq * 2 + ended`.
//! Depends on `base64`. Deliberately absent: authenticity; a forged cursor gains no more than a
//! client may have by asking without one.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::position::{NodeId, ORIGINS_MAX, Reached, Vector};

/// The first byte. A reader refuses others, and the client then begins anew, with a gap.
const VERSION: u8 = 1;

/// Longest number: 64 bits in groups of seven.
const NUMBER_BYTES_MAX: usize = 10;

/// Most bytes before base64.
const BYTES_MAX: usize = 1 + ORIGINS_MAX * (8 + NUMBER_BYTES_MAX);

/// Longest text of a cursor, in bytes.
pub const CURSOR_BYTES_MAX: usize = BYTES_MAX.div_ceil(3) * 4;

/// With a dot and a connection's key it is an id that a client sends back (`http/inbound/events`).
const _: () = assert!(CURSOR_BYTES_MAX + 64 <= 4_096);

/// Highest `seq` a cursor can hold; one million events a second reach it after 290,000 years.
pub const SEQ_MAX: u64 = u64::MAX >> 1;

/// Why a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorFault {
    /// Longer than any cursor.
    #[error(
        "the position has more than {CURSOR_BYTES_MAX} characters; send the id of the last event"
    )]
    TooLong,
    /// Not base64url.
    #[error("the position is not base64url; send the id of the last event unchanged")]
    Encoding,
    /// Written by another version of the gateway.
    #[error("the position was given by another version of the gateway; connect without it")]
    Version,
    /// Cut off, or with surplus.
    #[error("the position is damaged; send the id of the last event unchanged")]
    Malformed,
}

/// The text of `vector`.
pub fn encode(vector: &Vector) -> Arc<str> {
    let mut bytes = Vec::with_capacity(1 + vector.len() * 12);
    bytes.push(VERSION);
    for (node, reached) in vector.iter() {
        bytes.extend_from_slice(&node.as_u64().to_be_bytes());
        put_number(
            &mut bytes,
            (reached.seq.min(SEQ_MAX) << 1) | u64::from(reached.ended),
        );
    }
    URL_SAFE_NO_PAD.encode(&bytes).into()
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// [`CursorFault`]
pub fn decode(text: &str) -> Result<Vector, CursorFault> {
    if text.len() > CURSOR_BYTES_MAX {
        return Err(CursorFault::TooLong);
    }
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_error| CursorFault::Encoding)?;
    let (version, mut rest) = bytes.split_first().ok_or(CursorFault::Malformed)?;
    if *version != VERSION {
        return Err(CursorFault::Version);
    }
    let mut vector = Vector::default();
    while let Some((node, behind)) = rest.split_first_chunk::<8>() {
        let node = NodeId::new(u64::from_be_bytes(*node));
        let (number, behind) = take_number(behind).ok_or(CursorFault::Malformed)?;
        if vector.get(node).is_some() || vector.len() == ORIGINS_MAX {
            return Err(CursorFault::Malformed);
        }
        let reached = Reached {
            seq: number >> 1,
            ended: number & 1 == 1,
        };
        vector.raise(node, reached);
        rest = behind;
    }
    if rest.is_empty() {
        Ok(vector)
    } else {
        Err(CursorFault::Malformed)
    }
}

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = (number & 0x7f).to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// The number at the front and what follows. Only the shortest spelling is one.
fn take_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().take(NUMBER_BYTES_MAX).enumerate() {
        let group = u64::from(byte & 0x7f);
        let shift = 7 * u32::try_from(index).ok()?;
        let placed = group.checked_shl(shift)?;
        if placed >> shift != group {
            return None;
        }
        number |= placed;
        if byte & 0x80 == 0 {
            let is_shortest = index == 0 || group != 0;
            return is_shortest.then_some((number, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vector(entries: &[(u64, u64, bool)]) -> Vector {
        entries
            .iter()
            .map(|(node, seq, ended)| {
                let reached = Reached {
                    seq: *seq,
                    ended: *ended,
                };
                (NodeId::new(*node), reached)
            })
            .collect()
    }

    #[test]
    fn a_small_cluster_has_a_short_cursor() {
        let text = encode(&vector(&[
            (1, 1_000_000, false),
            (2, 50_000, false),
            (u64::MAX, 3, true),
        ]));
        assert!(text.len() <= 46, "{text}");
    }

    #[test]
    fn the_longest_cursor_is_within_its_bound() {
        let entries: Vec<_> = (0..200).map(|node| (node, SEQ_MAX, true)).collect();
        let longest = vector(&entries);
        assert_eq!(longest.len(), ORIGINS_MAX);
        let text = encode(&longest);
        assert!(text.len() <= CURSOR_BYTES_MAX);
        assert_eq!(decode(&text), Ok(longest));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let of = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let one = [1, 0, 0, 0, 0, 0, 0, 0, 1, 2];
        let surplus = [one.as_slice(), &[0, 0]].concat();
        let twice = [one.as_slice(), one.get(1..).unwrap()].concat();
        let long_zero = [1, 0, 0, 0, 0, 0, 0, 0, 1, 0x80, 0];
        let too_high = [[1].as_slice(), &[0; 8], &[0xff; 9], &[2]].concat();
        for (text, fault) in [
            (String::new(), CursorFault::Malformed),
            ("A".repeat(CURSOR_BYTES_MAX + 1), CursorFault::TooLong),
            ("a+b/".to_owned(), CursorFault::Encoding),
            (of(&[2]), CursorFault::Version),
            (of(&[1, 0]), CursorFault::Malformed),
            (of(&surplus), CursorFault::Malformed),
            (of(&twice), CursorFault::Malformed),
            (of(&long_zero), CursorFault::Malformed),
            (of(&too_high), CursorFault::Malformed),
        ] {
            assert_eq!(decode(&text), Err(fault), "{text}");
        }
        assert!(decode(&of(&one)).is_ok());
    }

    proptest! {
        #[test]
        fn every_vector_survives_its_text(
            entries in prop::collection::btree_map(any::<u64>(), (0..=SEQ_MAX, any::<bool>()), 0..=ORIGINS_MAX)
        ) {
            let entries: Vec<_> = entries
                .into_iter()
                .map(|(node, (seq, ended))| (node, seq, ended))
                .collect();
            let vector = vector(&entries);
            prop_assert_eq!(decode(&encode(&vector)), Ok(vector));
        }

        #[test]
        fn no_text_brings_the_reader_down(text in "\\PC{0,400}") {
            let _fault = decode(&text);
        }

        #[test]
        fn what_is_read_is_written_the_same(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut versioned = vec![VERSION];
            versioned.extend(bytes);
            let text = URL_SAFE_NO_PAD.encode(&versioned);
            if let Ok(vector) = decode(&text) {
                let again = decode(&encode(&vector));
                prop_assert_eq!(again, Ok(vector));
            }
        }
    }
}
