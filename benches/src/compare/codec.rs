//! A gRPC codec that leaves messages as bytes: neither generator, sink nor null proxy has to look into them.

use bytes::{Buf, BufMut, Bytes};
use spanmill_otlp::Signal;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

pub const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// The path of a signal's gRPC method.
pub fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => TRACES,
        Signal::Logs => LOGS,
        Signal::Metrics => METRICS,
    }
}

/// The signal of a request, by the path of its gRPC method or its HTTP endpoint.
pub fn signal(path: &str) -> Option<Signal> {
    let of = |signal: &Signal| path == method(*signal) || path == format!("/v1/{}", signal.name());
    Signal::ALL.into_iter().find(of)
}

/// Batches of 8,192 spans of 1,000 bytes, and then some.
pub const MAX_MESSAGE: usize = 64 << 20;

#[derive(Clone, Copy, Default)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.len());
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
