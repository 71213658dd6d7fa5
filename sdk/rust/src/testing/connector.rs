//! The test kit for connectors.

use std::collections::BTreeMap;

use super::host::Host;
use super::items::{Item, Items};
use super::{check_takes, config_error, plugin_error};
use crate::guest::{self, contract_wit, metrics_wit, telemetry};
use crate::nested::double_text;
use crate::recorded::RECORDER;
use crate::{ConfigError, Connector, Level, PluginError, RestoreError, State, Value};

/// A configured connector under test. It keeps totals across batches, as the host does.
pub struct ConnectorKit<C> {
    plugin: C,
    contract: contract_wit::Contract,
    host: Host,
    stream: metrics_wit::MetricStream,
    series: Vec<(Labels, Labels)>,
    totals: BTreeMap<(u32, Labels, Labels), Total>,
    logs: Vec<(Level, String)>,
    counts: BTreeMap<String, u64>,
}

type Labels = Vec<(String, String)>;

/// Count, sum and exemplars.
type Total = (u64, f64, Vec<u32>);

/// The totals of one series of one instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The metric's name.
    pub metric: String,
    /// The resource's attributes.
    pub resource: Vec<(String, String)>,
    /// The data point's attributes, in order.
    pub attributes: Vec<(String, String)>,
    /// How many measurements, each as often as it counts.
    pub count: u64,
    /// The sum of the measurements.
    pub sum: f64,
    /// The items' rows offered as exemplars.
    pub exemplars: Vec<u32>,
}

impl Measured {
    /// The value of an attribute of the data point.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str())
    }
}

impl<C: Connector> ConnectorKit<C> {
    /// Configures a connector.
    pub fn new(settings: serde_json::Value) -> Result<Self, ConfigError> {
        RECORDER.take();
        let (plugin, declared) =
            guest::configure_connector::<C>(&settings.to_string()).map_err(config_error)?;
        let recorder = RECORDER.take();
        assert!(
            declared.contract.writes.is_empty(),
            "a connector writes nothing"
        );
        assert!(
            declared.metrics.flush_interval_ns > 0,
            "the flush interval is above 0"
        );
        Ok(ConnectorKit {
            plugin,
            host: Host::new(&declared.contract),
            contract: declared.contract,
            stream: declared.metrics,
            series: Vec::new(),
            totals: BTreeMap::new(),
            logs: recorder.logs,
            counts: recorder.counts,
        })
    }

    /// The paths it reads.
    pub fn reads(&self) -> Vec<&str> {
        self.contract.reads.iter().map(String::as_str).collect()
    }

    /// How many series the plugin has numbered since it last started over.
    pub fn series_named(&self) -> usize {
        self.series.len()
    }

