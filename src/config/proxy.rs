//! How requests are forwarded, and the limits on what clients send (spec: `config.md` 8.5,
//! `names.md`).

use std::{path::PathBuf, time::Duration};

use crate::{config::reader::Reader, upstream::tls::authorities};

/// What holds between the gateway and its targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// `PROXY_CONNECT_TIMEOUT`: for name lookup, TCP and TLS together; then 502.
    pub connect_timeout: Duration,
    /// `PROXY_RECV_TIMEOUT`: from the end of the request body to the head of the answer; then 504.
    /// An endpoint's `timeout_ms` wins.
    pub recv_timeout: Duration,
    /// `PROXY_STREAM_IDLE_TIMEOUT`: longest pause within the body of an answer.
    pub stream_idle_timeout: Option<Duration>,
    /// `PROXY_CA_CERTFILE`: trusted in addition to the system's authorities. It held certificates
    /// when it was looked at.
    pub ca_certfile: Option<PathBuf>,
}

/// What clients may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `MAX_HEADER_BYTES`: request line and headers together, at least 8 KiB.
    pub header_bytes_max: usize,
    /// `HEADER_TIMEOUT`: for the whole head.
    pub header_timeout: Duration,
    /// `BODY_TIMEOUT`: longest pause within a request body.
    pub body_timeout: Option<Duration>,
    /// `MAX_BODY_BYTES`: of a proxied request. An endpoint's `max_body_bytes` wins.
    pub body_bytes_max: Option<u64>,
    /// `MAX_CONNECTIONS`: open at the same time on the proxy's ports, at least 1.
    pub connections_max: usize,
    /// `DEFINITION_BYTES_MAX`: of one API definition, in a file or a request; at most 8 MiB.
    pub definition_bytes_max: usize,
}

/// What browsers are told of the gateway's own answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// `CORS` as it was given: one value, or a comma list of origins. A valid header value.
    pub allow_origin: String,
}

// === impl Proxy ===

impl Proxy {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            connect_timeout: reader.time("PROXY_CONNECT_TIMEOUT"),
            recv_timeout: reader.time("PROXY_RECV_TIMEOUT"),
            stream_idle_timeout: reader.time_limit("PROXY_STREAM_IDLE_TIMEOUT"),
            ca_certfile: ca_certfile(reader),
        }
    }
}

// === impl Limits ===

impl Limits {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            header_bytes_max: reader.size("MAX_HEADER_BYTES").unwrap_or_default(),
            header_timeout: reader.time("HEADER_TIMEOUT"),
            body_timeout: reader.time_limit("BODY_TIMEOUT"),
            body_bytes_max: reader.limit("MAX_BODY_BYTES"),
            connections_max: reader.size("MAX_CONNECTIONS").unwrap_or_default(),
            definition_bytes_max: definition_bytes_max(reader),
        }
    }
}

// === impl Cors ===

impl Cors {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            allow_origin: reader.text("CORS").unwrap_or_default(),
        }
    }
}

fn ca_certfile(reader: &mut Reader<'_>) -> Option<PathBuf> {
    const VARIABLE: &str = "PROXY_CA_CERTFILE";
    let place = reader.file(VARIABLE)?;
    let pem = reader.content(VARIABLE, &place)?;
    if let Err(reason) = authorities(&pem) {
        reader.fault(VARIABLE, format!("{place:?} cannot be used: {reason}"));
    }
    Some(place)
}

/// `DEFINITION_BYTES_MAX` alone, for `rig check`.
pub(super) fn definition_bytes_max(reader: &mut Reader<'_>) -> usize {
    reader.size("DEFINITION_BYTES_MAX").unwrap_or_default()
}
