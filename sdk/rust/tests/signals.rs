//! One plugin over spans, log records and metrics: it sees the columns of the signal's contexts, its edits and verdicts
//! arrive in each, and it meets nothing of the others.

use serde_json::json;
use spanmill_sdk::testing::{
    Attr, ConnectorKit, DataPoint, Event, Kit, LogRecord, Logs, Metric, MetricType, Metrics,
    Number, Span, Spans,
};
use spanmill_sdk::{
    AttributeField, Batch, Cell, CellField, ConfigError, Connector, Context, Contract, Emission,
    Instrument, InstrumentKind, MetricStream, NarrowField, Outcome, PluginError, Processor, Signal,
    Temporality, TextField, Value, WriteField,
};

#[derive(serde::Deserialize)]
struct Nothing {}

/// Looks at a field or more of every context, edits some, and drops what has the attribute `drop`.
struct Everywhere {
    team: AttributeField,
    body: CellField,
    severity: NarrowField,
    metric: TextField,
    value: CellField,
    sum: CellField,
    drop: [(Context, AttributeField); 4],
    write_team: WriteField,
    write_body: WriteField,
    write_severity: WriteField,
    write_unit: WriteField,
    write_value: WriteField,
    write_temporality: WriteField,
    write_source: WriteField,
    write_point: WriteField,
    write_name: WriteField,
}

impl Processor for Everywhere {
    type Config = Nothing;

