//! Spans to test with, and their builder.

use crate::Value;
use crate::nested;

/// An attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Attr {
    /// A key without a value.
    Empty,
    /// A string.
    Text(String),
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An array.
    Array(Vec<Attr>),
    /// A map.
    Map(Vec<(String, Attr)>),
}

impl Attr {
    pub(super) fn with_value(&self, take: &mut dyn FnMut(Value<'_>)) {
        match self {
            Attr::Empty => take(Value::Empty),
            Attr::Text(text) => take(Value::Text(text)),
            Attr::Bool(flag) => take(Value::Bool(*flag)),
            Attr::Int(number) => take(Value::Int(*number)),
            Attr::Double(number) => take(Value::Double(*number)),
            Attr::Bytes(bytes) => take(Value::Bytes(bytes)),
            Attr::Array(items) => {
                let mut encoded = Vec::new();
                for item in items {
                    item.with_value(&mut |value| nested::push_item(&mut encoded, &value));
                }
                take(Value::Array(&encoded))
            }
            Attr::Map(entries) => {
                let mut encoded = Vec::new();
                for (key, entry) in entries {
                    entry.with_value(&mut |value| nested::push_entry(&mut encoded, key, &value));
                }
                take(Value::Map(&encoded))
            }
        }
    }

    pub(super) fn from_value(value: Value<'_>) -> Option<Attr> {
        Some(match value {
            Value::Absent => return None,
            Value::Empty => Attr::Empty,
            Value::Text(text) => Attr::Text(text.to_owned()),
            Value::Bool(flag) => Attr::Bool(flag),
            Value::Int(number) => Attr::Int(number),
            Value::Double(number) => Attr::Double(number),
            Value::Bytes(bytes) => Attr::Bytes(bytes.to_vec()),
            Value::Array(array) => {
                Attr::Array(nested::items(array).filter_map(Attr::from_value).collect())
            }
            Value::Map(map) => Attr::Map(
                nested::entries(map)
                    .filter_map(|(key, value)| Some((key.to_owned(), Attr::from_value(value)?)))
                    .collect(),
            ),
        })
    }
}

impl From<&str> for Attr {
    fn from(text: &str) -> Self {
        Attr::Text(text.to_owned())
    }
}

impl From<String> for Attr {
    fn from(text: String) -> Self {
        Attr::Text(text)
    }
}

impl From<bool> for Attr {
    fn from(flag: bool) -> Self {
        Attr::Bool(flag)
    }
}

impl From<i64> for Attr {
    fn from(number: i64) -> Self {
        Attr::Int(number)
    }
}

impl From<i32> for Attr {
    fn from(number: i32) -> Self {
        Attr::Int(number.into())
    }
}

impl From<f64> for Attr {
    fn from(number: f64) -> Self {
        Attr::Double(number)
    }
}

/// Attributes in the order they are sent.
pub type AttrList = Vec<(String, Attr)>;

/// The first value of a key.
pub fn find<'a>(attributes: &'a AttrList, key: &str) -> Option<&'a Attr> {
    attributes
        .iter()
        .find(|(candidate, _)| candidate == key)
        .map(|(_, value)| value)
}

macro_rules! attributed {
    ($($name:ident),*) => {$(
        impl $name {
            /// Adds an attribute.
            #[must_use]
            pub fn attr(mut self, key: &str, value: impl Into<Attr>) -> Self {
                self.attributes.push((key.to_owned(), value.into()));
                self
            }

            /// The value of an attribute.
            pub fn get(&self, key: &str) -> Option<&Attr> {
                find(&self.attributes, key)
            }

            /// The keys of the attributes, in order.
            pub fn keys(&self) -> Vec<&str> {
                self.attributes.iter().map(|(key, _)| key.as_str()).collect()
            }
        }
    )*};
}
attributed!(Resource, Scope, Span, Event, Link);

/// Where telemetry comes from.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Resource {
    pub attributes: AttrList,
    pub dropped_attributes_count: u32,
    pub schema_url: String,
}

/// An instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Scope {
    pub name: String,
    pub version: String,
    pub attributes: AttrList,
    pub dropped_attributes_count: u32,
    pub schema_url: String,
}

/// A span, with OTLP's fields.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Span {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub parent_span_id: [u8; 8],
    pub trace_state: String,
    pub flags: u32,
    pub name: String,
    pub kind: u32,
    pub start_time_unix_nano: u64,
    pub end_time_unix_nano: u64,
    pub attributes: AttrList,
    pub dropped_attributes_count: u32,
    pub events: Vec<Event>,
    pub dropped_events_count: u32,
    pub links: Vec<Link>,
    pub dropped_links_count: u32,
    pub status_code: u32,
    pub status_message: String,
}

