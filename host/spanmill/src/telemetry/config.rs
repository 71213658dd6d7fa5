//! `service.telemetry.metrics`: who is told the metrics of the service, by the keys of the Collector.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use spanmill_manifest::{Diagnostic, Diagnostics, Node, Secret, Section, Value};
use spanmill_model::{PerSignal, Signal};
use spanmill_net::endpoint::{is_secure, missing};
use spanmill_net::tls::settings::{ClientTls, Pem};

use crate::export::otlp_grpc::config::OtlpGrpcConfig;
use crate::export::otlp_http::config::{Encoding, OtlpHttpConfig};
use crate::export::prometheus::config::PrometheusConfig;
use crate::export::settings::{ClientSettings, Compression, Retry};

/// Where metrics are served if the manifest says nothing.
const DEFAULT_ENDPOINT: &str = "127.0.0.1:8888";

/// Who is told the metrics of the service.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsSettings {
    pub readers: Vec<Reader>,
}

/// One who is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Reader {
    /// Scrapers ask.
    Pull(PullConfig),
    /// They are sent.
    Push(Box<PushConfig>),
}

/// A page for scrapers.
#[derive(Clone, Debug, PartialEq)]
pub struct PullConfig {
    /// `host:port`.
    pub endpoint: String,
    /// Whether names get their unit and `_total`.
    pub has_suffixes: bool,
    /// Whether series have labels that name their scope.
    pub has_scope: bool,
    /// Whether nobody asked for it, so that an address that is taken is no error.
    pub is_default: bool,
}

/// A backend that is sent metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct PushConfig {
    pub interval: Duration,
    pub timeout: Duration,
    pub protocol: PushProtocol,
    /// The attributes of the resource that they are of.
    pub resource: Vec<(String, String)>,
}

/// How metrics are sent.
#[derive(Clone, Debug, PartialEq)]
pub enum PushProtocol {
    Grpc(OtlpGrpcConfig),
    Http(OtlpHttpConfig),
}

impl PushProtocol {
    /// The same, with one more header.
    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        let client = match &mut self {
            PushProtocol::Grpc(grpc) => &mut grpc.client,
            PushProtocol::Http(http) => &mut http.client,
        };
        let name = HeaderName::from_static(name);
        client.headers.push((name, Secret::new(value.to_owned())));
        self
    }
}

impl Default for MetricsSettings {
    fn default() -> Self {
        MetricsSettings {
            readers: vec![Reader::Pull(PullConfig {
                endpoint: DEFAULT_ENDPOINT.to_owned(),
                has_suffixes: false,
                has_scope: false,
                is_default: true,
            })],
        }
    }
}

impl PullConfig {
    /// The page, as the `prometheus` exporter has it.
    pub(super) fn page(&self) -> PrometheusConfig {
        PrometheusConfig {
            endpoint: self.endpoint.clone(),
            namespace: String::new(),
            const_labels: Vec::new(),
            send_timestamps: false,
            metric_expiration: Duration::from_secs(300),
            enable_open_metrics: false,
            add_metric_suffixes: self.has_suffixes,
            resource_to_telemetry: false,
            exclude_service_attributes: false,
            without_scope_info: !self.has_scope,
            tls: None,
        }
    }
}

/// Reads `telemetry.metrics`. `resource` has the attributes of what they are of.
pub(crate) fn read(
    telemetry: &mut Section<'_>,
    resource: &[(String, String)],
    out: &mut Diagnostics,
) -> MetricsSettings {
    let Some(mut metrics) = telemetry.section("metrics", out) else {
        return MetricsSettings::default();
    };
    let levels = [
        ("none", false),
        ("basic", true),
        ("normal", true),
        ("detailed", true),
    ];
    let is_on = metrics.choice("level", &levels, out).unwrap_or(true);
    metrics.refuse("views", "are not supported", "remove them", out);
    let mut settings = MetricsSettings::default();
    if let Some(endpoint) = metrics.text("address", out) {
        // The key of older Collectors.
        settings.readers = vec![Reader::Pull(PullConfig {
            endpoint: any_host(&endpoint),
            has_suffixes: false,
            has_scope: false,
            is_default: false,
        })];
    }
    if let Some(nodes) = metrics.list("readers", out) {
        settings.readers = nodes
            .iter()
            .filter_map(|node| reader(node, &metrics, resource, out))
            .collect();
    }
    metrics.finish(out);
    match is_on {
        true => settings,
        false => MetricsSettings {
            readers: Vec::new(),
        },
    }
}

