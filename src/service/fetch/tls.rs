//! What a client of TLS trusts, made when it is first needed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;
use rustls::client::{ClientConfig, ClientConnection, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

use super::trust::{Blind, Careful};

/// Whose certificates are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Those that the system's authorities vouch for; without any, those that browsers know.
    System,
    /// Those that the authorities in a file vouch for, or that are in it themselves (PEM).
    File(PathBuf),
    /// All of them: whoever is between can read and change everything.
    Nobody,
}

/// What is trusted, and the settings of TLS that follow from it.
#[derive(Debug)]
pub(super) struct Trust {
    verify: Verify,
    made: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    pub(super) const fn new(verify: Verify) -> Self {
        Self {
            verify,
            made: OnceLock::new(),
        }
    }

    /// Begin a connection to a host. Errors: what is wrong, in words.
    pub(super) fn connect(&self, host: &str) -> Result<ClientConnection, String> {
        let config = match self.made.get() {
            Some(made) => made,
            // What fails is tried again next time: somebody may have mended the file.
            None => {
                let made = settings(&self.verify)?;
                self.made.get_or_init(|| made)
            }
        };
        let bare = host.strip_suffix('.').unwrap_or(host);
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| format!("{host} is no name that a certificate could be for"))?;
        ClientConnection::new(Arc::clone(config), name).map_err(|error| error.to_string())
    }
}

fn settings(verify: &Verify) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous();
    let builder = match verify {
        Verify::Nobody => builder.with_custom_certificate_verifier(Arc::new(Blind::new(&provider))),
        Verify::System | Verify::File(_) => {
            let (roots, known) = match verify {
                Verify::File(path) => roots_in(path)?,
                _ => system_roots()?,
            };
            let careful = careful(roots, known, &provider)?;
            builder.with_custom_certificate_verifier(Arc::new(careful))
        }
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn careful(
    roots: RootCertStore,
    known: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Careful, String> {
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|error| error.to_string())?;
    Ok(Careful::new(verifier, known))
}

/// Read the system's authorities, or whatever SSL_CERT_FILE and SSL_CERT_DIR name instead.
///
/// A single bad certificate in the system's store takes nothing from the others; a file that a
/// variable names and that cannot be read is an error.
fn system_roots() -> Result<Known, String> {
    let named = |name| std::env::var_os(name).filter(|path| !path.is_empty());
    if let (Some(path), None) = (named("SSL_CERT_FILE"), named("SSL_CERT_DIR")) {
        return roots_in(Path::new(&path))
            .map_err(|error| format!("{error} (named by SSL_CERT_FILE)"));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok((roots, Vec::new()))
}

type Known = (RootCertStore, Vec<CertificateDer<'static>>);

/// Read the certificates of a file.
fn roots_in(path: &Path) -> Result<Known, String> {
    let place = path.display();
    let text = std::fs::read(path)
        .map_err(|error| format!("the certificates in {place} cannot be read: {error}"))?;
    let mut roots = RootCertStore::empty();
    let mut known = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate
            .map_err(|error| format!("a certificate in {place} cannot be read: {error}"))?;
        // One that cannot be an authority can still be known by itself, beside one that can.
        let _ = roots.add(certificate.clone());
        known.push(certificate);
    }
    if roots.is_empty() {
        return Err(format!(
            "there are no certificates in {place}; it should hold some, as PEM"
        ));
    }
    Ok((roots, known))
}
