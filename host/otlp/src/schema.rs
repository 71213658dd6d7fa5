//! Where OTLP's fields stand: opentelemetry/proto/{trace,common,resource}/v1, as released in 1.x.

/// A message type whose inside is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Resource,
    Scope,
    Span,
    Event,
    Link,
    Status,
    KeyValue,
    AnyValue,
    ArrayValue,
    KeyValueList,
    EntityRef,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unknown,
    Varint,
    Fixed64,
    Fixed32,
    Bytes,
    /// An id of so many bytes, or of none.
    Id(u8),
    Text,
    Message(Message),
}

use Kind::{Bytes, Fixed32, Fixed64, Id, Text, Unknown, Varint};

const TRACE_ID: Kind = Id(16);
const SPAN_ID: Kind = Id(8);
const KEY_VALUE: Kind = Kind::Message(Message::KeyValue);

impl Message {
    /// The first byte of an attribute, a one-byte tag; 0 where there are none.
    pub(crate) const fn attribute_tag(self) -> u8 {
        let number = match self {
            Message::Resource | Message::KeyValueList => 1,
            Message::Scope | Message::Event => 3,
            Message::Link => 4,
            Message::Span => 9,
            _ => return 0,
        };
        number << 3 | crate::wire::DELIMITED
    }

    /// What each field holds, by its number.
    pub(crate) const fn fields(self) -> &'static [Kind] {
        match self {
            Message::Resource => &[
                Unknown,
                KEY_VALUE,
                Varint,
                Kind::Message(Message::EntityRef),
            ],
            Message::Scope => &[Unknown, Text, Text, KEY_VALUE, Varint],
            Message::Span => &[
                Unknown,
                TRACE_ID,
                SPAN_ID,
                Text,
                SPAN_ID,
                Text,
                Varint,
                Fixed64,
                Fixed64,
                KEY_VALUE,
                Varint,
                Kind::Message(Message::Event),
                Varint,
                Kind::Message(Message::Link),
                Varint,
                Kind::Message(Message::Status),
                Fixed32,
            ],
            Message::Event => &[Unknown, Fixed64, Text, KEY_VALUE, Varint],
            Message::Link => &[Unknown, TRACE_ID, SPAN_ID, Text, KEY_VALUE, Varint, Fixed32],
            Message::Status => &[Unknown, Unknown, Text, Varint],
            Message::KeyValue => &[Unknown, Text, Kind::Message(Message::AnyValue), Varint],
            Message::AnyValue => &[
                Unknown,
                Text,
                Varint,
                Varint,
                Fixed64,
                Kind::Message(Message::ArrayValue),
                Kind::Message(Message::KeyValueList),
                Bytes,
                Varint,
            ],
            Message::ArrayValue => &[Unknown, Kind::Message(Message::AnyValue)],
            Message::KeyValueList => &[Unknown, KEY_VALUE],
            Message::EntityRef => &[Unknown, Text, Text, Text, Text],
        }
    }
}

/// Field numbers that code names.
pub(crate) mod number {
    /// `resource_spans`, `scope_spans`' wrapper fields.
    pub(crate) const REQUEST_RESOURCE_SPANS: u32 = 1;
    /// In `ResourceSpans` and `ScopeSpans` alike: the resource or scope, the rows below, the schema URL.
    pub(crate) const HEAD: u32 = 1;
    pub(crate) const ROWS: u32 = 2;
    pub(crate) const SCHEMA_URL: u32 = 3;
    pub(crate) const SPAN_EVENTS: u32 = 11;
    pub(crate) const SPAN_LINKS: u32 = 13;
    pub(crate) const SPAN_STATUS: u32 = 15;
    pub(crate) const STATUS_MESSAGE: u32 = 2;
    pub(crate) const STATUS_CODE: u32 = 3;
    pub(crate) const KEY: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
}
