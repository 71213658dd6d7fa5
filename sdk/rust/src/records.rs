//! The trait of a plugin that makes spans or log records, and what it makes.

use serde::de::DeserializeOwned;
use spanmill_model::{Context, Signal};

use crate::outcome::OwnedCells;
use crate::{
    ABSENT, Batch, Cell, ConfigError, Contract, PluginError, attribute_path, attributes_path,
};

/// A record connector: makes spans or log records of what it sees.
pub trait RecordConnector: Sized {
    /// The settings, as for a processor.
    type Config: DeserializeOwned;

    /// Takes the settings, declares the fields it reads and those that its records have.
    ///
    /// # Errors
    ///
    /// Every mistake in the settings.
    fn configure(
        config: Self::Config,
        contract: &mut Contract,
    ) -> Result<(Self, RecordStream), ConfigError>;

    /// Takes one batch.
    ///
    /// # Errors
    ///
    /// Why the batch, or the plugin, is of no use. The records are then thrown away.
    fn process(&mut self, batch: &Batch<'_>, records: &mut Records) -> Result<(), PluginError>;
}

/// The kinds of columns that records have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Narrow,
    Wide,
    TraceId,
    Text,
    Cells,
    Attributes,
}

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(usize);
    )*};
}

handles!(
    /// A field of kinds, codes, flags or counts that records have.
    RecordNarrow,
    /// A field of times or span ids that records have.
    RecordWide,
    /// The trace ids of records.
    RecordTraceId,
    /// A text field that records have.
    RecordText,
    /// A body, or one attribute by key, that records have.
    RecordCell,
    /// The attributes of records.
    RecordList
);

/// The records that a plugin makes: what they are, and the fields they have.
#[derive(Clone, Debug)]
pub struct RecordStream {
    signal: Signal,
    fields: Vec<(String, Kind)>,
    scope_name: String,
    scope_version: String,
}

impl RecordStream {
    /// Log records or spans of one instrumentation scope; an empty name or version is none.
    pub fn new(signal: Signal, scope_name: &str, scope_version: &str) -> Self {
        RecordStream {
            signal,
            fields: Vec::new(),
            scope_name: scope_name.to_owned(),
            scope_version: scope_version.to_owned(),
        }
    }

    fn field(&mut self, path: String, kind: Kind) -> usize {
        if let Some(known) = self.fields.iter().position(|(known, _)| *known == path) {
            return known;
        }
        self.fields.push((path, kind));
        self.fields.len() - 1
    }

    fn item(&self) -> Context {
        self.signal.item()
    }

    /// Fills a field of kinds, codes, flags or counts, such as `log.severity_number`.
    pub fn narrow(&mut self, path: &str) -> RecordNarrow {
        RecordNarrow(self.field(path.to_owned(), Kind::Narrow))
    }

    /// Fills a field of times or span ids, such as `log.time_unix_nano`.
    pub fn wide(&mut self, path: &str) -> RecordWide {
        RecordWide(self.field(path.to_owned(), Kind::Wide))
    }

    /// Fills the trace id.
    pub fn trace_id(&mut self) -> RecordTraceId {
        let path = format!("{}.trace_id", self.item().prefix());
        RecordTraceId(self.field(path, Kind::TraceId))
    }

    /// Fills a text field, such as `log.severity_text`.
    pub fn text(&mut self, path: &str) -> RecordText {
        RecordText(self.field(path.to_owned(), Kind::Text))
    }

    /// Fills `log.body`.
    pub fn body(&mut self) -> RecordCell {
        RecordCell(self.field("log.body".to_owned(), Kind::Cells))
    }

    /// Fills one attribute by key.
    pub fn attribute(&mut self, key: &str) -> RecordCell {
        let path = attribute_path(self.item(), key);
        RecordCell(self.field(path, Kind::Cells))
    }

    /// Fills the whole list of attributes; with it no single ones.
    pub fn attributes(&mut self) -> RecordList {
        let path = attributes_path(self.item());
        RecordList(self.field(path, Kind::Attributes))
    }

    /// What the records are.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// The paths filled, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(path, _)| path.as_str())
    }

    #[doc(hidden)]
    pub fn into_parts(self) -> (Signal, Vec<String>, String, String) {
        let fields = self.fields.into_iter().map(|(path, _)| path).collect();
        (self.signal, fields, self.scope_name, self.scope_version)
    }
}

/// One field of all records.
#[derive(Clone, Debug)]
#[doc(hidden)]
pub enum RecordColumn {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
    TraceId(Vec<u64>),
    Text(Vec<u32>),
    Cells(OwnedCells),
    Attributes {
        ends: Vec<u32>,
        keys: Vec<u32>,
        values: OwnedCells,
    },
}

