//! The exporters, all of which the host owns.

mod file;
mod prometheus;
mod remote_write;

use std::time::Duration;

use super::endpoint;
use super::exporter_helper::{self, ClientSettings};
use super::tls;
use super::{PerSignal, Signal};
pub use file::{FileExporter, FileFormat, Rotation};
pub use prometheus::PrometheusExporter;
pub use remote_write::{RemoteWriteExporter, RemoteWriteVersion};
use spanmill_manifest::{ComponentId, Diagnostic, Diagnostics, Entry, Section, did_you_mean};

/// An exporter.
#[derive(Clone, Debug, PartialEq)]
pub enum Exporter {
    /// OTLP over gRPC.
    Otlp(OtlpExporter),
    /// OTLP over HTTP.
    OtlpHttp(OtlpHttpExporter),
    /// Telemetry as text, for people.
    Debug(DebugExporter),
    /// Telemetry as OTLP, JSON or protobuf, a batch after the other.
    File(FileExporter),
    /// Metrics for Prometheus to scrape.
    Prometheus(PrometheusExporter),
    /// Metrics to Prometheus' remote write.
    RemoteWrite(RemoteWriteExporter),
    /// Nowhere.
    Nop,
}

/// The `otlp` exporter.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpExporter {
    /// Scheme, host and port.
    pub uri: String,
    /// What exporters share.
    pub client: ClientSettings,
}

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
pub struct OtlpHttpExporter {
    /// Where each signal is posted to, if it is known.
    pub urls: PerSignal<Option<String>>,
    /// How bodies are encoded.
    pub encoding: Encoding,
    /// What exporters share.
    pub client: ClientSettings,
}

/// How much the debug exporter tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// A line a batch.
    Basic,
    /// A line a span.
    Normal,
    /// Everything.
    Detailed,
}

/// The `debug` exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugExporter {
    /// How much it tells.
    pub verbosity: Verbosity,
    /// So many batches a second are told of ...
    pub sampling_initial: u64,
    /// ... and of what comes beyond, one in so many; 0: none.
    pub sampling_thereafter: u64,
}

const TYPES: [&str; 12] = [
    "otlp",
    "otlp_grpc",
    "otlphttp",
    "otlp_http",
    "debug",
    "logging",
    "file",
    "nop",
    "prometheus",
    "prometheusremotewrite",
    "prometheus_remote_write",
    "jaeger",
];

/// Reads one exporter.
pub(super) fn exporter(id: &ComponentId, entry: &Entry, out: &mut Diagnostics) -> Option<Exporter> {
    let owner = format!("exporter {id}");
    if !TYPES.contains(&id.kind()) {
        let exporters = [
            "otlp",
            "otlphttp",
            "debug",
            "file",
            "prometheus",
            "prometheusremotewrite",
            "nop",
        ];
        out.push(
            Diagnostic::error(
                entry.key_place,
                format!("{owner}: there is no exporter of type `{}`", id.kind()),
            )
            .maybe_help(did_you_mean(id.kind(), TYPES))
            .help(format!(
                "the exporters of this version: {}",
                exporters.join(", ")
            )),
        );
        return None;
    }
    let section = Section::open(&entry.value, entry.key_place, owner.clone(), out);
    Some(match id.kind() {
        "otlphttp" | "otlp_http" => Exporter::OtlpHttp(otlp_http(section, out)),
        "debug" | "logging" => Exporter::Debug(debug(section, out)),
        "file" => Exporter::File(file::file(section, out)),
        "prometheus" => Exporter::Prometheus(prometheus::prometheus(section, out)),
        "prometheusremotewrite" | "prometheus_remote_write" => {
            Exporter::RemoteWrite(remote_write::remote_write(section, out))
        }
        "nop" => {
            section.finish(out);
            Exporter::Nop
        }
        kind => {
            if kind == "jaeger" {
                out.push(
                    Diagnostic::warning(
                        entry.key_place,
                        format!("{owner}: the jaeger exporter is no more; OTLP is spoken to its endpoint instead"),
                    )
                    .help("Jaeger takes OTLP at port 4317 since version 1.35: use an `otlp` exporter with that port"),
                );
            }
            Exporter::Otlp(otlp(section, out))
        }
    })
}

fn otlp(mut section: Section<'_>, out: &mut Diagnostics) -> OtlpExporter {
    let mut tls = tls::tls(&mut section, out);
    let (uri, secure) = endpoint::grpc(&mut section, tls.insecure, out);
    tls.insecure = !secure;
    let client = exporter_helper::client(&mut section, Duration::from_secs(5), tls, out);
    section.refuse(
        "authority",
        "is not supported",
        "use `tls: {server_name_override: ...}`",
        out,
    );
    section.finish(out);
    OtlpExporter { uri, client }
}

fn otlp_http(mut section: Section<'_>, out: &mut Diagnostics) -> OtlpHttpExporter {
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
    let tls = tls::tls(&mut section, out);
    let client = exporter_helper::client(&mut section, Duration::from_secs(30), tls, out);
    section.refuse(
        "proxy_url",
        "is not supported",
        "connect directly, or through a transparent proxy",
        out,
    );
    // Where a signal would go that this version does not carry, and how hard it is compressed.
    section.ignore(&["profiles_endpoint", "compression_params"], out);
    section.finish(out);
    OtlpHttpExporter {
        urls,
        encoding: encoding.unwrap_or(Encoding::Proto),
        client,
    }
}

fn debug(mut section: Section<'_>, out: &mut Diagnostics) -> DebugExporter {
    let verbosities = [
        ("basic", Verbosity::Basic),
        ("normal", Verbosity::Normal),
        ("detailed", Verbosity::Detailed),
    ];
    // The `logging` exporter's older key.
    let levels = [
        ("debug", Verbosity::Detailed),
        ("info", Verbosity::Normal),
        ("warn", Verbosity::Basic),
        ("error", Verbosity::Basic),
    ];
    let verbosity = section.choice("verbosity", &verbosities, out);
    let level = section.choice("loglevel", &levels, out);
    if verbosity.is_some()
        && let Some(node) = section.value("loglevel")
    {
        out.push(section.wrong(
            "loglevel",
            node,
            "stands beside verbosity, which took its place",
        ));
    }
    let exporter = DebugExporter {
        verbosity: verbosity.or(level).unwrap_or(Verbosity::Basic),
        sampling_initial: section.number("sampling_initial", out).unwrap_or(2),
        sampling_thereafter: section.number("sampling_thereafter", out).unwrap_or(1),
    };
    for item in section.list("output_paths", out).unwrap_or_default() {
        if item.raw != "stdout" {
            out.push(
                section
                    .wrong("output_paths", &item, "telemetry is shown on stdout")
                    .help("remove it, and redirect stdout; or use the `file` exporter"),
            );
        }
    }
    // It shows what it gets at once, and not in the log.
    section.ignore(&["use_internal_logger", "sending_queue"], out);
    section.finish(out);
    exporter
}
