//! Counts the calls of each route, and how long they took.

use std::collections::HashMap;

use serde::Deserialize;
use spanmill_sdk::{
    ABSENT, About, AttributeField, Batch, Cell, ConfigError, Connector, Context, Contract,
    Emission, Instrument, InstrumentKind, ListField, MetricStream, NarrowField, PluginError,
    Problems, SeriesKey, SeriesNumbers, Temporality, WideField,
};

/// The kind of a cell that is a text.
const TEXT: u8 = 1;
const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
const CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];
/// Instruments, as recordings name them.
const CALLS: u32 = 0;
const DURATION: u32 = 1;

/// The component's section of the manifest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Upper bounds of the histogram's buckets.
    #[serde(default = "default_buckets")]
    buckets_ms: Vec<f64>,
}

fn default_buckets() -> Vec<f64> {
    vec![5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0]
}

/// The plugin.
pub struct RouteCalls {
    resource: ListField,
    route: AttributeField,
    kind: NarrowField,
    code: NarrowField,
    start: WideField,
    end: WideField,
    numbers: SeriesNumbers,
    key: SeriesKey,
    /// The series of the calls in the batch at hand.
    seen: HashMap<Call, u32>,
}

/// What tells the series of a batch apart: a row, a text of the batch, and two numbers of OTLP.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Call {
    resource: u32,
    route: u32,
    kind: u32,
    code: u32,
}

impl Connector for RouteCalls {
    type Config = Settings;

    fn configure(
        settings: Settings,
        contract: &mut Contract,
    ) -> Result<(Self, MetricStream), ConfigError> {
        let mut problems = Problems::new();
        let mut before = f64::NEG_INFINITY;
        for (place, &bound) in settings.buckets_ms.iter().enumerate() {
            if !bound.is_finite() || bound <= before {
                problems.push(
                    format!("/buckets_ms/{place}"),
                    "must be finite and above the one before",
                );
            }
            before = bound;
        }
        problems.check()?;
        let plugin = RouteCalls {
            resource: contract.read_attributes(Context::Resource),
            route: contract.read_attribute(Context::Span, "http.route"),
            kind: contract.read_narrow("span.kind"),
            code: contract.read_narrow("span.status.code"),
            start: contract.read_wide("span.start_time_unix_nano"),
            end: contract.read_wide("span.end_time_unix_nano"),
            numbers: SeriesNumbers::default(),
            key: SeriesKey::default(),
            seen: HashMap::new(),
        };
        let instrument = |name: &str, description: &str, unit: &str, kind| Instrument {
            name: name.to_owned(),
            description: description.to_owned(),
            unit: unit.to_owned(),
            kind,
            exemplars: 0,
        };
        let stream = MetricStream {
            scope: "route_calls".to_owned(),
            instruments: vec![
                instrument(
                    "route.calls",
                    "Calls by route.",
                    "{call}",
                    InstrumentKind::Sum,
                ),
                instrument(
                    "route.duration",
                    "Duration of calls by route.",
                    "ms",
                    InstrumentKind::Histogram(settings.buckets_ms),
                ),
            ],
            temporality: Temporality::Cumulative,
            flush_interval_ns: 15_000_000_000,
            expiration_ns: 0,
            series_limit: 0,
            resource_limit: 0,
            total_limit: 100_000,
            resource_key: Vec::new(),
        };
        Ok((plugin, stream))
    }

