//! What a plugin can be, and what an instance of it is made for.

use std::fmt;
use std::sync::Arc;

use spanmill_otlp::Signal;

/// What a plugin can be: each is an interface that it may export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Changes batches.
    Processor,
    /// Makes metrics of batches.
    Connector,
    /// Makes spans or log records of batches.
    RecordConnector,
    /// Chooses the pipelines that rows go to.
    Router,
}

impl Kind {
    /// Every kind, the ones that a plugin mostly is first.
    pub const ALL: [Kind; 4] = [
        Kind::Processor,
        Kind::Connector,
        Kind::RecordConnector,
        Kind::Router,
    ];

    /// Its name in messages, as the contract calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Processor => "processor",
            Kind::Connector => "connector",
            Kind::RecordConnector => "record connector",
            Kind::Router => "router",
        }
    }

    /// What a connector that can be of some kinds is between a pipeline of one signal and a pipeline of another (or the
    /// same); `None` if it cannot stand there.
    pub fn between(kinds: &[Kind], from: Signal, to: Signal) -> Option<Kind> {
        let makes = match to {
            Signal::Metrics => Kind::Connector,
            Signal::Traces | Signal::Logs => Kind::RecordConnector,
        };
        match from == to && kinds.contains(&Kind::Router) {
            true => Some(Kind::Router),
            false => kinds.contains(&makes).then_some(makes),
        }
    }

    /// Whether it stands between two pipelines.
    pub const fn is_connector(self) -> bool {
        !matches!(self, Kind::Processor)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an instance is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It changes batches.
    Processor,
    /// It measures.
    Connector,
    /// It makes spans or log records.
    RecordConnector,
    /// It sends rows to some of these pipelines.
    Router {
        /// What the pipelines carry.
        signal: Signal,
        /// Their names, such as `traces/eu`, at most [`MAX_PIPELINES`](spanmill_otlp::MAX_PIPELINES).
        pipelines: Arc<[String]>,
    },
}

impl Role {
    /// The interface that it needs.
    pub const fn kind(&self) -> Kind {
        match self {
            Role::Processor => Kind::Processor,
            Role::Connector => Kind::Connector,
            Role::RecordConnector => Kind::RecordConnector,
            Role::Router { .. } => Kind::Router,
        }
    }

    /// The role of a kind; a router's is to send to no pipeline, until it is given some.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Processor => Role::Processor,
            Kind::Connector => Role::Connector,
            Kind::RecordConnector => Role::RecordConnector,
            Kind::Router => Role::Router {
                signal: Signal::Traces,
                pipelines: Arc::from([]),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_connector_stands_says_what_it_is() {
        use Kind::{Connector, Processor, RecordConnector, Router};
        use Signal::{Logs, Metrics, Traces};
        for (kinds, from, to, is) in [
            (
                &[Connector, RecordConnector][..],
                Traces,
                Metrics,
                Some(Connector),
            ),
            (
                &[Connector, RecordConnector],
                Traces,
                Logs,
                Some(RecordConnector),
            ),
            (&[Connector], Traces, Logs, None),
            (&[Connector], Metrics, Metrics, Some(Connector)),
            (&[RecordConnector], Logs, Logs, Some(RecordConnector)),
            (&[Router], Logs, Logs, Some(Router)),
            (&[Router], Traces, Logs, None),
            (&[Connector, Router], Metrics, Metrics, Some(Router)),
            (&[Processor], Traces, Traces, None),
        ] {
            assert_eq!(Kind::between(kinds, from, to), is, "{kinds:?} {from} {to}");
        }
    }
}
