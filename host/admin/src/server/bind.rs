//! Opening the listening socket, and saying what to do when that fails.

use std::io;
use std::net::{IpAddr, SocketAddr};

use thiserror::Error;
use tokio::net::{TcpListener, lookup_host};

/// Why the admin API cannot listen.
#[derive(Debug, Error)]
pub enum BindError {
    /// Anybody could replace plugins.
    #[error(
        "admin API: other machines can reach {endpoint} ({address}), and no token is set; set one, or listen on 127.0.0.1"
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
        "admin API: no permission to listen on {endpoint}; set a port of 1024 or above, or grant the privilege"
    )]
    Permission {
        /// The endpoint as it was given.
        endpoint: String,
    },
    /// Anything else, such as a host that is not ours.
    #[error(
        "admin API: cannot listen on {endpoint}: {cause}; the endpoint must be host:port, and the host one of this machine's, such as 127.0.0.1"
    )]
    Other {
        /// The endpoint as it was given.
        endpoint: String,
        /// What the system said.
        cause: io::Error,
    },
}

/// Listens on the first address that a host has, IPv4 before IPv6, as receivers do. Without a token every address must
/// be this machine's own.
pub(super) async fn bind(
    endpoint: &str,
    has_token: bool,
) -> Result<(TcpListener, SocketAddr), BindError> {
    let failed = |cause: io::Error| {
        let endpoint = endpoint.to_owned();
        match cause.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { endpoint },
            io::ErrorKind::PermissionDenied => BindError::Permission { endpoint },
            _ => BindError::Other { endpoint, cause },
        }
    };
    let mut addresses: Vec<SocketAddr> = lookup_host(endpoint).await.map_err(failed)?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    if let Some(exposed) = addresses.iter().find(|address| !is_local(address.ip()))
        && !has_token
    {
        return Err(BindError::Exposed {
            endpoint: endpoint.to_owned(),
            address: exposed.ip(),
        });
    }
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                let address = listener.local_addr().map_err(failed)?;
                return Ok((listener, address));
            }
            // Taken on one address: the next one would hide that.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(failed(error)),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

pub(super) fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
