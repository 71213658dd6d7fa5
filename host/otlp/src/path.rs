//! The fields that a plugin may name, in OTTL's notation.

use std::fmt;

use spanmill_model::{Context, FIELDS, Field};

/// What paths of what is known of a request start with.
const REQUEST: &str = "request";

/// A field that a plugin reads or writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub(crate) context: Context,
    pub(crate) target: Target,
}

/// What a path names in its context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Fixed(&'static Field),
    Attributes,
    Attribute(Box<str>),
    /// What is known of the request that the row came in. Such fields stand in the table of resources.
    Request(RequestField),
}

/// What is known of a request beside its telemetry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestField {
    /// The IP address of its sender.
    ClientAddress,
    /// A header.
    Metadata(Box<str>),
}

const CLIENT_ADDRESS: &str = "client.address";
const METADATA: &str = "metadata";

impl RequestField {
    /// Reads the part of a path behind `request.`.
    fn parse(rest: &str) -> Option<Self> {
        match rest.strip_prefix(METADATA) {
            _ if rest == CLIENT_ADDRESS => Some(RequestField::ClientAddress),
            Some(key) => key_of(key).map(RequestField::Metadata),
            None => None,
        }
    }
}

/// A path that names no field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path starts with no context.
    #[error(
        "`{path}` starts with no context; write resource., scope., span., spanevent., spanlink., log., metric., datapoint. or \
         request. before the field"
    )]
    Context {
        /// The path.
        path: String,
    },
    /// Of a request, no such thing is known.
    #[error(
        "`{path}` is nothing that is known of a request; there are request.client.address and request.metadata[\"header\"]"
    )]
    Request {
        /// The path.
        path: String,
    },
    /// The context has no such field.
    #[error(
        "`{path}` names no field of a {context}; it has {known}, {attributes} and {attributes}[\"key\"]"
    )]
    Field {
        /// The path.
        path: String,
        /// The context's name.
        context: &'static str,
        /// The fields there are.
        known: String,
        /// The name of its attributes.
        attributes: &'static str,
    },
}

impl Path {
    /// Reads a path such as `span.attributes["http.route"]`.
    ///
    /// # Errors
    ///
    /// A path that names no field.
    pub fn parse(path: &str) -> Result<Path, PathError> {
        let (prefix, rest) = path.split_once('.').unwrap_or((path, ""));
        if prefix == REQUEST {
            let field = RequestField::parse(rest).ok_or_else(|| PathError::Request {
                path: path.to_owned(),
            })?;
            return Ok(Path {
                context: Context::Resource,
                target: Target::Request(field),
            });
        }
        let context = Context::with_prefix(prefix).ok_or_else(|| PathError::Context {
            path: path.to_owned(),
        })?;
        let fields = || FIELDS.iter().filter(|field| field.context == context);
        let target = match rest.strip_prefix(context.attributes()) {
            Some("") => Some(Target::Attributes),
            Some(key) if key.starts_with('[') => key_of(key).map(Target::Attribute),
            _ => fields().find(|field| field.name == rest).map(Target::Fixed),
        };
        match target {
            Some(target) => Ok(Path { context, target }),
            None => Err(PathError::Field {
                path: path.to_owned(),
                context: context.prefix(),
                known: fields()
                    .map(|field| field.name)
                    .collect::<Vec<_>>()
                    .join(", "),
                attributes: context.attributes(),
            }),
        }
    }

    /// The trace ids of items.
    pub(crate) fn trace_ids() -> impl Iterator<Item = Path> {
        let is_trace_id = |field: &&Field| {
            matches!(field.context, Context::Span | Context::Log) && field.name == "trace_id"
        };
        FIELDS.iter().filter(is_trace_id).map(|field| Path {
            context: field.context,
            target: Target::Fixed(field),
        })
    }

    /// The key, of a path that names one attribute.
    pub(crate) fn key(&self) -> Option<&str> {
        match &self.target {
            Target::Attribute(key) => Some(key),
            Target::Attributes | Target::Fixed(_) | Target::Request(_) => None,
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
            Target::Request(_) => false,
        }
    }

