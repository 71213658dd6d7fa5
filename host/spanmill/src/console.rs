//! Standard output and standard error, written by threads of their own: a pipe that nobody reads, or a stopped terminal,
//! holds nothing else up. What does not fit into a bounded buffer meanwhile is dropped, and how much that was is said as
//! soon as there is room again.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What waits to be written, at most.
const MAX_BYTES: usize = 1024 * 1024;

/// A stream that never blocks its writer. Clones write to the same one.
#[derive(Clone)]
pub struct Console {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Rung when there is something to write.
    filled: Condvar,
    /// Rung when everything is written.
    written: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Writes that were dropped since the last that was not.
    dropped: u64,
    /// Whether the thread is writing what it has taken.
    is_writing: bool,
    /// Nobody will ever read: everything is dropped.
    is_closed: bool,
}

impl Console {
    /// Standard output.
    pub fn stdout() -> io::Result<Self> {
        Self::start("stdout", io::stdout())
    }

    /// Standard error.
    pub fn stderr() -> io::Result<Self> {
        Self::start("stderr", io::stderr())
    }

    /// Writes to `stream` from a thread of its own, which ends with the process.
    pub fn start(name: &str, stream: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            written: Condvar::new(),
        });
        let to = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || to.drain(stream))?;
        Ok(Console { shared })
    }

    /// Waits until everything is written, but not for long.
    pub fn flush_within(&self, time: Duration) {
        let state = self.shared.state();
        let is_busy =
            |state: &mut State| !state.is_closed && (state.is_writing || !state.waiting.is_empty());
        drop(self.shared.written.wait_timeout_while(state, time, is_busy));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, bytes: &[u8]) {
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        if state.bytes.saturating_add(bytes.len()) > MAX_BYTES && !state.waiting.is_empty() {
            state.dropped = state.dropped.saturating_add(1);
            return;
        }
        let dropped = std::mem::take(&mut state.dropped);
        if dropped > 0 {
            let note = format!("[{dropped} writes were dropped here: nobody read this stream]\n");
            state.push(note.into_bytes());
        }
        state.push(bytes.to_vec());
        drop(state);
        self.filled.notify_one();
    }

    fn drain(&self, mut stream: impl Write) {
        loop {
            let mut state = self.state();
            let Some(next) = state.waiting.pop_front() else {
                self.written.notify_all();
                drop(
                    self.filled
                        .wait_while(state, |state| state.waiting.is_empty()),
                );
                continue;
            };
            state.bytes = state.bytes.saturating_sub(next.len());
            state.is_writing = true;
            drop(state);
            let result = stream.write_all(&next).and_then(|()| stream.flush());
            let mut state = self.state();
            state.is_writing = false;
            if result.is_err() {
                state.is_closed = true;
                state.waiting.clear();
                self.written.notify_all();
                return;
            }
        }
    }
}

impl State {
    fn push(&mut self, bytes: Vec<u8>) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.waiting.push_back(bytes);
    }
}

impl Write for Console {
    /// Takes all of it, always: a write is a whole line or a whole page.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.shared.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a write for each turn that it is given.
    struct Gate {
        turns: Arc<(Mutex<usize>, Condvar)>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (turns, bell) = &*self.turns;
            let turns = turns.lock().unwrap();
            let mut turns = bell.wait_while(turns, |turns| *turns == 0).unwrap();
            *turns -= 1;
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gate() -> (Console, impl Fn(usize), Arc<Mutex<Vec<u8>>>) {
        let turns = Arc::new((Mutex::new(0), Condvar::new()));
        let written = Arc::new(Mutex::new(Vec::new()));
        let gate = Gate {
            turns: Arc::clone(&turns),
            written: Arc::clone(&written),
        };
        let give = move |count| {
            *turns.0.lock().unwrap() += count;
            turns.1.notify_all();
        };
        (Console::start("test", gate).unwrap(), give, written)
    }

    #[test]
    fn what_nobody_reads_is_dropped_and_counted() {
        let (mut console, give, written) = gate();
        let page = vec![b'x'; MAX_BYTES / 4];
        for _ in 0..20 {
            console.write_all(&page).unwrap();
        }
        give(usize::MAX / 2);
        console.flush_within(Duration::from_secs(60));
        let before = written.lock().unwrap().len() / page.len();
        assert!((4..=6).contains(&before), "{before}");
        console.write_all(b"again\n").unwrap();
        console.flush_within(Duration::from_secs(60));
        let written = written.lock().unwrap();
        let text = String::from_utf8_lossy(&written[before * page.len()..]).into_owned();
        let dropped = 20 - before;
        assert_eq!(
            text,
            format!("[{dropped} writes were dropped here: nobody read this stream]\nagain\n")
        );
    }

    #[test]
    fn a_closed_stream_is_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut console = Console::start("test", Closed).unwrap();
        for _ in 0..3 {
            console.write_all(b"line\n").unwrap();
            console.flush_within(Duration::from_secs(60));
        }
    }
}
