//! TLS towards `https` targets: who is trusted are the system's roots and the certificates in
//! `PROXY_CA_CERTFILE`.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::upstream::trust::Verifier;

/// Why the trust store cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read or holds no PEM certificate.
    #[error("PROXY_CA_CERTFILE: {path} is not a readable PEM certificate file: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// rustls refuses the settings.
    #[error("TLS for targets cannot be set up: {0}")]
    Rustls(#[from] rustls::Error),
    /// There is nobody to trust.
    #[error("trust in targets cannot be set up: {0}")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

/// A client configuration that verifies targets against the system's roots and `extra_ca`.
///
/// # Errors
/// [`TrustError`]. Missing system roots are no error: a container may have none and no `https`
/// target; connecting to one then fails with a certificate error.
pub fn client_config(extra_ca: Option<&Path>) -> Result<Arc<ClientConfig>, TrustError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        log::debug!("a system root certificate cannot be read: {error}");
    }
    roots.add_parsable_certificates(system.certs);
    let mut named = Vec::new();
    if let Some(path) = extra_ca {
        let unreadable = |reason: String| TrustError::Unreadable {
            path: path.display().to_string(),
            reason,
        };
        let pem = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        for certificate in authorities(&pem).map_err(unreadable)? {
            roots
                .add(certificate.clone())
                .map_err(|error| unreadable(error.to_string()))?;
            named.push(certificate);
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let builder = if named.is_empty() {
        builder.with_root_certificates(roots)
    } else {
        // Not dangerous: it asks webpki first, and about names and times in any case.
        let verifier = Verifier::new(roots, named)?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
    };
    Ok(Arc::new(builder.with_no_client_auth()))
}

/// The certificates of authorities in `pem`, at least one, each fit to be trusted.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    if certificates.is_empty() {
        return Err("it holds no PEM certificate".to_owned());
    }
    for certificate in &certificates {
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|error| error.to_string())?;
    }
    Ok(certificates)
}
