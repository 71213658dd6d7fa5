//! The settings of a gRPC server: the Collector's configgrpc.

use std::time::Duration;

use spanmill_manifest::{Diagnostics, Section};
use spanmill_net::endpoint;
use spanmill_net::tls::{self, ServerTls};

use super::shared::refuse_shared;

/// gRPC frames carry a 32-bit length.
const MAX_MESSAGE_MIB: u64 = 4095;
const MIB: u64 = 1024 * 1024;
const DEFAULT_ENDPOINT: &str = "localhost:4317";
const DEFAULT_MESSAGE_MIB: u64 = 4;

/// Where and how gRPC is served.
#[derive(Clone, Debug, PartialEq)]
pub struct GrpcServer {
    /// `host:port`; port 0 takes a free one.
    pub endpoint: String,
    /// The largest message, in bytes, once decompressed.
    pub max_message_bytes: usize,
    /// Requests at once on one connection; `None`: as many as the server likes.
    pub max_concurrent_streams: Option<u32>,
    /// When connections end, and how dead ones are found.
    pub keepalive: ServerKeepAlive,
    /// Whether request headers go along with a batch.
    pub include_metadata: bool,
    /// TLS; `None`: plain text.
    pub tls: Option<ServerTls>,
}

impl Default for GrpcServer {
    fn default() -> Self {
        Self {
            endpoint: DEFAULT_ENDPOINT.to_owned(),
            max_message_bytes: bytes(DEFAULT_MESSAGE_MIB),
            max_concurrent_streams: None,
            keepalive: ServerKeepAlive::default(),
            include_metadata: false,
            tls: None,
        }
    }
}

/// `keepalive`. `None` is what the manifest does not say; zero leaves the choice to the server as well, as in the Collector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerKeepAlive {
    /// A connection is closed after this long without a request; the Collector's default: never.
    pub max_connection_idle: Option<Duration>,
    /// A connection older than this is closed; in the Collector never, if not given.
    pub max_connection_age: Option<Duration>,
    /// How long requests still under way then have to finish; the Collector's default: no limit.
    pub max_connection_age_grace: Option<Duration>,
    /// A connection is pinged after this long without traffic; the Collector's default: 2h.
    pub time: Option<Duration>,
    /// An unanswered ping ends the connection after this long; the Collector's default: 20s.
    pub timeout: Option<Duration>,
}

pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> GrpcServer {
    let endpoint = endpoint::listen(&mut section, DEFAULT_ENDPOINT, out);
    let mut mib = section.positive("max_recv_msg_size_mib", DEFAULT_MESSAGE_MIB, out);
    if mib > MAX_MESSAGE_MIB {
        if let Some(node) = section.value("max_recv_msg_size_mib") {
            let what = format_args!("must be at most {MAX_MESSAGE_MIB}");
            out.push(section.wrong("max_recv_msg_size_mib", node, what));
        }
        mib = DEFAULT_MESSAGE_MIB;
    }
    let streams = section.number("max_concurrent_streams", out);
    let max_concurrent_streams = match streams.map(u32::try_from) {
        None | Some(Ok(0)) => None,
        Some(Ok(streams)) => Some(streams),
        Some(Err(_)) => {
            if let Some(node) = section.value("max_concurrent_streams") {
                let what = format_args!("must be at most {}", u32::MAX);
                out.push(section.wrong("max_concurrent_streams", node, what));
            }
            None
        }
    };
    let keepalive = keepalive(&mut section, out);
    let include_metadata = section.flag("include_metadata", false, out);
    let tls = tls::settings::server(&mut section, out);
    refuse_shared(&mut section, out);
    section.ignore(&["read_buffer_size", "write_buffer_size"], out);
    section.finish(out);
    GrpcServer {
        endpoint,
        max_message_bytes: bytes(mib),
        max_concurrent_streams,
        keepalive,
        include_metadata,
        tls,
    }
}

fn keepalive(section: &mut Section<'_>, out: &mut Diagnostics) -> ServerKeepAlive {
    let mut keepalive = ServerKeepAlive::default();
    let Some(mut section) = section.section("keepalive", out) else {
        return keepalive;
    };
    if let Some(mut server) = section.section("server_parameters", out) {
        keepalive.max_connection_idle = server.optional_duration("max_connection_idle", out);
        keepalive.max_connection_age = server.optional_duration("max_connection_age", out);
        keepalive.max_connection_age_grace =
            server.optional_duration("max_connection_age_grace", out);
        keepalive.time = server.optional_duration("time", out);
        keepalive.timeout = server.optional_duration("timeout", out);
        server.finish(out);
    }
    if let Some(mut policy) = section.section("enforcement_policy", out) {
        // The values are still checked. Pings cost next to nothing here, so senders may ping as often as they like.
        let _ = policy.optional_duration("min_time", out);
        let _ = policy.flag("permit_without_stream", false, out);
        policy.ignore(&["min_time", "permit_without_stream"], out);
        policy.finish(out);
    }
    section.finish(out);
    keepalive
}

fn bytes(mib: u64) -> usize {
    usize::try_from(mib.saturating_mul(MIB)).unwrap_or(usize::MAX)
}
