//! What a panic costs: a request, if one is to blame, and the process, if not. A process that has lost one of its loops
//! looks alive and is not, so it ends, in good order, and whoever supervises it starts it again.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio_util::sync::CancellationToken;

thread_local! {
    /// Whether a panic on this thread is contained.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Whether the process must end because of a panic.
#[derive(Clone, Debug, Default)]
pub struct Panics(Arc<AtomicBool>);

impl Panics {
    /// Has panics logged; one that is not contained cancels `shutdown`.
    pub fn watch(shutdown: CancellationToken) -> Self {
        let panics = Panics::default();
        let fatal = panics.clone();
        std::panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            let thread = thread.name().unwrap_or("unnamed");
            let at = info.location().map(ToString::to_string).unwrap_or_default();
            // Without the message: it may quote telemetry.
            if CONTAINED.get() {
                tracing::error!(
                    thread,
                    at,
                    "a request made the host panic; please report this"
                );
            } else {
                tracing::error!(thread, at, "the host panics, and ends; please report this");
                fatal.0.store(true, Relaxed);
                shutdown.cancel();
            }
        }));
        panics
    }

    /// Whether there was one that was not contained.
    pub fn were_fatal(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// Calls something whose panic is caught by the caller, and costs no more than what it is called for.
pub fn contained<T>(call: impl FnOnce() -> T) -> T {
    /// Puts back what was there, though the call unwinds.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            CONTAINED.set(self.0);
        }
    }
    let _before = Before(CONTAINED.replace(true));
    call()
}

/// A task of one request or connection: its panic costs no more than that.
pub struct Contained<F>(Pin<Box<F>>);

impl<F> Contained<F> {
    /// Contains the panics of a future.
    pub fn new(future: F) -> Self {
        Contained(Box::pin(future))
    }
}

impl<F: Future> Future for Contained<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        contained(|| self.0.as_mut().poll(cx))
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn containment_ends_with_the_call_however_it_ends() {
        assert!(!CONTAINED.get());
        assert!(contained(|| CONTAINED.get()));
        let unwound = catch_unwind(AssertUnwindSafe(|| contained(|| panic!("on purpose"))));
        assert!(unwound.is_err());
        assert!(!CONTAINED.get());
    }
}
