//! The settings of an HTTP server: the Collector's confighttp.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use spanmill_manifest::{Diagnostic, Diagnostics, Secret, Section};
use spanmill_model::{PerSignal, Signal};
use spanmill_net::endpoint;
use spanmill_net::tls::{self, ServerTls};

use super::shared::refuse_shared;

const DEFAULT_ENDPOINT: &str = "localhost:4318";
const DEFAULT_BODY_BYTES: u64 = 20 * 1024 * 1024;

/// Where and how HTTP is served. A timeout that is `None` is one that the manifest does not say; in the Collector there is
/// none then. Zero is said, and means that there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpServer {
    /// `host:port`; port 0 takes a free one.
    pub endpoint: String,
    /// The largest body, in bytes, before and after it is decompressed.
    pub max_body_bytes: usize,
    /// How long a whole request, body included, may take to arrive.
    pub read_timeout: Option<Duration>,
    /// How long a request's head may take to arrive; if not given, `read_timeout` applies.
    pub read_header_timeout: Option<Duration>,
    /// How long after the head was read the answer may take to be written.
    pub write_timeout: Option<Duration>,
    /// A connection is closed after this long without a request; if not given, `read_timeout` applies.
    pub idle_timeout: Option<Duration>,
    /// Whether a connection serves more than one request.
    pub keep_alives_enabled: bool,
    /// Whether request headers go along with a batch.
    pub include_metadata: bool,
    /// Where each signal is posted to.
    pub paths: PerSignal<String>,
    /// What pages of other origins may do; `None`: nothing.
    pub cors: Option<Cors>,
    /// Sent with every answer.
    pub response_headers: Vec<(HeaderName, Secret)>,
    /// How bodies may be compressed, by the names of the Collector; the empty one is of a body that is not. `None`: in
    /// every way that is known.
    pub compression_algorithms: Option<Vec<String>>,
    /// TLS; `None`: plain text.
    pub tls: Option<ServerTls>,
}

/// What pages of other origins may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Origins that may send; `*` in one stands for anything.
    pub allowed_origins: Vec<String>,
    /// Headers that they may send, besides those that every page may; `*`: any.
    pub allowed_headers: Vec<String>,
    /// Headers of the answer that they may see.
    pub exposed_headers: Vec<String>,
    /// For how many seconds a browser need not ask again; 0: it decides.
    pub max_age: u64,
}

/// How bodies may be compressed.
const ALGORITHMS: [&str; 5] = ["", "gzip", "zstd", "zlib", "deflate"];

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            endpoint: DEFAULT_ENDPOINT.to_owned(),
            max_body_bytes: usize::try_from(DEFAULT_BODY_BYTES).unwrap_or(usize::MAX),
            read_timeout: None,
            read_header_timeout: None,
            write_timeout: None,
            idle_timeout: None,
            keep_alives_enabled: true,
            include_metadata: false,
            paths: PerSignal::new(|signal| format!("/v1/{signal}")),
            cors: None,
            response_headers: Vec::new(),
            compression_algorithms: None,
            tls: None,
        }
    }
}

pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> HttpServer {
    let endpoint = endpoint::listen(&mut section, DEFAULT_ENDPOINT, out);
    let bytes = section.number("max_request_body_size", out).unwrap_or(0);
    // As in the Collector, 0 stands for the default.
    let bytes = if bytes == 0 {
        DEFAULT_BODY_BYTES
    } else {
        bytes
    };
    let default = HttpServer::default();
    let server = HttpServer {
        endpoint,
        max_body_bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
        read_timeout: section.optional_duration("read_timeout", out),
        read_header_timeout: section.optional_duration("read_header_timeout", out),
        write_timeout: section.optional_duration("write_timeout", out),
        idle_timeout: section.optional_duration("idle_timeout", out),
        keep_alives_enabled: section.flag("keep_alives_enabled", true, out),
        include_metadata: section.flag("include_metadata", false, out),
        paths: PerSignal::new(|signal| {
            let key = match signal {
                Signal::Traces => "traces_url_path",
                Signal::Logs => "logs_url_path",
                Signal::Metrics => "metrics_url_path",
            };
            path(&mut section, key, default.paths.get(signal).clone(), out)
        }),
        cors: cors(&mut section, out),
        response_headers: response_headers(&mut section, out),
        compression_algorithms: compression_algorithms(&mut section, out),
        tls: tls::settings::server(&mut section, out),
    };
    refuse_shared(&mut section, out);
    section.finish(out);
    server
}

