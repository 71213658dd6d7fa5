//! One of something for each signal.

use crate::Signal;

/// One `T` for each signal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerSignal<T> {
    traces: T,
    logs: T,
    metrics: T,
}

impl<T> PerSignal<T> {
    /// Makes one for each signal.
    pub fn new(mut make: impl FnMut(Signal) -> T) -> Self {
        PerSignal {
            traces: make(Signal::Traces),
            logs: make(Signal::Logs),
            metrics: make(Signal::Metrics),
        }
    }

    /// The one of a signal.
    pub const fn get(&self, signal: Signal) -> &T {
        match signal {
            Signal::Traces => &self.traces,
            Signal::Logs => &self.logs,
            Signal::Metrics => &self.metrics,
        }
    }

    /// The one of a signal.
    pub const fn get_mut(&mut self, signal: Signal) -> &mut T {
        match signal {
            Signal::Traces => &mut self.traces,
            Signal::Logs => &mut self.logs,
            Signal::Metrics => &mut self.metrics,
        }
    }

    /// Each with its signal.
    pub fn iter(&self) -> impl Iterator<Item = (Signal, &T)> {
        Signal::ALL
            .into_iter()
            .map(|signal| (signal, self.get(signal)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_has_its_own() {
        let mut names = PerSignal::new(|signal| signal.name().to_owned());
        names.get_mut(Signal::Logs).push('!');
        let all: Vec<_> = names.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(all, ["traces", "logs!", "metrics"]);
    }
}
