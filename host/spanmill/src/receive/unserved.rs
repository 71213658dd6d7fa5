//! Signals that senders send and that no pipeline takes: said once for each, with what to do.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::warn;

use spanmill_model::{PerSignal, Signal};

/// What is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unserved {
    /// A signal that no pipeline takes from this receiver.
    NoPipeline(Signal),
    /// This version does not carry it.
    Profiles,
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unserved::NoPipeline(signal) => {
                write!(f, "no pipeline takes {signal} from this receiver")
            }
            Unserved::Profiles => f.write_str("this version does not take profiles"),
        }
    }
}

impl Unserved {
    /// What to do, in the manifest or in the sender.
    pub fn remedy(self) -> String {
        let signal = match self {
            Unserved::NoPipeline(signal) => signal,
            Unserved::Profiles => return "turn profiles off where they are sent".to_owned(),
        };
        let exporter = match signal {
            Signal::Traces => "OTEL_TRACES_EXPORTER",
            Signal::Logs => "OTEL_LOGS_EXPORTER",
            Signal::Metrics => "OTEL_METRICS_EXPORTER",
        };
        format!(
            "name this receiver under `receivers:` of a {signal} pipeline, or set {exporter}=none where they are sent"
        )
    }
}

/// What a receiver has warned of.
#[derive(Debug, Default)]
pub(super) struct Warned {
    receiver: String,
    signals: PerSignal<AtomicBool>,
    profiles: AtomicBool,
}

impl Warned {
    pub fn new(receiver: String) -> Self {
        Self {
            receiver,
            ..Self::default()
        }
    }

    /// Warns the first time that a signal comes.
    pub fn of(&self, unserved: Unserved) {
        let flag = match unserved {
            Unserved::NoPipeline(signal) => self.signals.get(signal),
            Unserved::Profiles => &self.profiles,
        };
        if !flag.swap(true, Ordering::Relaxed) {
            let remedy = unserved.remedy();
            warn!(receiver = self.receiver, "{unserved}: {remedy}");
        }
    }
}
