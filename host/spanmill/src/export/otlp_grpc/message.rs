//! A message sent as it is, behind its five bytes of framing.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tonic::body::Body as TonicBody;
use tonic::transport::Channel;
use tower_service::Service;

/// A channel that sends a message of its own in place of the one it is given, if it has one.
pub(super) struct MessageChannel {
    channel: Channel,
    message: Option<Bytes>,
}

impl MessageChannel {
    pub fn new(channel: Channel, message: Option<Bytes>) -> Self {
        MessageChannel { channel, message }
    }
}

impl Service<Request<TonicBody>> for MessageChannel {
    type Response = Response<TonicBody>;
    type Error = <Channel as Service<Request<TonicBody>>>::Error;
    type Future = <Channel as Service<Request<TonicBody>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.channel.poll_ready(cx)
    }

    fn call(&mut self, request: Request<TonicBody>) -> Self::Future {
        self.channel.call(match self.message.take() {
            Some(message) => request.map(|_| TonicBody::new(Message::new(message))),
            None => request,
        })
    }
}

/// One uncompressed message as a request's body: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.
struct Message {
    head: Option<Bytes>,
    bytes: Option<Bytes>,
}

impl Message {
    fn new(bytes: Bytes) -> Self {
        let mut head = BytesMut::with_capacity(5);
        head.put_u8(0);
        // Batches are far below 4 GiB: receivers and batchers see to it.
        head.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        Message {
            head: Some(head.freeze()),
            bytes: (!bytes.is_empty()).then_some(bytes),
        }
    }
}

impl Body for Message {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = self.head.take().or_else(|| self.bytes.take());
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_none() && self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = |part: &Option<Bytes>| part.as_ref().map_or(0, |part| part.len() as u64);
        SizeHint::with_exact(length(&self.head) + length(&self.bytes))
    }
}
