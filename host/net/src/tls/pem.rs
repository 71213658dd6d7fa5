//! Certificates and keys, in files or in the manifest. No error shows what is in them.

use std::borrow::Cow;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use spanmill_private::read_regular;

use super::error::TlsError;
use super::settings::{Pem, PemSource};

/// A whole bundle of certificates has a few hundred KiB.
const MAX_PEM_BYTES: u64 = 8 * 1024 * 1024;

const NO_CERTIFICATE: &str = "there is no certificate in PEM format in it";
const NO_KEY: &str = "there is no private key in PEM format in it";
const ENCRYPTED_KEY: &str =
    "its private key is encrypted; store it decrypted, as `openssl pkey` writes it";

/// All certificates; there is at least one.
pub(super) fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(pem)?;
    match CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TlsError::of(pem, NO_CERTIFICATE)),
    }
}

/// The first private key.
pub(super) fn private_key(pem: &Pem) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(pem)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        let encrypted = b"ENCRYPTED";
        match text.windows(encrypted.len()).any(|part| part == encrypted) {
            true => TlsError::of(pem, ENCRYPTED_KEY),
            false => TlsError::of(pem, NO_KEY),
        }
    })
}

fn read(pem: &Pem) -> Result<Cow<'_, [u8]>, TlsError> {
    match &pem.source {
        PemSource::Inline(_, text) => Ok(Cow::Borrowed(text.reveal().as_bytes())),
        PemSource::File(path) => read_regular(path, MAX_PEM_BYTES)
            .map(Cow::Owned)
            .map_err(|cause| TlsError::of(pem, cause)),
    }
}
