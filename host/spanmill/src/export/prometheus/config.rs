//! The settings of the `prometheus` exporter.

use std::time::Duration;

use crate::export::prom::config::{conversion, translation};
use spanmill_manifest::{Diagnostics, Section};
use spanmill_net::endpoint;
use spanmill_net::tls::{self, ServerTls};

/// The `prometheus` exporter.
#[derive(Clone, Debug, PartialEq)]
pub struct PrometheusConfig {
    /// `host:port` to be scraped at.
    pub endpoint: String,
    /// A prefix for every metric's name; empty: none.
    pub namespace: String,
    /// Labels on every series.
    pub const_labels: Vec<(String, String)>,
    /// Whether samples carry their time.
    pub send_timestamps: bool,
    /// A series is dropped after this long without an update.
    pub metric_expiration: Duration,
    /// Whether OpenMetrics is offered.
    pub enable_open_metrics: bool,
    /// Whether names get their unit and `_total`.
    pub add_metric_suffixes: bool,
    /// Whether resource attributes become labels.
    pub resource_to_telemetry: bool,
    /// Leaves out the attributes that `job` and `instance` are made from.
    pub exclude_service_attributes: bool,
    /// Whether series are without the labels that name their instrumentation scope.
    pub without_scope_info: bool,
    /// TLS; `None`: plain text.
    pub tls: Option<ServerTls>,
}

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> PrometheusConfig {
    let there = section.value("endpoint").is_some();
    let endpoint = endpoint::listen(&mut section, "localhost:8889", out);
    if !there {
        let like = "host and port to be scraped at, like `0.0.0.0:8889`";
        out.push(endpoint::missing(&section, "endpoint", like));
    }
    let const_labels = section
        .text_map("const_labels", out)
        .into_iter()
        .map(|(entry, text)| (entry.key, text))
        .collect();
    let (resource_to_telemetry, exclude_service_attributes) = conversion(&mut section, out);
    let translations = [
        ("UnderscoreEscapingWithSuffixes", true),
        ("UnderscoreEscapingWithoutSuffixes", false),
        ("NoUTF8EscapingWithSuffixes", true),
        ("NoTranslation", false),
    ];
    let suffixes = section.flag("add_metric_suffixes", true, out);
    let suffixes = translation(&mut section, &translations, out).unwrap_or(suffixes);
    let exporter = PrometheusConfig {
        endpoint,
        namespace: section.text("namespace", out).unwrap_or_default(),
        const_labels,
        send_timestamps: section.flag("send_timestamps", false, out),
        metric_expiration: section.nonzero_duration(
            "metric_expiration",
            Duration::from_secs(300),
            out,
        ),
        enable_open_metrics: section.flag("enable_open_metrics", false, out),
        add_metric_suffixes: suffixes,
        resource_to_telemetry,
        exclude_service_attributes,
        without_scope_info: section.flag("without_scope_info", false, out),
        tls: tls::settings::server(&mut section, out),
    };
    section.refuse(
        "auth",
        "is not supported",
        "put an authenticating proxy in front",
        out,
    );
    section.finish(out);
    exporter
}
