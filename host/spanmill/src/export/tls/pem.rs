//! Certificates and keys, in files or in the manifest. No error shows what is in them.

use std::borrow::Cow;
use std::io;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::super::BuildError;
use crate::config::Pem;
use spanmill_manifest::ComponentId;
use spanmill_private::read_regular;

/// A whole bundle of certificates has a few hundred KiB.
const MAX_PEM_BYTES: u64 = 8 * 1024 * 1024;

const NO_CERTIFICATE: &str = "there is no certificate in PEM format in it";
const NO_KEY: &str = "there is no private key in PEM format in it";
const ENCRYPTED_KEY: &str =
    "its private key is encrypted; store it decrypted, as `openssl pkey` writes it";

/// All certificates; there is at least one.
pub(super) fn certificates(
    id: &ComponentId,
    pem: &Pem,
) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let text = read(id, pem)?;
    match CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(unusable(id, pem, NO_CERTIFICATE)),
    }
}

/// The first private key.
pub(super) fn private_key(
    id: &ComponentId,
    pem: &Pem,
) -> Result<PrivateKeyDer<'static>, BuildError> {
    let text = read(id, pem)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        let encrypted = b"ENCRYPTED";
        match text.windows(encrypted.len()).any(|part| part == encrypted) {
            true => unusable(id, pem, ENCRYPTED_KEY),
            false => unusable(id, pem, NO_KEY),
        }
    })
}

fn read<'p>(id: &ComponentId, pem: &'p Pem) -> Result<Cow<'p, [u8]>, BuildError> {
    match pem {
        Pem::Inline(_, text) => Ok(Cow::Borrowed(text.reveal().as_bytes())),
        Pem::File(path) => read_regular(path, MAX_PEM_BYTES)
            .map(Cow::Owned)
            .map_err(|cause| BuildError::File {
                exporter: id.clone(),
                path: path.clone(),
                cause,
            }),
    }
}

fn unusable(id: &ComponentId, pem: &Pem, why: &'static str) -> BuildError {
    match pem {
        Pem::File(path) => BuildError::File {
            exporter: id.clone(),
            path: path.clone(),
            cause: io::Error::new(io::ErrorKind::InvalidData, why),
        },
        Pem::Inline(key, _) => BuildError::Tls {
            exporter: id.clone(),
            cause: format!("cannot use {key}: {why}"),
        },
    }
}
