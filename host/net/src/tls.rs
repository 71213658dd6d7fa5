//! TLS: the Collector's configtls, as rustls configurations.

mod client;
mod error;
mod explain;
mod pem;
pub mod settings;
mod trust;

pub use client::{H2, HTTP_1_1, Refusals, TlsClient, is_h2};
pub use error::TlsError;
pub use explain::explained;
pub use settings::{ClientTls, Identity, Pem, ServerTls, TlsVersion, TlsVersions};
