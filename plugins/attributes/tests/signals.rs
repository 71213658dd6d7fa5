//! Log records and data points: what is done to them, and which are chosen.

use serde_json::{Value as Json, json};
use spanmill_attributes::Attributes;
use spanmill_sdk::Signal;
use spanmill_sdk::testing::{Attr, DataPoint, Kit, LogRecord, Logs, Metric, MetricType, Metrics};

/// Which of the records or points are marked by an action, by place.
fn marked<'a>(all: impl Iterator<Item = &'a Vec<(String, Attr)>>) -> Vec<usize> {
    let all = all.enumerate();
    let marked = all.filter(|(_, list)| list.iter().any(|(key, _)| key == "seen"));
    marked.map(|(place, _)| place).collect()
}

fn with(filter: &str, properties: Json) -> Kit<Attributes> {
    Kit::new(json!({
        filter: properties,
        "actions": [{"key": "seen", "value": true, "action": "insert"}],
    }))
    .unwrap()
}

#[test]
fn log_records_and_data_points_change_as_spans_do() {
    let actions = json!([
        {"key": "mail", "action": "hash"},
        {"key": "gone", "action": "delete"},
        {"key": "env", "value": "prod", "action": "upsert"},
    ]);
    let mut kit = Kit::<Attributes>::new(json!({ "actions": actions })).unwrap();
    assert_eq!(kit.signals(), Signal::ALL);
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let expected = [("mail", hash), ("env", "prod")];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.into()));

    let record = LogRecord::new("body").attr("mail", "abc").attr("gone", 1);
    let out = kit.run(&Logs::of([record]));
    assert_eq!(out.item(0).attributes, expected);
    assert_eq!(out.log_bodies(), ["body"]);

    let types = [
        MetricType::Gauge,
        MetricType::Sum,
        MetricType::Histogram,
        MetricType::ExponentialHistogram,
        MetricType::Summary,
    ];
    let metrics = types.map(|of| {
        let point = DataPoint::default().attr("gone", true).attr("mail", "abc");
        Metric::new("m", of).point(point.clone()).point(point)
    });
    let out = kit.run(&Metrics::of(metrics));
    assert_eq!(out.left.points().count(), 10);
    assert!(out.left.points().all(|point| point.attributes == expected));
}

#[test]
fn log_records_are_chosen_by_their_properties() {
    let logs = || {
        Logs::new()
            .resource([("team", "a")])
            .scope("lib", "1")
            .log(
                LogRecord::new("login failed")
                    .severity(17, "ERROR")
                    .attr("k", "v"),
            )
            .log(LogRecord::new("login ok").severity(9, "INFO"))
            .resource([("team", "b")])
            .log(LogRecord::new(Attr::Map(vec![(
                "m".to_owned(),
                "login".into(),
            )])))
            .log(LogRecord::default().severity(5, "debug"))
    };
    for (properties, expected) in [
        (
            json!({"match_type": "strict", "log_bodies": ["login ok"]}),
            vec![1],
        ),
        (
            json!({"match_type": "regexp", "log_bodies": ["login"]}),
            vec![0, 1, 2],
        ),
        // A body that was not sent reads as an empty text.
        (
            json!({"match_type": "regexp", "log_bodies": ["^$"]}),
            vec![3],
        ),
        (
            json!({"match_type": "strict", "log_severity_texts": ["INFO", "debug"]}),
            vec![1, 3],
        ),
        (
            json!({"match_type": "strict", "log_severity_number": {"min": 9}}),
            vec![0, 1],
        ),
        (
            json!({"match_type": "strict", "log_severity_number": {"min": 17, "match_undefined": true}}),
            vec![0, 2],
        ),
        (
            json!({"match_type": "strict", "attributes": [{"key": "k", "value": "v"}]}),
            vec![0],
        ),
        (
            json!({"match_type": "strict", "resources": [{"key": "team", "value": "b"}]}),
            vec![2, 3],
        ),
        (
            json!({"match_type": "strict", "libraries": [{"name": "lib"}]}),
            vec![0, 1],
        ),
        (
            json!({"match_type": "regexp", "log_bodies": ["login"], "resources": [{"key": "team", "value": "a"}]}),
            vec![0, 1],
        ),
    ] {
        let included = with("include", properties.clone()).run(&logs());
        let found = marked(included.left.logs().map(|record| &record.attributes));
        assert_eq!(found, expected, "include {properties}");
        let excluded = with("exclude", properties.clone()).run(&logs());
        let found = marked(excluded.left.logs().map(|record| &record.attributes));
        let others: Vec<usize> = (0..4).filter(|at| !expected.contains(at)).collect();
        assert_eq!(found, others, "exclude {properties}");
    }
}

