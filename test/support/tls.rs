//! Certificates made on the spot, and a client that speaks HTTP/1.1 over TLS.

use std::{
    fs,
    io::{self, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

use pkcs8::{LineEnding, PrivateKeyInfo, pkcs5::pbes2};
use rcgen::{CertificateParams, KeyPair, SerialNumber};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use x509_cert::{Certificate, der::Decode};

use crate::support::client::{Answer, Request, receive};

/// Longest silence of the peer.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Few enough rounds for a debug build.
const ROUNDS: u32 = 2_048;

/// A self-signed certificate for `localhost` and its key.
pub(crate) struct Pair {
    /// PEM.
    pub(crate) certificate: String,
    key: KeyPair,
}

/// A connection over TLS.
pub(crate) struct TlsConnection {
    reader: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

// === impl Pair ===

impl Pair {
    /// A certificate with this serial number.
    pub(crate) fn new(serial: u64) -> Self {
        let mut parameters =
            CertificateParams::new(["localhost".to_owned()]).expect("a valid name");
        parameters.serial_number = Some(SerialNumber::from(serial));
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate").pem();
        Self { certificate, key }
    }

    /// The key, PKCS#8.
    pub(crate) fn key(&self) -> String {
        self.key.serialize_pem()
    }

    /// The key, encrypted as `openssl pkcs8 -topk8` does.
    pub(crate) fn encrypted_key(&self, pass: &str) -> String {
        let parameters = pbes2::Parameters::pbkdf2_sha256_aes256cbc(ROUNDS, b"salt8888", &[7; 16]);
        let der = self.key.serialize_der();
        PrivateKeyInfo::try_from(&*der)
            .expect("PKCS#8")
            .encrypt_with_params(parameters.expect("parameters"), pass)
            .expect("an encrypted key")
            .to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF)
            .expect("PEM")
            .to_string()
    }

    /// Writes certificate and key into `directory` as `certificate.pem` and `key.pem`.
    pub(crate) fn write(&self, directory: &Path) {
        fs::write(directory.join("certificate.pem"), &self.certificate).expect("written");
        fs::write(directory.join("key.pem"), self.key()).expect("written");
    }
}

// === impl TlsConnection ===

impl TlsConnection {
    /// Connects as `localhost`, trusting `pem` and nothing else.
    ///
    /// # Errors
    /// Nobody listens, or the handshake fails.
    pub(crate) fn open(address: SocketAddr, pem: &str) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()).flatten() {
            roots.add(certificate).map_err(io::Error::other)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let client = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_nodelay(true)?;
        let mut stream = StreamOwned::new(client, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        let reader = BufReader::new(stream);
        Ok(Self { reader })
    }

    /// One request, one answer.
    ///
    /// # Errors
    /// The peer is silent or gone, or what it sends is not HTTP.
    pub(crate) fn ask(&mut self, request: &Request) -> io::Result<Answer> {
        self.reader.get_mut().write_all(&request.to_bytes())?;
        receive(&mut self.reader, &request.method)
    }

    /// Serial number of the certificate the peer showed.
    pub(crate) fn serial(&self) -> u64 {
        let shown = self.reader.get_ref().conn.peer_certificates();
        let leaf = shown.and_then(<[_]>::first).expect("a certificate");
        let certificate = Certificate::from_der(leaf).expect("X.509");
        let serial = certificate.tbs_certificate.serial_number;
        let bytes = serial.as_bytes().iter();
        bytes.fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}
