//! Why a node cannot start, although its configuration is sound by itself.

use std::{io, net::SocketAddr};

use crate::{
    core::session::FieldFault,
    http::{inbound::events::checks::CheckFault, sealer},
    upstream,
};

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be opened.
    #[error("{name} cannot listen on {address}: {reason}")]
    Bind {
        /// Which listener.
        name: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system says.
        reason: io::Error,
    },
    /// A worker's thread or the management API cannot start.
    #[error("the gateway cannot start: {0}")]
    Start(#[from] io::Error),
    /// The HTTPS certificate.
    #[error(transparent)]
    Certificate(#[from] crate::http::tls::CertificateError),
    /// Trust for targets.
    #[error(transparent)]
    Trust(#[from] upstream::tls::TrustError),
    /// TLS settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The token key.
    #[error("JWT_SECRET_KEY: {0}")]
    Key(#[from] crate::core::auth::key::KeyFault),
    /// The key URL.
    #[error("JWT_JWKS_URL: {0}")]
    Jwks(#[from] crate::core::auth::jwks::JwksFault),
    /// The algorithm.
    #[error("JWT_ALG: {0}")]
    Algorithm(#[from] crate::core::auth::algorithm::UnknownAlgorithm),
    /// A peer's address.
    #[error("CLUSTER_PEERS or DNS_NAME: {address}: {reason}")]
    Peer {
        /// The address.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A check's URL.
    #[error("SUBSCRIPTION_CHECK or SUBMISSION_CHECK {0}")]
    Check(#[from] CheckFault),
    /// Where sessions are found.
    #[error("JWT_SESSION_FIELD {0}")]
    SessionField(#[from] FieldFault),
    /// Tokens cannot be sealed.
    #[error(transparent)]
    Randomness(#[from] sealer::NoRandomness),
    /// Meters.
    #[error("metrics cannot be set up: {0}")]
    Metrics(#[from] prometheus::Error),
}
