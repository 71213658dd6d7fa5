//! The contexts that paths name.

use spanmill_sdk::{Context, closest};

use crate::ast::{Condition, Met, Path, Segment, Statement};
use crate::error::OttlError;
use crate::paths::{OTELCOL, names, spelled};

/// What a path may name before its first dot.
const PREFIXES: [(&str, Context); 9] = [
    ("resource", Context::Resource),
    ("scope", Context::Scope),
    ("instrumentation_scope", Context::Scope),
    ("span", Context::Span),
    ("spanevent", Context::SpanEvent),
    ("spanlink", Context::SpanLink),
    ("log", Context::Log),
    ("metric", Context::Metric),
    ("datapoint", Context::DataPoint),
];

/// What a path names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'p> {
    /// The context, if it stands there.
    pub context: Option<Context>,
    /// The names behind it.
    pub rest: &'p [Segment],
}

/// What a path names.
pub(crate) fn named(path: &Path) -> Named<'_> {
    let segments = path.segments.as_slice();
    if let [first, _, ..] = segments
        && first.keys.is_empty()
        && first.name == OTELCOL
    {
        return Named {
            context: Some(Context::Resource),
            rest: segments,
        };
    }
    if let [first, rest @ ..] = segments
        && !rest.is_empty()
        && first.keys.is_empty()
        && let Some((_, context)) = PREFIXES.iter().find(|(name, _)| *name == first.name)
    {
        return Named {
            context: Some(*context),
            rest,
        };
    }
    Named {
        context: None,
        rest: segments,
    }
}

/// The deepest context that a condition's paths name; `None` if they name none.
pub fn inferred_context(condition: &Condition) -> Option<Context> {
    let mut deepest = None;
    condition.walk(&mut |met| deepest = deepest.max(of(met)));
    deepest
}

/// What statements run for that do not say it: the deepest context that a path of theirs names, or that a function of theirs
/// needs; `None` if no path names one.
pub fn written_context(statements: &[Statement], conditions: &[Condition]) -> Option<Context> {
    let (mut deepest, mut needed) = (None, None);
    let mut visit = |met: Met<'_>| {
        deepest = deepest.max(of(met));
        if let Met::Call(call) = met
            && matches!(call.name.as_str(), "IsRootSpan" | "set_semconv_span_name")
        {
            needed = Some(Context::Span);
        }
    };
    statements
        .iter()
        .for_each(|statement| statement.walk(&mut visit));
    conditions
        .iter()
        .for_each(|condition| condition.walk(&mut visit));
    deepest.max(needed.filter(|_| deepest.is_some()))
}

/// What is wrong with the context of a statement's first path, of those that a signal has, if something is.
pub fn misplaced(statement: &Statement, contexts: &[Context]) -> Option<OttlError> {
    let mut found = None;
    statement.walk(&mut |met| {
        if let (None, Met::Path(path)) = (&found, met) {
            found = misplaced_path(path, contexts);
        }
    });
    found
}

fn misplaced_path(path: &Path, contexts: &[Context]) -> Option<OttlError> {
    let prefixes: Vec<&str> = contexts.iter().map(|context| context.prefix()).collect();
    let all = prefixes.join(", ");
    let [first, rest @ ..] = path.segments.as_slice() else {
        return None;
    };
    let message = match named(path).context {
        Some(context) if contexts.contains(&context) => return None,
        Some(context) => format!(
            "there are no {} fields here; the contexts are {all}",
            context.prefix()
        ),
        None => {
            // Spans, records and metrics before what stands above and below them.
            let of_rows =
                |context: &&Context| !matches!(context, Context::Resource | Context::Scope);
            let rows = contexts.iter().filter(of_rows);
            let others = contexts.iter().filter(|context| !of_rows(context));
            let spelled = spelled(&path.segments);
            match rows
                .chain(others)
                .find(|of| names(**of).contains(&spelled.as_str()))
            {
                Some(context) => format!(
                    "a path must name its context here; write `{}.{spelled}`",
                    context.prefix()
                ),
                None if rest.is_empty() => format!("`{spelled}` names no context; they are {all}"),
                None => match closest(&first.name, prefixes) {
                    Some(meant) => {
                        format!(
                            "there is no context `{}`; did you mean `{meant}`?",
                            first.name
                        )
                    }
                    None => format!("there is no context `{}`; they are {all}", first.name),
                },
            }
        }
    };
    Some(OttlError::at(path.position, message))
}

fn of(met: Met<'_>) -> Option<Context> {
    match met {
        Met::Path(path) => named(path).context,
        Met::Call(_) => None,
    }
}
