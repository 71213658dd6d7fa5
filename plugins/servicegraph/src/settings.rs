//! The settings, as the Collector reads them.

use serde::Deserialize;
use spanmill_sdk::{
    ConfigError, Instrument, InstrumentKind, Level, MetricStream, Problems, Temporality,
};
use spanmill_settings::Duration;

const SECOND: i64 = 1_000_000_000;

/// A series that no request is counted in for so long is forgotten, as in the Collector.
const EXPIRATION: i64 = 15 * 60 * SECOND;

/// Series there are at most: the values of dimensions may never repeat.
const SERIES: u32 = 100_000;

/// More requests than this do not wait in any memory that a plugin may have.
const MOST_ITEMS: u32 = 10_000_000;

const DEFAULT_BUCKETS: [f64; 16] = [
    0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.4, 2.0, 5.0, 10.0, 15.0,
];

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub(crate) store: StoreSettings,
    /// How often requests that have waited too long are taken out of the store.
    pub(crate) store_expiration_loop: Duration,
    /// Without effect: the host forgets a series once no request was counted in it for 15 minutes.
    cache_loop: Option<Duration>,
    /// Upper bounds of the histograms' buckets. Without it: 2, 4, 6, 8, 10, 50, 100, 200, 400, 800 ms, 1, 1.4, 2, 5, 10, 15 s.
    latency_histogram_buckets: Option<Vec<Duration>>,
    /// Above 0: exponential histograms of at most so many buckets.
    exponential_histogram_max_size: i64,
    /// Attributes to tell series apart by: the resource's, else the span's. They become `client_…` and `server_…`.
    pub(crate) dimensions: Vec<String>,
    /// Attributes of client spans that name a server which sends no spans, the most telling first. Empty: requests of
    /// which one side is missing are not counted.
    pub(crate) virtual_node_peer_attributes: Vec<String>,
    /// The attribute `virtual_node` says which side of a request sent no span: `client`, `server`, or empty.
    pub(crate) virtual_node_extra_label: bool,
    /// Attributes of client spans that name a database, the most telling first: the resource's, else the span's.
    pub(crate) database_name_attributes: Vec<String>,
    /// How often metrics are sent on. 0: once a second, since metrics do not go with single batches.
    metrics_flush_interval: Duration,
    /// Must be 0: the host sets the times of metrics.
    metrics_timestamp_offset: Duration,
}

/// Where requests wait for their other side.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreSettings {
    /// How many requests wait in an instance. What there is no room for is dropped.
    pub max_items: u32,
    /// How long a request waits for the span of its other side.
    pub ttl: Duration,
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings {
            max_items: 1000,
            ttl: Duration(2 * SECOND),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            store: StoreSettings::default(),
            store_expiration_loop: Duration(2 * SECOND),
            cache_loop: None,
            latency_histogram_buckets: None,
            exponential_histogram_max_size: 0,
            dimensions: Vec::new(),
            virtual_node_peer_attributes: ["peer.service", "db.name", "db.system"]
                .map(str::to_owned)
                .to_vec(),
            virtual_node_extra_label: false,
            database_name_attributes: vec![DATABASE_NAME.to_owned()],
            metrics_flush_interval: Duration(60 * SECOND),
            metrics_timestamp_offset: Duration(0),
        }
    }
}

const DATABASE_NAME: &str = "db.name";

