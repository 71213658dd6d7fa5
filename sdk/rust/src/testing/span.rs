//! Spans to test with.

use spanmill_model::Signal;

use super::attr::{AttrList, attributed};
use super::items::{Item, Items};
use super::message::{Io, Message};

attributed!(Span, Event, Link);

/// Spans that travel together.
pub type Spans = Items<Span>;

impl Spans {
    /// Adds a span.
    #[must_use]
    pub fn span(self, span: Span) -> Self {
        self.item(span)
    }

    /// Every span, in order.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        self.items()
    }
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

impl Item for Span {
    const SIGNAL: Signal = Signal::Traces;
}

impl Message for Span {
    fn fields(&mut self, io: &mut Io<'_>) {
        io.id(1, &mut self.trace_id);
        io.id(2, &mut self.span_id);
        io.text(3, &mut self.trace_state);
        io.id(4, &mut self.parent_span_id);
        io.text(5, &mut self.name);
        io.varint(6, &mut self.kind);
        io.fixed64(7, &mut self.start_time_unix_nano);
        io.fixed64(8, &mut self.end_time_unix_nano);
        io.attributes(9, &mut self.attributes);
        io.varint(10, &mut self.dropped_attributes_count);
        io.messages(11, &mut self.events);
        io.varint(12, &mut self.dropped_events_count);
        io.messages(13, &mut self.links);
        io.varint(14, &mut self.dropped_links_count);
        let (code, message) = (&mut self.status_code, &mut self.status_message);
        io.nested(15, false, |io| {
            io.text(2, message);
            io.varint(3, code);
        });
        io.fixed32(16, &mut self.flags);
    }
}

impl Message for Event {
    fn fields(&mut self, io: &mut Io<'_>) {
        io.fixed64(1, &mut self.time_unix_nano);
        io.text(2, &mut self.name);
        io.attributes(3, &mut self.attributes);
        io.varint(4, &mut self.dropped_attributes_count);
    }
}

impl Message for Link {
    fn fields(&mut self, io: &mut Io<'_>) {
        io.id(1, &mut self.trace_id);
        io.id(2, &mut self.span_id);
        io.text(3, &mut self.trace_state);
        io.attributes(4, &mut self.attributes);
        io.varint(5, &mut self.dropped_attributes_count);
        io.fixed32(6, &mut self.flags);
    }
}