    fn process(&mut self, batch: &Batch<'_>, emission: &mut Emission) -> Result<(), PluginError> {
        self.numbers.start(emission);
        self.seen.clear();
        let routes = batch.attribute(self.route);
        let (kinds, codes) = (batch.narrow(self.kind), batch.narrow(self.code));
        let (starts, ends) = (batch.wide(self.start), batch.wide(self.end));
        let (scopes, resources) = (batch.parents(Context::Span), batch.parents(Context::Scope));
        let (mut measured, mut durations) = (Vec::new(), Vec::new());
        for row in 0..batch.rows(Context::Span) {
            let call = Call {
                resource: resources[scopes[row] as usize],
                route: match routes.cell(row) {
                    (TEXT, text) => text as u32,
                    _ => ABSENT,
                },
                kind: kinds[row],
                code: codes[row],
            };
            // Spans of one batch that agree in these numbers agree in what the numbers stand for.
            let series = match self.seen.get(&call) {
                Some(&series) => series,
                None => self.find(call, batch, emission),
            };
            measured.push(series);
            durations.push(ends[row].saturating_sub(starts[row]) as f64 / 1e6);
        }
        emission.record(CALLS, measured.clone(), vec![], vec![], vec![]);
        emission.record(DURATION, measured, durations, vec![], vec![]);
        Ok(())
    }
}

impl RouteCalls {
    /// The series of a call, which is named if it is new.
    fn find(&mut self, call: Call, batch: &Batch<'_>, emission: &mut Emission) -> u32 {
        let attributes = batch.attributes(self.resource);
        let resource = attributes.entries(call.resource as usize);
        let labels = [
            (
                "span.kind",
                KINDS.get(call.kind as usize).unwrap_or(&KINDS[0]),
            ),
            (
                "status.code",
                CODES.get(call.code as usize).unwrap_or(&CODES[0]),
            ),
        ];
        self.key.clear();
        for entry in resource.clone() {
            self.key.text(batch.texts.bytes(attributes.keys[entry]));
            self.key.cell(batch, attributes.values.cell(entry));
        }
        self.key.number((call.route != ABSENT).into());
        self.key.text(batch.texts.bytes(call.route));
        labels
            .iter()
            .for_each(|(_, label)| self.key.text(label.as_bytes()));
        if self.numbers.is_new(&self.key) {
            let resource: Vec<_> = resource
                .map(|entry| {
                    let (kind, bits) = attributes.values.cell(entry);
                    (attributes.keys[entry], Cell::from_parts(kind, bits))
                })
                .collect();
            let mut series = Vec::new();
            if call.route != ABSENT {
                series.push((emission.text("http.route"), Cell::Text(call.route)));
            }
            for (key, label) in labels {
                series.push((emission.text(key), Cell::Text(emission.text(label))));
            }
            emission.series(&resource, &series);
        }
        let series = self.numbers.number(&self.key).unwrap_or_default();
        self.seen.insert(call, series);
        series
    }
}

impl About for RouteCalls {
    const NAME: &'static str = "route_calls";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Counts the calls of each route, and how long they took";
    const SETTINGS_SCHEMA: &'static str = r#"{
  "type": "object",
  "properties": {"buckets_ms": {"type": "array", "items": {"type": "number"}}},
  "additionalProperties": false
}"#;
}

spanmill_sdk::register_connector!(RouteCalls, about);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use spanmill_sdk::testing::{ConnectorKit, Span, Spans};

    use super::RouteCalls;

    #[test]
    fn calls_are_counted_by_route() {
        let call = |route: &str, ms: u64| {
            Span::new("call")
                .kind(2)
                .attr("http.route", route)
                .times(0, ms * 1_000_000)
        };
        let mut kit = ConnectorKit::<RouteCalls>::new(json!({})).unwrap();
        kit.run(&Spans::of([
            call("/orders", 3),
            call("/cart", 30),
            call("/orders", 40),
        ]));
        let calls = kit.metric("route.calls");
        let calls: Vec<_> = calls
            .iter()
            .map(|call| (call.get("http.route"), call.count))
            .collect();
        assert_eq!(calls, [(Some("/cart"), 1), (Some("/orders"), 2)]);
    }

    #[test]
    fn buckets_must_increase() {
        let error = ConnectorKit::<RouteCalls>::new(json!({"buckets_ms": [5, 5]}))
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "/buckets_ms/1: must be finite and above the one before"
        );
    }
}
