//! OTLP over gRPC: one method of one service.

mod message;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};

use super::TraceIntake;
use super::connections::Answer;
use super::raw_codec::RawCodec;
use super::unserved::{Unserved, Warned};

const ENCODING: &str = "grpc-encoding";
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// The trace service.
pub(super) struct TraceService<I> {
    intake: Arc<I>,
    max_message_bytes: usize,
    warned: Arc<Warned>,
}

impl<I> Clone for TraceService<I> {
    fn clone(&self) -> Self {
        let warned = Arc::clone(&self.warned);
        Self::new(Arc::clone(&self.intake), self.max_message_bytes, warned)
    }
}

impl<I> TraceService<I> {
    pub fn new(intake: Arc<I>, max_message_bytes: usize, warned: Arc<Warned>) -> Self {
        Self {
            intake,
            max_message_bytes,
            warned,
        }
    }
}

impl<I: TraceIntake> Answer for TraceService<I> {
    type Body = Body;

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if request.uri().path() != EXPORT {
            if let Some(signal) = Unserved::of_method(request.uri().path()) {
                self.warned.of(signal);
            }
            let message = "this server takes traces only, by the method Export of opentelemetry.proto.collector.trace.v1.TraceService";
            return Status::unimplemented(message).into_http();
        }
        let mut grpc = Grpc::new(RawCodec)
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd)
            .max_decoding_message_size(self.max_message_bytes);
        let intake = Arc::clone(&self.intake);
        let encoding = request.headers().get(ENCODING);
        if encoding.is_some_and(|encoding| encoding != "identity") {
            let mut response = grpc.unary(Export(intake, None), request).await;
            resource_exhausted(&mut response);
            return response;
        }
        // tonic copies each frame; what it is given instead is an empty message.
        let (parts, body) = request.into_parts();
        match message::whole(body, self.max_message_bytes).await {
            Ok(message) => {
                let request = Request::from_parts(parts, Full::new(Bytes::from_static(&[0; 5])));
                grpc.unary(Export(intake, Some(message)), request).await
            }
            Err(status) => status.into_http(),
        }
    }
}

/// tonic says OUT_OF_RANGE of a message that is too large; gRPC and the Collector say RESOURCE_EXHAUSTED. Nothing of
/// ours says OUT_OF_RANGE.
fn resource_exhausted(response: &mut Response<Body>) {
    if let Some(status) = response.headers_mut().get_mut(Status::GRPC_STATUS)
        && status.as_bytes() == i32::from(Code::OutOfRange).to_string().as_bytes()
    {
        *status = HeaderValue::from(i32::from(Code::ResourceExhausted));
    }
}

/// With the message, if it is not tonic that decodes it.
struct Export<I>(Arc<I>, Option<Bytes>);

impl<I: TraceIntake> UnaryService<Bytes> for Export<I> {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let intake = Arc::clone(&self.0);
        let message = self.1.take().unwrap_or_else(|| request.into_inner());
        Box::pin(async move {
            match intake.accept(message).await {
                // An ExportTraceServiceResponse without a field is no bytes at all.
                Ok(()) => Ok(tonic::Response::new(Bytes::new())),
                Err(refusal) => Err(refusal.into_grpc()),
            }
        })
    }
}
