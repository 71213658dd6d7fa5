//! TLS for listeners: a rustls configuration from the settings of any server, and handshakes within limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use spanmill_manifest::{Diagnostic, Diagnostics};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::error::TlsError;
use super::failures::Failures;
use super::handshakes::{Handshakes, MOST};
use super::material::{self, Trusted};
use super::plain;
use super::reload::Reloaded;
use super::settings::ServerTls;
use super::trust::ClientVerifier;

/// How long a client may take to finish the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How the first message of a handshake begins, as every version of TLS has it.
const HANDSHAKE: u8 = 22;

/// What a listener needs to speak TLS.
#[derive(Clone)]
pub struct TlsServer {
    owner: Arc<str>,
    config: Arc<Reloaded<ServerConfig>>,
    failures: Arc<Failures>,
}

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

impl TlsServer {
    /// Reads and checks everything that the settings name, again whenever it changes. `alpn` says which protocols are spoken,
    /// the best first, and `owner` whose listener it is, for the log. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// If a file or text that the settings name cannot be used.
    pub fn new(owner: &str, tls: &ServerTls, alpn: &[&[u8]]) -> Result<Self, TlsError> {
        let (of, settings) = (owner.to_owned(), tls.clone());
        let alpn: Vec<Vec<u8>> = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let make = Box::new(move || {
            let mut config = config(&settings)?;
            config.alpn_protocols.clone_from(&alpn);
            if let Some(doubt) = material::doubts(&settings.identity)? {
                tracing::warn!("{of}: tls: {doubt}");
            }
            Ok(config)
        });
        Ok(TlsServer {
            owner: owner.into(),
            config: Reloaded::watched(owner, files(tls), tls.reload_interval, make)?,
            failures: Arc::default(),
        })
    }

    /// Shakes hands with the client at the other end of a socket; `wrap` makes the stream of it that TLS is spoken over.
    /// `None` if that fails, which is logged.
    pub async fn accept<S>(
        &self,
        socket: TcpStream,
        peer: SocketAddr,
        wrap: impl FnOnce(TcpStream) -> S,
    ) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = Handshakes::of_process().begin(peer.ip());
        let shaking = tokio::time::timeout(HANDSHAKE_TIMEOUT, self.handshake(socket, peer, wrap));
        tokio::select! {
            shaken = shaking => shaken.unwrap_or_else(|_| {
                self.failures.timed_out(&self.owner, peer, HANDSHAKE_TIMEOUT);
                None
            }),
            () = handshake.end.cancelled() => {
                self.failures.crowded(&self.owner, peer, MOST);
                None
            }
        }
    }

    async fn handshake<S>(
        &self,
        socket: TcpStream,
        peer: SocketAddr,
        wrap: impl FnOnce(TcpStream) -> S,
    ) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut first = [HANDSHAKE];
        // At the end of the stream there is none, which the handshake finds out.
        if socket.peek(&mut first).await.is_ok() && first != [HANDSHAKE] {
            self.failures.plain_text(&self.owner, peer);
            plain::refuse(socket).await;
            return None;
        }
        let acceptor = TlsAcceptor::from(self.config.get());
        match acceptor.accept(wrap(socket)).await {
            Ok(stream) => Some(stream),
            Err(error) => {
                self.failures.failed(&self.owner, peer, &error);
                None
            }
        }
    }
}

/// Complains of what the settings name and cannot be used. `owner` is whose listener it is: `receiver otlp: protocols: grpc`.
pub fn check_server(owner: &str, tls: &ServerTls, out: &mut Diagnostics) {
    match config(tls).and_then(|_| material::doubts(&tls.identity)) {
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

fn files(tls: &ServerTls) -> Vec<PathBuf> {
    let identity = [&tls.identity.certificate, &tls.identity.key];
    material::files(identity.into_iter().chain(&tls.client_ca))
}

fn config(tls: &ServerTls) -> Result<ServerConfig, TlsError> {
    let provider = material::provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&material::versions(tls.versions))
        .map_err(|error| TlsError::new(error.to_string()))?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(client_ca) => {
            let mut trusted = Trusted::of(Some(client_ca))?;
            if tls.include_system_ca_certs_pool {
                trusted.add_system()?;
            }
            let verifier = ClientVerifier::new(trusted, &provider)
                .map_err(|error| TlsError::of(client_ca, error))?;
            builder.with_client_cert_verifier(Arc::new(verifier))
        }
    };
    let (certificates, key) = material::identity(&tls.identity)?;
    builder
        .with_single_cert(certificates, key)
        .map_err(|error| material::unusable(&tls.identity, &error))
}
