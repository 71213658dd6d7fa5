//! The fields that a plugin may name, in OTTL's notation.

use std::fmt;

/// What the rows of a table are. Those of logs and metrics have their place in the contract, and come
/// with the pipelines that carry them.
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
}

impl Context {
    /// Every context, from the top down.
    pub const ALL: [Context; 5] = [
        Context::Resource,
        Context::Scope,
        Context::Span,
        Context::SpanEvent,
        Context::SpanLink,
    ];

    /// The name that paths of this context start with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Context::Resource => "resource",
            Context::Scope => "scope",
            Context::Span => "span",
            Context::SpanEvent => "spanevent",
            Context::SpanLink => "spanlink",
        }
    }

    /// The field number of the attributes in the context's message.
    pub(crate) const fn attributes_number(self) -> u32 {
        match self {
            Context::Resource => 1,
            Context::Scope | Context::SpanEvent => 3,
            Context::Span => 9,
            Context::SpanLink => 4,
        }
    }
}

/// The kind of column a field crosses as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `u32` a row.
    Narrow,
    /// `u64` a row.
    Wide,
    /// Two `u64` a row.
    TraceId,
    /// A pool index a row.
    Text,
}

/// Where a fixed field stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// A field of the context's own message.
    Own(u32),
    /// A field of a span's `status`.
    Status(u32),
    /// The schema URL beside the resource or scope.
    SchemaUrl,
}

/// A field with a fixed place, as opposed to an attribute.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fixed {
    pub(crate) context: Context,
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) home: Home,
    pub(crate) writable: bool,
}

const fn field(context: Context, name: &'static str, shape: Shape, number: u32) -> Fixed {
    Fixed {
        context,
        name,
        shape,
        home: Home::Own(number),
        writable: false,
    }
}

const fn writable(mut field: Fixed) -> Fixed {
    field.writable = true;
    field
}

const fn homed(mut field: Fixed, home: Home) -> Fixed {
    field.home = home;
    field
}

/// Every fixed field; the WIT's table says the same.
pub(crate) static FIXED: [Fixed; 28] = {
    use Context::{Resource, Scope, Span, SpanEvent, SpanLink};
    use Shape::{Narrow, Text, TraceId, Wide};
    [
        field(Resource, "dropped_attributes_count", Narrow, 2),
        homed(field(Resource, "schema_url", Text, 3), Home::SchemaUrl),
        writable(field(Scope, "name", Text, 1)),
        writable(field(Scope, "version", Text, 2)),
        field(Scope, "dropped_attributes_count", Narrow, 4),
        homed(field(Scope, "schema_url", Text, 3), Home::SchemaUrl),
        field(Span, "trace_id", TraceId, 1),
        field(Span, "span_id", Wide, 2),
        writable(field(Span, "trace_state", Text, 3)),
        field(Span, "parent_span_id", Wide, 4),
        writable(field(Span, "name", Text, 5)),
        writable(field(Span, "kind", Narrow, 6)),
        writable(field(Span, "start_time_unix_nano", Wide, 7)),
        writable(field(Span, "end_time_unix_nano", Wide, 8)),
        field(Span, "dropped_attributes_count", Narrow, 10),
        field(Span, "dropped_events_count", Narrow, 12),
        field(Span, "dropped_links_count", Narrow, 14),
        writable(homed(
            field(Span, "status.message", Text, 2),
            Home::Status(2),
        )),
        writable(homed(
            field(Span, "status.code", Narrow, 3),
            Home::Status(3),
        )),
        field(Span, "flags", Narrow, 16),
        writable(field(SpanEvent, "time_unix_nano", Wide, 1)),
        writable(field(SpanEvent, "name", Text, 2)),
        field(SpanEvent, "dropped_attributes_count", Narrow, 4),
        field(SpanLink, "trace_id", TraceId, 1),
        field(SpanLink, "span_id", Wide, 2),
        field(SpanLink, "trace_state", Text, 3),
        field(SpanLink, "dropped_attributes_count", Narrow, 5),
        field(SpanLink, "flags", Narrow, 6),
    ]
};

/// A field that a plugin reads or writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub(crate) context: Context,
    pub(crate) target: Target,
}

/// What in the context is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Fixed(&'static Fixed),
    Attributes,
    Attribute(Box<str>),
}

/// A path that names no field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path starts with no context.
    #[error(
        "`{path}` starts with no context; write resource., scope., span., spanevent. or spanlink. before the field"
    )]
    Context {
        /// The path.
        path: String,
    },
    /// The context has no such field.
    #[error(
        "`{path}` names no field of a {context}; it has {known}, attributes and attributes[\"key\"]"
    )]
    Field {
        /// The path.
        path: String,
        /// The context's name.
        context: &'static str,
        /// The fields there are.
        known: String,
    },
}

impl Path {
    /// Reads a path such as `span.attributes["http.route"]`.
    pub fn parse(path: &str) -> Result<Path, PathError> {
        let (prefix, rest) = path.split_once('.').unwrap_or((path, ""));
        let context = Context::ALL
            .into_iter()
            .find(|context| context.prefix() == prefix)
            .ok_or_else(|| PathError::Context {
                path: path.to_owned(),
            })?;
        let target = if rest == "attributes" {
            Some(Target::Attributes)
        } else if let Some(key) = rest
            .strip_prefix("attributes[\"")
            .and_then(|rest| rest.strip_suffix("\"]"))
        {
            unescape(key).map(Target::Attribute)
        } else {
            FIXED
                .iter()
                .find(|fixed| fixed.context == context && fixed.name == rest)
                .map(Target::Fixed)
        };
        match target {
            Some(target) => Ok(Path { context, target }),
            None => Err(PathError::Field {
                path: path.to_owned(),
                context: context.prefix(),
                known: FIXED
                    .iter()
                    .filter(|fixed| fixed.context == context)
                    .map(|fixed| fixed.name)
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    /// The context that the field belongs to.
    pub fn context(&self) -> Context {
        self.context
    }

    /// Whether plugins may write the field.
    pub fn is_writable(&self) -> bool {
        match &self.target {
            Target::Fixed(fixed) => fixed.writable,
            Target::Attributes | Target::Attribute(_) => true,
        }
    }

    /// Whether this path grants at least what another names: itself, or one attribute of a whole list.
    pub fn covers(&self, other: &Path) -> bool {
        self == other
            || (self.context == other.context
                && self.target == Target::Attributes
                && matches!(other.target, Target::Attribute(_)))
    }
}

/// Resolves `\"` and `\\`; nothing for any other use of a quote or backslash.
fn unescape(key: &str) -> Option<Box<str>> {
    let mut out = String::with_capacity(key.len());
    let mut chars = key.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => out.push(chars.next().filter(|next| matches!(next, '\\' | '"'))?),
            '"' => return None,
            _ => out.push(char),
        }
    }
    Some(out.into_boxed_str())
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self.context.prefix();
        match &self.target {
            Target::Fixed(fixed) => write!(out, "{prefix}.{}", fixed.name),
            Target::Attributes => write!(out, "{prefix}.attributes"),
            Target::Attribute(key) => {
                let key = key.replace('\\', "\\\\").replace('"', "\\\"");
                write!(out, "{prefix}.attributes[\"{key}\"]")
            }
        }
    }
}
