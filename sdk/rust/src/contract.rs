//! What a plugin declares, and the handles it reads and writes fields by.

use spanmill_model::{Context, Signal};

/// Where a declared field stands in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) context: Context,
    pub(crate) column: u32,
}

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub(crate) Place);
    )*};
}

handles!(
    /// A text field, such as `span.name`.
    TextField,
    /// A field of kinds, codes, flags or counts.
    NarrowField,
    /// A field of times or span ids.
    WideField,
    /// A field of trace ids.
    TraceIdField,
    /// A field whose type varies, such as `log.body` or `datapoint.value`.
    CellField,
    /// One attribute by key.
    AttributeField,
    /// A whole attribute list.
    ListField
);

/// A field that the plugin may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteField(pub(crate) u32);

/// One of the plugin's own counters, which its operator sees in `spanmill plugin status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter(&'static str);

impl Counter {
    /// Adds to it. Call once a batch, not once a row.
    pub fn add(self, delta: u64) {
        crate::calls::count(self.0, delta);
    }
}

/// Which batches an instance must see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharding {
    /// Any.
    #[default]
    None,
    /// All rows of a trace go to the same instance.
    ByTrace,
    /// Every batch goes to the one instance.
    Whole,
}

/// Collects what a plugin needs: signals and fields. Paths are those of the WIT's `batch`; naming one twice returns
/// the same handle.
#[derive(Clone, Debug)]
pub struct Contract {
    pub(crate) signals: Vec<Signal>,
    pub(crate) reads: Vec<String>,
    pub(crate) writes: Vec<String>,
    places: Vec<Place>,
    sharding: Sharding,
}

impl Default for Contract {
    /// Takes traces, and nothing of them.
    fn default() -> Self {
        Contract {
            signals: vec![Signal::Traces],
            reads: Vec::new(),
            writes: Vec::new(),
            places: Vec::new(),
            sharding: Sharding::None,
        }
    }
}

/// The context that a path belongs to; `None` if it names none.
pub(crate) fn context_of(path: &str) -> Option<Context> {
    let (prefix, _) = path.split_once('.')?;
    match prefix {
        // Stands in the table of resources.
        "request" => Some(Context::Resource),
        prefix => Context::with_prefix(prefix),
    }
}

/// The path of a whole attribute list: `span.attributes`, or `metric.metadata`.
pub fn attributes_path(context: Context) -> String {
    format!("{}.{}", context.prefix(), context.attributes())
}

/// The path of one attribute: `span.attributes["http.route"]`.
pub fn attribute_path(context: Context, key: &str) -> String {
    let key = key.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{}[\"{key}\"]", attributes_path(context))
}

impl Contract {
    /// Declares the signals that the plugin takes under its settings, in place of those before; without a call,
    /// traces. At least one, none twice; every field must belong to one of them.
    pub fn take(&mut self, signals: impl IntoIterator<Item = Signal>) {
        self.signals = signals.into_iter().collect();
    }

    fn read(&mut self, path: String) -> Place {
        if let Some(known) = self.reads.iter().position(|read| *read == path) {
            return self.places[known];
        }
        let context = context_of(&path)
            .unwrap_or_else(|| panic!("{path} names no context; it should start like `span.`"));
        let column = self
            .places
            .iter()
            .filter(|place| place.context == context)
            .count() as u32;
        let place = Place { context, column };
        self.reads.push(path);
        self.places.push(place);
        place
    }

    /// Reads a text field.
    pub fn read_text(&mut self, path: &str) -> TextField {
        TextField(self.read(path.to_owned()))
    }

    /// Reads a field of kinds, codes, flags or counts.
    pub fn read_narrow(&mut self, path: &str) -> NarrowField {
        NarrowField(self.read(path.to_owned()))
    }

    /// Reads a field of times or span ids.
    pub fn read_wide(&mut self, path: &str) -> WideField {
        WideField(self.read(path.to_owned()))
    }

    /// Reads a field whose type varies, such as `log.body` or `datapoint.value`.
    pub fn read_cells(&mut self, path: &str) -> CellField {
        CellField(self.read(path.to_owned()))
    }

    /// Reads `span.trace_id`, `spanlink.trace_id` or `log.trace_id`.
    pub fn read_trace_id(&mut self, path: &str) -> TraceIdField {
        TraceIdField(self.read(path.to_owned()))
    }

    /// Reads one attribute by key.
    pub fn read_attribute(&mut self, context: Context, key: &str) -> AttributeField {
        AttributeField(self.read(attribute_path(context, key)))
    }

    /// Reads every attribute of a context.
    pub fn read_attributes(&mut self, context: Context) -> ListField {
        ListField(self.read(attributes_path(context)))
    }

    /// Reads a header of the request that a batch came in, or an entry of its gRPC metadata: the same value in every row of the
    /// table of resources, and an array if the header stands several times. Absent unless the receiver keeps headers.
    pub fn read_metadata(&mut self, header: &str) -> AttributeField {
        let header = header.replace('\\', "\\\\").replace('"', "\\\"");
        AttributeField(self.read(format!("request.metadata[\"{header}\"]")))
    }

    /// Reads the IP address of a request's sender: the same in every row of the table of resources, or absent.
    pub fn read_client_address(&mut self) -> TextField {
        self.read_text("request.client.address")
    }

    /// Declares a field that the plugin writes, by its path.
    pub fn write(&mut self, path: &str) -> WriteField {
        if let Some(known) = self.writes.iter().position(|write| write == path) {
            return WriteField(known as u32);
        }
        self.writes.push(path.to_owned());
        WriteField(self.writes.len() as u32 - 1)
    }

    /// Declares one attribute that the plugin writes.
    pub fn write_attribute(&mut self, context: Context, key: &str) -> WriteField {
        self.write(&attribute_path(context, key))
    }

    /// Declares that the plugin writes any attribute of a context.
    pub fn write_attributes(&mut self, context: Context) -> WriteField {
        self.write(&attributes_path(context))
    }

    /// Declares a counter, at most 64 of them; names are lower_snake_case. None can be added once the plugin is
    /// configured, so no name can carry an attribute's value.
    pub fn counter(&mut self, name: &'static str) -> Counter {
        crate::calls::count(name, 0);
        Counter(name)
    }

    /// Asks for batches to be sharded; without a call they are not.
    pub fn shard(&mut self, sharding: Sharding) {
        self.sharding = sharding;
    }

    /// The signals taken.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The paths read, in declaration order.
    pub fn reads(&self) -> &[String] {
        &self.reads
    }

    /// The paths written, in declaration order.
    pub fn writes(&self) -> &[String] {
        &self.writes
    }

    /// How batches are sharded.
    pub fn sharding(&self) -> Sharding {
        self.sharding
    }
}
