//! Answers over gRPC: success, which is always the same, and everything else in tonic's words.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

/// An empty message: not compressed, no bytes. A response without a field is no bytes at all.
const EMPTY: Bytes = Bytes::from_static(&[0; 5]);

/// The body of an answer.
pub(in crate::receive) enum AnswerBody {
    /// The message and the trailers of success are still to come.
    Success,
    /// The trailers are.
    Trailers,
    /// Nothing is.
    End,
    Other(Body),
}

/// Everything was taken.
pub(super) fn success() -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::Success);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, grpc);
    response
}

/// It was not.
pub(super) fn failure(status: Status) -> Response<AnswerBody> {
    status.into_http().map(AnswerBody::Other)
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = <Body as http_body::Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let frame = match this {
            AnswerBody::Success => {
                *this = AnswerBody::Trailers;
                Frame::data(EMPTY)
            }
            AnswerBody::Trailers => {
                *this = AnswerBody::End;
                let ok = HeaderValue::from_static("0");
                Frame::trailers(HeaderMap::from_iter([(Status::GRPC_STATUS, ok)]))
            }
            AnswerBody::End => return Poll::Ready(None),
            AnswerBody::Other(body) => return Pin::new(body).poll_frame(cx),
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AnswerBody::Success | AnswerBody::Trailers => false,
            AnswerBody::End => true,
            AnswerBody::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Success => SizeHint::with_exact(EMPTY.len() as u64),
            AnswerBody::Trailers | AnswerBody::End => SizeHint::with_exact(0),
            AnswerBody::Other(body) => body.size_hint(),
        }
    }
}