    /// Whether whoever may use this path may use another: the same one, or one attribute of this list.
    pub fn covers(&self, other: &Path) -> bool {
        self == other
            || (self.context == other.context
                && self.target == Target::Attributes
                && matches!(other.target, Target::Attribute(_)))
    }
}

/// The key of `["key"]`.
fn key_of(bracketed: &str) -> Option<Box<str>> {
    let key = bracketed.strip_prefix("[\"")?;
    unescape(key.strip_suffix("\"]")?)
}

/// As it stands between quotes in a path.
fn escape(key: &str) -> String {
    key.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Resolves `\"` and `\\`; `None` for any other use of a quote or backslash.
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
        let (prefix, attributes) = (self.context.prefix(), self.context.attributes());
        match &self.target {
            Target::Fixed(fixed) => write!(out, "{prefix}.{}", fixed.name),
            Target::Attributes => write!(out, "{prefix}.{attributes}"),
            Target::Attribute(key) => {
                write!(out, "{prefix}.{attributes}[\"{}\"]", escape(key))
            }
            Target::Request(RequestField::ClientAddress) => {
                write!(out, "{REQUEST}.{CLIENT_ADDRESS}")
            }
            Target::Request(RequestField::Metadata(header)) => {
                write!(out, "{REQUEST}.{METADATA}[\"{}\"]", escape(header))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_named_by_its_path() {
        let fields = FIELDS.iter().map(|field| {
            let path = format!("{}.{}", field.context.prefix(), field.name);
            (path, field.context, field.writable)
        });
        let attributes = Context::ALL.into_iter().flat_map(|context| {
            let list = format!("{}.{}", context.prefix(), context.attributes());
            let one = format!("{list}[\"a \\\"quoted\\\" \\\\ key\"]");
            [(list, context, true), (one, context, true)]
        });
        for (path, context, writable) in fields.chain(attributes) {
            let parsed = Path::parse(&path).unwrap();
            assert_eq!(parsed.to_string(), path);
            assert_eq!(
                (parsed.context(), parsed.is_writable()),
                (context, writable)
            );
        }
    }

    #[test]
    fn what_is_known_of_a_request_stands_beside_its_resources_and_is_not_written() {
        for path in [
            "request.client.address",
            "request.metadata[\"X-Tenant \\\"1\\\"\"]",
        ] {
            let parsed = Path::parse(path).unwrap();
            assert_eq!(parsed.to_string(), path);
            assert_eq!(parsed.context(), Context::Resource);
            assert!(!parsed.is_writable() && parsed.key().is_none());
            assert!(parsed.covers(&parsed));
            assert!(!Path::parse("resource.attributes").unwrap().covers(&parsed));
        }
    }

    #[test]
    fn what_is_no_field_is_refused_with_those_there_are() {
        let error = |path| Path::parse(path).unwrap_err().to_string();
        assert_eq!(
            error("metric.attributes"),
            "`metric.attributes` names no field of a metric; it has name, description, unit, type, \
             aggregation_temporality, is_monotonic, metadata and metadata[\"key\"]"
        );
        assert_eq!(
            error("logs.body"),
            "`logs.body` starts with no context; write resource., scope., span., spanevent., spanlink., \
             log., metric., datapoint. or request. before the field"
        );
        assert_eq!(
            error("request.header"),
            "`request.header` is nothing that is known of a request; there are request.client.address and \
             request.metadata[\"header\"]"
        );
        for path in [
            "",
            "log",
            "log.",
            "log.attributesx",
            "log.attributes[k]",
            "log.attributes[\"k\"",
            "log.attributes[\"a\"b\"]",
            "log.attributes[\"\\n\"]",
            "log.bod",
            "datapoint.metadata",
            "request",
            "request.metadata",
            "request.metadata[k]",
            "request.client.address.port",
        ] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
