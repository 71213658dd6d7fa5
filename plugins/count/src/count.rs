//! Counts rows by resource and attributes.

use serde_json::Value as Json;
use spanmill_ottl::{Conditions, ErrorMode};
use spanmill_sdk::{
    ABSENT, AttributeField, Batch, Cell, ConfigError, Connector, Context, Contract, Emission,
    Instrument, InstrumentKind, ListField, MetricStream, PluginError, Problems, SeriesAttribute,
    SeriesKey, SeriesNumbers, Signal, Temporality, Values,
};

use crate::settings::{Attribute, Info, Settings};

/// How often counts are sent on.
const FLUSH_NS: u64 = 1_000_000_000;

/// After how long a series that is not counted is forgotten.
const EXPIRATION_NS: u64 = 300_000_000_000;

/// Limit on series altogether.
const SERIES: u32 = 100_000;

/// The count connector.
#[derive(Debug)]
pub struct Count {
    resource: ListField,
    /// In the order of the instruments.
    counters: Vec<Counter>,
    numbers: SeriesNumbers,
    key: SeriesKey,
    /// For each resource of the batch at hand, what tells it apart.
    resources: Vec<Vec<u8>>,
}

/// A metric that counts rows of a context.
#[derive(Debug)]
struct Counter {
    context: Context,
    /// None: every row counts.
    conditions: Option<Conditions>,
    attributes: Vec<Dimension>,
}

/// An attribute by which rows are counted apart.
#[derive(Debug)]
struct Dimension {
    key: String,
    row: AttributeField,
    scope: AttributeField,
    resource: AttributeField,
    default: Option<Fallback>,
}

/// What stands for an attribute that is nowhere.
#[derive(Clone, Debug)]
enum Fallback {
    Text(String),
    Cell(Cell),
}

impl Fallback {
    /// `None` if there is none; an error if a value of this kind cannot be one.
    fn read(value: &Json) -> Result<Option<Self>, &'static str> {
        Ok(Some(match value {
            Json::Null => return Ok(None),
            Json::String(text) => Fallback::Text(text.clone()),
            Json::Bool(value) => Fallback::Cell(Cell::Bool(*value)),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Fallback::Cell(Cell::Int(value)),
                (None, Some(value)) => Fallback::Cell(Cell::Double(value)),
                (None, None) => return Err("is beyond the range of a number"),
            },
            Json::Array(_) | Json::Object(_) => return Err("must be a text, number or boolean"),
        }))
    }

    fn push(&self, key: &mut SeriesKey) {
        match self {
            Fallback::Text(text) => {
                key.number(1);
                key.text(text.as_bytes());
            }
            Fallback::Cell(cell) => {
                let (kind, bits) = cell.into_parts();
                key.number(u32::from(kind));
                key.text(&bits.to_le_bytes());
            }
        }
    }
}

impl Dimension {
    fn new(
        attribute: &Attribute,
        context: Context,
        contract: &mut Contract,
    ) -> Result<Self, &'static str> {
        let mut read = |context| contract.read_attribute(context, &attribute.key);
        Ok(Dimension {
            row: read(context),
            scope: read(Context::Scope),
            resource: read(Context::Resource),
            key: attribute.key.clone(),
            default: Fallback::read(&attribute.default_value)?,
        })
    }
}

impl Counter {
    fn new(
        context: Context,
        info: &Info,
        path: &str,
        contract: &mut Contract,
        problems: &mut Problems,
    ) -> Self {
        // As in the Collector, a condition that cannot be evaluated fails the batch.
        let mut conditions = Conditions::new(context, ErrorMode::Propagate);
        for (place, text) in info.conditions.iter().enumerate() {
            if let Err(error) = conditions.add(text, contract) {
                problems.push(format!("{path}/conditions/{place}"), error.to_string());
            }
        }
        let mut attributes = Vec::new();
        for (place, attribute) in info.attributes.iter().enumerate() {
            let path = format!("{path}/attributes/{place}");
            if context == Context::Metric {
                problems.push(
                    path,
                    "metrics have no attributes; count data points by them",
                );
                continue;
            }
            if attribute.key.is_empty() {
                problems.push(format!("{path}/key"), "must not be empty");
                continue;
            }
            match Dimension::new(attribute, context, contract) {
                Ok(dimension) => attributes.push(dimension),
                Err(why) => problems.push(format!("{path}/default_value"), why),
            }
        }
        if context == Context::SpanEvent && info.attributes.is_empty() {
            // A host sends the table of a context that something is read of.
            contract.read_narrow("spanevent.dropped_attributes_count");
        }
        Counter {
            context,
            conditions: (!conditions.is_empty()).then_some(conditions),
            attributes,
        }
    }
}

