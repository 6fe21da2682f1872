//! CBOR forms of the small types that are byte strings on the wire. Depends on `minicbor`.
//! Deliberately absent: the messages, whose forms are derived.

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error as DecodeError,
    encode::{Error as EncodeError, Write},
};

use crate::core::replica::{
    digest::{Body, Digest},
    id::{ApiId, PeerId, Voter},
    lineage::{Ancestor, Lineage},
    stamp::Stamp,
};

/// A type that is a byte string on the wire.
macro_rules! as_byte_string {
    ($type:ty, $read:expr) => {
        impl<C> Encode<C> for $type {
            fn encode<W: Write>(
                &self,
                encoder: &mut Encoder<W>,
                _context: &mut C,
            ) -> Result<(), EncodeError<W::Error>> {
                encoder.bytes(self.as_bytes())?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $type {
            fn decode(decoder: &mut Decoder<'b>, _context: &mut C) -> Result<Self, DecodeError> {
                $read(decoder.bytes()?)
            }
        }
    };
}

as_byte_string!(Digest, |bytes| Ok(Digest::from_bytes(array(bytes)?)));
as_byte_string!(Voter, |bytes| Ok(Voter::from_bytes(array(bytes)?)));
as_byte_string!(PeerId, |bytes| Ok(PeerId::new(bytes)));
as_byte_string!(Body, |bytes: &[u8]| Ok(Body::from(bytes)));

impl<C> Encode<C> for Stamp {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.u64(self.as_u64())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Stamp {
    fn decode(decoder: &mut Decoder<'b>, _context: &mut C) -> Result<Self, DecodeError> {
        Ok(Self::from_u64(decoder.u64()?))
    }
}

impl<C> Encode<C> for ApiId {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.str(self.as_str())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ApiId {
    fn decode(decoder: &mut Decoder<'b>, _context: &mut C) -> Result<Self, DecodeError> {
        Self::new(decoder.str()?).map_err(|_| DecodeError::message("not an id"))
    }
}

/// Ref and prefix in turn. Left out when empty, so that it may be missing.
impl<C> Encode<C> for Lineage {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.array(self.len() as u64 * 2)?;
        for ancestor in self.iter() {
            encoder.u64(ancestor.ref_number)?.u64(ancestor.prefix)?;
        }
        Ok(())
    }

    fn is_nil(&self) -> bool {
        self.is_empty()
    }
}

/// More than a lineage holds is cut, in the same way everywhere.
impl<'b, C> Decode<'b, C> for Lineage {
    fn decode(decoder: &mut Decoder<'b>, _context: &mut C) -> Result<Self, DecodeError> {
        let numbers = decoder
            .array_iter::<u64>()?
            .collect::<Result<Vec<u64>, _>>()?;
        let (pairs, rest) = numbers.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(DecodeError::message("an ancestor without prefix"));
        }
        let ancestor = |[ref_number, prefix]: &[u64; 2]| Ancestor {
            ref_number: *ref_number,
            prefix: *prefix,
        };
        Ok(Self::of(pairs.iter().map(ancestor).collect()))
    }

    fn nil() -> Option<Self> {
        Some(Self::default())
    }
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], DecodeError> {
    bytes
        .try_into()
        .map_err(|_| DecodeError::message("wrong length"))
}
