//! Opening the listening socket, and saying what to do when that fails.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use spanmill_net::tls::{HTTP_1_1, TlsError, TlsServer};
use spanmill_net::{addresses, listen_at};
use thiserror::Error;
use tokio::net::{TcpListener, UnixListener};

use crate::config::{AdminConfig, Endpoint};

/// Why the admin API cannot listen.
#[derive(Debug, Error)]
pub enum BindError {
    /// Anybody could replace plugins.
    #[error(
        "admin API: other machines can reach {endpoint} ({address}), and no token is set; set one, or listen on 127.0.0.1 or a Unix socket"
    )]
    Exposed {
        /// The endpoint as it was given.
        endpoint: String,
        /// The address it stands for.
        address: IpAddr,
    },
    /// Somebody listens there already.
    #[error(
        "admin API: {endpoint} is in use already; stop what listens there, or set another endpoint (port 0 takes a free one)"
    )]
    InUse {
        /// The endpoint as it was given.
        endpoint: String,
    },
    /// The system does not let us.
    #[error(
        "admin API: no permission to listen on {endpoint}; set a port of 1024 or above or a path that this user may write to, or grant the privilege"
    )]
    Permission {
        /// The endpoint as it was given.
        endpoint: String,
    },
    /// Anything else, such as a host that is not ours.
    #[error(
        "admin API: cannot listen on {endpoint}: {cause}; the endpoint must be unix:/path, or host:port with a host of this machine's, such as 127.0.0.1"
    )]
    Other {
        /// The endpoint as it was given.
        endpoint: String,
        /// What the system said.
        cause: io::Error,
    },
    /// Its TLS settings cannot be used.
    #[error("admin API: tls: {0}")]
    Tls(TlsError),
}

impl BindError {
    pub(super) fn new(endpoint: &str, cause: io::Error) -> Self {
        let endpoint = endpoint.to_owned();
        match cause.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { endpoint },
            io::ErrorKind::PermissionDenied => BindError::Permission { endpoint },
            _ => BindError::Other { endpoint, cause },
        }
    }
}

/// What listens.
#[derive(Debug)]
pub(super) enum Listener {
    Address {
        listener: TcpListener,
        /// Spoken on it, if it is not plain text.
        tls: Option<TlsServer>,
    },
    Socket {
        listener: UnixListener,
        /// Held for its end.
        _file: SocketFile,
    },
}

/// A socket's file; removed at the end.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Left behind, it is replaced by the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Listens; returns the endpoint as it turned out to be.
pub(super) async fn bind(config: &AdminConfig) -> Result<(Listener, Endpoint), BindError> {
    let endpoint = &config.endpoint;
    match endpoint {
        Endpoint::Socket(path) => {
            let listener =
                socket(path).map_err(|cause| BindError::new(&endpoint.to_string(), cause))?;
            let _file = SocketFile(path.clone());
            Ok((Listener::Socket { listener, _file }, endpoint.clone()))
        }
        Endpoint::Address(address) => {
            let server = |tls| TlsServer::new("admin API", tls, &[HTTP_1_1]);
            let tls = config.tls.as_ref().map(server).transpose();
            let tls = tls.map_err(BindError::Tls)?;
            let (listener, address) = self::address(address, config.token.is_some()).await?;
            let endpoint = Endpoint::Address(address.to_string());
            Ok((Listener::Address { listener, tls }, endpoint))
        }
    }
}

/// Listens on a Unix socket, in the place of one that nobody listens on any more. Who connects is asked for at each
/// connection; the file's mode keeps others from trying.
fn socket(path: &Path) -> io::Result<UnixListener> {
    if !path.is_absolute() {
        return Err(io::Error::other("the path of a socket begins with a slash"));
    }
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        bound => bound?,
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn is_stale(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && std::os::unix::net::UnixStream::connect(path).is_err_and(refused)
}

/// Listens on the first address that a host has, as receivers do. Without a token every address must
/// be this machine's own.
async fn address(endpoint: &str, has_token: bool) -> Result<(TcpListener, SocketAddr), BindError> {
    let failed = |cause: io::Error| BindError::new(endpoint, cause);
    let addresses = addresses(endpoint).await.map_err(failed)?;
    if let Some(exposed) = addresses.iter().find(|address| !is_local(address.ip()))
        && !has_token
    {
        return Err(BindError::Exposed {
            endpoint: endpoint.to_owned(),
            address: exposed.ip(),
        });
    }
    let listener = listen_at(&addresses).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
