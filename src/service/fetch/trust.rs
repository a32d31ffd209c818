//! Who looks at certificates: with care, or not at all.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::certificate::{self, SelfSigned};

/// Looks as rustls does, and says more of what it finds.
#[derive(Debug)]
pub(super) struct Careful {
    inner: Arc<WebPkiServerVerifier>,
    /// Certificates that are trusted by themselves.
    known: Vec<CertificateDer<'static>>,
}

impl Careful {
    pub(super) const fn new(
        inner: Arc<WebPkiServerVerifier>,
        known: Vec<CertificateDer<'static>>,
    ) -> Self {
        Self { inner, known }
    }

    /// Accept a certificate that is in the user's file itself. It may call itself an authority,
    /// as those do that sign themselves, which rustls takes from no server.
    fn known(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (from, to) = certificate::validity(certificate)
            .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let wrong = |error| Err(Error::InvalidCertificate(error));
        if now.as_secs() < from {
            let not_before = UnixTime::since_unix_epoch(std::time::Duration::from_secs(from));
            return wrong(CertificateError::NotValidYetContext {
                time: now,
                not_before,
            });
        }
        if now.as_secs() > to {
            let not_after = UnixTime::since_unix_epoch(std::time::Duration::from_secs(to));
            return wrong(CertificateError::ExpiredContext {
                time: now,
                not_after,
            });
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for Careful {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.known.iter().any(|known| known == certificate) {
            return self.known(certificate, name, now);
        }
        let outcome = self
            .inner
            .verify_server_cert(certificate, between, name, ocsp, now);
        match outcome {
            // The last is what rustls says of one that calls itself an authority, and the second
            // of one that has the name of a known one.
            Err(Error::InvalidCertificate(
                CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::Other(_),
            )) if certificate::is_self_signed(certificate) => Err(Error::InvalidCertificate(
                CertificateError::Other(OtherError(Arc::new(SelfSigned))),
            )),
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Takes every certificate for what it says it is.
#[derive(Debug)]
pub(super) struct Blind(WebPkiSupportedAlgorithms);

impl Blind {
    pub(super) fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
