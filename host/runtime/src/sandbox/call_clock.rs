//! The time that a call may take: of the processor, not of the wall. On a machine that is busy with something else, a call
//! that has done little is given more time, up to a bound.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::UpdateDeadline;

/// How often the clock ticks; deadlines are met to about twice this.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// A call ends after so many times its timeout, whatever it has done.
const PATIENCE: u32 = 4;

/// The clock of one instance's calls. Costs nothing until half of a call's time is over.
#[derive(Debug, Default)]
pub(crate) struct CallClock {
    /// How long a half of the timeout is, in ticks.
    half: u64,
    half_time: Duration,
    /// Halves that have passed.
    passed: u32,
    /// What this thread had used of the processor when the last half had passed.
    used: Duration,
}

impl CallClock {
    /// A call begins. Returns the ticks until [`CallClock::expired`] is to be asked.
    pub(crate) fn start(&mut self, timeout: Duration) -> u64 {
        self.half_time = timeout / 2;
        self.half = ticks(self.half_time);
        self.passed = 0;
        self.half
    }

    /// The time that was given is over: is there more?
    pub(crate) fn expired(&mut self) -> UpdateDeadline {
        let used = thread_time();
        self.passed = self.passed.saturating_add(1);
        let ran = used.saturating_sub(self.used);
        self.used = used;
        // Of the first half it is not known how much the call has run.
        let has_run = self.passed > 1 && ran >= self.half_time / 2;
        if has_run || self.passed >= 2 * PATIENCE {
            return UpdateDeadline::Interrupt;
        }
        UpdateDeadline::Continue(self.half)
    }
}

/// The processor time that this thread has used.
fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

fn ticks(time: Duration) -> u64 {
    // One more, since the tick under way may end at once.
    u64::try_from(time.as_nanos().div_ceil(TICK.as_nanos()))
        .unwrap_or(u64::MAX / 2)
        .saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_runs_has_two_halves_and_one_that_does_not_has_more() {
        let mut clock = CallClock::default();
        assert_eq!(clock.start(Duration::from_millis(40)), 3);
        assert!(matches!(clock.expired(), UpdateDeadline::Continue(3)));
        let begun = thread_time();
        while thread_time() - begun < Duration::from_millis(15) {}
        assert!(matches!(clock.expired(), UpdateDeadline::Interrupt));

        clock.start(Duration::from_secs(100));
        for _ in 1..2 * PATIENCE {
            assert!(matches!(clock.expired(), UpdateDeadline::Continue(_)));
        }
        assert!(matches!(clock.expired(), UpdateDeadline::Interrupt));
    }
}
