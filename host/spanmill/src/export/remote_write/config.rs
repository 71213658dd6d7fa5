//! The settings of the `prometheusremotewrite` exporter.

use std::time::Duration;

use crate::export::prom::config::{conversion, translation};
use crate::export::settings::{self, ClientSettings, Retry, SendingQueue, Sizer};
use spanmill_manifest::{Diagnostics, Section};
use spanmill_net::{endpoint, tls};

/// More requests at once than any server likes.
const MAX_PARALLEL: u64 = 1024;

/// The version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteWriteVersion {
    /// 1.0: `prometheus.WriteRequest`.
    V1,
    /// 2.0: `io.prometheus.write.v2.Request`.
    V2,
}

/// The `prometheusremotewrite` exporter.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteWriteConfig {
    /// Where requests are posted to.
    pub url: String,
    /// Settings shared by exporters.
    pub client: ClientSettings,
    /// The version of the protocol.
    pub version: RemoteWriteVersion,
    /// A prefix for every metric's name; empty: none.
    pub namespace: String,
    /// Labels added to every series that does not have them.
    pub external_labels: Vec<(String, String)>,
    /// Whether names get their unit and `_total`.
    pub add_metric_suffixes: bool,
    /// Whether metadata is sent; 2.0 always does.
    pub send_metadata: bool,
    /// Whether resource attributes become labels.
    pub resource_to_telemetry: bool,
    /// Leaves out the attributes that `job` and `instance` are made from.
    pub exclude_service_attributes: bool,
    /// Whether each resource gets a `target_info`.
    pub target_info: bool,
    /// Whether series are without the labels that name their instrumentation scope.
    pub disable_scope_info: bool,
    /// Approximate limit on a request, in bytes before compression.
    pub max_batch_size_bytes: usize,
    /// How many requests of one batch are posted at once.
    pub max_batch_request_parallelism: usize,
}

impl RemoteWriteConfig {
    /// Whether TLS is spoken to the URL.
    pub fn is_secure(&self) -> bool {
        endpoint::is_secure(&self.url)
    }
}

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> RemoteWriteConfig {
    let url = endpoint::url(&mut section, "endpoint", out);
    if section.value("endpoint").is_none() {
        let like = "a URL, like `http://localhost:9090/api/v1/write`";
        out.push(endpoint::missing(&section, "endpoint", like));
    }
    let tls = tls::settings::client(&mut section, out);
    let versions = [
        ("prometheus.WriteRequest", RemoteWriteVersion::V1),
        ("io.prometheus.write.v2.Request", RemoteWriteVersion::V2),
    ];
    let version = section.choice("protobuf_message", &versions, out);
    let (queue, consumers) = queue(&mut section, out);
    let parallel = parallelism(&mut section, consumers, out);
    section.choice("compression", &[("snappy", ()), ("", ())], out);
    let retry = Retry {
        initial_interval: Duration::from_millis(50),
        ..Retry::default()
    };
    let client = ClientSettings {
        queue,
        ..settings::http_client(&mut section, Duration::from_secs(5), retry, tls, out)
    };
    let translations = [
        ("UnderscoreEscapingWithSuffixes", true),
        ("UnderscoreEscapingWithoutSuffixes", false),
    ];
    let suffixes = section.flag("add_metric_suffixes", true, out);
    let suffixes = translation(&mut section, &translations, out).unwrap_or(suffixes);
    let (resource_to_telemetry, exclude_service_attributes) = conversion(&mut section, out);
    let exporter = RemoteWriteConfig {
        url: url.unwrap_or_default(),
        client,
        version: version.unwrap_or(RemoteWriteVersion::V1),
        namespace: section.text("namespace", out).unwrap_or_default(),
        external_labels: external_labels(&mut section, out),
        add_metric_suffixes: suffixes,
        send_metadata: section.flag("send_metadata", false, out),
        resource_to_telemetry,
        exclude_service_attributes,
        target_info: enabled(&mut section, "target_info", out),
        disable_scope_info: section.flag("disable_scope_info", false, out),
        max_batch_size_bytes: batch_size(&mut section, out),
        max_batch_request_parallelism: parallel,
    };
    section.refuse_bare(
        "wal",
        "is not supported: what waits is kept in memory in this version",
        "remove it; what is queued when the process dies is lost",
        out,
    );
    section.refuse_bare(
        "sending_queue",
        "is no key of this exporter",
        "use `remote_write_queue`",
        out,
    );
    section.refuse(
        "convert_explicit_histograms_to_nhcb",
        "is not supported",
        "remove it: histograms with buckets are sent as such",
        out,
    );
    section.refuse(
        "include_metadata_keys",
        "is not supported",
        "send fixed headers under `headers:`",
        out,
    );
    section.refuse(
        "proxy_url",
        "is not supported",
        "connect directly, or through a transparent proxy",
        out,
    );
    section.ignore(&["keep_classic_histograms", "compression_params"], out);
    section.finish(out);
    exporter
}

