//! The limits of connections, as the settings of a server have them.

use std::time::Duration;

use spanmill_net::ConnectionLimits;

use super::config::{GrpcServer, HttpServer};

/// A duration as the manifest has it: zero is as if it were not there.
fn set(duration: Option<Duration>) -> Option<Duration> {
    duration.filter(|duration| !duration.is_zero())
}

/// Those of a gRPC server's connections.
pub(super) fn of_grpc(server: &GrpcServer) -> ConnectionLimits {
    let keepalive = &server.keepalive;
    let default = ConnectionLimits::default();
    ConnectionLimits {
        idle: set(keepalive.max_connection_idle),
        age: set(keepalive.max_connection_age),
        age_grace: set(keepalive.max_connection_age_grace),
        ping_interval: set(keepalive.time).unwrap_or(default.ping_interval),
        ping_timeout: set(keepalive.timeout).unwrap_or(default.ping_timeout),
        streams: server.max_concurrent_streams.unwrap_or(default.streams),
        ..default
    }
}

/// Those of an HTTP server's connections.
pub(super) fn of_http(server: &HttpServer) -> ConnectionLimits {
    let default = ConnectionLimits::default();
    let read = set(server.read_timeout);
    ConnectionLimits {
        header: set(server.read_header_timeout)
            .or(read)
            .unwrap_or(default.header),
        write: set(server.write_timeout).unwrap_or(default.write),
        idle: set(server.idle_timeout).or(read),
        keep_alive: server.keep_alives_enabled,
        ..default
    }
}
