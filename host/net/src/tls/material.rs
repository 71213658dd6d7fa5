//! What both sides make of their settings: versions, roots, identities, and what is doubtful about them.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::{InconsistentKeys, RootCertStore, SupportedProtocolVersion, version};
use webpki::{EndEntityCert, KeyUsage};

use super::error::TlsError;
use super::pem;
use super::settings::{Identity, Pem, PemSource, TlsVersion, TlsVersions};
use super::time::time;

/// The only implementation of cryptography that is used.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The versions to speak.
pub(super) fn versions(versions: TlsVersions) -> Vec<&'static SupportedProtocolVersion> {
    let min = versions.min.unwrap_or(TlsVersion::V1_2);
    let max = versions.max.unwrap_or(TlsVersion::V1_3);
    [
        (TlsVersion::V1_2, &version::TLS12),
        (TlsVersion::V1_3, &version::TLS13),
    ]
    .into_iter()
    .filter(|(version, _)| (min..=max).contains(version))
    .map(|(_, version)| version)
    .collect()
}

/// Certificates that are trusted: as authorities, and those that were named, for what they are as well.
pub(super) struct Trusted {
    pub roots: RootCertStore,
    pub named: Vec<CertificateDer<'static>>,
}

impl Trusted {
    /// Those that are named in PEM text.
    pub fn of(pem: Option<&Pem>) -> Result<Self, TlsError> {
        let mut trusted = Trusted {
            roots: RootCertStore::empty(),
            named: Vec::new(),
        };
        let Some(pem) = pem else { return Ok(trusted) };
        for certificate in pem::certificates(pem)? {
            trusted
                .roots
                .add(certificate.clone())
                .map_err(|error| TlsError::at(pem, format!("a certificate in {pem}: {error}")))?;
            trusted.named.push(certificate);
        }
        Ok(trusted)
    }

    /// Adds the system's.
    pub fn add_system(&mut self) -> Result<(), TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = self.roots.add_parsable_certificates(found.certs);
        if added > 0 {
            return Ok(());
        }
        let why = match found.errors.first() {
            Some(error) => format!(" ({error})"),
            None => String::new(),
        };
        Err(TlsError::new(format!(
            "this system has no certificates of authorities{why}; install its `ca-certificates`, or name what to trust in `ca_file`"
        )))
    }
}

/// Reads a certificate with its chain, and its key.
pub(super) fn identity(
    identity: &Identity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    Ok((
        pem::certificates(&identity.certificate)?,
        pem::private_key(&identity.key)?,
    ))
}

/// Why rustls does not take an identity.
pub(super) fn unusable(identity: &Identity, error: &rustls::Error) -> TlsError {
    let Identity { certificate, key } = identity;
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::at(
            key,
            format!(
                "the key in {key} is not that of the certificate in {certificate}; name the two that belong together"
            ),
        ),
        error => TlsError::at(
            certificate,
            format!("cannot use the certificate in {certificate} with the key in {key}: {error}"),
        ),
    }
}

/// What is doubtful about an identity: its certificate is not valid now. Peers will refuse it.
pub(super) fn doubts(identity: &Identity) -> Result<Option<TlsError>, TlsError> {
    let source = &identity.certificate;
    let certificates = pem::certificates(source)?;
    let why = certificates.first().and_then(out_of_time);
    Ok(why.map(|why| TlsError::at(source, format!("the certificate in {source} {why}"))))
}

/// Why a certificate is not valid now, if its period of validity is the reason.
fn out_of_time(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let algorithms = provider().signature_verification_algorithms.all;
    // WebPKI looks at the period of validity first; nothing else that it complains of is asked for.
    let verified = certificate.verify_for_usage(
        algorithms,
        &[],
        &[],
        UnixTime::now(),
        KeyUsage::server_auth(),
        None,
        None,
    );
    match verified.err()? {
        webpki::Error::CertExpired { not_after, .. } => Some(format!(
            "expired at {}; renew it, or correct this machine's clock",
            time(not_after)
        )),
        webpki::Error::CertNotValidYet { not_before, .. } => Some(format!(
            "is not valid before {}; correct this machine's clock, or wait",
            time(not_before)
        )),
        _ => None,
    }
}

/// The files among the sources of texts.
pub(super) fn files<'p>(sources: impl IntoIterator<Item = &'p Pem>) -> Vec<PathBuf> {
    sources
        .into_iter()
        .filter_map(|pem| match &pem.source {
            PemSource::File(path) => Some(path.clone()),
            PemSource::Inline(..) => None,
        })
        .collect()
}
