//! The settings, as the Collector reads them.

use serde::Deserialize;
use spanmill_pattern::Glob;
use spanmill_sdk::{
    ConfigError, Instrument, InstrumentKind, Level, MetricStream, Problems, Temporality,
};

use spanmill_settings::Duration;

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Further attributes: the span's, else the resource's, else the default. One that repeats a built-in one is left
    /// out, with a warning.
    pub(crate) dimensions: Vec<Dimension>,
    /// Further ones of calls only.
    pub(crate) calls_dimensions: Vec<Dimension>,
    /// Built-in attributes to leave out.
    pub(crate) exclude_dimensions: Vec<String>,
    /// Without effect, with a warning: `aggregation_cardinality_limit` bounds the series.
    dimensions_cache_size: Option<i64>,
    /// At most so many resources; above 0.
    resource_metrics_cache_size: u32,
    /// The attributes that tell resources apart, over all workers; the metrics' resource has the attributes of the
    /// first. None: all.
    pub(crate) resource_metrics_key_attributes: Vec<String>,
    /// Whether metrics carry running totals, or what came since the last ones.
    #[cfg_attr(test, schemars(extend("enum" = ["AGGREGATION_TEMPORALITY_CUMULATIVE", "AGGREGATION_TEMPORALITY_DELTA"])))]
    aggregation_temporality: String,
    pub(crate) histogram: Histogram,
    /// How often metrics are sent on; above 0.
    metrics_flush_interval: Duration,
    /// A series not measured for so long is forgotten; 0: never.
    metrics_expiration: Duration,
    /// The same; this one counts if both are given.
    series_expiration: Duration,
    /// Without effect, with a warning: the host keeps the times of delta points of all series.
    metric_timestamp_cache_size: Option<i64>,
    /// Starts the metrics' names.
    namespace: String,
    pub(crate) exemplars: Exemplars,
    pub(crate) events: Events,
    /// Scopes that are shown, as `span.instrumentation.scope.name` and `.version`.
    pub(crate) include_instrumentation_scope: Vec<String>,
    /// At most so many series a resource and metric; 0: no limit. Not set: at most 20,000 series altogether. What comes
    /// beyond is counted together, in a series with the attribute `otel.metric.overflow`.
    aggregation_cardinality_limit: Option<i64>,
    /// They are on the metrics either way, as in the Collector without its feature gate.
    #[serde(rename = "add_resource_attributes")]
    _add_resource_attributes: bool,
    /// Adds the attribute `sampling.method`: `extrapolated` or `counted`.
    pub(crate) enable_metrics_sampling_method: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            dimensions: Vec::new(),
            calls_dimensions: Vec::new(),
            exclude_dimensions: Vec::new(),
            dimensions_cache_size: None,
            resource_metrics_cache_size: 1000,
            resource_metrics_key_attributes: Vec::new(),
            aggregation_temporality: "AGGREGATION_TEMPORALITY_CUMULATIVE".to_owned(),
            histogram: Histogram::default(),
            metrics_flush_interval: Duration(60_000_000_000),
            metrics_expiration: Duration(0),
            series_expiration: Duration(0),
            metric_timestamp_cache_size: None,
            namespace: "traces.span.metrics".to_owned(),
            exemplars: Exemplars::default(),
            events: Events::default(),
            include_instrumentation_scope: Vec::new(),
            aggregation_cardinality_limit: None,
            _add_resource_attributes: false,
            enable_metrics_sampling_method: false,
        }
    }
}

