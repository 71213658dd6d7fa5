//! A socket that is read in large pieces, and once for each byte if senders use large frames.
//!
//! HTTP/2 asks for a frame's head first, and then for its rest. Of small frames several are read at once, into a buffer
//! of ours; what is larger than that goes to where it is wanted, and only what comes with the next head goes through
//! the buffer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read at once where less is asked for.
const MANY: usize = 64 * 1024;
/// The same while frames are larger than that.
const FEW: usize = 4 * 1024;
/// After so many reads of few bytes frames are small again.
const PATIENCE: u8 = 8;

pub(super) struct Reads<S> {
    stream: S,
    buffer: Box<[u8]>,
    /// What of the buffer was read and not yet asked for.
    start: usize,
    end: usize,
    /// How many more reads of few bytes are made before frames count as small; 0: they do.
    large: u8,
}

impl<S> Reads<S> {
    pub fn new(stream: S) -> Self {
        Reads {
            stream,
            buffer: vec![0; MANY].into(),
            start: 0,
            end: 0,
            large: 0,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Reads<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.start == this.end {
            let room = out.remaining();
            if room >= MANY || (this.large > 0 && room >= FEW) {
                this.large = PATIENCE;
                return Pin::new(&mut this.stream).poll_read(cx, out);
            }
            let size = if this.large > 0 { FEW } else { MANY };
            let mut piece = ReadBuf::new(this.buffer.get_mut(..size).unwrap_or_default());
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut piece))?;
            (this.start, this.end) = (0, piece.filled().len());
            this.large = this.large.saturating_sub(1);
        }
        let held = this.buffer.get(this.start..this.end).unwrap_or_default();
        let piece = held.get(..out.remaining()).unwrap_or(held);
        out.put_slice(piece);
        this.start += piece.len();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Reads<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Gives what is asked for, and remembers how much that was.
    struct Socket {
        left: usize,
        next: u8,
        asked: Vec<usize>,
    }

    impl AsyncRead for Socket {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            out: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.asked.push(out.remaining());
            for _ in 0..out.remaining().min(self.left) {
                out.put_slice(&[self.next]);
                self.next = self.next.wrapping_add(1);
                self.left -= 1;
            }
            Poll::Ready(Ok(()))
        }
    }

    fn reads(bytes: usize) -> Reads<Socket> {
        Reads::new(Socket {
            left: bytes,
            next: 0,
            asked: Vec::new(),
        })
    }

    /// Reads as much as `size`, piece by piece, as a protocol does that waits for it.
    fn read(reads: &mut Reads<Socket>, size: usize, into: &mut Vec<u8>) {
        let mut bytes = vec![0; size];
        let mut out = ReadBuf::new(&mut bytes);
        while out.remaining() > 0 {
            let before = out.filled().len();
            let polled =
                Pin::new(&mut *reads).poll_read(&mut Context::from_waker(Waker::noop()), &mut out);
            assert!(matches!(polled, Poll::Ready(Ok(()))));
            if out.filled().len() == before {
                break;
            }
        }
        into.extend_from_slice(out.filled());
    }

    fn expected(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| at as u8).collect()
    }

    #[test]
    fn small_frames_are_read_many_at_once() {
        let (mut reads, mut all) = (reads(200_000), Vec::new());
        while all.len() < 200_000 {
            read(&mut reads, 9, &mut all);
            read(&mut reads, 16_384, &mut all);
        }
        assert_eq!(all, expected(200_000));
        assert_eq!(reads.stream.asked[..4], [MANY; 4]);
    }

    #[test]
    fn large_frames_go_where_they_are_wanted_but_for_what_comes_with_a_head() {
        let (mut reads, mut all) = (reads(1_500_000), Vec::new());
        for _ in 0..3 {
            read(&mut reads, 9, &mut all);
            read(&mut reads, 450_000, &mut all);
        }
        let frame = 450_009;
        assert_eq!(
            reads.stream.asked,
            [MANY, frame - MANY, FEW, frame - FEW, FEW, frame - FEW]
        );
        // Then frames are small again.
        while all.len() < 1_500_000 {
            let before = all.len();
            read(&mut reads, 100, &mut all);
            assert!(all.len() > before);
        }
        assert_eq!(all, expected(1_500_000));
        assert_eq!(reads.stream.asked.last(), Some(&MANY));
        read(&mut reads, 10, &mut all);
        assert_eq!(all.len(), 1_500_000, "the end is the end");
    }
}