fn enabled(section: &mut Section<'_>, key: &'static str, out: &mut Diagnostics) -> bool {
    let Some(mut section) = section.section(key, out) else {
        return true;
    };
    let enabled = section.flag("enabled", true, out);
    section.finish(out);
    enabled
}

/// One batch at a time, as in the Collector, so that the samples of a series stay in order. `num_consumers` therefore says
/// how many of its requests are posted at once.
fn queue(section: &mut Section<'_>, out: &mut Diagnostics) -> (Option<SendingQueue>, u64) {
    const CONSUMERS: u64 = 5;
    let mut queue = SendingQueue {
        num_consumers: 1,
        queue_size: 10_000,
        sizer: Sizer::Requests,
        ..SendingQueue::default()
    };
    let Some(mut section) = section.section("remote_write_queue", out) else {
        return (Some(queue), CONSUMERS);
    };
    let is_enabled = section.flag("enabled", true, out);
    queue.queue_size = section.positive("queue_size", queue.queue_size, out);
    let consumers = section.positive("num_consumers", CONSUMERS, out);
    at_most(&mut section, "num_consumers", consumers, MAX_PARALLEL, out);
    section.finish(out);
    (is_enabled.then_some(queue), consumers)
}

fn parallelism(section: &mut Section<'_>, consumers: u64, out: &mut Diagnostics) -> usize {
    let key = "max_batch_request_parallelism";
    let parallel = section.positive(key, consumers.min(MAX_PARALLEL), out);
    at_most(section, key, parallel, MAX_PARALLEL, out);
    usize::try_from(parallel.clamp(1, MAX_PARALLEL)).unwrap_or(1)
}

fn at_most(
    section: &mut Section<'_>,
    key: &'static str,
    value: u64,
    max: u64,
    out: &mut Diagnostics,
) {
    if value > max
        && let Some(node) = section.value(key)
    {
        out.push(section.wrong(key, node, format_args!("must be at most {max}")));
    }
}

fn batch_size(section: &mut Section<'_>, out: &mut Diagnostics) -> usize {
    const DEFAULT: u64 = 3_000_000;
    /// No receiver takes larger ones.
    const MAX: u64 = 1 << 30;
    let key = "max_batch_size_bytes";
    let size = match section.number(key, out) {
        None | Some(0) => DEFAULT,
        Some(size) => size,
    };
    at_most(section, key, size, MAX, out);
    usize::try_from(size.min(MAX)).unwrap_or(usize::MAX)
}

fn external_labels(section: &mut Section<'_>, out: &mut Diagnostics) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    for (entry, value) in section.text_map("external_labels", out) {
        let is_name = entry.key.contains(|c: char| c.is_ascii_alphanumeric());
        match is_name {
            true if !value.is_empty() => labels.push((entry.key, value)),
            true => out.push(section.wrong(
                "external_labels",
                &entry.value,
                format_args!("{} has no value, and a label must have one", entry.key),
            )),
            false => out.push(section.wrong(
                "external_labels",
                &entry.value,
                format_args!("`{}` is no label's name", entry.key),
            )),
        }
    }
    labels
}
