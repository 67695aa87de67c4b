//! TLS over a socket: feature `tls`.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use cachekit_core::error::{Error, ErrorKind, Result};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::config;

/// Who may vouch for a server; clones share it.
#[derive(Clone)]
pub(crate) struct Tls(TlsConnector);

impl Tls {
    /// Reads the certificates that `config` names.
    pub(crate) fn load(config: &config::Tls) -> Result<Self> {
        let roots = match &config.ca_file {
            Some(path) => roots_of_file(path)?,
            None => roots_of_platform()?,
        };
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Encrypts `stream`, if the server proves that it is `host`.
    pub(super) async fn wrap(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.0.connect(name, stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn roots_of_file(path: &Path) -> Result<RootCertStore> {
    let told = |error: String| invalid(format!("CA file {}: {error}", path.display()));
    let certificates = CertificateDer::pem_file_iter(path).map_err(|e| told(e.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| told(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| told(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(told("no certificate in it".to_owned()));
    }
    Ok(roots)
}

fn roots_of_platform() -> Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let detail = format!(
            "the platform has no certificates that it trusts: name a CA file ({})",
            errors.join("; ")
        );
        return Err(invalid(detail));
    }
    Ok(roots)
}

fn invalid(detail: String) -> Error {
    Error::with_detail(ErrorKind::InvalidInput, "TLS", detail)
}