    fn configure(_: Nothing, contract: &mut Contract) -> Result<Self, ConfigError> {
        contract.take(Signal::ALL);
        let contexts = [
            Context::Span,
            Context::SpanEvent,
            Context::Log,
            Context::DataPoint,
        ];
        Ok(Everywhere {
            team: contract.read_attribute(Context::Resource, "team"),
            body: contract.read_cells("log.body"),
            severity: contract.read_narrow("log.severity_number"),
            metric: contract.read_text("metric.name"),
            value: contract.read_cells("datapoint.value"),
            sum: contract.read_cells("datapoint.sum"),
            drop: contexts.map(|context| (context, contract.read_attribute(context, "drop"))),
            write_team: contract.write_attribute(Context::Resource, "team"),
            write_body: contract.write("log.body"),
            write_severity: contract.write("log.severity_number"),
            write_unit: contract.write("metric.unit"),
            write_value: contract.write("datapoint.value"),
            write_temporality: contract.write("metric.aggregation_temporality"),
            write_source: contract.write_attribute(Context::Metric, "source"),
            write_point: contract.write_attributes(Context::DataPoint),
            write_name: contract.write("span.name"),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let own: Vec<Context> = batch.tables.iter().map(|table| table.context).collect();
        assert_eq!(own, batch.signal.contexts()[..own.len()]);
        assert_eq!(
            batch.attribute(self.team).get(0, &batch.texts),
            Value::Text("a")
        );
        let is = |signal| usize::from(batch.signal == signal);
        assert_eq!(batch.narrow(self.severity).len(), is(Signal::Logs) * 3);
        assert_eq!(batch.text(self.metric).len(), is(Signal::Metrics) * 3);
        assert_eq!(batch.cells(self.sum).kinds.len(), is(Signal::Metrics) * 4);
        let text = outcome.text("new");
        outcome.set_all(self.write_team, Cell::Text(text));
        outcome.set_all(self.write_name, Cell::Text(text));
        outcome.set_all(self.write_temporality, Cell::Int(1));
        outcome.set_all(self.write_unit, Cell::Text(text));
        outcome.set_all(self.write_source, Cell::Bool(true));
        let bodies = batch.cells(self.body);
        for row in 0..batch.rows(Context::Log) {
            match bodies.get(row, &batch.texts) {
                Value::Text(_) => outcome.set(self.write_body, row as u32, Cell::Absent),
                Value::Int(number) => {
                    outcome.set(self.write_body, row as u32, Cell::Int(number + 1));
                    outcome.set(self.write_severity, row as u32, Cell::Int(21));
                }
                _ => {}
            }
        }
        let values = batch.cells(self.value);
        for row in 0..batch.rows(Context::DataPoint) {
            if let Value::Int(number) = values.get(row, &batch.texts) {
                let double = number as f64 / 2.0;
                outcome.set(self.write_value, row as u32, Cell::Double(double));
                outcome.append(self.write_point, row as u32, text, Cell::Int(number));
            }
        }
        for (context, drop) in self.drop {
            let values = batch.attribute(drop);
            for row in 0..batch.rows(context) {
                if values.get(row, &batch.texts) != Value::Absent {
                    outcome.drop_row(context, row);
                    assert!(outcome.is_dropped(context, row));
                }
            }
        }
        Ok(())
    }
}

fn kit() -> Kit<Everywhere> {
    Kit::new(json!({})).unwrap()
}

#[test]
fn log_records_are_seen_edited_and_dropped() {
    let nested = Attr::Map(vec![("k".to_owned(), Attr::Array(vec![1.into()]))]);
    let logs = Logs::new()
        .resource([("team", "a")])
        .log(
            LogRecord::new("text")
                .severity(9, "INFO")
                .ids(7, 8)
                .times(1, 2),
        )
        .log(LogRecord::new(5).attr("kept", nested.clone()))
        .log(LogRecord::new(nested).attr("drop", 1));
    let out = kit().run(&logs);
    assert_eq!(out.resource(0).get("team"), Some(&"new".into()));
    assert_eq!(out.dropped(Context::Log), [2]);
    let before: Vec<&LogRecord> = logs.logs().collect();
    let first = LogRecord {
        body: None,
        ..before[0].clone()
    };
    let second = LogRecord {
        body: Some(6.into()),
        severity_number: 21,
        ..before[1].clone()
    };
    assert_eq!(out.left.logs().collect::<Vec<_>>(), [&first, &second]);
}

#[test]
fn metrics_and_their_points_are_seen_edited_and_dropped() {
    let metrics = Metrics::new()
        .resource([("team", "a")])
        .metric(
            Metric::gauge("g")
                .point(DataPoint::int(3).times(1, 2))
                .point(DataPoint::int(4).attr("drop", true)),
        )
        .metric(Metric::sum("gone").point(DataPoint::double(1.5).attr("drop", 1)))
        .metric(Metric::histogram("h").point(DataPoint::counted(4, 10.0)));
    let out = kit().run(&metrics);
    assert_eq!(
        out.metric_names(),
        ["g", "h"],
        "a metric goes with its last point"
    );
    let gauge = out.item(0);
    assert_eq!(
        (gauge.unit.as_str(), gauge.aggregation_temporality),
        ("new", 0)
    );
    assert_eq!(gauge.metadata, [("source".to_owned(), true.into())]);
    assert_eq!(gauge.points.len(), 1);
    assert_eq!(gauge.points[0].value, Some(Number::Double(1.5)));
    assert_eq!(gauge.points[0].get("new"), Some(&3.into()));
    let histogram = out.item(1);
    assert_eq!(histogram.metric_type, MetricType::Histogram);
    assert_eq!(histogram.aggregation_temporality, 1);
    assert_eq!(histogram.points, [DataPoint::counted(4, 10.0)]);
}

#[test]
fn spans_are_edited_by_the_same_plugin() {
    let spans = Spans::new()
        .resource([("team", "a")])
        .span(Span::new("a").event(Event::new("e").attr("drop", 1)))
        .span(Span::new("b").attr("drop", 1));
    let out = kit().run(&spans);
    assert_eq!(out.span_names(), ["new"]);
    assert!(out.span(0).events.is_empty());
}

#[test]
fn telemetry_survives_the_way_into_otlp_and_back() {
    let point = DataPoint {
        flags: 1,
        min: Some(-1.5),
        max: Some(0.0),
        bucket_counts: vec![1, u64::MAX],
        explicit_bounds: vec![2.5f64.to_bits()],
        ..DataPoint::counted(4, 10.0)
            .times(1, 2)
            .attr("k", Attr::Empty)
    };
    let scaled = DataPoint {
        scale: -7,
        zero_count: 3,
        zero_threshold: Some(0.5),
        ..DataPoint::counted(1, 2.0)
    };
    let metrics = Metrics::new()
        .resource([("a", Attr::Bytes(vec![0, 255]))])
        .scope("s", "1")
        .metric(Metric::histogram("h").point(point))
        .metric(Metric::new("e", MetricType::ExponentialHistogram).point(scaled))
        .metric(
            Metric::sum("s")
                .point(DataPoint::int(-1))
                .point(DataPoint::double(0.0)),
        )
        .metric(Metric::new("q", MetricType::Summary).point(DataPoint::counted(0, 0.0)))
        .metric(Metric::gauge("empty"))
        .metric(Metric::new("none", MetricType::None));
    assert_eq!(Metrics::from_otlp(&metrics.to_otlp(), 0), metrics);
    let logs = Logs::of([
        LogRecord::default(),
        LogRecord::new(Attr::Empty).severity(1, "x"),
    ]);
    assert_eq!(Logs::from_otlp(&logs.to_otlp(), 0), logs);
}

#[test]
fn a_plugin_is_given_no_signal_that_it_does_not_take() {
    struct Spanner;
    impl Processor for Spanner {
        type Config = Nothing;
        fn configure(_: Nothing, _: &mut Contract) -> Result<Self, ConfigError> {
            Ok(Spanner)
        }
        fn process(&mut self, _: &Batch<'_>, _: &mut Outcome) -> Result<(), PluginError> {
            Ok(())
        }
    }
    let mut kit = Kit::<Spanner>::new(json!({})).unwrap();
    assert_eq!(kit.signals(), [Signal::Traces]);
    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| kit.run(&Logs::new())));
    assert!(run.is_err());

