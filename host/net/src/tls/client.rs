//! TLS to servers: one rustls configuration from the settings of any client.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, InconsistentKeys, RootCertStore, SupportedProtocolVersion, version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::TlsError;
use super::explain::{NO_H2, explained};
use super::pem;
use super::settings::{ClientTls, Identity, TlsVersion, UNVERIFIED};
use super::trust::{AnyCertificate, CertificateVerifier};

/// How long a backend may take to finish the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// HTTP/2, in ALPN.
pub const H2: &[u8] = b"h2";
/// HTTP/1.1, in ALPN.
pub const HTTP_1_1: &[u8] = b"http/1.1";

/// What a client needs to make TLS connections to its server.
#[derive(Clone)]
pub struct TlsClient {
    connector: TlsConnector,
    /// The name to ask for in place of the endpoint's host.
    name: Option<ServerName<'static>>,
    /// Whether the backend must choose HTTP/2.
    only_h2: bool,
    refusals: Refusals,
}

/// Why the backend ended the last connection after its handshake, and when.
#[derive(Clone, Default)]
pub struct Refusals(Arc<Mutex<Option<(Instant, String)>>>);

impl Refusals {
    /// Notes why a connection was ended.
    pub fn note(&self, error: &io::Error) {
        *self.last() = Some((Instant::now(), error.to_string()));
    }

    /// Says why the backend cannot be reached: what went wrong, and the reason that the backend gave since `start`, if any.
    pub fn unreachable(&self, what: &str, start: Instant) -> String {
        let mut text = format!("cannot reach the backend: {what}");
        if let Some((at, reason)) = &*self.last()
            && *at >= start
            && !text.contains(reason.as_str())
        {
            text.push_str(": ");
            text.push_str(reason);
        }
        text
    }

    fn last(&self) -> MutexGuard<'_, Option<(Instant, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TlsClient {
    /// Reads and checks everything that the settings name. `alpn` says which protocols to offer, and `owner` whose client it
    /// is, for the log.
    ///
    /// # Errors
    ///
    /// If a file or text that the settings name cannot be used.
    pub fn new(owner: &str, tls: &ClientTls, alpn: &[&[u8]]) -> Result<Self, TlsError> {
        if tls.insecure_skip_verify {
            tracing::warn!("{owner}: tls: insecure_skip_verify: {UNVERIFIED}");
        }
        let config = Settings { tls }.client_config(alpn)?;
        Ok(TlsClient {
            connector: TlsConnector::from(Arc::new(config)),
            name: tls.server_name_override.clone(),
            only_h2: alpn == [H2],
            refusals: Refusals::default(),
        })
    }

    /// Why the server has ended connections.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Shakes hands with the server at the other end of a stream.
    ///
    /// # Errors
    ///
    /// If that fails; the error says which setting may cure it.
    pub async fn connect<S>(&self, host: &str, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => server_name(host)?,
        };
        let shaking = self.connector.connect(name, stream);
        let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, shaking)
            .await
            .map_err(|_| {
                let message = format!("no TLS handshake within {HANDSHAKE_TIMEOUT:?}");
                io::Error::new(io::ErrorKind::TimedOut, message)
            })?
            .map_err(explained)?;
        if self.only_h2 && !is_h2(&stream) {
            return Err(io::Error::other(NO_H2));
        }
        Ok(stream)
    }
}

/// Whether both sides have agreed on HTTP/2.
pub fn is_h2<S>(stream: &TlsStream<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(H2)
}

/// The name that a certificate must carry for a URI's host; IPv6 addresses stand in brackets there.
fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        let message = format!(
            "`{host}` is no name that a certificate has; name one in `tls: {{server_name_override: ...}}`"
        );
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })
}

/// The settings of one client.
struct Settings<'a> {
    tls: &'a ClientTls,
}

impl Settings<'_> {
    fn client_config(&self, alpn: &[&[u8]]) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = self.verifier(&provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions())
            .map_err(|error| TlsError::new(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.tls.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(
                    pem::certificates(&identity.certificate)?,
                    pem::private_key(&identity.key)?,
                )
                .map_err(|error| self.unusable(identity, &error))?,
        };
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(config)
    }

    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let min = self.tls.versions.min.unwrap_or(TlsVersion::V1_2);
        let max = self.tls.versions.max.unwrap_or(TlsVersion::V1_3);
        [
            (TlsVersion::V1_2, &version::TLS12),
            (TlsVersion::V1_3, &version::TLS13),
        ]
        .into_iter()
        .filter(|(version, _)| (min..=max).contains(version))
        .map(|(_, version)| version)
        .collect()
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        if self.tls.insecure_skip_verify {
            // What is named is still read: a file that is missing is a mistake today, and a failure once this is lifted.
            if let Some(ca) = &self.tls.ca {
                pem::certificates(ca)?;
            }
            return Ok(Arc::new(AnyCertificate::new(provider)));
        }
        let mut roots = RootCertStore::empty();
        let mut named = Vec::new();
        if let Some(ca) = &self.tls.ca {
            for certificate in pem::certificates(ca)? {
                roots
                    .add(certificate.clone())
                    .map_err(|error| TlsError::new(format!("a certificate in {ca}: {error}")))?;
                named.push(certificate);
            }
        }
        if self.tls.ca.is_none() || self.tls.include_system_ca_certs_pool {
            self.add_system_roots(&mut roots)?;
        }
        let verifier = CertificateVerifier::new(roots, named, provider)
            .map_err(|error| TlsError::new(error.to_string()))?;
        Ok(Arc::new(verifier))
    }

    fn add_system_roots(&self, roots: &mut RootCertStore) -> Result<(), TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
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

    fn unusable(&self, identity: &Identity, error: &rustls::Error) -> TlsError {
        let Identity { certificate, key } = identity;
        TlsError::new(match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                format!(
                    "the key in {key} is not that of the certificate in {certificate}; name the two that belong together"
                )
            }
            error => format!(
                "cannot use the certificate in {certificate} with the key in {key}: {error}"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_hosts() {
        for (host, name) in [
            ("tempo", "tempo"),
            ("tempo_1.example.com", "tempo_1.example.com"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "::1"),
        ] {
            assert_eq!(server_name(host).unwrap().to_str(), name);
        }
        let error = server_name("a..b").unwrap_err().to_string();
        assert!(error.contains("server_name_override"), "{error}");
    }
}
