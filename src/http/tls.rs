//! The gateway's own certificate for both HTTPS ports, replaceable while running.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument, der::pem::PemLabel};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// Where the certificate is.
#[derive(Clone)]
pub struct Files {
    /// PEM, leaf first (`HTTPS_CERTFILE`).
    pub certificate: PathBuf,
    /// PEM, PKCS#8, PKCS#1 or SEC1 (`HTTPS_KEYFILE`).
    pub key: PathBuf,
    /// Of an encrypted PKCS#8 key (`HTTPS_KEYFILE_PASS`).
    pub pass: Option<String>,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Unreadable, or no PEM certificate in it.
    #[error("HTTPS_CERTFILE: {0}")]
    Certificate(String),
    /// Unreadable, no usable PEM key in it, or the pass phrase is wrong.
    #[error("HTTPS_KEYFILE: {0}")]
    Key(String),
    /// The key does not belong to the certificate, or rustls cannot use it.
    #[error("HTTPS_KEYFILE: it cannot be used with HTTPS_CERTFILE: {0}")]
    Pair(#[from] rustls::Error),
}

/// The certificate in use.
#[derive(Debug)]
pub struct CertificateCell {
    current: ArcSwap<CertifiedKey>,
}

// === impl CertificateCell ===

impl CertificateCell {
    /// Reads the certificate.
    ///
    /// # Errors
    /// [`CertificateError`]
    pub fn load(files: &Files) -> Result<Arc<Self>, CertificateError> {
        let current = ArcSwap::from_pointee(read(files)?);
        Ok(Arc::new(Self { current }))
    }

    /// Reads the certificate again; new connections get it.
    ///
    /// # Errors
    /// [`CertificateError`]; the certificate in use stays.
    pub fn reload(&self, files: &Files) -> Result<(), CertificateError> {
        self.current.store(Arc::new(read(files)?));
        Ok(())
    }

    /// A server configuration that always presents the current certificate and offers `protocols`
    /// by ALPN, the preferred one first.
    ///
    /// # Errors
    /// rustls supports none of its own protocol versions; never in practice.
    pub fn server_config(
        self: &Arc<Self>,
        protocols: &[&[u8]],
    ) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(config)
    }
}

impl ResolvesServerCert for CertificateCell {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn read(files: &Files) -> Result<CertifiedKey, CertificateError> {
    let bytes = |path: &Path| fs::read(path).map_err(|error| format!("{path:?}: {error}"));
    let certificate = bytes(&files.certificate).map_err(CertificateError::Certificate)?;
    let key = bytes(&files.key).map_err(CertificateError::Key)?;
    let chain = certificates(&certificate)?;
    let key = private_key(&key, files.pass.as_deref())?;
    pair(chain, key)
}

/// The certificates in `pem`, at least one.
///
/// # Errors
/// [`CertificateError::Certificate`]
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| CertificateError::Certificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(CertificateError::Certificate(
            "it holds no PEM certificate".to_owned(),
        ));
    }
    Ok(chain)
}

/// The first private key in `pem`: PKCS#8, PKCS#1 or SEC1, or PKCS#8 encrypted with `pass`.
///
/// # Errors
/// [`CertificateError::Key`]
pub fn private_key(
    pem: &[u8],
    pass: Option<&str>,
) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let fault = |reason: &str| CertificateError::Key(reason.to_owned());
    let text = std::str::from_utf8(pem).map_err(|_binary| fault("it is not PEM text"))?;
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(fault(
            "it is encrypted in OpenSSL's old form; convert it with `openssl pkcs8 -topk8`",
        ));
    }
    if !text.contains(EncryptedPrivateKeyInfo::PEM_LABEL) {
        return PrivateKeyDer::from_pem_slice(pem)
            .map_err(|error| fault(&format!("it holds no usable PEM key: {error}")));
    }
    let Some(pass) = pass else {
        return Err(fault("it is encrypted; set HTTPS_KEYFILE_PASS"));
    };
    let (_label, document) =
        SecretDocument::from_pem(text).map_err(|error| fault(&error.to_string()))?;
    let encrypted = EncryptedPrivateKeyInfo::try_from(document.as_bytes())
        .map_err(|error| fault(&error.to_string()))?;
    let decrypted = encrypted
        .decrypt(pass)
        .map_err(|_wrong| fault("HTTPS_KEYFILE_PASS does not open it"))?;
    Ok(PrivatePkcs8KeyDer::from(decrypted.as_bytes().to_vec()).into())
}

/// `chain` with its `key`.
///
/// # Errors
/// [`CertificateError::Pair`]
pub fn pair(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, CertificateError> {
    let provider = ring::default_provider();
    Ok(CertifiedKey::from_der(chain, key, &provider)?)
}
