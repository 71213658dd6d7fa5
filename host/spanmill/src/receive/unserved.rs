//! Signals that senders send and that this version does not take: said once for each, with what to do.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::warn;

/// A signal other than traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unserved {
    Metrics,
    Logs,
    Profiles,
}

impl Unserved {
    /// The signal of a gRPC method.
    pub fn of_method(path: &str) -> Option<Self> {
        match path {
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => {
                Some(Unserved::Metrics)
            }
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(Unserved::Logs),
            "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export" => {
                Some(Unserved::Profiles)
            }
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Unserved::Metrics => "metrics",
            Unserved::Logs => "logs",
            Unserved::Profiles => "profiles",
        }
    }

    /// What to do in the sender.
    pub fn remedy(self) -> &'static str {
        match self {
            Unserved::Metrics => "set OTEL_METRICS_EXPORTER=none where it is sent",
            Unserved::Logs => "set OTEL_LOGS_EXPORTER=none where it is sent",
            Unserved::Profiles => "turn profiles off where they are sent",
        }
    }
}

/// What a receiver has warned of.
#[derive(Debug, Default)]
pub(super) struct Warned {
    receiver: String,
    metrics: AtomicBool,
    logs: AtomicBool,
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
    pub fn of(&self, signal: Unserved) {
        let flag = match signal {
            Unserved::Metrics => &self.metrics,
            Unserved::Logs => &self.logs,
            Unserved::Profiles => &self.profiles,
        };
        if !flag.swap(true, Ordering::Relaxed) {
            warn!(
                receiver = self.receiver,
                "{} are sent here, and this version does not take them; {}",
                signal.name(),
                signal.remedy()
            );
        }
    }
}
