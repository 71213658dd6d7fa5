//! Opening listening sockets, and saying what to do when that fails.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;

use thiserror::Error;
use tokio::net::{TcpListener, lookup_host};

use crate::tls::{ServerTls, TlsError, TlsServer};

/// A socket that listens.
#[derive(Debug)]
pub struct Bound {
    /// The socket.
    pub listener: TcpListener,
    /// Its address, with the real port.
    pub address: SocketAddr,
    /// The endpoint as the manifest has it.
    endpoint: String,
    /// Whose it is, for the log.
    pub(crate) component: String,
    /// What is spoken on it, if it is not plain text.
    pub(crate) tls: Option<TlsServer>,
}

/// Sockets of components that are about to be replaced, by endpoint. One that is asked for again is taken over while
/// it listens: no connection is refused in between.
#[derive(Debug, Default)]
pub struct Spare(Vec<(String, std::net::TcpListener)>);

impl Spare {
    /// Adds a second handle of a socket.
    pub fn add(&mut self, endpoint: &str, listener: &std::net::TcpListener) {
        // Without it the address is in use, which is said then.
        if let Ok(listener) = listener.try_clone() {
            self.0.push((endpoint.to_owned(), listener));
        }
    }

    fn take(&mut self, endpoint: &str) -> Option<TcpListener> {
        let at = self.0.iter().position(|(known, _)| known == endpoint)?;
        TcpListener::from_std(self.0.swap_remove(at).1).ok()
    }
}

impl Bound {
    /// The same, with TLS if there are settings for it. `owner` is what the settings are of, for errors and the log, and `alpn`
    /// says which protocols are spoken.
    ///
    /// # Errors
    ///
    /// If a file or text that the settings name cannot be used.
    pub fn secured(
        mut self,
        owner: &str,
        tls: Option<&ServerTls>,
        alpn: &[&[u8]],
    ) -> Result<Self, BindError> {
        let server = |tls| {
            TlsServer::new(owner, tls, alpn).map_err(|cause| BindError::Tls {
                component: owner.to_owned(),
                cause,
            })
        };
        self.tls = tls.map(server).transpose()?;
        Ok(self)
    }

    /// A second handle of the socket, for who takes it over, and the endpoint.
    pub fn handle(&self) -> Option<(String, std::net::TcpListener)> {
        let handle = self.listener.as_fd().try_clone_to_owned().ok()?;
        Some((self.endpoint.clone(), handle.into()))
    }
}

/// Why a receiver or an endpoint cannot listen.
#[derive(Debug, Error)]
pub enum BindError {
    /// Somebody listens there already.
    #[error(
        "{component}: {endpoint} is in use already; stop what listens there, or set another endpoint (port 0 takes a free one)"
    )]
    InUse {
        /// The component: its role and id.
        component: String,
        /// The address as the manifest has it.
        endpoint: String,
    },
    /// The system does not let us.
    #[error(
        "{component}: no permission to listen on {endpoint}; set a port of 1024 or above, or grant the privilege"
    )]
    Permission {
        /// The component: its role and id.
        component: String,
        /// The address as the manifest has it.
        endpoint: String,
    },
    /// Anything else, such as a host that is not ours.
    #[error(
        "{component}: cannot listen on {endpoint}: {cause}; the host must be one of this machine's, such as localhost or 0.0.0.0"
    )]
    Other {
        /// The component: its role and id.
        component: String,
        /// The address as the manifest has it.
        endpoint: String,
        /// What the system said.
        cause: io::Error,
    },
    /// A directory that it keeps files in cannot be made.
    #[error("{component}: cannot create {}: {cause}; create the directory, or name another", directory.display())]
    Directory {
        /// The component: its role and id.
        component: String,
        /// The directory.
        directory: std::path::PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Its TLS settings cannot be used.
    #[error("{component}: tls: {cause}")]
    Tls {
        /// The component: its role and id.
        component: String,
        /// Why.
        cause: TlsError,
    },
}

/// Listens on `host:port`, or takes over the socket that is spare. `component` is whose it is, for errors.
///
/// # Errors
///
/// If the address is in use, not this machine's, or not for this user.
pub async fn bind(component: &str, endpoint: &str, spare: &mut Spare) -> Result<Bound, BindError> {
    let failed = |cause: io::Error| {
        let component = component.to_owned();
        let endpoint = endpoint.to_owned();
        match cause.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse {
                component,
                endpoint,
            },
            io::ErrorKind::PermissionDenied => BindError::Permission {
                component,
                endpoint,
            },
            _ => BindError::Other {
                component,
                endpoint,
                cause,
            },
        }
    };
    let listener = match spare.take(endpoint) {
        Some(listener) => Ok(listener),
        None => open(endpoint).await,
    };
    let listener = listener.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Bound {
        listener,
        address,
        endpoint: endpoint.to_owned(),
        component: component.to_owned(),
        tls: None,
    })
}

async fn open(endpoint: &str) -> io::Result<TcpListener> {
    match listen(endpoint).await {
        Ok(listener) => Ok(listener),
        // `:4317` means every address; where there is no IPv6, every IPv4 one.
        Err(cause) if cause.kind() != io::ErrorKind::AddrInUse => {
            match endpoint.strip_prefix("[::]:") {
                Some(port) => listen(&format!("0.0.0.0:{port}")).await,
                None => Err(cause),
            }
        }
        Err(cause) => Err(cause),
    }
}

async fn listen(endpoint: &str) -> io::Result<TcpListener> {
    listen_at(&addresses(endpoint).await?).await
}

/// The addresses of a host, IPv4 before IPv6: senders that are told `localhost:4317` or `127.0.0.1:4317` are to find it, and
/// Go does the same.
///
/// # Errors
///
/// If the host is not known.
pub async fn addresses(endpoint: &str) -> io::Result<Vec<SocketAddr>> {
    let mut addresses: Vec<SocketAddr> = lookup_host(endpoint).await?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

/// Listens on the first of these addresses that can be had.
///
/// # Errors
///
/// If one is in use, or none can be had.
pub async fn listen_at(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            // Taken on one address: the next one would hide that.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}
