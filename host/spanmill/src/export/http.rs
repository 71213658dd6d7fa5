//! Request headers and TLS settings, made of the configuration.

use std::io;
use std::path::Path;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use hyper_rustls::ConfigBuilderExt as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use super::BuildError;
use crate::config::{ComponentId, Secret, Tls};
use crate::files;

/// The headers to send with every request. Their values are marked sensitive: no log of hyper's shows them.
pub(super) fn headers(settings: &[(HeaderName, Secret)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in settings {
        // The configuration was checked: it always is one.
        if let Ok(mut value) = HeaderValue::try_from(value.reveal()) {
            value.set_sensitive(true);
            headers.append(name.clone(), value);
        }
    }
    headers
}

/// A whole bundle of certificates has a few hundred KiB.
const MAX_PEM_BYTES: u64 = 8 * 1024 * 1024;

fn read(id: &ComponentId, path: &Path) -> Result<Vec<u8>, BuildError> {
    files::read_regular(path, MAX_PEM_BYTES).map_err(|cause| BuildError::File {
        exporter: id.clone(),
        path: path.to_owned(),
        cause,
    })
}

/// TLS settings for tonic.
pub(super) fn tonic_tls(id: &ComponentId, tls: &Tls) -> Result<ClientTlsConfig, BuildError> {
    let mut config = match &tls.ca_file {
        Some(path) => {
            // tonic would take a file without a certificate for no roots at all, and say so at each attempt only.
            certificates(id, path)?;
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(id, path)?))
        }
        None => ClientTlsConfig::new().with_native_roots(),
    };
    if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
        certificates(id, cert)?;
        private_key(id, key)?;
        config = config.identity(Identity::from_pem(read(id, cert)?, read(id, key)?));
    }
    if let Some(name) = &tls.server_name_override {
        config = config.domain_name(name);
    }
    Ok(config)
}

/// TLS settings for hyper.
pub(super) fn rustls_tls(id: &ComponentId, tls: &Tls) -> Result<ClientConfig, BuildError> {
    let failed = |cause: String| BuildError::Tls {
        exporter: id.clone(),
        cause,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?;
    let builder = match &tls.ca_file {
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(id, path)? {
                roots
                    .add(certificate)
                    .map_err(|error| failed(error.to_string()))?;
            }
            builder.with_root_certificates(roots)
        }
        None => builder
            .with_native_roots()
            .map_err(|error| failed(error.to_string()))?,
    };
    match (&tls.cert_file, &tls.key_file) {
        (Some(cert), Some(key)) => builder
            .with_client_auth_cert(certificates(id, cert)?, private_key(id, key)?)
            .map_err(|error| failed(error.to_string())),
        _ => Ok(builder.with_no_client_auth()),
    }
}

fn certificates(id: &ComponentId, path: &Path) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let pem = read(id, path)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| not_pem(id, path))?;
    if certificates.is_empty() {
        return Err(not_pem(id, path));
    }
    Ok(certificates)
}

fn private_key(id: &ComponentId, path: &Path) -> Result<PrivateKeyDer<'static>, BuildError> {
    PrivateKeyDer::from_pem_slice(&read(id, path)?).map_err(|_| not_pem(id, path))
}

fn not_pem(id: &ComponentId, path: &Path) -> BuildError {
    BuildError::File {
        exporter: id.clone(),
        path: path.to_owned(),
        cause: io::Error::new(
            io::ErrorKind::InvalidData,
            "there is no PEM of the right kind in it",
        ),
    }
}
