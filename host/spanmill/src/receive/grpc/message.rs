//! One uncompressed message out of a request's body, with as little copying as can be: a message that came in one
//! frame stays where it is, others are put together once.

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt as _;
use tonic::Status;

/// A flag and the message's length: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.
const HEAD: usize = 5;

/// The message, of at most `limit` bytes, once the request has ended.
pub(super) async fn whole<B>(mut body: B, limit: usize) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut first = Bytes::new();
    while first.len() < HEAD {
        match next(&mut body).await? {
            Some(data) if first.is_empty() => first = data,
            Some(data) => first = [first, data].concat().into(),
            None if first.is_empty() => return Err(Status::internal("there is no message")),
            None => return Err(cut_off()),
        }
    }
    let compressed = first.get_u8() != 0;
    let length = first.get_u32() as usize;
    if compressed {
        let message = "the message says that it is compressed, but there is no grpc-encoding";
        return Err(Status::internal(message));
    }
    if length > limit {
        let message = format!(
            "the message has {length} bytes, and {limit} is the limit; send smaller batches, or raise max_recv_msg_size_mib"
        );
        return Err(Status::resource_exhausted(message));
    }
    let message = match first.len() < length {
        false => first,
        true => {
            let mut whole = BytesMut::with_capacity(length);
            whole.extend_from_slice(&first);
            while whole.len() < length {
                let data = next(&mut body).await?.ok_or_else(cut_off)?;
                whole.extend_from_slice(&data);
            }
            whole.freeze()
        }
    };
    let mut surplus = message.len() > length;
    while let Some(data) = next(&mut body).await? {
        surplus |= !data.is_empty();
    }
    match surplus {
        false => Ok(message),
        true => Err(Status::internal("there is more than one message")),
    }
}

fn cut_off() -> Status {
    Status::internal("the request ended within a message")
}

/// The next data; none at the end.
async fn next<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Result<Option<Bytes>, Status> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Status::cancelled("the request was cut off"))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body::Frame;
    use tonic::Code;

    use super::*;

    struct Pieces(VecDeque<Bytes>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
        }
    }

    async fn of(body: &[u8], pieces: usize) -> Result<Bytes, Code> {
        let pieces = body.chunks(pieces).map(Bytes::copy_from_slice).collect();
        let message = whole(Pieces(pieces), 10).await;
        message.map_err(|status| status.code())
    }

    #[tokio::test]
    async fn a_message_is_the_same_in_pieces_of_any_size() {
        for pieces in 1..20 {
            let message = of(b"\0\0\0\0\x0aspans here", pieces).await;
            assert_eq!(message, Ok(Bytes::from("spans here")), "{pieces}");
            assert_eq!(of(b"\0\0\0\0\0", pieces).await, Ok(Bytes::new()));
        }
    }

    #[tokio::test]
    async fn a_message_that_came_in_one_frame_is_not_copied() {
        let frame = Bytes::from_static(b"\0\0\0\0\x05spans");
        let message = whole(Pieces([frame.clone()].into()), 10).await;
        assert_eq!(message.unwrap().as_ptr(), frame[HEAD..].as_ptr());
    }

    #[tokio::test]
    async fn other_bodies_are_refused() {
        for pieces in 1..20 {
            for (body, code) in [
                (&b""[..], Code::Internal),
                (b"\0\0\0", Code::Internal),
                (b"\0\0\0\0\x05span", Code::Internal),
                (b"\x01\0\0\0\x01s", Code::Internal),
                (b"\0\0\0\0\x01sp", Code::Internal),
                (b"\0\0\0\0\x01s\0\0\0\0\x01s", Code::Internal),
                (b"\0\0\0\0\x0bspans", Code::ResourceExhausted),
            ] {
                assert_eq!(of(body, pieces).await, Err(code), "{body:?} in {pieces}");
            }
        }
    }
}