/// A path of URLs; the slash at its start may be left out.
fn path(
    section: &mut Section<'_>,
    key: &'static str,
    default: String,
    out: &mut Diagnostics,
) -> String {
    let Some(text) = section.text(key, out) else {
        return default;
    };
    let path = format!("/{}", text.strip_prefix('/').unwrap_or(&text));
    let is_path = path
        .parse::<http::Uri>()
        .is_ok_and(|uri| uri.path() == path && uri.query().is_none());
    if is_path {
        return path;
    }
    if let Some(node) = section.value(key) {
        out.push(
            section
                .wrong(key, node, "this is not the path of a URL")
                .help(format!("write it like `{default}`")),
        );
    }
    default
}

fn cors(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<Cors> {
    let mut section = section.section("cors", out)?;
    let place = section.place();
    let cors = Cors {
        allowed_origins: section.texts("allowed_origins", out).unwrap_or_default(),
        allowed_headers: section.texts("allowed_headers", out).unwrap_or_default(),
        exposed_headers: section.texts("exposed_headers", out).unwrap_or_default(),
        max_age: section.number("max_age", out).unwrap_or(0),
    };
    for name in &cors.exposed_headers {
        if name != "*"
            && HeaderName::try_from(name).is_err()
            && let Some(node) = section.value("exposed_headers")
        {
            let what = format_args!("`{name}` is no header's name");
            out.push(section.wrong("exposed_headers", node, what));
        }
    }
    if cors.allowed_origins.is_empty() && !section.entries().is_empty() {
        let message = format!(
            "{}: without allowed_origins, no page may send",
            section.owner()
        );
        out.push(
            Diagnostic::error(place, message)
                .help("add `allowed_origins: [https://shop.example]`, or remove the section"),
        );
    }
    section.finish(out);
    (!cors.allowed_origins.is_empty()).then_some(cors)
}

fn response_headers(section: &mut Section<'_>, out: &mut Diagnostics) -> Vec<(HeaderName, Secret)> {
    let mut headers = Vec::new();
    for (entry, text) in section.text_map("response_headers", out) {
        match HeaderName::try_from(entry.key.as_str()) {
            Ok(name) if HeaderValue::try_from(&text).is_ok() => {
                headers.push((name, Secret::new(text)));
            }
            Ok(_) => {
                let what = format_args!(
                    "the value of {} has characters that no header has",
                    entry.key
                );
                out.push(section.wrong("response_headers", &entry.value, what));
            }
            Err(_) => out.push(Diagnostic::error(
                entry.key_place,
                format!(
                    "{}: response_headers: `{}` is no header's name",
                    section.owner(),
                    entry.key
                ),
            )),
        }
    }
    headers
}

fn compression_algorithms(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<Vec<String>> {
    let listed = section.texts("compression_algorithms", out)?;
    let node = section.value("compression_algorithms")?;
    if listed.is_empty() {
        out.push(
            section
                .wrong(
                    "compression_algorithms",
                    node,
                    "the list is empty: no body could be read",
                )
                .help("remove it, or name some; `''` stands for bodies that are not compressed"),
        );
        return None;
    }
    for name in &listed {
        if !ALGORITHMS.contains(&name.as_str()) {
            let what = format_args!("`{name}` cannot be decompressed in this version");
            out.push(
                section
                    .wrong("compression_algorithms", node, what)
                    .help("these can: gzip, zstd, zlib, deflate; `''` stands for bodies that are not compressed"),
            );
        }
    }
    Some(listed)
}
