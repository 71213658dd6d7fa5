//! Counts rows by resource and attributes.

use spanmill_ottl::{Conditions, ErrorMode, EvaluationError};
use spanmill_sdk::{
    ABSENT, Batch, Cell, ConfigError, Connector, Context, Contract, Emission, Instrument,
    InstrumentKind, ListField, MetricStream, PluginError, Problems, SeriesAttribute, SeriesKey,
    SeriesNumbers, Signal, Temporality,
};

use crate::dimensions::{Dimension, Place, above, cell, lacking};
use crate::settings::{Info, Settings};

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
        let mut attributes: Vec<Dimension> = Vec::new();
        for (place, attribute) in info.attributes.iter().enumerate() {
            let path = format!("{path}/attributes/{place}");
            if context == Context::Metric {
                problems.push(
                    path,
                    "metrics have no attributes; count data points by them",
                );
                continue;
            }
            let is_known = |known: &Dimension| known.key == attribute.key;
            if attribute.key.is_empty() {
                problems.push(format!("{path}/key"), "must not be empty");
            } else if attributes.iter().any(is_known) {
                problems.push(format!("{path}/key"), "is there already; take it out");
            } else {
                attributes.push(Dimension::new(attribute, context, contract));
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
        if settings.profiles.is_some() {
            problems.push(
                "/profiles",
                "profiles are no signal of this version; take it out",
            );
        }
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
            None => Vec::new(),
            Some(conditions) => holding(conditions, batch, attributes)
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
        let columns: Vec<_> = attributes.iter().map(|it| it.columns(batch)).collect();
        let mut cells = Vec::with_capacity(columns.len());
        for row in (0..batch.rows(context)).filter(|row| does_count(*row)) {
            let Some(place) = Place::of(batch, context, row) else {
                continue;
            };
            cells.clear();
            for (dimension, columns) in attributes.iter().zip(&columns) {
                let cell = place.cell(columns);
                if cell.0 == 0 && dimension.default.is_none() {
                    break;
                }
                cells.push(cell);
            }
            if cells.len() == columns.len() {
                let resource = place.resource;
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
            dimension.push(&mut self.key, batch, cell);
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
                        (Some(default), 0) => cell(default, emission),
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

/// By row, 1 where a condition holds. Rows that lack an attribute are not counted, and may fail.
fn holding(
    conditions: &mut Conditions,
    batch: &Batch<'_>,
    attributes: &[Dimension],
) -> Result<Vec<u8>, EvaluationError> {
    match conditions.evaluate(batch, &[]) {
        Ok(holds) => Ok(holds.to_vec()),
        // Only then does it matter which rows those are.
        Err(_) => {
            let skip = lacking(batch, conditions.context(), attributes);
            conditions.evaluate(batch, &skip).map(<[u8]>::to_vec)
        }
    }
}
