//! OTLP's messages and what their fields hold: opentelemetry/proto/{common,resource,trace,logs,metrics}/v1, as
//! released in 1.x.

/// A message type whose inside is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Resource,
    Scope,
    Span,
    Event,
    Link,
    Status,
    Log,
    Metric,
    /// A gauge or a summary, which have points and nothing else.
    Gauge,
    Sum,
    /// A histogram or an exponential histogram.
    Histogram,
    NumberPoint,
    HistogramPoint,
    ExponentialPoint,
    Buckets,
    SummaryPoint,
    Quantile,
    Exemplar,
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
    /// Any number of varints, packed or not.
    Varints,
    /// Any number of eight bytes each, packed or not.
    Fixed64s,
    /// An id of `n` bytes, or an empty one.
    Id(u8),
    Text,
    Message(Message),
}

use Kind::{Bytes, Fixed32, Fixed64, Fixed64s, Id, Text, Unknown, Varint, Varints};

const TRACE_ID: Kind = Id(16);
const SPAN_ID: Kind = Id(8);
const KEY_VALUE: Kind = Kind::Message(Message::KeyValue);
const EXEMPLAR: Kind = Kind::Message(Message::Exemplar);
const BUCKETS: Kind = Kind::Message(Message::Buckets);

impl Message {
    /// The first byte of an attribute, a one-byte tag; 0 where there are none.
    pub(crate) const fn attribute_tag(self) -> u8 {
        let number = match self {
            Message::Resource | Message::KeyValueList | Message::ExponentialPoint => 1,
            Message::Scope | Message::Event => 3,
            Message::Link => 4,
            Message::Log => 6,
            Message::NumberPoint | Message::SummaryPoint | Message::Exemplar => 7,
            Message::Span | Message::HistogramPoint => 9,
            Message::Metric => 12,
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
            Message::Log => &[
                Unknown,
                Fixed64,
                Varint,
                Text,
                Unknown,
                Kind::Message(Message::AnyValue),
                KEY_VALUE,
                Varint,
                Fixed32,
                TRACE_ID,
                SPAN_ID,
                Fixed64,
                Text,
            ],
            // The index walks what holds the points, and the points.
            Message::Metric => &[
                Unknown, Text, Text, Text, Unknown, Unknown, Unknown, Unknown, Unknown, Unknown,
                Unknown, Unknown, KEY_VALUE,
            ],
            Message::Gauge => &[],
            Message::Sum => &[Unknown, Unknown, Varint, Varint],
            Message::Histogram => &[Unknown, Unknown, Varint],
            Message::NumberPoint => &[
                Unknown, Unknown, Fixed64, Fixed64, Fixed64, EXEMPLAR, Fixed64, KEY_VALUE, Varint,
            ],
            Message::HistogramPoint => &[
                Unknown, Unknown, Fixed64, Fixed64, Fixed64, Fixed64, Fixed64s, Fixed64s, EXEMPLAR,
                KEY_VALUE, Varint, Fixed64, Fixed64,
            ],
            Message::ExponentialPoint => &[
                Unknown, KEY_VALUE, Fixed64, Fixed64, Fixed64, Fixed64, Varint, Fixed64, BUCKETS,
                BUCKETS, Varint, EXEMPLAR, Fixed64, Fixed64, Fixed64,
            ],
            Message::Buckets => &[Unknown, Varint, Varints],
            Message::SummaryPoint => &[
                Unknown,
                Unknown,
                Fixed64,
                Fixed64,
                Fixed64,
                Fixed64,
                Kind::Message(Message::Quantile),
                KEY_VALUE,
                Varint,
            ],
            Message::Quantile => &[Unknown, Fixed64, Fixed64],
            Message::Exemplar => &[
                Unknown, Unknown, Fixed64, Fixed64, SPAN_ID, TRACE_ID, Fixed64, KEY_VALUE,
            ],
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
