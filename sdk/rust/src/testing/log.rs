//! Log records to test with.

use spanmill_model::Signal;

use super::attr::{Attr, AttrList, attributed};
use super::items::{Item, Items};
use super::message::{Io, Message};

attributed!(LogRecord);

/// Log records that travel together.
pub type Logs = Items<LogRecord>;

impl Logs {
    /// Adds a log record.
    #[must_use]
    pub fn log(self, record: LogRecord) -> Self {
        self.item(record)
    }

    /// Every log record, in order.
    pub fn logs(&self) -> impl Iterator<Item = &LogRecord> {
        self.items()
    }
}

/// A log record, with OTLP's fields.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct LogRecord {
    pub time_unix_nano: u64,
    pub observed_time_unix_nano: u64,
    pub severity_number: u32,
    pub severity_text: String,
    pub body: Option<Attr>,
    pub attributes: AttrList,
    pub dropped_attributes_count: u32,
    pub flags: u32,
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub event_name: String,
}

impl LogRecord {
    /// A log record with a body and nothing else.
    pub fn new(body: impl Into<Attr>) -> Self {
        LogRecord {
            body: Some(body.into()),
            ..LogRecord::default()
        }
    }

    /// OTLP's severity number (9 info, 13 warn, 17 error), and its text.
    #[must_use]
    pub fn severity(mut self, number: u32, text: &str) -> Self {
        self.severity_number = number;
        self.severity_text = text.to_owned();
        self
    }

    /// Trace id and span id.
    #[must_use]
    pub fn ids(mut self, trace_id: u128, span_id: u64) -> Self {
        self.trace_id = trace_id.to_be_bytes();
        self.span_id = span_id.to_be_bytes();
        self
    }

    /// When it happened, and when it was first seen, ns since 1970.
    #[must_use]
    pub fn times(mut self, time: u64, observed: u64) -> Self {
        self.time_unix_nano = time;
        self.observed_time_unix_nano = observed;
        self
    }
}

impl Item for LogRecord {
    const SIGNAL: Signal = Signal::Logs;
}

impl Message for LogRecord {
    fn fields(&mut self, io: &mut Io<'_>) {
        io.fixed64(1, &mut self.time_unix_nano);
        io.varint(2, &mut self.severity_number);
        io.text(3, &mut self.severity_text);
        io.any_value(5, &mut self.body);
        io.attributes(6, &mut self.attributes);
        io.varint(7, &mut self.dropped_attributes_count);
        io.fixed32(8, &mut self.flags);
        io.id(9, &mut self.trace_id);
        io.id(10, &mut self.span_id);
        io.fixed64(11, &mut self.observed_time_unix_nano);
        io.text(12, &mut self.event_name);
    }
}
