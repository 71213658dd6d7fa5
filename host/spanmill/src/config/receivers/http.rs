//! The settings of an HTTP server: the Collector's confighttp.

use std::time::Duration;

use super::super::diagnostics::Diagnostics;
use super::super::endpoint;
use super::super::walk::Section;

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
    /// The whole request, body included, must be there so long after it began.
    pub read_timeout: Option<Duration>,
    /// A request's head must be there so long after it began; if not given, `read_timeout` counts.
    pub read_header_timeout: Option<Duration>,
    /// The answer must be written so long after the head was read.
    pub write_timeout: Option<Duration>,
    /// A connection without a request for so long is closed; if not given, `read_timeout` counts.
    pub idle_timeout: Option<Duration>,
    /// Whether a connection serves more than one request.
    pub keep_alives_enabled: bool,
    /// Whether request headers go along with a batch. Nothing in this version reads them.
    pub include_metadata: bool,
}

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
    let server = HttpServer {
        endpoint,
        max_body_bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
        read_timeout: section.optional_duration("read_timeout", out),
        read_header_timeout: section.optional_duration("read_header_timeout", out),
        write_timeout: section.optional_duration("write_timeout", out),
        idle_timeout: section.optional_duration("idle_timeout", out),
        keep_alives_enabled: section.flag("keep_alives_enabled", true, out),
        include_metadata: section.flag("include_metadata", false, out),
    };
    super::refuse_shared(&mut section, out);
    section.refuse(
        "traces_url_path",
        "is not supported",
        "traces are taken at /v1/traces",
        out,
    );
    section.ignore(
        &[
            "cors",
            "response_headers",
            "compression_algorithms",
            "metrics_url_path",
            "logs_url_path",
        ],
        out,
    );
    section.finish(out);
    server
}
