//! What a backend has taken.

use bytes::Bytes;
use http::HeaderMap;

/// A request that was taken.
#[derive(Clone, Debug)]
pub struct Received {
    /// The path: a gRPC method, or a URL's.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
}
