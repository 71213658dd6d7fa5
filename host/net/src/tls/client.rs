//! TLS to servers: a rustls configuration from the settings of any client.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use spanmill_manifest::{Diagnostic, Diagnostics};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::TlsError;
use super::explain::{NO_H2, explained};
use super::material::{self, Trusted};
use super::pem;
use super::reload::Reloaded;
use super::settings::{ClientTls, UNVERIFIED};
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
    config: Arc<Reloaded<ClientConfig>>,
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

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").finish_non_exhaustive()
    }
}

impl TlsClient {
    /// Reads and checks everything that the settings name, again whenever it changes. `alpn` says which protocols to offer, and
    /// `owner` whose client it is, for the log. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// If a file or text that the settings name cannot be used.
    pub fn new(owner: &str, tls: &ClientTls, alpn: &[&[u8]]) -> Result<Self, TlsError> {
        if tls.insecure_skip_verify {
            tracing::warn!("{owner}: tls: insecure_skip_verify: {UNVERIFIED}");
        }
        let make = make(owner, tls, alpn);
        let config = Reloaded::watched(owner, files(tls), tls.reload_interval, make)?;
        Ok(Self::of(config, tls, alpn))
    }

    /// As [`TlsClient::new`], for a client that does not live long: what is named is read once.
    ///
    /// # Errors
    ///
    /// If a file or text that the settings name cannot be used.
    pub fn once(owner: &str, tls: &ClientTls, alpn: &[&[u8]]) -> Result<Self, TlsError> {
        let config = Reloaded::once(owner, Vec::new(), make(owner, tls, alpn))?;
        Ok(Self::of(config, tls, alpn))
    }

    fn of(config: Arc<Reloaded<ClientConfig>>, tls: &ClientTls, alpn: &[&[u8]]) -> Self {
        TlsClient {
            config,
            name: tls.server_name_override.clone(),
            only_h2: alpn == [H2],
            refusals: Refusals::default(),
        }
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
        let stream = self.handshake(host, stream).await.map_err(explained)?;
        if self.only_h2 && !is_h2(&stream) {
            return Err(io::Error::other(NO_H2));
        }
        Ok(stream)
    }

    /// As [`TlsClient::connect`], with errors as rustls has them.
    ///
    /// # Errors
    ///
    /// If the handshake fails or takes too long.
    pub async fn handshake<S>(&self, host: &str, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => server_name(host)?,
        };
        let connector = TlsConnector::from(self.config.get());
        let shaking = connector.connect(name, stream);
        tokio::time::timeout(HANDSHAKE_TIMEOUT, shaking)
            .await
            .map_err(|_| {
                let message = format!("no TLS handshake within {HANDSHAKE_TIMEOUT:?}");
                io::Error::new(io::ErrorKind::TimedOut, message)
            })?
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

/// Complains of what the settings name and cannot be used. `owner` is whose client it is: `exporter otlp`.
pub fn check_client(owner: &str, tls: &ClientTls, out: &mut Diagnostics) {
    match config(tls, &[H2]).and_then(|_| doubts(tls)) {
        Err(error) => {
            let message = format!("{owner}: tls: {error}");
            out.push(Diagnostic::error(error.place.unwrap_or_default(), message));
        }
        Ok(Some(doubt)) => {
            let message = format!("{owner}: tls: {doubt}");
            out.push(Diagnostic::warning(
                doubt.place.unwrap_or_default(),
                message,
            ));
        }
        Ok(None) => {}
    }
}

fn doubts(tls: &ClientTls) -> Result<Option<TlsError>, TlsError> {
    match &tls.identity {
        Some(identity) => material::doubts(identity),
        None => Ok(None),
    }
}

fn files(tls: &ClientTls) -> Vec<std::path::PathBuf> {
    let identity = tls.identity.iter();
    let identity = identity.flat_map(|identity| [&identity.certificate, &identity.key]);
    material::files(tls.ca.iter().chain(identity))
}

fn make(
    owner: &str,
    tls: &ClientTls,
    alpn: &[&[u8]],
) -> Box<dyn Fn() -> Result<ClientConfig, TlsError> + Send + Sync> {
    let (owner, tls) = (owner.to_owned(), tls.clone());
    let alpn: Vec<Vec<u8>> = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Box::new(move || {
        let alpn: Vec<&[u8]> = alpn.iter().map(Vec::as_slice).collect();
        let config = config(&tls, &alpn)?;
        if let Some(doubt) = doubts(&tls)? {
            tracing::warn!("{owner}: tls: {doubt}");
        }
        Ok(config)
    })
}

fn config(tls: &ClientTls, alpn: &[&[u8]]) -> Result<ClientConfig, TlsError> {
    let provider = material::provider();
    let verifier = verifier(tls, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&material::versions(tls.versions))
        .map_err(|error| TlsError::new(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &tls.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (certificates, key) = material::identity(identity)?;
            builder
                .with_client_auth_cert(certificates, key)
                .map_err(|error| material::unusable(identity, &error))?
        }
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

fn verifier(
    tls: &ClientTls,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    if tls.insecure_skip_verify {
        // What is named is still read: a file that is missing is a mistake today, and a failure once this is lifted.
        if let Some(ca) = &tls.ca {
            pem::certificates(ca)?;
        }
        return Ok(Arc::new(AnyCertificate::new(provider)));
    }
    let mut trusted = Trusted::of(tls.ca.as_ref())?;
    if tls.ca.is_none() || tls.include_system_ca_certs_pool {
        trusted.add_system()?;
    }
    let verifier = CertificateVerifier::new(trusted.roots, trusted.named, provider)
        .map_err(|error| TlsError::new(error.to_string()))?;
    Ok(Arc::new(verifier))
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
