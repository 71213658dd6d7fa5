//! The settings of the extension's second version: the health of each component.

use std::time::Duration;

use spanmill_manifest::{Diagnostic, Diagnostics, Section};
use spanmill_net::endpoint;
use spanmill_net::tls::{self, ServerTls};

/// How each component fares.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StatusConfig {
    /// Over HTTP, if asked for.
    pub http: Option<StatusHttp>,
    /// As gRPC's health service, if asked for.
    pub grpc: Option<StatusGrpc>,
    /// What counts as unhealthy beside a service that does not take requests.
    pub unhealthy: Unhealthy,
}

/// Health over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StatusHttp {
    /// `host:port`.
    pub endpoint: String,
    /// TLS; `None`: plain text.
    pub tls: Option<ServerTls>,
    /// Where it answers; `None`: it does not.
    pub path: Option<String>,
}

/// Health over gRPC.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StatusGrpc {
    /// `host:port`.
    pub endpoint: String,
    /// TLS; `None`: plain text.
    pub tls: Option<ServerTls>,
}

/// `component_health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unhealthy {
    /// A fault that has not passed after so long; `None`: no fault that may pass.
    pub after: Option<Duration>,
}

/// Keys of the Collector's HTTP server that do nothing for a probe.
pub(super) const HTTP_SERVER: &[&str] = &[
    "cors",
    "max_request_body_size",
    "include_metadata",
    "response_headers",
    "compression_algorithms",
    "read_timeout",
    "read_header_timeout",
    "write_timeout",
    "idle_timeout",
    "keep_alives_enabled",
];

/// Those of its gRPC server.
const GRPC_SERVER: &[&str] = &[
    "keepalive",
    "max_recv_msg_size_mib",
    "max_concurrent_streams",
    "read_buffer_size",
    "write_buffer_size",
    "include_metadata",
    "transport",
];

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> StatusConfig {
    let mut unhealthy = Unhealthy { after: None };
    if let Some(mut health) = section.section("component_health", out) {
        let includes = health.flag("include_recoverable_errors", false, out);
        let after = health.duration("recovery_duration", Duration::ZERO, out);
        unhealthy.after = includes.then_some(after);
        // None of ours is for good: a component that cannot run keeps the service from starting.
        health.flag("include_permanent_errors", false, out);
        health.finish(out);
    }
    let http = section
        .section("http", out)
        .map(|http| read_http(http, out));
    let grpc = section
        .section("grpc", out)
        .map(|grpc| read_grpc(grpc, out));
    if http.is_none() && grpc.is_none() {
        let message = format!(
            "{}: with use_v2 there must be http or grpc",
            section.owner()
        );
        out.push(
            Diagnostic::error(section.place(), message)
                .help("add `http: {endpoint: localhost:13133}`"),
        );
    }
    // The first version's, which the second does without.
    section.ignore(
        &[
            "endpoint",
            "path",
            "response_body",
            "check_collector_pipeline",
            "tls",
        ],
        out,
    );
    section.ignore(HTTP_SERVER, out);
    section.finish(out);
    StatusConfig {
        http,
        grpc,
        unhealthy,
    }
}

fn read_http(mut section: Section<'_>, out: &mut Diagnostics) -> StatusHttp {
    let endpoint = endpoint::listen(&mut section, "localhost:13133", out);
    let mut path = Some("/status".to_owned());
    if let Some(mut status) = section.section("status", out) {
        let named = status
            .text("path", out)
            .unwrap_or_else(|| "/status".to_owned());
        if !named.starts_with('/')
            && let Some(node) = status.value("path")
        {
            out.push(status.wrong("path", node, "must begin with a slash"));
        }
        path = status.flag("enabled", true, out).then_some(named);
        // There are none.
        status.flag("include_attributes", false, out);
        status.finish(out);
    }
    if let Some(mut config) = section.section("config", out) {
        config.refuse(
            "enabled",
            "is not supported: a manifest may hold secrets",
            "remove it; the admin API shows the manifest to those who have its token",
            out,
        );
        config.ignore(&["path"], out);
        config.finish(out);
    }
    section.refuse(
        "auth",
        "is not supported",
        "put an authenticating proxy in front",
        out,
    );
    section.ignore(HTTP_SERVER, out);
    let tls = tls::settings::server(&mut section, out);
    section.finish(out);
    StatusHttp {
        endpoint,
        tls,
        path,
    }
}

fn read_grpc(mut section: Section<'_>, out: &mut Diagnostics) -> StatusGrpc {
    let endpoint = endpoint::listen(&mut section, "localhost:13132", out);
    section.refuse(
        "auth",
        "is not supported",
        "put an authenticating proxy in front",
        out,
    );
    section.ignore(GRPC_SERVER, out);
    let tls = tls::settings::server(&mut section, out);
    section.finish(out);
    StatusGrpc { endpoint, tls }
}
