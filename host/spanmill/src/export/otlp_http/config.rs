//! The settings of the `otlphttp` exporter.

use std::time::Duration;

use spanmill_manifest::{Diagnostics, Section};
use spanmill_model::{PerSignal, Signal};
use spanmill_net::{endpoint, tls};

use crate::export::settings::{self, ClientSettings};

/// How bodies are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Binary protobuf.
    Proto,
    /// OTLP's JSON.
    Json,
}

/// The `otlphttp` exporter.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpHttpConfig {
    /// Where each signal is posted to, if it is known.
    pub urls: PerSignal<Option<String>>,
    /// How bodies are encoded.
    pub encoding: Encoding,
    /// What exporters share.
    pub client: ClientSettings,
}

impl OtlpHttpConfig {
    /// Whether TLS is spoken to any of the URLs.
    pub fn is_secure(&self) -> bool {
        let mut urls = self.urls.iter().filter_map(|(_, url)| url.as_ref());
        urls.any(|url| endpoint::is_secure(url))
    }
}

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> OtlpHttpConfig {
    let base = endpoint::url(&mut section, "endpoint", out);
    let has_base = section.value("endpoint").is_some();
    let mut url = |key, path: &str, out: &mut Diagnostics| {
        endpoint::url(&mut section, key, out).or_else(|| {
            base.as_ref()
                .map(|base| format!("{}{path}", base.trim_end_matches('/')))
        })
    };
    let endpoints = ["traces_endpoint", "logs_endpoint", "metrics_endpoint"];
    let urls = PerSignal::new(|signal| match signal {
        Signal::Traces => url("traces_endpoint", "/v1/traces", out),
        Signal::Logs => url("logs_endpoint", "/v1/logs", out),
        Signal::Metrics => url("metrics_endpoint", "/v1/metrics", out),
    });
    if !has_base && endpoints.iter().all(|key| section.value(key).is_none()) {
        let like = "a URL, like `http://localhost:4318`";
        out.push(endpoint::missing(&section, "endpoint", like));
    }
    let encodings = [("proto", Encoding::Proto), ("json", Encoding::Json)];
    let encoding = section.choice("encoding", &encodings, out);
    let tls = tls::settings::client(&mut section, out);
    let client = settings::client(&mut section, Duration::from_secs(30), tls, out);
    section.refuse(
        "proxy_url",
        "is not supported",
        "connect directly, or through a transparent proxy",
        out,
    );
    // Where a signal would go that this version does not carry, and how hard it is compressed.
    section.ignore(&["profiles_endpoint", "compression_params"], out);
    section.finish(out);
    OtlpHttpConfig {
        urls,
        encoding: encoding.unwrap_or(Encoding::Proto),
        client,
    }
}
