//! Counts exceptions.

use spanmill_sdk::{
    ABSENT, Batch, Cell, ConfigError, Connector, Contract, Emission, Instrument, InstrumentKind,
    MetricStream, PluginError, SeriesKey, SeriesNumbers, Temporality,
};

use crate::exceptions::{Column, Exception, Fields};
use crate::settings::{SERVICE_NAME, SPAN_KIND, SPAN_NAME, STATUS_CODE, Settings};

/// How often counts are sent on.
const FLUSH_NS: u64 = 15_000_000_000;

/// Limit on series altogether: messages of exceptions may never repeat.
const SERIES: u32 = 100_000;

/// How many exemplars a data point carries.
const EXEMPLARS: u32 = 5;

/// The exceptions connector from traces to metrics.
#[derive(Debug)]
pub struct ExceptionMetrics {
    fields: Fields,
    exemplars: bool,
    numbers: SeriesNumbers,
    key: SeriesKey,
}

impl Connector for ExceptionMetrics {
    type Config = Settings;

    fn configure(
        settings: Settings,
        contract: &mut Contract,
    ) -> Result<(Self, MetricStream), ConfigError> {
        settings.check()?;
        let exemplars = settings.exemplars.enabled;
        let connector = ExceptionMetrics {
            fields: Fields::new(&settings.dimensions, contract),
            exemplars,
            numbers: SeriesNumbers::default(),
            key: SeriesKey::default(),
        };
        let stream = MetricStream {
            scope: "exceptionsconnector".to_owned(),
            instruments: vec![Instrument {
                name: "exceptions".to_owned(),
                description: String::new(),
                unit: String::new(),
                kind: InstrumentKind::Sum,
                exemplars: if exemplars { EXEMPLARS } else { 0 },
            }],
            temporality: Temporality::Cumulative,
            flush_interval_ns: FLUSH_NS,
            expiration_ns: 0,
            series_limit: 0,
            resource_limit: 0,
            total_limit: SERIES,
            resource_key: Vec::new(),
        };
        Ok((connector, stream))
    }

    fn process(&mut self, batch: &Batch<'_>, emission: &mut Emission) -> Result<(), PluginError> {
        self.numbers.start(emission);
        let ExceptionMetrics {
            fields,
            exemplars,
            numbers,
            key,
        } = self;
        let columns = fields.dimensions(batch);
        let (mut series, mut rows) = (Vec::new(), Vec::new());
        for exception in fields.exceptions(batch) {
            tell_apart(batch, &exception, &columns, key);
            if numbers.is_new(key) {
                name(&exception, &columns, emission);
            }
            match exemplars {
                true => {
                    series.extend(numbers.number(key));
                    rows.push(exception.span as u32);
                }
                false => numbers.count(key, 1),
            }
        }
        let mut counts = Vec::new();
        if !*exemplars {
            (series, counts) = numbers.take();
        }
        if !series.is_empty() {
            emission.record(0, series, Vec::new(), counts, rows);
        }
        Ok(())
    }
}

fn tell_apart(
    batch: &Batch<'_>,
    exception: &Exception,
    columns: &[Column<'_>],
    key: &mut SeriesKey,
) {
    key.clear();
    key.cell(batch, exception.service);
    key.text(batch.texts.bytes(exception.span_name));
    key.text(exception.kind.as_bytes());
    key.text(exception.code.as_bytes());
    for column in columns {
        key.cell(batch, column.cell(exception));
    }
}

fn name(exception: &Exception, columns: &[Column<'_>], emission: &mut Emission) {
    let (kind, bits) = exception.service;
    let span_name = match exception.span_name {
        ABSENT => emission.text(""),
        text => text,
    };
    let mut attributes = vec![
        (emission.text(SERVICE_NAME), Cell::from_parts(kind, bits)),
        (emission.text(SPAN_NAME), Cell::Text(span_name)),
        (
            emission.text(SPAN_KIND),
            Cell::Text(emission.text(exception.kind)),
        ),
        (
            emission.text(STATUS_CODE),
            Cell::Text(emission.text(exception.code)),
        ),
    ];
    for column in columns {
        let value = match (column.cell(exception), &column.dimension.default) {
            ((0, _), None) => continue,
            ((0, _), Some(default)) => Cell::Text(emission.text(default)),
            ((kind, bits), _) => Cell::from_parts(kind, bits),
        };
        attributes.push((emission.text(&column.dimension.name), value));
    }
    emission.series(&[], &attributes);
}
