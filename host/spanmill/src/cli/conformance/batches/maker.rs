//! Makes telemetry from a seed.

mod metrics;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

/// The kind of telemetry to make.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Taste {
    /// Typical of SDKs.
    Usual,
    /// Without any optional field.
    Bare,
    /// Unusual but valid.
    Odd,
}

pub(super) struct Maker<'a> {
    state: u64,
    keys: &'a [String],
    taste: Taste,
}

/// Keys that any plugin may meet.
const KEYS: [&str; 8] = [
    "http.route",
    "http.response.status_code",
    "service.name",
    "user.email",
    "db.statement",
    "sampling.priority",
    "",
    "schlüssel",
];

const TEXTS: [&str; 8] = [
    "GET /orders/{id}",
    "jane.doe@example.com",
    "4111 1111 1111 1111",
    "",
    "ok",
    "\u{0}\u{7f}\r\n\t\"\\",
    "größer als 多い 🙂",
    "12.5",
];

impl<'a> Maker<'a> {
    pub(super) fn new(seed: u64, keys: &'a [String], taste: Taste) -> Self {
        Maker {
            state: seed,
            keys,
            taste,
        }
    }

    /// A random number (splitmix64).
    fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A random number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.number().checked_rem(limit).unwrap_or(0)
    }

    /// Returns true once in `times` calls on average.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn pick<T: Copy>(&mut self, list: &[T], otherwise: T) -> T {
        let at = self.below(list.len() as u64);
        let at = usize::try_from(at).unwrap_or(0);
        list.get(at).copied().unwrap_or(otherwise)
    }

    fn text(&mut self) -> String {
        if self.taste == Taste::Bare {
            return String::new();
        }
        if self.taste == Taste::Odd && self.once_in(200) {
            return "x".repeat(70_000);
        }
        let text = self.pick(&TEXTS, "");
        match self.once_in(3) {
            true => format!("{text} {}", self.below(50)),
            false => text.to_owned(),
        }
    }

    /// A time, a count or flags; now and then an extreme value.
    fn edge(&mut self, usual: u64) -> u64 {
        let taste = self.taste;
        match taste {
            Taste::Bare => 0,
            Taste::Odd if self.once_in(4) => self.pick(&[0, 1, u64::MAX, u64::MAX - 1], 0),
            _ => usual + self.below(1_000_000),
        }
    }

    fn code(&mut self, usual: u64) -> i32 {
        let taste = self.taste;
        match taste {
            Taste::Bare => 0,
            Taste::Odd if self.once_in(5) => self.pick(&[-1, 77, i32::MAX, i32::MIN], 0),
            _ => i32::try_from(self.below(usual)).unwrap_or(0),
        }
    }

    fn id(&mut self, length: usize) -> Vec<u8> {
        if self.taste == Taste::Bare || (self.taste == Taste::Odd && self.once_in(5)) {
            return Vec::new();
        }
        if self.taste == Taste::Odd && self.once_in(5) {
            return vec![0; length];
        }
        let bytes = [self.below(20) + 1, self.number()].map(u64::to_be_bytes);
        bytes.concat().into_iter().rev().take(length).collect()
    }

    fn value(&mut self, depth: u32) -> Option<AnyValue> {
        let kind = match self.taste {
            Taste::Usual => self.below(6),
            _ => self.below(10),
        };
        let value = match kind {
            0..=2 => Value::StringValue(self.text()),
            3 => Value::IntValue(self.number() as i64),
            4 => Value::BoolValue(self.once_in(2)),
            5 => Value::DoubleValue(self.double()),
            6 => Value::BytesValue(self.id(8)),
            7 if depth > 0 => Value::ArrayValue(ArrayValue {
                values: (0..self.below(4))
                    .map(|_| self.value(depth - 1).unwrap_or_default())
                    .collect(),
            }),
            8 if depth > 0 => Value::KvlistValue(KeyValueList {
                values: self.attributes(depth - 1),
            }),
            9 => return None,
            _ => return Some(AnyValue { value: None }),
        };
        Some(AnyValue { value: Some(value) })
    }

    fn double(&mut self) -> f64 {
        let taste = self.taste;
        match taste {
            Taste::Odd if self.once_in(4) => self.pick(
                &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324],
                0.0,
            ),
            _ => self.below(100_000) as f64 / 8.0,
        }
    }

    fn attributes(&mut self, depth: u32) -> Vec<KeyValue> {
        if self.taste == Taste::Bare {
            return Vec::new();
        }
        let count = self.below(8);
        let keys = self.keys;
        let key = |maker: &mut Self| {
            let at = usize::try_from(maker.below(keys.len() as u64)).unwrap_or(0);
            match keys.get(at) {
                Some(key) if !maker.once_in(3) => key.clone(),
                _ => maker.pick(&KEYS, "").to_owned(),
            }
        };
        let mut attributes: Vec<KeyValue> = Vec::new();
        for _ in 0..count {
            let key = key(self);
            // The same key twice is odd.
            if self.taste == Taste::Odd || attributes.iter().all(|known| known.key != key) {
                let value = self.value(depth);
                attributes.push(KeyValue {
                    key,
                    value,
                    ..KeyValue::default()
                });
            }
        }
        attributes
    }

    fn resource(&mut self) -> Option<Resource> {
        if self.taste == Taste::Bare {
            return None;
        }
        Some(Resource {
            attributes: self.attributes(2),
            ..Resource::default()
        })
    }

    fn scope(&mut self) -> Option<InstrumentationScope> {
        if self.taste == Taste::Bare {
            return None;
        }
        Some(InstrumentationScope {
            name: self.text(),
            version: self.text(),
            attributes: self.attributes(1),
            ..InstrumentationScope::default()
        })
    }

    /// Spans: `items` in each of `resources` resources.
    pub(super) fn traces(&mut self, items: usize, resources: usize) -> ExportTraceServiceRequest {
        let resource_spans = (0..resources).map(|_| ResourceSpans {
            resource: self.resource(),
            scope_spans: vec![ScopeSpans {
                scope: self.scope(),
                spans: (0..items).map(|_| self.span()).collect(),
                schema_url: String::new(),
            }],
            schema_url: self.text(),
        });
        ExportTraceServiceRequest {
            resource_spans: resource_spans.collect(),
        }
    }

    fn span(&mut self) -> Span {
        let few = |maker: &mut Self| match maker.taste {
            Taste::Bare => 0,
            _ => maker.below(3),
        };
        let (events, links) = (few(self), few(self));
        let start = self.edge(1_577_836_800_000_000_000);
        Span {
            trace_id: self.id(16),
            span_id: self.id(8),
            parent_span_id: self.id(8),
            trace_state: match self.once_in(4) {
                true => self.text(),
                false => String::new(),
            },
            name: self.text(),
            kind: self.code(6),
            start_time_unix_nano: start,
            end_time_unix_nano: match self.taste {
                Taste::Odd => self.edge(1_577_836_800_000_000_000),
                _ => start.saturating_add(self.below(1_000_000_000)),
            },
            attributes: self.attributes(3),
            events: (0..events)
                .map(|_| Event {
                    time_unix_nano: start,
                    name: self.text(),
                    attributes: self.attributes(1),
                    ..Event::default()
                })
                .collect(),
            links: (0..links)
                .map(|_| Link {
                    trace_id: self.id(16),
                    span_id: self.id(8),
                    attributes: self.attributes(1),
                    ..Link::default()
                })
                .collect(),
            status: (self.taste != Taste::Bare).then(|| Status {
                message: self.text(),
                code: self.code(3),
            }),
            flags: self.edge(1) as u32,
            ..Span::default()
        }
    }

    /// Log records: `items` in each of `resources` resources.
    pub(super) fn logs(&mut self, items: usize, resources: usize) -> ExportLogsServiceRequest {
        let resource_logs = (0..resources).map(|_| ResourceLogs {
            resource: self.resource(),
            scope_logs: vec![ScopeLogs {
                scope: self.scope(),
                log_records: (0..items).map(|_| self.log()).collect(),
                schema_url: self.text(),
            }],
            schema_url: String::new(),
        });
        ExportLogsServiceRequest {
            resource_logs: resource_logs.collect(),
        }
    }

    fn log(&mut self) -> LogRecord {
        LogRecord {
            time_unix_nano: self.edge(1_577_836_800_000_000_000),
            observed_time_unix_nano: self.edge(1_577_836_800_000_000_000),
            severity_number: self.code(25),
            severity_text: self.text(),
            body: match self.taste {
                Taste::Bare => None,
                _ => self.value(3),
            },
            attributes: self.attributes(3),
            flags: self.edge(1) as u32,
            trace_id: self.id(16),
            span_id: self.id(8),
            event_name: match self.once_in(4) {
                true => self.text(),
                false => String::new(),
            },
            ..LogRecord::default()
        }
    }
}