impl Connector for Count {
    type Config = Settings;

    fn configure(
        settings: Settings,
        contract: &mut Contract,
    ) -> Result<(Self, MetricStream), ConfigError> {
        let mut problems = Problems::new();
        let resource = contract.read_attributes(Context::Resource);
        let (mut counters, mut instruments) = (Vec::new(), Vec::new());
        for section in settings.sections() {
            for (name, info) in &section.metrics {
                let path = format!(
                    "/{}/{}",
                    section.name,
                    name.replace('~', "~0").replace('/', "~1")
                );
                if name.is_empty() {
                    problems.push(path.clone(), "the metric must have a name");
                }
                let counter = Counter::new(section.context, info, &path, contract, &mut problems);
                counters.push(counter);
                instruments.push(Instrument {
                    name: name.clone(),
                    description: info.description.clone(),
                    unit: String::new(),
                    kind: InstrumentKind::Sum,
                    exemplars: 0,
                });
            }
        }
        problems.check()?;
        contract.take(Signal::ALL);
        let stream = MetricStream {
            scope:
                "github.com/open-telemetry/opentelemetry-collector-contrib/connector/countconnector"
                    .to_owned(),
            instruments,
            temporality: Temporality::Delta,
            flush_interval_ns: FLUSH_NS,
            expiration_ns: EXPIRATION_NS,
            series_limit: 0,
            resource_limit: 0,
            total_limit: SERIES,
            resource_key: Vec::new(),
        };
        let count = Count {
            resource,
            counters,
            numbers: SeriesNumbers::default(),
            key: SeriesKey::default(),
            resources: Vec::new(),
        };
        Ok((count, stream))
    }

    fn process(&mut self, batch: &Batch<'_>, emission: &mut Emission) -> Result<(), PluginError> {
        self.numbers.start(emission);
        self.know_resources(batch);
        let mut counters = std::mem::take(&mut self.counters);
        let counted = counters
            .iter_mut()
            .enumerate()
            .try_for_each(|(instrument, counter)| {
                self.count(batch, instrument as u32, counter, emission)
            });
        self.counters = counters;
        if counted.is_err() {
            self.numbers.forget();
        }
        counted
    }
}

impl Count {
    /// Finds what tells the resources of a batch apart: their attributes, in whatever order they came.
    fn know_resources(&mut self, batch: &Batch<'_>) {
        let list = batch.attributes(self.resource);
        self.resources.clear();
        let mut entries = Vec::new();
        for row in 0..batch.rows(Context::Resource) {
            entries.clear();
            entries.extend(list.entries(row));
            let key_of = |entry: usize| list.keys.get(entry).copied().unwrap_or(ABSENT);
            entries.sort_by_key(|&entry| (batch.texts.bytes(key_of(entry)), entry));
            self.key.clear();
            for &entry in &entries {
                self.key.text(batch.texts.bytes(key_of(entry)));
                self.key.cell(batch, list.values.cell(entry));
            }
            self.resources.push(self.key.bytes().to_vec());
        }
    }

    fn count(
        &mut self,
        batch: &Batch<'_>,
        instrument: u32,
        counter: &mut Counter,
        emission: &mut Emission,
    ) -> Result<(), PluginError> {
        let Counter {
            context,
            conditions,
            attributes,
        } = counter;
        let context = *context;
        let rows = batch.rows(context);
        if rows == 0 {
            return Ok(());
        }
        let holds = match conditions {
            None => &[][..],
            Some(conditions) => conditions
                .evaluate(batch, &[])
                .map_err(|error| PluginError::Batch(error.to_string()))?,
        };
        let does_count = |row: usize| holds.get(row).is_none_or(|&holds| holds == 1);
        match attributes.is_empty() {
            true => {
                // Counted by resource alone.
                let mut counts = vec![0u64; self.resources.len()];
                for row in (0..rows).filter(|row| does_count(*row)) {
                    let resource = above(batch, context, Context::Resource, row);
                    if let Some(count) = resource.and_then(|row| counts.get_mut(row)) {
                        *count += 1;
                    }
                }
                for (resource, &times) in counts.iter().enumerate().filter(|(_, times)| **times > 0)
                {
                    self.measure(batch, instrument, resource, &[], &[], times, emission);
                }
            }
            false => self.count_by_attributes(
                batch,
                (instrument, context),
                attributes,
                does_count,
                emission,
            ),
        }
        let (series, counts) = self.numbers.take();
        if !series.is_empty() {
            emission.record(instrument, series, Vec::new(), counts, Vec::new());
        }
        Ok(())
    }