/// As in Go: no host means every address.
fn any_host(endpoint: &str) -> String {
    match endpoint.strip_prefix(':') {
        Some(port) => format!("[::]:{port}"),
        None => endpoint.to_owned(),
    }
}

fn reader(
    node: &Node,
    metrics: &Section<'_>,
    resource: &[(String, String)],
    out: &mut Diagnostics,
) -> Option<Reader> {
    let owner = format!("{}: readers", metrics.owner());
    let mut reader = Section::open(node, node.place, owner, out);
    let pull = reader.section("pull", out);
    let push = reader.section("periodic", out);
    let found = match (pull, push) {
        (Some(pull), None) => pull_reader(pull, out).map(Reader::Pull),
        (None, Some(push)) => {
            push_reader(push, resource, out).map(|push| Reader::Push(Box::new(push)))
        }
        _ => {
            let message = format!(
                "{}: a reader is either `pull:` or `periodic:`",
                reader.owner()
            );
            out.push(Diagnostic::error(node.place, message));
            None
        }
    };
    reader.finish(out);
    found
}

fn pull_reader(mut pull: Section<'_>, out: &mut Diagnostics) -> Option<PullConfig> {
    let mut exporter = pull.section("exporter", out);
    let prometheus = match &mut exporter {
        Some(exporter) => exporter.section("prometheus", out),
        None => None,
    };
    if let Some(exporter) = exporter {
        exporter.finish(out);
    }
    let Some(mut prometheus) = prometheus else {
        out.push(missing(
            &pull,
            "exporter",
            "`prometheus: {host: ..., port: ...}`",
        ));
        return None;
    };
    let host = prometheus
        .text("host", out)
        .unwrap_or_else(|| "localhost".to_owned());
    let port = prometheus.number("port", out).unwrap_or(9464);
    let units = !prometheus.flag("without_units", false, out);
    let types = !prometheus.flag("without_type_suffix", false, out);
    if units != types
        && let Some(node) = prometheus
            .value("without_units")
            .or(prometheus.value("without_type_suffix"))
    {
        let what = "units and types are left out of names together, or not at all";
        out.push(
            prometheus
                .wrong("without_units", node, what)
                .help("set `without_units` and `without_type_suffix` to the same"),
        );
    }
    let has_scope = !prometheus.flag("without_scope_info", false, out);
    prometheus.ignore(&["with_resource_constant_labels"], out);
    if u16::try_from(port).is_err()
        && let Some(node) = prometheus.value("port")
    {
        out.push(prometheus.wrong("port", node, "must be a port up to 65535"));
    }
    prometheus.finish(out);
    pull.finish(out);
    let host = match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]"),
        false => host,
    };
    Some(PullConfig {
        endpoint: any_host(&format!("{host}:{port}")),
        has_suffixes: units,
        has_scope,
        is_default: false,
    })
}

fn push_reader(
    mut push: Section<'_>,
    resource: &[(String, String)],
    out: &mut Diagnostics,
) -> Option<PushConfig> {
    let interval = push.positive("interval", 60_000, out);
    let timeout = push.positive("timeout", 30_000, out);
    let mut exporter = push.section("exporter", out);
    let otlp = match &mut exporter {
        Some(exporter) => {
            exporter.refuse_bare("console", "is not supported", "use `otlp:`", out);
            exporter.section("otlp", out)
        }
        None => None,
    };
    if let Some(exporter) = exporter {
        exporter.finish(out);
    }
    let config = match otlp {
        Some(otlp) => protocol(otlp, Signal::Metrics, out),
        None => {
            out.push(missing(
                &push,
                "exporter",
                "`otlp: {protocol: http/protobuf, endpoint: ...}`",
            ));
            None
        }
    };
    push.finish(out);
    Some(PushConfig {
        interval: Duration::from_millis(interval),
        timeout: Duration::from_millis(timeout),
        protocol: config?,
        resource: resource.to_vec(),
    })
}

