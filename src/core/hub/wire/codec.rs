//! CBOR forms of the small types that are no derived records. Depends on `minicbor`. Deliberately
//! absent: the messages, whose forms are derived.

use bytes::Bytes;
use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error as DecodeError,
    encode::{Error as EncodeError, Write},
};

use super::{Pattern, Text};
use crate::core::{
    hub::{limits::PATTERN_BYTES_MAX, position::NodeId},
    subscription::TypePattern,
};

impl<C> Encode<C> for NodeId {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.u64(self.as_u64())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for NodeId {
    fn decode(decoder: &mut Decoder<'b>, _context: &mut C) -> Result<Self, DecodeError> {
        Ok(Self::new(decoder.u64()?))
    }
}

impl<C> Encode<C> for Text {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Text {
    fn decode(decoder: &mut Decoder<'b>, _context: &mut C) -> Result<Self, DecodeError> {
        Ok(Self(Bytes::copy_from_slice(decoder.bytes()?)))
    }
}

impl From<&TypePattern> for Pattern {
    fn from(pattern: &TypePattern) -> Self {
        Self {
            is_prefix: matches!(pattern, TypePattern::Prefix(_)),
            text: pattern.text().to_owned(),
        }
    }
}

impl Pattern {
    /// The pattern, if it could be one; others cover nothing and are left out.
    pub(in crate::core::hub) fn read(self) -> Option<TypePattern> {
        // The empty prefix stands for everything.
        let fits = (usize::from(!self.is_prefix)..=PATTERN_BYTES_MAX).contains(&self.text.len());
        let text = fits.then(|| self.text.into())?;
        Some(if self.is_prefix {
            TypePattern::Prefix(text)
        } else {
            TypePattern::Exact(text)
        })
    }
}