    /// Runs one batch. Panics where the plugin fails or breaks a rule.
    pub fn run<T: Item>(&mut self, items: &Items<T>) {
        self.try_run(items)
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Runs one batch, which the plugin may refuse.
    ///
    /// # Errors
    ///
    /// Those of the plugin's `process`.
    pub fn try_run<T: Item>(&mut self, items: &Items<T>) -> Result<(), PluginError> {
        check_takes(&self.contract, T::SIGNAL);
        let batch = self.host.load(items);
        let rows = self.host.item_rows();
        RECORDER.take();
        let emission = guest::run_connector(Some(&mut self.plugin), batch);
        let recorder = RECORDER.take();
        self.logs.extend(recorder.logs);
        for (name, delta) in recorder.counts {
            *self.counts.entry(name).or_default() += delta;
        }
        let emission = emission.map_err(plugin_error)?;
        let texts = self.host.texts(&emission.texts);
        if emission.restart {
            self.series.clear();
        }
        let resources = labels(&emission.series.resources, &texts);
        let attributes = labels(&emission.series.attributes, &texts);
        assert_eq!(
            resources.len(),
            attributes.len(),
            "a series has a resource and attributes"
        );
        self.series.extend(resources.into_iter().zip(attributes));
        for recording in emission.recordings {
            self.record(recording, rows);
        }
        Ok(())
    }

    fn record(&mut self, recording: metrics_wit::Recording, rows: usize) {
        let instrument = self.stream.instruments.get(recording.instrument as usize);
        let exemplars = instrument
            .expect("a recording names a declared instrument")
            .exemplars;
        let length = recording.series.len();
        for (name, given) in [
            ("values", recording.values.len()),
            ("counts", recording.counts.len()),
            ("rows", recording.rows.len()),
        ] {
            assert!(
                given == 0 || given == length,
                "{given} {name} for {length} measurements"
            );
        }
        assert!(
            recording.rows.is_empty() || exemplars > 0,
            "rows are for exemplars only"
        );
        for (place, &series) in recording.series.iter().enumerate() {
            let (resource, attributes) = self
                .series
                .get(series as usize)
                .expect("a series is named before it is measured")
                .clone();
            let value = recording.values.get(place).copied().unwrap_or(1.0);
            assert!(value.is_finite(), "a measurement is finite");
            let count = recording.counts.get(place).copied().unwrap_or(1);
            let total = self
                .totals
                .entry((recording.instrument, resource, attributes))
                .or_default();
            total.0 += count;
            total.1 += value * count as f64;
            if let Some(&row) = recording.rows.get(place) {
                assert!((row as usize) < rows, "an exemplar's row is there");
                total.2.push(row);
            }
        }
    }

    /// The totals so far, by instrument, resource and attributes.
    pub fn metrics(&self) -> Vec<Measured> {
        self.totals
            .iter()
            .map(
                |((instrument, resource, attributes), (count, sum, exemplars))| Measured {
                    metric: self.stream.instruments[*instrument as usize].name.clone(),
                    resource: resource.clone(),
                    attributes: attributes.clone(),
                    count: *count,
                    sum: *sum,
                    exemplars: exemplars.clone(),
                },
            )
            .collect()
    }

    /// The totals of one metric.
    pub fn metric(&self, name: &str) -> Vec<Measured> {
        let mut metrics = self.metrics();
        metrics.retain(|measured| measured.metric == name);
        metrics
    }

    /// What the plugin's own counter has come to; 0 if it has none of this name.
    pub fn counted(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// The log lines so far, those of `configure` included.
    pub fn logs(&self) -> &[(Level, String)] {
        &self.logs
    }

    /// The names, units and histogram bounds of the metrics it declared.
    pub fn instruments(&self) -> Vec<(String, String, Vec<f64>)> {
        let bounds = |kind: &metrics_wit::InstrumentKind| match kind {
            metrics_wit::InstrumentKind::Histogram(bounds) => bounds.clone(),
            _ => Vec::new(),
        };
        self.stream
            .instruments
            .iter()
            .map(|instrument| {
                (
                    instrument.name.clone(),
                    instrument.unit.clone(),
                    bounds(&instrument.kind),
                )
            })
            .collect()
    }

    /// Flush interval, expiration, and the limits of series, resources and series altogether, as declared.
    pub fn limits(&self) -> (u64, u64, u32, u32, u32) {
        let stream = &self.stream;
        (
            stream.flush_interval_ns,
            stream.expiration_ns,
            stream.series_limit,
            stream.resource_limit,
            stream.total_limit,
        )
    }
}

impl<C: Connector + State> ConnectorKit<C> {
    /// What the connector knows: format and data. The totals are the host's, and not among it.
    pub fn snapshot(&self) -> (u32, Vec<u8>) {
        super::snapshot(&self.plugin)
    }

    /// Hands the connector what another instance knew, of this version or of another.
    pub fn restore(&mut self, format: u32, data: &[u8]) -> Result<(), RestoreError> {
        super::restore(&mut self.plugin, format, data)
    }
}

fn labels(list: &telemetry::AttributeList, texts: &[Option<Vec<u8>>]) -> Vec<Labels> {
    let bytes = |index: u64| {
        texts
            .get(index as usize)
            .expect("a text index is inside the pool")
            .as_ref()
            .expect("a plugin refers to no text that it may not read")
            .as_slice()
    };
    let text = |index: u64| {
        std::str::from_utf8(bytes(index))
            .expect("a text is UTF-8")
            .to_owned()
    };
    let mut start = 0;
    list.ends
        .iter()
        .map(|&end| {
            let row = start..end as usize;
            start = end as usize;
            row.map(|entry| {
                let bits = list.values.bits[entry];
                let value = match list.values.kinds[entry] {
                    1 => text(bits),
                    2 => (bits != 0).to_string(),
                    3 => (bits as i64).to_string(),
                    4 => double_text(f64::from_bits(bits)),
                    5 => Value::Bytes(bytes(bits)).to_text().into_owned(),
                    6 => Value::Array(bytes(bits)).to_text().into_owned(),
                    7 => Value::Map(bytes(bits)).to_text().into_owned(),
                    8 => String::new(),
                    kind => panic!("a series' attribute is never of kind {kind}"),
                };
                (text(list.keys[entry].into()), value)
            })
            .collect()
        })
        .collect()
}
