//! TLS: the Collector's configtls, as rustls configurations.

mod client;
mod error;
mod explain;
mod failures;
mod handshakes;
mod material;
mod pem;
mod plain;
mod reload;
mod server;
pub mod settings;
mod time;
mod trust;

pub use client::{H2, HTTP_1_1, Refusals, TlsClient, check_client, is_h2};
pub use error::TlsError;
pub use explain::explained;
pub use plain::TLS_ONLY;
pub use server::{TlsServer, check_server};
pub use settings::{ClientTls, Identity, Pem, ServerTls, TlsVersion, TlsVersions};
