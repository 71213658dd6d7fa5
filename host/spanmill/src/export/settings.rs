//! Settings that exporters over the network share: the Collector's exporterhelper, confighttp and configgrpc.

mod queue;

use std::time::Duration;

use http::{HeaderName, HeaderValue};

pub(super) use queue::queue;
pub use queue::{BatchSizer, QueueBatch, SendingQueue, Sizer};
use spanmill_manifest::{Diagnostic, Diagnostics, Secret, Section};
use spanmill_net::tls::ClientTls;

/// How bodies are compressed on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// Not at all.
    None,
}

/// What to do when sending fails and may succeed later.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Whether to try again at all.
    pub enabled: bool,
    /// The first pause.
    pub initial_interval: Duration,
    /// Each pause is shorter or longer by up to this share, at random.
    pub randomization_factor: f64,
    /// Each pause is this much longer than the one before.
    pub multiplier: f64,
    /// No pause is longer.
    pub max_interval: Duration,
    /// A batch is dropped after this long; zero: never.
    pub max_elapsed_time: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: Duration::from_secs(300),
        }
    }
}

/// What such exporters share, except their address.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientSettings {
    /// The deadline of one attempt; zero: none.
    pub timeout: Duration,
    /// How bodies are compressed.
    pub compression: Compression,
    /// Sent with every request.
    pub headers: Vec<(HeaderName, Secret)>,
    /// Certificates.
    pub tls: ClientTls,
    /// Whether and how to try again.
    pub retry: Retry,
    /// The queue; without one the sender waits for the result.
    pub queue: Option<SendingQueue>,
}

impl ClientSettings {
    /// The headers that the queue tells senders apart by when it joins requests.
    pub(super) fn partition_by(&self) -> &[String] {
        let queue = self.queue.as_ref();
        let batch = queue.and_then(|queue| queue.batch.as_ref());
        batch.map_or(&[], |batch| &batch.partition_by)
    }
}

/// Reads the shared keys; the address is read before, and the section finished after.
pub(super) fn client(
    section: &mut Section<'_>,
    default_timeout: Duration,
    tls: ClientTls,
    out: &mut Diagnostics,
) -> ClientSettings {
    let compression = section.choice(
        "compression",
        &[
            ("gzip", Compression::Gzip),
            ("zstd", Compression::Zstd),
            ("none", Compression::None),
            ("", Compression::None),
        ],
        out,
    );
    ClientSettings {
        compression: compression.unwrap_or(Compression::Gzip),
        queue: queue(section, out),
        ..http_client(section, default_timeout, Retry::default(), tls, out)
    }
}

/// As [`client`], without compression and queue.
pub(super) fn http_client(
    section: &mut Section<'_>,
    default_timeout: Duration,
    default_retry: Retry,
    tls: ClientTls,
    out: &mut Diagnostics,
) -> ClientSettings {
    section.refuse(
        "auth",
        "is not supported: there are no extensions in this version",
        "send credentials under `headers:`",
        out,
    );
    section.refuse(
        "middlewares",
        "is not supported: there are no extensions in this version",
        "remove it",
        out,
    );
    section.refuse(
        "wait_for_ready",
        "is not supported",
        "remove it: failed requests are retried, see `retry_on_failure:`",
        out,
    );
    section.refuse(
        "max_conns_per_host",
        "is not supported",
        "use `sending_queue: {num_consumers: ...}`, which limits concurrent requests",
        out,
    );
    section.refuse(
        "disable_keep_alives",
        "is not supported",
        "remove it: connections are used again",
        out,
    );
    if let Some(node) = section.value("balancer_name")
        && node.raw != "pick_first"
    {
        out.push(
            section
                .wrong("balancer_name", node, "only pick_first is known")
                .help("remove it: batches go to one address at a time; for several, put a load balancer before them"),
        );
    }
    // How connections are watched, kept and buffered: nothing of what is sent.
    section.ignore(
        &[
            "keepalive",
            "read_buffer_size",
            "write_buffer_size",
            "max_idle_conns",
            "max_idle_conns_per_host",
            "idle_conn_timeout",
            "http2_read_idle_timeout",
            "http2_ping_timeout",
        ],
        out,
    );
    ClientSettings {
        timeout: section.duration("timeout", default_timeout, out),
        compression: Compression::None,
        headers: headers(section, out),
        tls,
        retry: retry(section, default_retry, out),
        queue: None,
    }
}

fn headers(section: &mut Section<'_>, out: &mut Diagnostics) -> Vec<(HeaderName, Secret)> {
    let mut headers = Vec::new();
    for (entry, text) in section.text_map("headers", out) {
        let name = HeaderName::try_from(entry.key.as_str());
        let reserved = [
            "content-type",
            "content-length",
            "content-encoding",
            "te",
            "host",
        ];
        match name {
            Ok(name) if reserved.contains(&name.as_str()) || name.as_str().starts_with("grpc-") => {
                out.push(
                    Diagnostic::error(
                        entry.key_place,
                        format!(
                            "{}: headers: {name} is set by the exporter itself",
                            section.owner()
                        ),
                    )
                    .help("remove it"),
                );
            }
            Ok(name) if HeaderValue::try_from(&text).is_ok() => {
                headers.push((name, Secret::new(text)));
            }
            Ok(_) => out.push(section.wrong(
                "headers",
                &entry.value,
                format_args!(
                    "the value of {} has characters that no header has",
                    entry.key
                ),
            )),
            Err(_) => out.push(Diagnostic::error(
                entry.key_place,
                format!(
                    "{}: headers: `{}` is no header's name",
                    section.owner(),
                    entry.key
                ),
            )),
        }
    }
    headers
}

/// Reads `retry_on_failure`.
pub(super) fn retry(section: &mut Section<'_>, default: Retry, out: &mut Diagnostics) -> Retry {
    let Some(mut section) = section.section("retry_on_failure", out) else {
        return default;
    };
    let retry = Retry {
        enabled: section.flag("enabled", default.enabled, out),
        initial_interval: section.nonzero_duration(
            "initial_interval",
            default.initial_interval,
            out,
        ),
        randomization_factor: section.float(
            "randomization_factor",
            default.randomization_factor,
            out,
        ),
        multiplier: section.float("multiplier", default.multiplier, out),
        max_interval: section.nonzero_duration("max_interval", default.max_interval, out),
        max_elapsed_time: section.duration("max_elapsed_time", default.max_elapsed_time, out),
    };
    if !(0.0..=1.0).contains(&retry.randomization_factor)
        && let Some(node) = section.value("randomization_factor")
    {
        out.push(section.wrong("randomization_factor", node, "must be between 0 and 1"));
    }
    if retry.multiplier < 1.0
        && let Some(node) = section.value("multiplier")
    {
        out.push(section.wrong("multiplier", node, "must be at least 1"));
    }
    if !retry.max_elapsed_time.is_zero()
        && retry.max_elapsed_time < retry.initial_interval
        && let Some(node) = section.value("max_elapsed_time")
    {
        out.push(section.wrong(
            "max_elapsed_time",
            node,
            "must be longer than initial_interval",
        ));
    }
    section.finish(out);
    retry
}
