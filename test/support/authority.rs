//! A certificate authority of a story's own.

use std::{fs, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tempfile::TempDir;

use crate::support::gateway::{Builder, Gateway};

/// An authority, its certificate in a file.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    directory: TempDir,
}

// === impl Authority ===

impl Authority {
    /// A new authority.
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        let directory = tempfile::tempdir().expect("a directory");
        let authority = Self {
            issuer: Issuer::new(params, key),
            certificate: certificate.der().clone(),
            directory,
        };
        fs::write(authority.file(), certificate.pem()).expect("a written file");
        authority
    }

    /// The authority's certificate as a PEM file.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// PEM files of a certificate for `name` and its key.
    pub(crate) fn files_for(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let at = |extension: &str| self.directory.path().join(format!("{name}.{extension}"));
        fs::write(at("pem"), certificate.pem()).expect("a written file");
        fs::write(at("key"), key.serialize_pem()).expect("a written file");
        (at("pem"), at("key"))
    }

    /// A gateway that is called `localhost`, has TLS ports, and trusts this authority's targets.
    pub(crate) fn gateway(&self) -> Builder {
        let (certificate, key) = self.files_for("localhost");
        let path = |path: PathBuf| path.display().to_string();
        Gateway::builder()
            .env("PROXY_CA_CERTFILE", &path(self.file()))
            .env("INBOUND_HTTPS_PORT", "0")
            .env("API_HTTPS_PORT", "0")
            .env("HTTPS_CERTFILE", &path(certificate))
            .env("HTTPS_KEYFILE", &path(key))
    }

    /// A server that is called `name`.
    pub(crate) fn server(&self, name: &str) -> Arc<ServerConfig> {
        server(&self.files_for(name))
    }

    /// A server called `localhost` whose certificate nobody but itself has signed, and that
    /// certificate as a file. `is_ca`: it says that it may sign others, as those of
    /// `openssl req -x509` do.
    pub(crate) fn self_signed(&self, is_ca: bool) -> (Arc<ServerConfig>, PathBuf) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let certificate = params.self_signed(&key).expect("a certificate");
        let at = |name: &str| self.directory.path().join(name);
        let files = (at("self.pem"), at("self.key"));
        fs::write(&files.0, certificate.pem()).expect("a written file");
        fs::write(&files.1, key.serialize_pem()).expect("a written file");
        (server(&files), files.0)
    }

    /// A client that trusts this authority only, and offers `protocol`.
    pub(crate) fn client(&self, protocol: &str) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a root");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Arc::new(config)
    }
}

fn server((certificate, key): &(PathBuf, PathBuf)) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(config.expect("a server"))
}
