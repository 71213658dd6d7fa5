//! The settings of the `otlp` receiver.

use spanmill_manifest::{Diagnostic, Diagnostics, Section};

mod grpc;
mod http;
mod shared;

pub use grpc::GrpcServer;
#[cfg(test)]
pub(crate) use grpc::ServerKeepAlive;
pub use http::{Cors, HttpServer};

/// The `otlp` receiver; at least one of the two is there.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpConfig {
    /// The gRPC protocol, if enabled.
    pub grpc: Option<GrpcServer>,
    /// The HTTP protocol, if enabled.
    pub http: Option<HttpServer>,
}

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> OtlpConfig {
    let owner = section.owner().to_owned();
    let place = section.place();
    let mut receiver = OtlpConfig {
        grpc: None,
        http: None,
    };
    if let Some(mut protocols) = section.section("protocols", out) {
        receiver.grpc = protocols.section("grpc", out).map(|s| grpc::read(s, out));
        receiver.http = protocols.section("http", out).map(|s| http::read(s, out));
        protocols.finish(out);
    }
    if receiver.grpc.is_none() && receiver.http.is_none() {
        out.push(
            Diagnostic::error(place, format!("{owner}: no protocol is enabled"))
                .help("add `protocols:` with `grpc:` or `http:` or both; without a value they take their defaults"),
        );
    }
    section.finish(out);
    receiver
}
