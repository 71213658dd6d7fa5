//! OTLP receivers: gRPC and HTTP in, encoded requests out.
//!
//! A request stays the bytes it came as (JSON is encoded first); nothing here looks inside. What becomes of it is the
//! [`RequestIntake`]'s business; its answer is carried back in the words of the OTLP specification
//! (<https://opentelemetry.io/docs/specs/otlp/>). Left out: authentication.

mod body;
pub(crate) mod component;
mod cors;
mod grpc;
mod http;
mod method;
pub(crate) mod nop;
pub(crate) mod otlp;
mod status;
#[cfg(test)]
mod tests;
mod unserved;

use std::future::Future;
use std::pin::Pin;

use ::http::HeaderMap;
use bytes::Bytes;

use crate::memory::Reservation;
use crate::metadata::RequestMetadata;
use crate::received::Transport;
use crate::refusal::Refusal;
use crate::tracer::Caller;
use spanmill_model::Signal;

pub(crate) use method::export_method;

/// The span of a sender's that a request belongs to.
fn caller(headers: &HeaderMap) -> Option<Caller> {
    Caller::parse(headers.get("traceparent")?.as_bytes())
}

/// An encoded `ExportTraceServiceRequest`, or the same of logs or metrics, whose framing nobody has checked yet.
#[derive(Debug)]
pub struct Received {
    /// What it carries.
    pub signal: Signal,
    /// The request.
    pub bytes: Bytes,
    /// The memory that is reserved for it: as much as it has bytes, at least.
    pub memory: Reservation,
    /// The headers it came with, if its receiver keeps them.
    pub metadata: RequestMetadata,
    /// How it came.
    pub transport: Transport,
    /// The span of the sender's that it belongs to, if it says so.
    pub caller: Option<Caller>,
}

impl Received {
    /// A request that came without headers.
    pub fn new(signal: Signal, bytes: Bytes, memory: Reservation) -> Self {
        Received {
            signal,
            bytes,
            memory,
            metadata: RequestMetadata::default(),
            transport: Transport::default(),
            caller: None,
        }
    }
}

/// A request that is being taken.
pub type Accepting<'a> = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 'a>>;

/// Where what is received goes.
pub trait RequestIntake: Send + Sync + 'static {
    /// Whether a pipeline takes a signal from this receiver.
    fn takes(&self, signal: Signal) -> bool;

    /// Whether a request may come in at the moment. The reservation is to grow with each byte that is read of it.
    fn admit(&self, signal: Signal) -> Result<Reservation, Refusal>;

    /// What to answer if the reservation cannot grow.
    fn no_room(&self) -> Refusal;

    /// Takes a request. `Ok` is the promise that the sender need not send it again.
    ///
    /// A call may be dropped before it is done, when the sender hangs up: what must not be lost then belongs into a task.
    fn accept(&self, request: Received) -> Accepting<'_>;
}