impl Span {
    /// A span with a name and nothing else.
    pub fn new(name: &str) -> Self {
        Span {
            name: name.to_owned(),
            ..Span::default()
        }
    }

    /// OTLP's kind: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    #[must_use]
    pub fn kind(mut self, kind: u32) -> Self {
        self.kind = kind;
        self
    }

    /// OTLP's status code: 0 unset, 1 ok, 2 error.
    #[must_use]
    pub fn status(mut self, code: u32, message: &str) -> Self {
        self.status_code = code;
        self.status_message = message.to_owned();
        self
    }

    /// Trace id and span id.
    #[must_use]
    pub fn ids(mut self, trace_id: u128, span_id: u64) -> Self {
        self.trace_id = trace_id.to_be_bytes();
        self.span_id = span_id.to_be_bytes();
        self
    }

    /// The parent's span id.
    #[must_use]
    pub fn parent(mut self, span_id: u64) -> Self {
        self.parent_span_id = span_id.to_be_bytes();
        self
    }

    /// Start and end, ns since 1970.
    #[must_use]
    pub fn times(mut self, start: u64, end: u64) -> Self {
        self.start_time_unix_nano = start;
        self.end_time_unix_nano = end;
        self
    }

    /// The W3C trace state.
    #[must_use]
    pub fn trace_state(mut self, trace_state: &str) -> Self {
        self.trace_state = trace_state.to_owned();
        self
    }

    /// Adds an event.
    #[must_use]
    pub fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// Adds a link.
    #[must_use]
    pub fn link(mut self, link: Link) -> Self {
        self.links.push(link);
        self
    }

    /// The names of the events, in order.
    pub fn event_names(&self) -> Vec<&str> {
        self.events
            .iter()
            .map(|event| event.name.as_str())
            .collect()
    }
}

/// An event of a span.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Event {
    pub name: String,
    pub time_unix_nano: u64,
    pub attributes: AttrList,
    pub dropped_attributes_count: u32,
}

impl Event {
    /// An event with a name and nothing else.
    pub fn new(name: &str) -> Self {
        Event {
            name: name.to_owned(),
            ..Event::default()
        }
    }
}

/// A link of a span.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Link {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub trace_state: String,
    pub flags: u32,
    pub attributes: AttrList,
    pub dropped_attributes_count: u32,
}

/// The spans of one scope.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct ScopeSpans {
    pub scope: Scope,
    pub spans: Vec<Span>,
}

/// The spans of one resource.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct ResourceSpans {
    pub resource: Resource,
    pub scopes: Vec<ScopeSpans>,
}

/// Spans that travel together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spans {
    /// When the host received them, ns since 1970.
    pub received_unix_nano: u64,
    /// The spans, by resource.
    pub resources: Vec<ResourceSpans>,
}

impl Spans {
    /// No spans yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Spans of one resource without attributes and one scope without a name.
    pub fn of(spans: impl IntoIterator<Item = Span>) -> Self {
        spans.into_iter().fold(Spans::new(), Spans::span)
    }

    /// Starts a resource; what follows belongs to it.
    #[must_use]
    pub fn resource<K: Into<String>, V: Into<Attr>>(
        mut self,
        attributes: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let attributes = attributes
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()));
        self.resources.push(ResourceSpans {
            resource: Resource {
                attributes: attributes.collect(),
                ..Resource::default()
            },
            scopes: Vec::new(),
        });
        self
    }

    /// Starts a scope; the spans that follow belong to it.
    #[must_use]
    pub fn scope(mut self, name: &str, version: &str) -> Self {
        self.last_resource().scopes.push(ScopeSpans {
            scope: Scope {
                name: name.to_owned(),
                version: version.to_owned(),
                ..Scope::default()
            },
            spans: Vec::new(),
        });
        self
    }

    /// Adds a span.
    #[must_use]
    pub fn span(mut self, span: Span) -> Self {
        let resource = self.last_resource();
        if resource.scopes.is_empty() {
            resource.scopes.push(ScopeSpans::default());
        }
        if let Some(scope) = resource.scopes.last_mut() {
            scope.spans.push(span);
        }
        self
    }

    fn last_resource(&mut self) -> &mut ResourceSpans {
        if self.resources.is_empty() {
            self.resources.push(ResourceSpans::default());
        }
        let last = self.resources.len() - 1;
        &mut self.resources[last]
    }

    /// Every span, in order.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        self.resources
            .iter()
            .flat_map(|resource| &resource.scopes)
            .flat_map(|scope| &scope.spans)
    }
}
