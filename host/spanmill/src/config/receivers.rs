//! The receiver that the host owns: `otlp`.

use super::diagnostics::{Diagnostic, Diagnostics};
use super::endpoint;
use super::walk::Section;

/// A receiver.
#[derive(Clone, Debug, PartialEq)]
pub enum Receiver {
    /// OTLP over gRPC and HTTP.
    Otlp(OtlpReceiver),
}

/// The `otlp` receiver; at least one of the two is there.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpReceiver {
    /// The gRPC protocol, if enabled.
    pub grpc: Option<GrpcServer>,
    /// The HTTP protocol, if enabled.
    pub http: Option<HttpServer>,
}

/// Where and how gRPC is served.
#[derive(Clone, Debug, PartialEq)]
pub struct GrpcServer {
    /// `host:port`; port 0 takes a free one.
    pub endpoint: String,
    /// The largest message, in bytes, once decompressed.
    pub max_message_bytes: usize,
}

/// Where and how HTTP is served.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpServer {
    /// `host:port`; port 0 takes a free one.
    pub endpoint: String,
    /// The largest body, in bytes, before and after it is decompressed.
    pub max_body_bytes: usize,
}

const MIB: u64 = 1024 * 1024;
/// gRPC frames carry a 32-bit length.
const MAX_MESSAGE_MIB: u64 = 4095;

const PLAIN_ONLY: &str = "receivers are plain text in this version: put a TLS proxy in front";

pub(super) fn otlp(mut section: Section<'_>, out: &mut Diagnostics) -> OtlpReceiver {
    let owner = section.owner().to_owned();
    let place = section.place();
    let mut receiver = OtlpReceiver {
        grpc: None,
        http: None,
    };
    if let Some(mut protocols) = section.section("protocols", out) {
        receiver.grpc = protocols.section("grpc", out).map(|s| grpc(s, out));
        receiver.http = protocols.section("http", out).map(|s| http(s, out));
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

fn grpc(mut section: Section<'_>, out: &mut Diagnostics) -> GrpcServer {
    let endpoint = endpoint::listen(&mut section, "localhost:4317", out);
    let mut mib = section.positive("max_recv_msg_size_mib", 4, out);
    if mib > MAX_MESSAGE_MIB {
        if let Some(node) = section.value("max_recv_msg_size_mib") {
            let what = format_args!("must be at most {MAX_MESSAGE_MIB}");
            out.push(section.wrong("max_recv_msg_size_mib", node, what));
        }
        mib = 4;
    }
    if let Some(transport) = section.text("transport", out)
        && transport != "tcp"
        && let Some(node) = section.value("transport")
    {
        out.push(section.wrong("transport", node, "only tcp is served in this version"));
    }
    section.refuse("tls", "is not supported", PLAIN_ONLY, out);
    section.refuse(
        "auth",
        "is not supported",
        "put an authenticating proxy in front",
        out,
    );
    section.ignore(
        &[
            "keepalive",
            "max_concurrent_streams",
            "read_buffer_size",
            "write_buffer_size",
            "include_metadata",
        ],
        out,
    );
    section.finish(out);
    GrpcServer {
        endpoint,
        max_message_bytes: usize::try_from(mib * MIB).unwrap_or(usize::MAX),
    }
}

fn http(mut section: Section<'_>, out: &mut Diagnostics) -> HttpServer {
    let endpoint = endpoint::listen(&mut section, "localhost:4318", out);
    let bytes = section.number("max_request_body_size", out).unwrap_or(0);
    section.refuse("tls", "is not supported", PLAIN_ONLY, out);
    section.refuse(
        "auth",
        "is not supported",
        "put an authenticating proxy in front",
        out,
    );
    section.refuse(
        "traces_url_path",
        "is not supported",
        "traces are taken at /v1/traces",
        out,
    );
    section.ignore(
        &[
            "cors",
            "include_metadata",
            "response_headers",
            "compression_algorithms",
            "read_timeout",
            "read_header_timeout",
            "write_timeout",
            "idle_timeout",
            "keep_alives_enabled",
            "metrics_url_path",
            "logs_url_path",
        ],
        out,
    );
    section.finish(out);
    // As in the Collector, 0 stands for the default.
    let bytes = if bytes == 0 { 20 * MIB } else { bytes };
    HttpServer {
        endpoint,
        max_body_bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
    }
}
