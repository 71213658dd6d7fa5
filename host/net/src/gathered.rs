//! A socket that gathers what is written to it. HTTP/2 writes a frame at a time, 16 KiB to most peers, and each write
//! to a socket costs more than copying that much: a batch of a thousand spans is 28 of them, or two.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is gathered before it is written; also what is kept for the next time.
const ENOUGH: usize = 256 * 1024;

/// A stream whose writes are gathered until there is enough, or the task that owns it has nothing more to write.
///
/// The first flush after a write only has the task woken, since more frames mostly follow. What is held leaves with the
/// next flush or read, whichever comes first when the task runs again: HTTP/2 connections do both, a TLS handshake reads.
pub struct Gathered<S> {
    stream: S,
    held: Vec<u8>,
    /// How much of what is held was written.
    written: usize,
    /// Written to since the last flush.
    fresh: bool,
    /// Whether it gathers at all.
    gathers: bool,
}

impl<S> Gathered<S> {
    /// Gathers what is written to a stream.
    pub fn new(stream: S) -> Self {
        Gathered {
            stream,
            held: Vec::new(),
            written: 0,
            fresh: false,
            gathers: true,
        }
    }

    /// Gathers what is written to a stream if that is worth it: where answers to several requests may be due at once.
    pub(crate) fn if_many(stream: S, gathers: bool) -> Self {
        Gathered {
            gathers,
            ..Gathered::new(stream)
        }
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self
            .held
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.held.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.gathers {
            return Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        }
        this.fresh = true;
        let total = slices.iter().map(|slice| slice.len()).sum();
        if this.held.len() + total > ENOUGH {
            ready!(this.drain(cx))?;
        }
        if total >= ENOUGH {
            return Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        }
        for slice in slices {
            this.held.extend_from_slice(slice);
        }
        Poll::Ready(Ok(total))
    }

    fn is_write_vectored(&self) -> bool {
        self.gathers || self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.fresh) {
            cx.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(this.drain(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.drain(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.held.is_empty() {
            this.fresh = false;
            // Until the socket takes it, there may be something to read all the same.
            if let Poll::Ready(drained) = this.drain(cx) {
                drained?;
            }
        }
        Pin::new(&mut this.stream).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::{Wake, Waker};

    use super::*;

    /// Remembers each write; takes at most `room` bytes before it has to be asked again.
    #[derive(Default)]
    struct Socket {
        writes: Vec<Vec<u8>>,
        room: usize,
        shut: bool,
    }

    impl AsyncWrite for Socket {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let taken = bytes.len().min(std::mem::take(&mut self.room));
            if taken == 0 {
                return Poll::Pending;
            }
            self.writes.push(bytes[..taken].to_vec());
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.shut = true;
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncRead for Socket {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn gathered(room: usize) -> Gathered<Socket> {
        Gathered::new(Socket {
            room,
            ..Socket::default()
        })
    }

    fn is_ready<T>(poll: Poll<io::Result<T>>) -> bool {
        match poll {
            Poll::Ready(result) => result.is_ok(),
            Poll::Pending => false,
        }
    }

    #[test]
    fn frames_leave_together_at_the_second_flush() {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        let mut stream = gathered(usize::MAX);
        for frame in [b"one ", b"two ", b"six "] {
            assert!(is_ready(Pin::new(&mut stream).poll_write(&mut cx, frame)));
            assert!(is_ready(Pin::new(&mut stream).poll_flush(&mut cx)));
        }
        assert!(stream.stream.writes.is_empty());
        // Each first flush sees to it that there is another.
        assert_eq!(wakes.0.load(Relaxed), 3);
        assert!(is_ready(Pin::new(&mut stream).poll_flush(&mut cx)));
        assert_eq!(stream.stream.writes, [b"one two six "]);
        assert_eq!(wakes.0.load(Relaxed), 3);
    }

    #[test]
    fn who_waits_for_an_answer_has_asked() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut stream = gathered(usize::MAX);
        assert!(is_ready(
            Pin::new(&mut stream).poll_write(&mut cx, b"hello")
        ));
        assert!(is_ready(Pin::new(&mut stream).poll_flush(&mut cx)));
        let mut buffer = [0; 8];
        let mut buffer = ReadBuf::new(&mut buffer);
        assert!(!is_ready(
            Pin::new(&mut stream).poll_read(&mut cx, &mut buffer)
        ));
        assert_eq!(stream.stream.writes, [b"hello"]);
    }

    #[test]
    fn what_a_socket_does_not_take_at_once_is_kept_in_order() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut stream = gathered(3);
        assert!(is_ready(
            Pin::new(&mut stream).poll_write(&mut cx, b"abcdef")
        ));
        assert!(is_ready(Pin::new(&mut stream).poll_flush(&mut cx)));
        assert!(!is_ready(Pin::new(&mut stream).poll_flush(&mut cx)));
        assert!(is_ready(Pin::new(&mut stream).poll_write(&mut cx, b"gh")));
        stream.stream.room = usize::MAX;
        assert!(is_ready(Pin::new(&mut stream).poll_shutdown(&mut cx)));
        assert_eq!(stream.stream.writes.concat(), b"abcdefgh");
        assert!(stream.stream.shut);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut stream = gathered(0);
        let frame = vec![7; 16 * 1024];
        let mut taken = 0;
        while is_ready(Pin::new(&mut stream).poll_write(&mut cx, &frame)) {
            taken += frame.len();
        }
        assert_eq!(taken, ENOUGH);
        // A write as large as all that goes past, after what was there before it.
        stream.stream.room = usize::MAX;
        let large = vec![8; 2 * ENOUGH];
        assert!(!is_ready(Pin::new(&mut stream).poll_write(&mut cx, &large)));
        stream.stream.room = usize::MAX;
        assert!(is_ready(Pin::new(&mut stream).poll_write(&mut cx, &large)));
        let lengths: Vec<usize> = stream.stream.writes.iter().map(Vec::len).collect();
        assert_eq!(lengths, [ENOUGH, 2 * ENOUGH]);
    }
}
