//! The settings of the `health_check` extension: the Collector's.

use super::status_config::{self as status, StatusConfig};
use spanmill_manifest::{Diagnostics, Section};
use spanmill_net::endpoint;
use spanmill_net::tls::{self, ServerTls};

/// The `health_check` extension, in either version.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum HealthCheckConfig {
    /// Whether the service takes requests.
    V1(Box<ProbeConfig>),
    /// How each component fares: `use_v2`.
    V2(Box<StatusConfig>),
}

/// Whether the service takes requests.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ProbeConfig {
    /// `host:port` to be probed at.
    pub endpoint: String,
    /// Where it answers.
    pub path: String,
    /// What it answers while requests are taken, in place of its own words.
    pub healthy: Option<String>,
    /// What it answers while they are not.
    pub unhealthy: Option<String>,
    /// TLS; `None`: plain text.
    pub tls: Option<ServerTls>,
}

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> HealthCheckConfig {
    if section.flag("use_v2", false, out) {
        return HealthCheckConfig::V2(Box::new(status::read(section, out)));
    }
    let endpoint = endpoint::listen(&mut section, "localhost:13133", out);
    let path = match section.text("path", out) {
        Some(path) if !path.is_empty() => path,
        _ => "/".to_owned(),
    };
    if !path.starts_with('/')
        && let Some(node) = section.value("path")
    {
        out.push(section.wrong("path", node, "must begin with a slash"));
    }
    let (mut healthy, mut unhealthy) = (None, None);
    if let Some(mut body) = section.section("response_body", out) {
        let words = |text: Option<String>| text.filter(|text| !text.is_empty());
        healthy = words(body.text("healthy", out));
        unhealthy = words(body.text("unhealthy", out));
        body.finish(out);
    }
    if let Some(mut pipeline) = section.section("check_collector_pipeline", out) {
        pipeline.refuse(
            "enabled",
            "is not supported: the Collector advises against it, since it does not work there",
            "remove it; `spanmill plugin status` and the admin API show failing exporters",
            out,
        );
        pipeline.ignore(&["interval", "exporter_failure_threshold"], out);
        pipeline.finish(out);
    }
    for key in ["http", "grpc", "component_health"] {
        section.refuse(
            key,
            "says nothing without use_v2",
            "add `use_v2: true`, for the health of each component",
            out,
        );
    }
    section.refuse(
        "auth",
        "is not supported",
        "put an authenticating proxy in front",
        out,
    );
    section.ignore(status::HTTP_SERVER, out);
    let config = ProbeConfig {
        endpoint,
        path,
        healthy,
        unhealthy,
        tls: tls::settings::server(&mut section, out),
    };
    section.finish(out);
    HealthCheckConfig::V1(Box::new(config))
}
