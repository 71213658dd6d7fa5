//! The signals, and the contexts that each carries.

use std::fmt;

use crate::Context;

/// What a request carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Spans.
    #[default]
    Traces,
    /// Log records.
    Logs,
    /// Metrics.
    Metrics,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Signal; 3] = [Signal::Traces, Signal::Logs, Signal::Metrics];

    /// The name that configuration uses.
    pub const fn name(self) -> &'static str {
        match self {
            Signal::Traces => "traces",
            Signal::Logs => "logs",
            Signal::Metrics => "metrics",
        }
    }

    /// Its contexts, each behind the one above it.
    pub const fn contexts(self) -> &'static [Context] {
        use Context::{DataPoint, Log, Metric, Resource, Scope, Span, SpanEvent, SpanLink};
        match self {
            Signal::Traces => &[Resource, Scope, Span, SpanEvent, SpanLink],
            Signal::Logs => &[Resource, Scope, Log],
            Signal::Metrics => &[Resource, Scope, Metric, DataPoint],
        }
    }

    /// The contexts that every plugin has a table of, those above them aside.
    pub const fn own(self) -> &'static [Context] {
        match self {
            Signal::Traces => &[Context::Span],
            Signal::Logs => &[Context::Log],
            Signal::Metrics => &[Context::Metric, Context::DataPoint],
        }
    }

    /// The context whose rows are counted: spans, log records, data points.
    pub const fn item(self) -> Context {
        match self {
            Signal::Traces => Context::Span,
            Signal::Logs => Context::Log,
            Signal::Metrics => Context::DataPoint,
        }
    }

    /// What its items are called, in the plural.
    pub const fn items(self) -> &'static str {
        match self {
            Signal::Traces => "spans",
            Signal::Logs => "log records",
            Signal::Metrics => "data points",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