/// The exporter `otlp`, for what is told of a signal.
pub(super) fn protocol(
    mut otlp: Section<'_>,
    signal: Signal,
    out: &mut Diagnostics,
) -> Option<PushProtocol> {
    let protocols = [
        ("http/protobuf", true),
        ("http/json", true),
        ("grpc", false),
        ("grpc/protobuf", false),
    ];
    let is_http = otlp.choice("protocol", &protocols, out);
    if is_http.is_none() && otlp.value("protocol").is_none() {
        out.push(missing(&otlp, "protocol", "`http/protobuf` or `grpc`"));
    }
    let is_json = otlp
        .value("protocol")
        .is_some_and(|node| node.raw == "http/json");
    let endpoint = otlp.text("endpoint", out);
    if endpoint.is_none() {
        out.push(missing(
            &otlp,
            "endpoint",
            "a URL, like `http://localhost:4318`",
        ));
    }
    let insecure = otlp.flag("insecure", false, out);
    let compressions = [
        ("gzip", Compression::Gzip),
        ("none", Compression::None),
        ("", Compression::None),
    ];
    let compression = otlp
        .choice("compression", &compressions, out)
        .unwrap_or(Compression::None);
    let ca = otlp
        .text("certificate", out)
        .filter(|path| !path.is_empty());
    for key in ["client_certificate", "client_key"] {
        otlp.refuse(key, "is not supported", "remove it", out);
    }
    otlp.ignore(&["timeout", "default_histogram_aggregation"], out);
    if let Some(node) = otlp.value("temporality_preference")
        && node.raw != "cumulative"
    {
        out.push(otlp.wrong(
            "temporality_preference",
            node,
            "only cumulative is supported",
        ));
    }
    let headers = headers(&mut otlp, out);
    let endpoint = endpoint?;
    let target = match endpoint.contains("://") {
        true => endpoint.clone(),
        false if insecure => format!("http://{endpoint}"),
        false => format!("https://{endpoint}"),
    };
    let uri = target
        .parse::<http::Uri>()
        .ok()
        .filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    let Some(uri) = uri else {
        if let Some(node) = otlp.value("endpoint") {
            out.push(
                otlp.wrong("endpoint", node, "this is no URL")
                    .help("write it like `http://localhost:4318`"),
            );
        }
        return None;
    };
    otlp.finish(out);
    let client = ClientSettings {
        timeout: Duration::ZERO,
        compression,
        headers,
        tls: ClientTls {
            insecure: !is_secure(&target),
            ca: ca.map(Pem::file),
            ..ClientTls::default()
        },
        retry: Retry {
            enabled: false,
            ..Retry::default()
        },
        queue: None,
    };
    let base = target.trim_end_matches('/');
    Some(match is_http? {
        true => {
            // As OpenTelemetry's configuration has it: a path of one's own stays as it is.
            let url = match uri.path() {
                "" | "/" => format!("{base}/v1/{signal}"),
                _ => target.clone(),
            };
            let mut urls = PerSignal::default();
            *urls.get_mut(signal) = Some(url);
            PushProtocol::Http(OtlpHttpConfig {
                urls,
                encoding: if is_json {
                    Encoding::Json
                } else {
                    Encoding::Proto
                },
                client,
            })
        }
        false => PushProtocol::Grpc(OtlpGrpcConfig {
            uri: base.to_owned(),
            client,
        }),
    })
}

/// `headers`, a list of names and values or a mapping, and `headers_list`.
fn headers(otlp: &mut Section<'_>, out: &mut Diagnostics) -> Vec<(HeaderName, Secret)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    match otlp.value("headers").map(|node| &node.value) {
        Some(Value::Map(_)) => {
            let entries = otlp.text_map("headers", out).into_iter();
            pairs.extend(entries.map(|(entry, value)| (entry.key, value)));
        }
        _ => {
            for node in otlp.list("headers", out).unwrap_or_default() {
                let owner = format!("{}: headers", otlp.owner());
                let mut header = Section::open(&node, node.place, owner, out);
                let name = header.text("name", out).unwrap_or_default();
                pairs.push((name, header.text("value", out).unwrap_or_default()));
                header.finish(out);
            }
        }
    }
    for pair in otlp
        .text("headers_list", out)
        .unwrap_or_default()
        .split(',')
    {
        if let Some((name, value)) = pair.split_once('=') {
            pairs.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    let mut headers = Vec::new();
    for (name, value) in pairs {
        match (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        ) {
            (Ok(name), Ok(_)) => headers.push((name, Secret::new(value))),
            _ => {
                let message = format!(
                    "{}: headers: `{name}` is no header, or its value is none",
                    otlp.owner()
                );
                out.push(Diagnostic::error(otlp.place(), message));
            }
        }
    }
    headers
}
