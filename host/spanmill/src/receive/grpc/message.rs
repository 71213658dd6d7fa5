//! One uncompressed message out of a request's body, with as little copying as can be: a message that came in one
//! frame stays where it is, others are put together once.

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use tonic::Status;

use crate::receive::body::{BodyError, Incomings, unpinned};

/// A flag and the message's length: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.
const HEAD: usize = 5;

/// A message of this size is given its memory at once; a larger one as it comes.
const ANNOUNCED: usize = 4 * 1024 * 1024;

/// The message, of at most `limit` bytes, once the request has ended. `is_compressed` says whether there is a
/// grpc-encoding.
pub(super) async fn whole<B>(
    body: &mut Incomings<B>,
    limit: usize,
    is_compressed: bool,
) -> Result<Message, MessageError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut first = Bytes::new();
    while first.len() < HEAD {
        match next(body).await? {
            Some(data) if first.is_empty() => first = data,
            Some(data) => first = [first, data].concat().into(),
            None if first.is_empty() => return Err(Status::internal("there is no message").into()),
            None => return Err(cut_off().into()),
        }
    }
    let flag = first.get_u8();
    let length = first.get_u32() as usize;
    if flag > 1 {
        return Err(Status::internal("the message has an unknown flag").into());
    }
    if flag == 1 && !is_compressed {
        let message = "the message says that it is compressed, but there is no grpc-encoding";
        return Err(Status::internal(message).into());
    }
    if length > limit {
        return Err(too_large(length, limit).into());
    }
    let message = match first.len() < length {
        false => first,
        true => {
            let mut whole = BytesMut::with_capacity(length.min(ANNOUNCED));
            whole.extend_from_slice(&first);
            while whole.len() < length {
                let data = next(body).await?.ok_or_else(cut_off)?;
                whole.extend_from_slice(&data);
            }
            whole.freeze()
        }
    };
    let mut surplus = message.len() > length;
    while let Some(data) = next(body).await? {
        surplus |= !data.is_empty();
    }
    match surplus {
        false => Ok(Message {
            bytes: unpinned(message),
            is_compressed: flag == 1,
        }),
        true => Err(Status::internal("there is more than one message").into()),
    }
}

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub bytes: Bytes,
    pub is_compressed: bool,
}

/// What is said of a message beyond the limit.
pub(super) fn too_large(length: usize, limit: usize) -> Status {
    Status::resource_exhausted(format!(
        "the message has {length} bytes, and {limit} is the limit; send smaller batches, or raise max_recv_msg_size_mib"
    ))
}

fn cut_off() -> Status {
    Status::internal("the request ended within a message")
}

/// Why there is no message.
#[derive(Debug)]
pub(super) enum MessageError {
    /// Requests under way hold all the memory they may.
    NoRoom,
    /// Anything else, as the sender is told.
    Status(Status),
}

impl From<Status> for MessageError {
    fn from(status: Status) -> Self {
        MessageError::Status(status)
    }
}

/// The next data; `None` at the end.
async fn next<B: Body<Data = Bytes> + Unpin>(
    body: &mut Incomings<B>,
) -> Result<Option<Bytes>, MessageError> {
    body.next().await.map_err(|error| match error {
        BodyError::NoRoom => MessageError::NoRoom,
        BodyError::BeyondMemory { .. } => Status::resource_exhausted(error.to_string()).into(),
        BodyError::Slow => Status::deadline_exceeded(error.to_string()).into(),
        _ => Status::cancelled("the request was cut off").into(),
    })
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
    use crate::memory::Budget;

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

    fn status(error: MessageError) -> Status {
        match error {
            MessageError::Status(status) => status,
            MessageError::NoRoom => panic!("there is room"),
        }
    }

    fn incoming(pieces: Pieces) -> Incomings<Pieces> {
        Incomings::new(pieces, Budget::new(1 << 20).nothing(), None)
    }

    async fn of(body: &[u8], pieces: usize) -> Result<Bytes, Code> {
        let pieces = body.chunks(pieces).map(Bytes::copy_from_slice).collect();
        let message = whole(&mut incoming(Pieces(pieces)), 10, false).await;
        message
            .map(|message| message.bytes)
            .map_err(|error| status(error).code())
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
    async fn a_large_message_that_came_in_one_frame_is_not_copied() {
        let length = 0x0002_0000;
        let mut frame = vec![7; HEAD + length];
        frame[..HEAD].copy_from_slice(&[0, 0, 2, 0, 0]);
        let frame = Bytes::from(frame);
        let body = Pieces([frame.clone()].into());
        let message = whole(&mut incoming(body), length, false).await;
        assert_eq!(message.unwrap().bytes.as_ptr(), frame[HEAD..].as_ptr());
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

    #[tokio::test]
    async fn memory_is_reserved_as_the_message_comes() {
        let budget = Budget::new(500 * 1024);
        // Held by other requests.
        let _others = budget.reserve(300 * 1024);
        let piece = Bytes::from(vec![0u8; 50 * 1024]);
        let mut head = BytesMut::from(&[0u8; 1][..]);
        head.extend_from_slice(&(400u32 * 1024).to_be_bytes());
        let mut pieces = VecDeque::from([head.freeze()]);
        pieces.extend(std::iter::repeat_n(piece, 8));
        let mut body = Incomings::new(Pieces(pieces), budget.nothing(), None);
        let error = whole(&mut body, 1 << 20, false).await.unwrap_err();
        assert!(matches!(error, MessageError::NoRoom), "{error:?}");
        assert_eq!(body.into_parts().0.0.len(), 4, "it is read no further");
        assert_eq!(budget.reserved(), 300 * 1024);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_ended() {
        struct Trickle;
        impl Body for Trickle {
            type Data = Bytes;
            type Error = Infallible;
            fn poll_frame(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
                let mut sleep = Box::pin(tokio::time::sleep(std::time::Duration::from_secs(2)));
                match sleep.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x"))))),
                    Poll::Pending => {
                        let waker = cx.waker().clone();
                        tokio::spawn(async move {
                            sleep.await;
                            waker.wake();
                        });
                        Poll::Pending
                    }
                }
            }
        }
        let mut body = Incomings::new(Trickle, Budget::new(1 << 20).nothing(), None);
        let error = whole(&mut body, 1 << 20, false).await.unwrap_err();
        assert_eq!(status(error).code(), Code::DeadlineExceeded);
    }
}
