//! Log records and metrics, condition by condition: what is left must be what the Collector (0.158) leaves of the same
//! telemetry. `collector.jsonl` has a line for each: where the condition stands, the condition, and what is left.

use serde_json::{Value as Json, json};
use spanmill_filter::Filter;
use spanmill_sdk::testing::{
    Attr, DataPoint, Item, Items, Kit, LogRecord, Logs, Metric, MetricType, Metrics,
};
use spanmill_sdk::{ConfigError, Context, Signal};

fn map<const LENGTH: usize>(entries: [(&str, Attr); LENGTH]) -> Attr {
    Attr::Map(entries.map(|(key, value)| (key.to_owned(), value)).into())
}

fn logs() -> Logs {
    let nested = map([
        ("msg", "ok".into()),
        ("code", 200.into()),
        (
            "list",
            Attr::Array(vec!["x".into(), map([("y", 1.into())])]),
        ),
    ]);
    let failed = LogRecord::new("login failed").severity(17, "ERROR");
    let failed = LogRecord { flags: 1, ..failed };
    let boot = LogRecord {
        event_name: "boot".to_owned(),
        ..LogRecord::new(42)
    };
    let cut = LogRecord {
        dropped_attributes_count: 3,
        ..LogRecord::new(Attr::Array(vec!["a".into(), "b".into()]))
    };
    Logs::new()
        .resource([("service.name", "cart")])
        .scope("lib", "1")
        .log(
            failed
                .times(1000, 2000)
                .ids(
                    0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
                    0x0102_0304_0506_0708,
                )
                .attr("id", "a")
                .attr("user", "jane")
                .attr("n", 5),
        )
        .log(
            LogRecord::new(nested)
                .severity(9, "INFO")
                .attr("id", "b")
                .attr("n", "5"),
        )
        .resource([("service.name", "pay")])
        .scope("other", "")
        .log(boot.severity(5, "").attr("id", "c"))
        .log(LogRecord::default().attr("id", "d"))
        .log(cut.attr("id", "e"))
}

fn metrics() -> Metrics {
    let point = |id: &str, point: DataPoint| point.times(100, 500).attr("id", id);
    let gauge = Metric {
        unit: "%".to_owned(),
        description: "load".to_owned(),
        metadata: vec![("src".to_owned(), "prom".into())],
        ..Metric::gauge("cpu")
    };
    let unknown = DataPoint {
        flags: 1,
        ..DataPoint::default()
    };
    let delta = |name, of| Metric {
        aggregation_temporality: 1,
        ..Metric::new(name, of)
    };
    let histogram = Metric {
        unit: "ms".to_owned(),
        ..Metric::histogram("latency")
    };
    let buckets = |counts: [u64; 2], point| DataPoint {
        bucket_counts: counts.into(),
        explicit_bounds: vec![2f64.to_bits()],
        ..point
    };
    let scaled = DataPoint {
        scale: 3,
        zero_count: 2,
        ..DataPoint::counted(6, 9.0)
    };
    Metrics::new()
        .resource([("service.name", "cart")])
        .scope("lib", "")
        .metric(
            gauge
                .point(point("g1", DataPoint::double(0.5)))
                .point(point("g2", DataPoint::int(7)))
                .point(point("g3", unknown)),
        )
        .metric(
            Metric::sum("requests")
                .point(point("s1", DataPoint::int(3)).attr("route", "/a"))
                .point(point("s2", DataPoint::int(4)).attr("route", "/b")),
        )
        .metric(delta("queue", MetricType::Sum).point(point("s3", DataPoint::double(1.5))))
        .resource([("service.name", "pay")])
        .scope("other", "")
        .metric(
            histogram
                .point(point("h1", buckets([1, 3], DataPoint::counted(4, 10.0))))
                .point(point("h2", buckets([0, 0], DataPoint::default()))),
        )
        .metric(delta("size", MetricType::ExponentialHistogram).point(point("e1", scaled)))
        .metric(
            Metric::new("rt", MetricType::Summary)
                .point(point("q1", DataPoint::counted(8, 16.0)).attr("route", 5)),
        )
        .metric(Metric::gauge("empty"))
        .metric(Metric::new("none", MetricType::None))
}

fn id(attributes: &[(String, Attr)]) -> String {
    let mut ids = attributes.iter().filter(|(key, _)| key == "id");
    match ids.next() {
        Some((_, Attr::Text(id))) => id.clone(),
        other => panic!("{other:?}"),
    }
}

fn left_of_logs(out: &Logs) -> String {
    let ids: Vec<String> = out.logs().map(|record| id(&record.attributes)).collect();
    ids.join(" ")
}

fn left_of_metrics(out: &Metrics) -> String {
    let metrics = out.metrics().map(|metric| {
        let points = metric.points.iter().map(|point| id(&point.attributes));
        let points: Vec<String> = points.collect();
        format!("{}:{}", metric.name, points.join(","))
    });
    metrics.collect::<Vec<String>>().join(" ")
}

fn run<T: Item>(settings: &Json, items: &Items<T>) -> Items<T> {
    Kit::<Filter>::new(settings.clone())
        .unwrap()
        .run(items)
        .left
}