    struct Stray;
    impl Processor for Stray {
        type Config = Nothing;
        fn configure(_: Nothing, contract: &mut Contract) -> Result<Self, ConfigError> {
            contract.take([Signal::Logs]);
            contract.read_text("span.name");
            Ok(Stray)
        }
        fn process(&mut self, _: &Batch<'_>, _: &mut Outcome) -> Result<(), PluginError> {
            Ok(())
        }
    }
    assert!(std::panic::catch_unwind(|| Kit::<Stray>::new(json!({}))).is_err());
}

/// Counts log records by severity, with each as an exemplar.
struct CountLogs {
    severity: TextField,
    named: Vec<String>,
}

impl Connector for CountLogs {
    type Config = Nothing;

    fn configure(_: Nothing, contract: &mut Contract) -> Result<(Self, MetricStream), ConfigError> {
        contract.take([Signal::Logs]);
        let severity = contract.read_text("log.severity_text");
        let records = Instrument {
            name: "records".to_owned(),
            description: String::new(),
            unit: String::new(),
            kind: InstrumentKind::Sum,
            exemplars: 5,
        };
        let stream = MetricStream {
            scope: "count_logs".to_owned(),
            instruments: vec![records],
            temporality: Temporality::Cumulative,
            flush_interval_ns: 1_000_000_000,
            expiration_ns: 0,
            series_limit: 0,
            resource_limit: 0,
            total_limit: 0,
            resource_key: Vec::new(),
        };
        let named = Vec::new();
        Ok((CountLogs { severity, named }, stream))
    }

    fn process(&mut self, batch: &Batch<'_>, emission: &mut Emission) -> Result<(), PluginError> {
        let key = emission.text("severity");
        let mut series = Vec::new();
        for &severity in batch.text(self.severity) {
            let text = batch.texts.get(severity);
            let known = self.named.iter().position(|named| named == text);
            series.push(known.unwrap_or(self.named.len()) as u32);
            if known.is_none() {
                self.named.push(text.to_owned());
                emission.series(&[], &[(key, Cell::Text(severity))]);
            }
        }
        let rows = (0..series.len() as u32).collect();
        emission.record(0, series, vec![], vec![], rows);
        Ok(())
    }
}

#[test]
fn connectors_measure_log_records() {
    let mut kit = ConnectorKit::<CountLogs>::new(json!({})).unwrap();
    let record = |severity| LogRecord::new("x").severity(9, severity);
    kit.run(&Logs::of(["INFO", "WARN", "INFO"].map(record)));
    let records = kit.metric("records");
    assert_eq!(
        (records[0].get("severity"), records[0].count),
        (Some("INFO"), 2)
    );
    assert_eq!(records[0].exemplars, [0, 2]);
    assert_eq!(
        (records[1].get("severity"), records[1].count),
        (Some("WARN"), 1)
    );
}