#[test]
fn metrics_are_chosen_by_their_names() {
    let metrics = || {
        Metrics::new()
            .resource([("team", "a")])
            .metric(
                Metric::gauge("cpu")
                    .point(DataPoint::int(1))
                    .point(DataPoint::int(2)),
            )
            .metric(Metric::sum("requests").point(DataPoint::int(3)))
            .metric(Metric::gauge("cpu.user").point(DataPoint::double(1.5)))
    };
    for (properties, expected) in [
        (
            json!({"match_type": "strict", "metric_names": ["cpu"]}),
            vec![0, 1],
        ),
        (
            json!({"match_type": "regexp", "metric_names": ["^cpu"]}),
            vec![0, 1, 3],
        ),
    ] {
        let mut kit = with("include", properties.clone());
        assert_eq!(kit.signals(), [Signal::Metrics]);
        let out = kit.run(&metrics());
        let found = marked(out.left.points().map(|point| &point.attributes));
        assert_eq!(found, expected, "{properties}");
    }
    // As in the Collector, metrics are not asked about their resources.
    let mut kit = with(
        "include",
        json!({"match_type": "strict", "resources": [{"key": "team", "value": "b"}]}),
    );
    assert_eq!(kit.signals(), Signal::ALL);
    let out = kit.run(&metrics());
    assert_eq!(
        marked(out.left.points().map(|point| &point.attributes)).len(),
        4
    );
}

#[test]
fn filters_that_no_signal_has_a_meaning_for_are_refused() {
    for (settings, message) in [
        (
            json!({"include": {"match_type": "strict", "span_names": ["a"], "log_bodies": ["b"]}}),
            "/include: mixes what has a meaning for different signals: span_names (traces), log_bodies (logs)",
        ),
        (
            json!({"include": {"match_type": "strict", "metric_names": ["a"], "attributes": [{"key": "b"}]}}),
            "attributes (traces, logs), metric_names (metrics)",
        ),
        (
            json!({
                "include": {"match_type": "strict", "services": ["a"]},
                "exclude": {"match_type": "strict", "log_severity_number": {"min": 9}},
            }),
            "/exclude: has a meaning for other signals than include",
        ),
        (
            json!({"include": {"match_type": "strict"}}),
            "/include: needs services",
        ),
    ] {
        let mut settings = settings;
        settings["actions"] = json!([{"key": "a", "action": "delete"}]);
        let error = Kit::<Attributes>::new(settings).err().unwrap().to_string();
        assert!(error.contains(message), "{error}");
    }
    let settings = |services: Json| {
        json!({
            "include": {"match_type": "strict", "services": services, "attributes": [{"key": "b"}]},
            "actions": [{"key": "a", "action": "delete"}],
        })
    };
    let kit = Kit::<Attributes>::new(settings(json!(["a"]))).unwrap();
    assert_eq!(kit.signals(), [Signal::Traces]);
    let kit = Kit::<Attributes>::new(settings(json!([]))).unwrap();
    assert_eq!(kit.signals(), [Signal::Traces, Signal::Logs]);
}