/// The records made of one batch. A field that is not set is absent.
#[derive(Clone, Debug)]
pub struct Records {
    first_text: u32,
    #[doc(hidden)]
    pub text_ends: Vec<u32>,
    #[doc(hidden)]
    pub text_bytes: Vec<u8>,
    #[doc(hidden)]
    pub resources: Vec<u32>,
    #[doc(hidden)]
    pub columns: Vec<RecordColumn>,
}

impl Records {
    /// No records yet, for a batch.
    pub fn new(batch: &Batch<'_>, stream: &RecordStream) -> Self {
        let column = |(_, kind): &(String, Kind)| match kind {
            Kind::Narrow => RecordColumn::Narrow(Vec::new()),
            Kind::Wide => RecordColumn::Wide(Vec::new()),
            Kind::TraceId => RecordColumn::TraceId(Vec::new()),
            Kind::Text => RecordColumn::Text(Vec::new()),
            Kind::Cells => RecordColumn::Cells(OwnedCells::default()),
            Kind::Attributes => RecordColumn::Attributes {
                ends: Vec::new(),
                keys: Vec::new(),
                values: OwnedCells::default(),
            },
        };
        Records {
            first_text: batch.texts.len() as u32,
            text_ends: Vec::new(),
            text_bytes: Vec::new(),
            resources: Vec::new(),
            columns: stream.fields.iter().map(column).collect(),
        }
    }

    /// Begins a record that carries over the resource with this row. Rows never decrease from record to record.
    pub fn add(&mut self, resource: u32) {
        self.resources.push(resource);
        for column in &mut self.columns {
            match column {
                RecordColumn::Narrow(values) => values.push(0),
                RecordColumn::Wide(values) => values.push(0),
                RecordColumn::TraceId(words) => words.extend([0, 0]),
                RecordColumn::Text(indices) => indices.push(ABSENT),
                RecordColumn::Cells(cells) => cells.push(Cell::Absent),
                RecordColumn::Attributes { ends, keys, .. } => ends.push(keys.len() as u32),
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Adds a text, and returns the index to write it by.
    pub fn new_text(&mut self, text: &str) -> u32 {
        self.new_bytes(text.as_bytes())
    }

    /// Adds bytes, or an encoded array or map, and returns the index to write it by.
    pub fn new_bytes(&mut self, bytes: &[u8]) -> u32 {
        self.text_bytes.extend_from_slice(bytes);
        self.text_ends.push(self.text_bytes.len() as u32);
        self.first_text + self.text_ends.len() as u32 - 1
    }

    /// Sets a field of the record begun last.
    pub fn narrow(&mut self, field: RecordNarrow, value: u32) {
        if let Some(RecordColumn::Narrow(values)) = self.columns.get_mut(field.0)
            && let Some(last) = values.last_mut()
        {
            *last = value;
        }
    }

    /// Sets a field of the record begun last; times in ns since 1970.
    pub fn wide(&mut self, field: RecordWide, value: u64) {
        if let Some(RecordColumn::Wide(values)) = self.columns.get_mut(field.0)
            && let Some(last) = values.last_mut()
        {
            *last = value;
        }
    }

    /// Sets the trace id of the record begun last, as two words, the high one first.
    pub fn trace_id(&mut self, field: RecordTraceId, words: [u64; 2]) {
        if let Some(RecordColumn::TraceId(ids)) = self.columns.get_mut(field.0)
            && let Some(last) = ids.last_chunk_mut::<2>()
        {
            *last = words;
        }
    }

    /// Sets a field of the record begun last: a text of the batch, or from [`Records::new_text`].
    pub fn text(&mut self, field: RecordText, text: u32) {
        if let Some(RecordColumn::Text(indices)) = self.columns.get_mut(field.0)
            && let Some(last) = indices.last_mut()
        {
            *last = text;
        }
    }

    /// Sets the body, or one attribute, of the record begun last.
    pub fn cell(&mut self, field: RecordCell, value: Cell) {
        if let Some(RecordColumn::Cells(cells)) = self.columns.get_mut(field.0) {
            cells.pop();
            cells.push(value);
        }
    }

    /// Adds an attribute to the record begun last, which must not have the key yet. An absent value adds nothing.
    pub fn entry(&mut self, field: RecordList, key: u32, value: Cell) {
        if let Some(RecordColumn::Attributes { ends, keys, values }) = self.columns.get_mut(field.0)
            && let Some(last) = ends.last_mut()
            && value != Cell::Absent
        {
            keys.push(key);
            values.push(value);
            *last = keys.len() as u32;
        }
    }
}
