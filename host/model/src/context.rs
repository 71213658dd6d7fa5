//! The contexts, and how their rows nest.

/// What the rows of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// Where telemetry comes from.
    Resource,
    /// An instrumentation scope.
    Scope,
    /// A span.
    Span,
    /// An event of a span.
    SpanEvent,
    /// A link of a span.
    SpanLink,
    /// A log record.
    Log,
    /// A metric.
    Metric,
    /// A data point of a metric.
    DataPoint,
}

impl Context {
    /// Every context, each behind the one above it.
    pub const ALL: [Context; 8] = [
        Context::Resource,
        Context::Scope,
        Context::Span,
        Context::SpanEvent,
        Context::SpanLink,
        Context::Log,
        Context::Metric,
        Context::DataPoint,
    ];

    /// The name that paths of this context start with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Context::Resource => "resource",
            Context::Scope => "scope",
            Context::Span => "span",
            Context::SpanEvent => "spanevent",
            Context::SpanLink => "spanlink",
            Context::Log => "log",
            Context::Metric => "metric",
            Context::DataPoint => "datapoint",
        }
    }

    /// The context with a prefix.
    pub fn with_prefix(prefix: &str) -> Option<Context> {
        Context::ALL
            .into_iter()
            .find(|context| context.prefix() == prefix)
    }

    /// The context whose rows these belong to.
    pub const fn parent(self) -> Option<Context> {
        match self {
            Context::Resource => None,
            Context::Scope => Some(Context::Resource),
            Context::Span | Context::Log | Context::Metric => Some(Context::Scope),
            Context::SpanEvent | Context::SpanLink => Some(Context::Span),
            Context::DataPoint => Some(Context::Metric),
        }
    }

    /// Whether plugins may drop its rows.
    pub const fn takes_verdicts(self) -> bool {
        !matches!(self, Context::Resource | Context::Scope)
    }

    /// Whether a row goes when the last row below it does.
    pub const fn goes_when_emptied(self) -> bool {
        matches!(self, Context::Resource | Context::Scope | Context::Metric)
    }

    /// The name of a whole attribute list in paths.
    pub const fn attributes(self) -> &'static str {
        match self {
            Context::Metric => "metadata",
            _ => "attributes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signal;

    #[test]
    fn every_context_stands_behind_the_one_above_it_in_its_signals() {
        for signal in Signal::ALL {
            let contexts = signal.contexts();
            for (at, context) in contexts.iter().enumerate() {
                match context.parent() {
                    None => assert_eq!(at, 0),
                    Some(parent) => assert!(contexts[..at].contains(&parent), "{context:?}"),
                }
                assert_eq!(Context::with_prefix(context.prefix()), Some(*context));
            }
            assert!(signal.own().contains(&signal.item()));
            assert!(signal.own().iter().all(|own| contexts.contains(own)));
        }
        for context in Context::ALL {
            assert!(
                Signal::ALL
                    .iter()
                    .any(|signal| signal.contexts().contains(&context))
            );
        }
    }
}
