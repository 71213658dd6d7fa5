//! The settings of the `otlp` exporter.

use std::time::Duration;

use spanmill_manifest::{Diagnostics, Section};
use spanmill_net::{endpoint, tls};

use crate::export::settings::{self, ClientSettings};

/// The `otlp` exporter.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpGrpcConfig {
    /// Scheme, host and port.
    pub uri: String,
    /// What exporters share.
    pub client: ClientSettings,
}

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> OtlpGrpcConfig {
    let mut tls = tls::settings::client(&mut section, out);
    let (uri, secure) = endpoint::grpc(&mut section, tls.insecure, out);
    tls.insecure = !secure;
    let client = settings::client(&mut section, Duration::from_secs(5), tls, out);
    section.refuse(
        "authority",
        "is not supported",
        "use `tls: {server_name_override: ...}`",
        out,
    );
    section.finish(out);
    OtlpGrpcConfig { uri, client }
}