impl Settings {
    /// Checks everything, and fills in what is left to defaults.
    pub(crate) fn check(&mut self) -> Result<(), ConfigError> {
        let mut problems = Problems::new();
        if self.store.ttl.0 < 0 {
            problems.push("/store/ttl", "must not be negative");
        }
        if self.store.max_items > MOST_ITEMS {
            problems.push(
                "/store/max_items",
                format!("must be at most {MOST_ITEMS}; so many fit into no memory"),
            );
        }
        for (path, names) in [
            ("/dimensions", &self.dimensions),
            (
                "/virtual_node_peer_attributes",
                &self.virtual_node_peer_attributes,
            ),
            ("/database_name_attributes", &self.database_name_attributes),
        ] {
            for (place, _) in names.iter().enumerate().filter(|(_, it)| it.is_empty()) {
                problems.push(format!("{path}/{place}"), "must not be empty");
            }
        }
        self.check_histograms(&mut problems);
        if self.metrics_timestamp_offset.0 != 0 {
            problems.push(
                "/metrics_timestamp_offset",
                "must be 0: the host sets the times of metrics; shift them with `transform` in the metrics pipeline: `set(datapoint.time_unix_nano, datapoint.time_unix_nano - 60000000000)`",
            );
        }
        problems.check()?;
        self.fill_in();
        Ok(())
    }

    fn check_histograms(&self, problems: &mut Problems) {
        match &self.latency_histogram_buckets {
            Some(_) if self.exponential_histogram_max_size > 0 => problems.push(
                "/exponential_histogram_max_size",
                "excludes `latency_histogram_buckets`; leave one of them out",
            ),
            Some(buckets) if !buckets.is_sorted_by(|a, b| a.0 < b.0) => problems.push(
                "/latency_histogram_buckets",
                "must be in increasing order, none twice",
            ),
            _ => {}
        }
        if !(0..=16_384).contains(&self.exponential_histogram_max_size) {
            problems.push(
                "/exponential_histogram_max_size",
                "must be from 0 to 16384; 0 means explicit buckets",
            );
        }
    }

    fn fill_in(&mut self) {
        if self.database_name_attributes.is_empty() {
            self.database_name_attributes.push(DATABASE_NAME.to_owned());
        }
        if self.store_expiration_loop.0 <= 0 {
            self.store_expiration_loop = Duration(2 * SECOND);
        }
        if self.metrics_flush_interval.0 <= 0 {
            self.metrics_flush_interval = Duration(SECOND);
            spanmill_sdk::log(
                Level::Warn,
                "metrics_flush_interval: metrics do not go with single batches; they are sent once a second",
            );
        }
        if self.cache_loop.is_some() {
            spanmill_sdk::log(
                Level::Warn,
                "cache_loop has no effect: series are forgotten as soon as nothing was counted in them for 15 minutes",
            );
        }
        let mut known = Vec::new();
        self.dimensions.retain(|name| {
            let is_new = !known.contains(name);
            known.push(name.clone());
            is_new
        });
    }

    /// The metrics that are made.
    pub(crate) fn stream(&self) -> MetricStream {
        let instrument = |name: &str, unit: &str, kind| Instrument {
            name: format!("traces_service_graph_{name}"),
            description: String::new(),
            unit: unit.to_owned(),
            kind,
            exemplars: 0,
        };
        let instruments = vec![
            instrument("request_total", "", InstrumentKind::Sum),
            instrument("request_failed_total", "", InstrumentKind::Sum),
            instrument("request_server", "s", self.histogram()),
            instrument("request_client", "s", self.histogram()),
        ];
        MetricStream {
            scope: "traces_service_graph".to_owned(),
            instruments,
            temporality: Temporality::Cumulative,
            flush_interval_ns: self.metrics_flush_interval.0 as u64,
            expiration_ns: EXPIRATION as u64,
            series_limit: 0,
            resource_limit: 0,
            total_limit: SERIES,
            resource_key: Vec::new(),
        }
    }

    fn histogram(&self) -> InstrumentKind {
        match (
            self.exponential_histogram_max_size,
            &self.latency_histogram_buckets,
        ) {
            (0, None) => InstrumentKind::Histogram(DEFAULT_BUCKETS.to_vec()),
            (0, Some(buckets)) => {
                let seconds = buckets.iter().map(|bucket| bucket.0 as f64 / SECOND as f64);
                InstrumentKind::Histogram(seconds.collect())
            }
            // Two are the fewest that a histogram can do with.
            (size, _) => InstrumentKind::ExponentialHistogram(size.max(2) as u32),
        }
    }
}
