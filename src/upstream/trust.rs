//! Whether a target is who it claims to be: by an authority, or because its very certificate was
//! named.
//!
//! webpki alone refuses a server whose certificate says that it may sign others, even where that
//! certificate is itself the trusted one. What `openssl req -x509` makes says so, and names in
//! `PROXY_CA_CERTFILE` are mostly such. Deliberately absent: any way to check less.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use x509_cert::{Certificate, der::Decode};

/// Judges the certificates of targets.
#[derive(Debug)]
pub struct Verifier {
    authorities: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

// === impl Verifier ===

impl Verifier {
    /// Trusts what `roots` have signed, and the `named` certificates themselves.
    ///
    /// # Errors
    /// `roots` are empty, so that nothing could be trusted.
    pub fn new(
        roots: RootCertStore,
        named: Vec<CertificateDer<'static>>,
    ) -> Result<Self, rustls::client::VerifierBuilderError> {
        let provider = Arc::new(ring::default_provider());
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
        Ok(Self { authorities, named })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let by_authority = self.authorities.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        if by_authority.is_ok() || !self.named.contains(end_entity) {
            return by_authority;
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        is_valid_at(end_entity, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

fn is_valid_at(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let certificate = Certificate::from_der(certificate)
        .map_err(|_malformed| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let validity = certificate.tbs_certificate.validity;
    let now = now.as_secs();
    if now < validity.not_before.to_unix_duration().as_secs() {
        return Err(Error::InvalidCertificate(CertificateError::NotValidYet));
    }
    if now > validity.not_after.to_unix_duration().as_secs() {
        return Err(Error::InvalidCertificate(CertificateError::Expired));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

    use super::*;

    /// 2030-01-01.
    const NOW: u64 = 1_893_456_000;

    /// A self-signed certificate for `shop.example` as `openssl req -x509` makes it, valid for a
    /// decade from `year`.
    fn certificate(year: i32) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["shop.example".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(year, 1, 1);
        params.not_after = date_time_ymd(year + 10, 1, 1);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    fn judge(named: &CertificateDer<'static>, shown: &CertificateDer<'_>, name: &str) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(named.clone()).unwrap();
        let verifier = Verifier::new(roots, vec![named.clone()]).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW));
        match verifier.verify_server_cert(shown, &[], &name, &[], now) {
            Ok(_) => "trusted".to_owned(),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn the_named_certificate_is_trusted_for_its_name_and_its_time_only() {
        let (valid, old, new) = (certificate(2025), certificate(2010), certificate(2035));
        for (named, shown, name, expected) in [
            (&valid, &valid, "shop.example", "trusted"),
            (&valid, &valid, "other.example", "NotValidForName"),
            (&old, &old, "shop.example", "Expired"),
            (&new, &new, "shop.example", "NotValidYet"),
            // Of the same name, but another key.
            (
                &valid,
                &certificate(2025),
                "shop.example",
                "CaUsedAsEndEntity",
            ),
        ] {
            let judgement = judge(named, shown, name);
            assert!(judgement.contains(expected), "{expected}: {judgement}");
        }
    }
}
