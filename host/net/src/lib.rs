//! The network: listening sockets and their hand-over, accept loops with their bounds, reads and writes in large pieces, bytes
//! as gRPC messages, TLS on both sides, and the settings that say so. It knows no component and no telemetry.

mod accept;
mod bind;
mod connections;
mod connector;
pub mod endpoint;
mod gathered;
mod quoted;
mod raw_codec;
mod reads;
mod seats;
pub mod tls;

pub use accept::accept;
pub use bind::{BindError, Bound, Spare, addresses, bind, listen_at};
pub use connections::{Answer, ConnectionLimits, Protocol, serve};
pub use connector::{BackendStream, CONNECT_TIMEOUT, Connector};
pub use gathered::Gathered;
pub use quoted::quoted;
pub use raw_codec::RawCodec;
pub use seats::{Busy, Seat, Seats};