/// An attribute of a span or its resource that becomes one of the metric.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dimension {
    /// The key of an attribute.
    pub name: String,
    /// Its value where it is nowhere. Without one it is left out.
    pub default: Option<String>,
    /// In place of a name: every attribute whose key it matches. `*` and `?` stop at a dot, `**` does not; `[a-c]`,
    /// `[!a-c]` and `{a,b}` are as usual.
    pub glob: String,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Histogram {
    /// No durations.
    pub disable: bool,
    /// The unit of durations.
    #[cfg_attr(test, schemars(extend("enum" = ["ms", "s"], "default" = "ms")))]
    unit: Option<String>,
    /// An exponential histogram instead of one with explicit buckets.
    exponential: Option<Exponential>,
    /// A histogram with buckets of your own.
    explicit: Option<Explicit>,
    /// Further ones of durations only.
    pub dimensions: Vec<Dimension>,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
struct Exponential {
    /// At most so many buckets; 0: 160.
    max_size: i64,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
struct Explicit {
    /// Upper bounds. Without them 2, 4, 6, 8, 10, 50, 100, 200, 400, 800 ms, 1, 1.4, 2, 5, 10, 15 s.
    buckets: Option<Vec<Duration>>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Exemplars {
    /// Data points carry spans as exemplars.
    pub enabled: bool,
    /// How many.
    max_per_data_point: i64,
}

impl Default for Exemplars {
    fn default() -> Self {
        Exemplars {
            enabled: false,
            max_per_data_point: 5,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Events {
    /// Counts span events; `events.dimensions` must name one at least.
    pub enabled: bool,
    /// Further ones of events: the span's attribute, else the event's, else the resource's.
    pub dimensions: Vec<Dimension>,
}

/// Series there are at most, unless the settings have a limit of their own.
const TOTAL_LIMIT: u32 = 20_000;

/// The attributes that metrics have without being asked.
pub(crate) const BUILT_IN: [&str; 4] = ["service.name", "span.name", "span.kind", "status.code"];

const DEFAULT_BUCKETS_MS: [f64; 16] = [
    2.0, 4.0, 6.0, 8.0, 10.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1000.0, 1400.0, 2000.0, 5000.0,
    10_000.0, 15_000.0,
];

impl Settings {
    /// How many ns the unit of durations has.
    pub(crate) fn divider(&self) -> f64 {
        match self.unit().as_str() {
            "s" => 1e9,
            _ => 1e6,
        }
    }

    fn unit(&self) -> String {
        self.histogram
            .unit
            .as_deref()
            .unwrap_or("ms")
            .to_lowercase()
    }

    /// The patterns that name dimensions of calls, durations and events; they have been checked.
    pub(crate) fn globs(&self) -> [Vec<Glob>; 3] {
        let own = [
            &self.calls_dimensions,
            &self.histogram.dimensions,
            &self.events.dimensions,
        ];
        own.map(|own| {
            let dimensions = self.dimensions.iter().chain(own);
            let globs = dimensions.filter(|it| !it.glob.is_empty());
            globs.filter_map(|it| glob(&it.glob).ok()).collect()
        })
    }

    /// Whether no pattern names dimensions of calls or durations alone.
    pub(crate) fn have_calls_and_durations_the_same_globs(&self) -> bool {
        let mut own = self
            .calls_dimensions
            .iter()
            .chain(&self.histogram.dimensions);
        own.all(|it| it.glob.is_empty())
    }

    /// Checks everything, and takes dimensions out that repeat one there is anyway.
    pub(crate) fn check(&mut self) -> Result<(), ConfigError> {
        let mut problems = Problems::new();
        for (path, dimensions) in [
            ("/dimensions", &mut self.dimensions),
            ("/calls_dimensions", &mut self.calls_dimensions),
            ("/histogram/dimensions", &mut self.histogram.dimensions),
            ("/events/dimensions", &mut self.events.dimensions),
        ] {
            check_dimensions(path, dimensions, &mut problems);
        }
        if self.events.enabled && self.events.dimensions.is_empty() {
            problems.push(
                "/events/dimensions",
                "at least one dimension is required when events are enabled",
            );
        }
        let histogram = &self.histogram;
        if histogram.explicit.is_some() && histogram.exponential.is_some() {
            problems.push("/histogram", "explicit and exponential exclude each other");
        }
        if !matches!(self.unit().as_str(), "ms" | "s") {
            problems.push("/histogram/unit", "must be ms or s");
        }
        if let Some(buckets) = histogram
            .explicit
            .as_ref()
            .and_then(|explicit| explicit.buckets.as_ref())
            && !buckets.is_sorted_by(|a, b| a.0 < b.0)
        {
            problems.push(
                "/histogram/explicit/buckets",
                "must be in increasing order, none twice",
            );
        }
        if histogram
            .exponential
            .as_ref()
            .is_some_and(|exponential| !(0..=16_384).contains(&exponential.max_size))
        {
            problems.push(
                "/histogram/exponential/max_size",
                "must be from 0 to 16384; 0 means 160",
            );
        }
        if !matches!(
            self.aggregation_temporality.as_str(),
            "" | "AGGREGATION_TEMPORALITY_DELTA" | "AGGREGATION_TEMPORALITY_CUMULATIVE"
        ) {
            problems.push(
                "/aggregation_temporality",
                "must be AGGREGATION_TEMPORALITY_CUMULATIVE or AGGREGATION_TEMPORALITY_DELTA",
            );
        }
        if self.metrics_flush_interval.0 <= 0 {
            problems.push("/metrics_flush_interval", "must be above 0");
        }
        if self.resource_metrics_cache_size == 0 {
            problems.push("/resource_metrics_cache_size", "must be above 0");
        }
        for (path, duration) in [
            ("/metrics_expiration", self.metrics_expiration),
            ("/series_expiration", self.series_expiration),
        ] {
            if duration.0 < 0 {
                problems.push(path, "must not be negative; 0 means never");
            }
        }
        let limit = self.aggregation_cardinality_limit.unwrap_or(0);
        if u32::try_from(limit).is_err() {
            problems.push(
                "/aggregation_cardinality_limit",
                "must be from 0 up; 0 means no limit",
            );
        }
        if self.exemplars.enabled && u32::try_from(self.exemplars.max_per_data_point).is_err() {
            problems.push("/exemplars/max_per_data_point", "must be from 0 up");
        }
        problems.check()?;
        self.say_what_has_no_effect();
        Ok(())
    }

    fn say_what_has_no_effect(&self) {
        for (key, is_set, why) in [
            (
                "dimensions_cache_size",
                self.dimensions_cache_size.is_some_and(|size| size != 0),
                "`aggregation_cardinality_limit` bounds the series",
            ),
            (
                "metric_timestamp_cache_size",
                self.metric_timestamp_cache_size.is_some(),
                "the host keeps the times of delta points of all series",
            ),
        ] {
            if is_set {
                let message = format!("{key} has no effect: {why}");
                spanmill_sdk::log(Level::Warn, &message);
            }
        }
    }

    /// The metrics that are made.
    pub(crate) fn stream(&self) -> MetricStream {
        let name = |metric: &str| match self.namespace.as_str() {
            "" => metric.to_owned(),
            namespace => format!("{namespace}.{metric}"),
        };
        let exemplars = if self.exemplars.enabled {
            self.exemplars.max_per_data_point.clamp(0, 1 << 16) as u32
        } else {
            0
        };
        let instrument = |metric: &str, unit: String, kind| Instrument {
            name: name(metric),
            description: String::new(),
            unit,
            kind,
            exemplars,
        };
        let mut instruments = vec![instrument("calls", String::new(), InstrumentKind::Sum)];
        if !self.histogram.disable {
            instruments.push(instrument("duration", self.unit(), self.histogram_kind()));
        }
        if self.events.enabled {
            instruments.push(instrument("events", String::new(), InstrumentKind::Sum));
        }
        let expiration = match self.series_expiration.0 {
            0 => self.metrics_expiration.0,
            expiration => expiration,
        };
        MetricStream {
            scope: "spanmetricsconnector".to_owned(),
            instruments,
            temporality: match self.aggregation_temporality.as_str() {
                "AGGREGATION_TEMPORALITY_DELTA" => Temporality::Delta,
                _ => Temporality::Cumulative,
            },
            flush_interval_ns: self.metrics_flush_interval.0 as u64,
            expiration_ns: expiration as u64,
            series_limit: self.aggregation_cardinality_limit.unwrap_or(0) as u32,
            resource_limit: self.resource_metrics_cache_size,
            total_limit: match self.aggregation_cardinality_limit {
                None => TOTAL_LIMIT,
                Some(_) => 0,
            },
            resource_key: self.resource_metrics_key_attributes.clone(),
        }
    }

    fn histogram_kind(&self) -> InstrumentKind {
        if let Some(exponential) = &self.histogram.exponential {
            return InstrumentKind::ExponentialHistogram(match exponential.max_size {
                0 => 160,
                size => size as u32,
            });
        }
        InstrumentKind::Histogram(match &self.histogram.explicit {
            Some(explicit) => {
                let buckets = explicit.buckets.iter().flatten();
                buckets
                    .map(|bucket| bucket.0 as f64 / self.divider())
                    .collect()
            }
            None if self.divider() == 1e9 => {
                DEFAULT_BUCKETS_MS.map(|bucket| bucket / 1000.0).to_vec()
            }
            None => DEFAULT_BUCKETS_MS.to_vec(),
        })
    }
}

/// The pattern of a dimension: keys have parts with dots between them.
fn glob(pattern: &str) -> Result<Glob, String> {
    Glob::new(pattern, '.')
}

fn check_dimensions(path: &str, dimensions: &mut Vec<Dimension>, problems: &mut Problems) {
    let mut names: Vec<&str> = BUILT_IN.to_vec();
    let mut repeated = Vec::new();
    for (place, dimension) in dimensions.iter().enumerate() {
        match (dimension.name.is_empty(), dimension.glob.is_empty()) {
            (true, true) => problems.push(format!("{path}/{place}"), "needs a name or a glob"),
            (false, false) => problems.push(
                format!("{path}/{place}"),
                "has either a name or a glob, not both",
            ),
            (false, true) if names.contains(&dimension.name.as_str()) => repeated.push(place),
            (false, true) => names.push(&dimension.name),
            (true, false) if dimension.default.is_some() => problems.push(
                format!("{path}/{place}/default"),
                "a glob has no default; name the dimension instead",
            ),
            (true, false) => {}
        }
    }
    for (place, dimension) in dimensions.iter().enumerate() {
        if dimension.glob.is_empty() {
            continue;
        }
        let path = format!("{path}/{place}/glob");
        match glob(&dimension.glob) {
            Err(why) => problems.push(path, why),
            Ok(glob) => {
                if let Some(name) = names.iter().find(|name| glob.is_match(name)) {
                    problems.push(
                        path,
                        format!("matches `{name}`, which is a dimension already; make it narrower"),
                    );
                }
            }
        }
    }
    for place in repeated.into_iter().rev() {
        let message = format!("{path}/{place}: this dimension is there already, and is left out");
        spanmill_sdk::log(Level::Warn, &message);
        dimensions.remove(place);
    }
}
