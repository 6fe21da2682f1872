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

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], DecodeError> {
    bytes
        .try_into()
        .map_err(|_| DecodeError::message("wrong length"))
}