    fn count_by_attributes(
        &mut self,
        batch: &Batch<'_>,
        (instrument, context): (u32, Context),
        attributes: &[Dimension],
        does_count: impl Fn(usize) -> bool,
        emission: &mut Emission,
    ) {
        let columns: Vec<[Values<'_>; 3]> = attributes
            .iter()
            .map(|it| [it.row, it.scope, it.resource].map(|field| batch.attribute(field)))
            .collect();
        let mut cells = Vec::with_capacity(columns.len());
        for row in (0..batch.rows(context)).filter(|row| does_count(*row)) {
            let Some(scope) = above(batch, context, Context::Scope, row) else {
                continue;
            };
            let Some(resource) = above(batch, Context::Scope, Context::Resource, scope) else {
                continue;
            };
            cells.clear();
            for (dimension, [own, scopes, resources]) in attributes.iter().zip(&columns) {
                let found = [own.cell(row), scopes.cell(scope), resources.cell(resource)];
                let cell = found.into_iter().find(|(kind, _)| *kind != 0);
                if cell.is_none() && dimension.default.is_none() {
                    break;
                }
                cells.push(cell.unwrap_or((0, 0)));
            }
            if cells.len() == columns.len() {
                self.measure(batch, instrument, resource, attributes, &cells, 1, emission);
            }
        }
    }

    /// Counts a series, which is named if it is new.
    #[allow(clippy::too_many_arguments)]
    fn measure(
        &mut self,
        batch: &Batch<'_>,
        instrument: u32,
        resource: usize,
        dimensions: &[Dimension],
        cells: &[(u8, u64)],
        times: u64,
        emission: &mut Emission,
    ) {
        self.key.clear();
        self.key.number(instrument);
        let resource_key = self.resources.get(resource).map_or(&[][..], Vec::as_slice);
        self.key.text(resource_key);
        for (dimension, &cell) in dimensions.iter().zip(cells) {
            match (&dimension.default, cell) {
                (Some(default), (0, _)) => default.push(&mut self.key),
                // As a default would be.
                (_, (kind, bits)) => {
                    self.key.number(u32::from(kind));
                    match kind {
                        1 | 5 | 6 | 7 => self.key.text(batch.texts.bytes(bits as u32)),
                        _ => self.key.text(&bits.to_le_bytes()),
                    }
                }
            }
        }
        if self.numbers.is_new(&self.key) {
            let list = batch.attributes(self.resource);
            let of_resource: Vec<SeriesAttribute> = list
                .entries(resource)
                .filter_map(|entry| {
                    let (kind, bits) = list.values.cell(entry);
                    Some((*list.keys.get(entry)?, Cell::from_parts(kind, bits)))
                })
                .collect();
            let own: Vec<SeriesAttribute> = dimensions
                .iter()
                .zip(cells)
                .map(|(dimension, &(kind, bits))| {
                    let value = match (&dimension.default, kind) {
                        (Some(Fallback::Text(text)), 0) => Cell::Text(emission.text(text)),
                        (Some(Fallback::Cell(cell)), 0) => *cell,
                        _ => Cell::from_parts(kind, bits),
                    };
                    (emission.text(&dimension.key), value)
                })
                .collect();
            emission.series(&of_resource, &own);
        }
        self.numbers.count(&self.key, times);
    }
}

/// The row of a context that a row of a deeper one, or of the same, belongs to.
fn above(batch: &Batch<'_>, from: Context, to: Context, row: usize) -> Option<usize> {
    let (mut context, mut row) = (from, row);
    while context != to {
        row = *batch.parents(context).get(row)? as usize;
        context = context.parent()?;
    }
    Some(row)
}