#[test]
fn what_is_left_is_what_the_collector_leaves() {
    let mut different = Vec::new();
    for line in include_str!("collector.jsonl").lines() {
        let [place, condition, expected]: [String; 3] = serde_json::from_str(line).unwrap();
        let conditions = json!([condition]);
        let mut settings = match place.split_once('.') {
            Some((section, list)) => json!({section: {list: conditions}}),
            None => json!({&place: conditions}),
        };
        settings["error_mode"] = json!("silent");
        if let Some(error) = Kit::<Filter>::new(settings.clone()).err() {
            different.push(format!("{place}: {condition}: {error}"));
            continue;
        }
        let left = match place.starts_with("log") {
            true => left_of_logs(&run(&settings, &logs())),
            false => left_of_metrics(&run(&settings, &metrics())),
        };
        if left != expected {
            different.push(format!("{place}: {condition}: {left}, not {expected}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn what_is_dropped_is_counted() {
    let settings = json!({
        "logs": {"log_record": ["severity_number >= 9"]},
        "metrics": {"metric": [r#"name == "requests""#], "datapoint": ["value_int == 7"]},
    });
    let mut kit = Kit::<Filter>::new(settings).unwrap();
    assert_eq!(kit.signals(), Signal::ALL);
    let out = kit.run(&logs());
    assert_eq!(out.dropped(Context::Log), [0, 1]);
    assert_eq!(out.count("log_records_filtered"), 2);
    let out = kit.run(&metrics());
    // The metric that had no data points goes too, as in the Collector.
    assert_eq!(
        left_of_metrics(&out.left),
        "cpu:g1,g3 queue:s3 latency:h1,h2 size:e1 rt:q1 none:"
    );
    assert_eq!(out.dropped(Context::Metric), [1, 6]);
    assert_eq!(out.dropped(Context::DataPoint), [1]);
    assert_eq!(out.count("data_points_filtered"), 3);
}

#[test]
fn a_condition_that_fails_follows_the_error_mode() {
    let settings = |mode: &str| json!({"error_mode": mode, "logs": {"log_record": ["HasPrefix(body, \"login\")"]}});
    let mut kit = Kit::<Filter>::new(settings("ignore")).unwrap();
    let out = kit.run(&logs());
    assert_eq!(left_of_logs(&out.left), "b c d e");
    assert_eq!(
        out.logs[0].1,
        "condition 1 of the log conditions failed on 4 rows: a function expected a string but got another type"
    );
    let mut kit = Kit::<Filter>::new(settings("propagate")).unwrap();
    assert!(kit.try_run(&logs()).is_err());
}

#[test]
fn stages_follow_one_another() {
    let settings = json!({"metric_conditions": [
        {"context": "datapoint", "conditions": [r#"metric.name == "cpu" and flags == 0"#]},
        {"context": "metric", "conditions": [r#"name == "queue""#]},
        {"context": "resource", "conditions": [r#"attributes["service.name"] == "pay""#]},
    ]});
    let left = run(&settings, &metrics());
    assert_eq!(left_of_metrics(&left), "cpu:g3 requests:s1,s2");
    let settings = json!({"log_conditions": [
        {"context": "scope", "conditions": [r#"name == "lib""#]},
        {"context": "log", "conditions": ["body == nil"]},
    ]});
    assert_eq!(left_of_logs(&run(&settings, &logs())), "c e");
}

#[test]
fn mistakes_are_named() {
    let problems = |settings| match Kit::<Filter>::new(settings) {
        Err(ConfigError::Settings(problems)) => problems
            .into_iter()
            .map(|problem| format!("{}: {}", problem.path, problem.message))
            .collect::<Vec<_>>(),
        other => panic!("{:?}", other.map(|_| ())),
    };
    assert_eq!(
        problems(json!({
            "logs": {"log_record": ["severity == 1", "name == \"x\"", "body.strin == \"x\""]},
            "metrics": {"metric": ["attributes[\"a\"] == 1"], "datapoint": ["value == 1", "HasAttrKeyOnDatapoint(\"x\")"]},
        })),
        [
            "/logs/log_record/0: column 1: a log has no field `severity`",
            "/logs/log_record/1: column 1: a log has no field `name`; did you mean `time`?",
            "/logs/log_record/2: column 1: a log has no field `body.strin`; did you mean `body.string`?",
            "/metrics/metric/0: column 1: a metric has no field `attributes`",
            "/metrics/datapoint/0: column 1: `datapoint.value` is not offered to plugins: take `value_int` or `value_double`",
            "/metrics/datapoint/1: column 1: HasAttrKeyOnDatapoint is for metrics only",
        ]
    );
    assert_eq!(
        problems(json!({
            "logs": {"include": {"match_type": "strict", "bodies": ["x"]}, "log_record": ["true"]},
            "log_conditions": ["log.flags == 1"],
            "metric_conditions": [{"context": "span", "conditions": []}],
            "profile_conditions": ["x"],
        })),
        [
            "/profile_conditions: profile_conditions are not supported; take profile_conditions out",
            "/logs/include: include and exclude are not supported; write conditions under logs.log_record",
            "/log_conditions: use either logs or log_conditions, not both",
            "/metric_conditions/0/context: must be one of resource, scope, metric, datapoint",
        ]
    );
    assert_eq!(
        problems(json!({"log_conditions": ["span.name == \"a\""]})),
        ["/log_conditions/0: column 1: logs are not filtered by span fields"]
    );
    assert_eq!(
        problems(json!({"log_conditions": [{"condition": "log.flags == 1"}]})),
        ["/log_conditions/0: unknown key `condition`; did you mean `conditions`?"]
    );
    let lambda = "Any(log.body[\"list\"], (_, item) => IsMap(item))";
    assert_eq!(
        problems(json!({"log_conditions": [lambda]})),
        [
            "/log_conditions/0: column 23: lambdas are experimental, in the Collector as well: they need `feature_gates: [ottl.functions.enableLambda]`"
        ]
    );
    let gates = json!(["ottl.functions.enableLambda"]);
    let settings = json!({"log_conditions": [lambda], "feature_gates": gates});
    assert_eq!(left_of_logs(&run(&settings, &logs())), "a c d e");
}
