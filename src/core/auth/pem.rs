//! PEM text: the first block with a wanted label, decoded to DER (RFC 7468, relaxed).
//!
//! Relaxed, because the text arrives through an environment variable: text around the blocks, any
//! white space and any line length are fine. Deliberately absent: encrypted keys, and what the DER
//! means ([`super::key`]).

use base64::{Engine, engine::general_purpose::STANDARD};
use thiserror::Error;

/// Longest PEM text in bytes. A certificate chain with large keys needs about 10 KiB.
pub const PEM_BYTES_MAX: usize = 64 * 1024;

/// One decoded block.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// The words between `-----BEGIN ` and `-----`.
    pub(super) label: &'a str,
    /// The decoded body.
    pub(super) der: Vec<u8>,
}

/// Why no block could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PemFault {
    /// The text is longer than [`PEM_BYTES_MAX`].
    #[error("the text is longer than {PEM_BYTES_MAX} bytes")]
    TooLong,
    /// There is no block with a usable label.
    #[error("there is no block of a certificate, a public key or a private key")]
    NoBlock,
    /// The private key is protected with a pass phrase.
    #[error("the private key is encrypted; give the public key instead")]
    Encrypted,
    /// The body is not base64, for example because line breaks were written as `\n`.
    #[error("the body is not base64; check that line breaks are real ones")]
    NotBase64,
}

/// Decodes the first block whose label is in `labels`.
///
/// # Errors
///
/// See [`PemFault`]; blocks with other labels (such as `EC PARAMETERS`) are passed over.
pub(super) fn first<'a>(text: &'a str, labels: &[&str]) -> Result<Block<'a>, PemFault> {
    if text.len() > PEM_BYTES_MAX {
        return Err(PemFault::TooLong);
    }
    let mut encrypted = false;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, body)) = after.split_once("-----") else {
            break;
        };
        rest = body;
        encrypted |= label.starts_with("ENCRYPTED");
        if !labels.contains(&label) {
            continue;
        }
        let Some((body, after)) = body.split_once("-----END ") else {
            return Err(PemFault::NoBlock);
        };
        if !after
            .strip_prefix(label)
            .is_some_and(|end| end.starts_with("-----"))
        {
            return Err(PemFault::NoBlock);
        }
        if body.contains("ENCRYPTED") {
            return Err(PemFault::Encrypted);
        }
        let body: Vec<u8> = body
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        let der = STANDARD.decode(body).map_err(|_| PemFault::NotBase64)?;
        return Ok(Block { label, der });
    }
    Err(if encrypted {
        PemFault::Encrypted
    } else {
        PemFault::NoBlock
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn label_and_der(text: &str) -> Result<(String, Vec<u8>), PemFault> {
        first(text, &["PUBLIC KEY", "EC PRIVATE KEY"]).map(|b| (b.label.to_owned(), b.der))
    }

    #[test]
    fn the_first_block_with_a_wanted_label_is_decoded() {
        let text = "text before\n-----BEGIN EC PARAMETERS-----\n!!!!\n-----END EC PARAMETERS-----\r\n\
            -----BEGIN EC PRIVATE KEY-----\r\n  AQ\r\nID\r\n-----END EC PRIVATE KEY-----\n\
            -----BEGIN PUBLIC KEY-----\nBA==\n-----END PUBLIC KEY-----\n";
        assert_eq!(
            label_and_der(text),
            Ok(("EC PRIVATE KEY".into(), vec![1, 2, 3]))
        );
    }

    #[test]
    fn a_single_line_with_blanks_for_line_breaks_is_fine() {
        let text = "-----BEGIN PUBLIC KEY----- AQ ID -----END PUBLIC KEY-----";
        assert_eq!(
            label_and_der(text),
            Ok(("PUBLIC KEY".into(), vec![1, 2, 3]))
        );
    }

    #[test]
    fn each_fault_is_told_apart() {
        let long = " ".repeat(PEM_BYTES_MAX + 1);
        for (text, fault) in [
            ("", PemFault::NoBlock),
            ("mysecret", PemFault::NoBlock),
            ("-----BEGIN PUBLIC KEY", PemFault::NoBlock),
            ("-----BEGIN PUBLIC KEY-----AQID", PemFault::NoBlock),
            (
                "-----BEGIN PUBLIC KEY-----AQID-----END OTHER-----",
                PemFault::NoBlock,
            ),
            (
                r"-----BEGIN PUBLIC KEY-----\nAQID\n-----END PUBLIC KEY-----",
                PemFault::NotBase64,
            ),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----AQID-----END ENCRYPTED PRIVATE KEY-----",
                PemFault::Encrypted,
            ),
            (
                "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAQID\n-----END EC PRIVATE KEY-----",
                PemFault::Encrypted,
            ),
            (long.as_str(), PemFault::TooLong),
        ] {
            assert_eq!(label_and_der(text), Err(fault), "{text:.80}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(-----BEGIN |PUBLIC KEY|-----|-----END |[A-Za-z=\\s]|\\PC){0,24}") {
            let _ = label_and_der(&text);
        }
    }
}
