//! Which series spans end up in, and what is measured.

use serde_json::json;
use spanmill_sdk::ConfigError;
use spanmill_sdk::testing::{Attr, ConnectorKit, Event, Measured, Span, Spans};
use spanmill_spanmetrics::SpanMetrics;

fn kit(settings: serde_json::Value) -> ConnectorKit<SpanMetrics> {
    ConnectorKit::new(settings).unwrap()
}

fn pairs(measured: &Measured) -> Vec<(&str, &str)> {
    measured
        .attributes
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

fn spans() -> Spans {
    Spans::new()
        .resource([("service.name", "cart"), ("zone", "a")])
        .span(
            Span::new("GET")
                .kind(2)
                .times(1_000_000, 4_000_000)
                .attr("http.method", "GET"),
        )
        .span(
            Span::new("GET")
                .kind(2)
                .times(0, 5_000_000)
                .attr("http.method", "GET"),
        )
        .span(
            Span::new("GET")
                .kind(2)
                .status(2, "")
                .times(9, 3)
                .attr("http.method", 7),
        )
        .resource([("host", "no service")])
        .span(Span::new("skipped"))
        .resource([("service.name", "pay")])
        .span(Span::new("work").kind(1).times(0, 1_500_000))
}

#[test]
fn calls_and_durations_by_the_collectors_attributes() {
    let mut kit =
        kit(json!({"dimensions": [{"name": "http.method", "default": "none"}, {"name": "zone"}]}));
    kit.run(&spans());
    kit.run(&spans());
    let calls = kit.metric("traces.span.metrics.calls");
    let by = |code: &str, service: &str| {
        let found = calls.iter().filter(|m| {
            m.get("status.code") == Some(code) && m.get("service.name") == Some(service)
        });
        found.cloned().collect::<Vec<_>>()
    };
    let ok = &by("STATUS_CODE_UNSET", "cart")[0];
    assert_eq!(
        pairs(ok),
        [
            ("service.name", "cart"),
            ("span.name", "GET"),
            ("span.kind", "SPAN_KIND_SERVER"),
            ("status.code", "STATUS_CODE_UNSET"),
            ("http.method", "GET"),
            ("zone", "a"),
        ]
    );
    assert_eq!(ok.count, 4);
    assert_eq!(
        ok.resource,
        [("service.name", "cart"), ("zone", "a")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
    assert_eq!(
        by("STATUS_CODE_ERROR", "cart")[0].get("http.method"),
        Some("7")
    );
    let pay = &by("STATUS_CODE_UNSET", "pay")[0];
    assert_eq!(
        (pay.get("http.method"), pay.get("zone"), pay.count),
        (Some("none"), None, 2)
    );
    assert_eq!(
        calls.len(),
        3,
        "a resource without a service is not measured"
    );
    let durations = kit.metric("traces.span.metrics.duration");
    let sums: Vec<f64> = durations.iter().map(|measured| measured.sum).collect();
    assert_eq!(durations.len(), 3);
    assert!(
        sums.contains(&16.0) && sums.contains(&3.0) && sums.contains(&0.0),
        "{sums:?}"
    );
    assert_eq!(kit.series_named(), 3);
}

#[test]
fn defaults_are_the_collectors() {
    let kit = kit(json!({}));
    let instruments = kit.instruments();
    let names: Vec<(&str, &str)> = instruments
        .iter()
        .map(|(name, unit, _)| (name.as_str(), unit.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("traces.span.metrics.calls", ""),
            ("traces.span.metrics.duration", "ms")
        ]
    );
    assert_eq!(instruments[1].2.len(), 16);
    assert_eq!(kit.limits(), (60_000_000_000, 0, 0, 1000, 20_000));
    assert_eq!(
        kit.reads(),
        [
            "resource.attributes",
            "span.name",
            "span.kind",
            "span.status.code",
            "span.start_time_unix_nano",
            "span.end_time_unix_nano",
            "span.trace_state"
        ]
    );
}

#[test]
fn histograms_have_a_unit_and_buckets() {
    let kit = kit(json!({
        "namespace": "",
        "histogram": {"unit": "s", "explicit": {"buckets": ["100ms", "2.5s", 5_000_000_000_i64]}},
        "metrics_flush_interval": "15s",
        "metrics_expiration": "5m",
        "aggregation_cardinality_limit": 10,
    }));
    assert_eq!(
        kit.instruments()[1],
        ("duration".to_owned(), "s".to_owned(), vec![0.1, 2.5, 5.0])
    );
    assert_eq!(kit.limits(), (15_000_000_000, 300_000_000_000, 10, 1000, 0));
}

#[test]
fn metrics_may_have_dimensions_of_their_own() {
    let mut kit = kit(json!({
        "calls_dimensions": [{"name": "http.method"}],
        "histogram": {"dimensions": [{"name": "zone"}]},
        "exclude_dimensions": ["span.kind", "status.code"],
    }));
    kit.run(&spans());
    let calls = kit.metric("traces.span.metrics.calls");
    assert_eq!(calls.len(), 3);
    assert!(
        calls
            .iter()
            .all(|measured| measured.get("zone").is_none() && measured.get("span.kind").is_none())
    );
    let durations = kit.metric("traces.span.metrics.duration");
    assert_eq!(durations.len(), 2);
    assert_eq!(
        durations.iter().map(|measured| measured.count).max(),
        Some(3)
    );
    assert!(
        durations
            .iter()
            .any(|measured| measured.get("zone") == Some("a"))
    );
}

#[test]
fn events_are_counted_with_their_own_attributes() {
    let mut kit = kit(
        json!({"events": {"enabled": true, "dimensions": [{"name": "exception.type"}]}, "histogram": {"disable": true}}),
    );
    kit.run(
        &Spans::new().resource([("service.name", "s")]).span(
            Span::new("a")
                .event(Event::new("x").attr("exception.type", "io"))
                .event(Event::new("y").attr("exception.type", "io"))
                .event(Event::new("z")),
        ),
    );
    let events = kit.metric("traces.span.metrics.events");
    let mut counts: Vec<_> = events
        .iter()
        .map(|m| (m.get("exception.type"), m.count))
        .collect();
    counts.sort();
    assert_eq!(counts, [(None, 1), (Some("io"), 2)]);
}

#[test]
fn sampled_spans_count_for_more() {
    let mut kit = kit(json!({"enable_metrics_sampling_method": true}));
    kit.run(
        &Spans::new()
            .resource([("service.name", "s")])
            .span(Span::new("a").times(0, 2_000_000).trace_state("ot=th:c"))
            .span(Span::new("a").times(0, 2_000_000)),
    );
    let calls = kit.metric("traces.span.metrics.calls");
    let mut counts: Vec<_> = calls
        .iter()
        .map(|m| (m.get("sampling.method").unwrap().to_owned(), m.count))
        .collect();
    counts.sort();
    assert_eq!(
        counts,
        [("counted".to_owned(), 1), ("extrapolated".to_owned(), 4)]
    );
    assert_eq!(
        kit.metric("traces.span.metrics.duration")
            .iter()
            .map(|m| m.sum)
            .sum::<f64>(),
        10.0
    );
}

#[test]
fn exemplars_name_their_spans() {
    let mut kit = kit(json!({"exemplars": {"enabled": true}}));
    kit.run(&spans());
    let durations = kit.metric("traces.span.metrics.duration");
    let mut rows: Vec<u32> = durations.iter().flat_map(|m| m.exemplars.clone()).collect();
    rows.sort_unstable();
    assert_eq!(rows, [0, 1, 2, 4]);
}

#[test]
fn key_attributes_keep_the_first_resource() {
    let mut kit = kit(json!({"resource_metrics_key_attributes": ["service.name"]}));
    for pod in ["a", "b"] {
        kit.run(
            &Spans::new()
                .resource([("service.name", "s"), ("pod", pod)])
                .span(Span::new("x")),
        );
    }
    let calls = kit.metric("traces.span.metrics.calls");
    assert_eq!((calls.len(), calls[0].count), (1, 2));
    assert_eq!(calls[0].resource[1], ("pod".to_owned(), "a".to_owned()));
}

#[test]
fn resources_are_told_apart_by_what_they_hold_not_by_its_order() {
    let mut kit = kit(json!({}));
    for attributes in [
        vec![("service.name", "s"), ("pod", "a")],
        vec![("pod", "a"), ("service.name", "s")],
        vec![("service.name", "s")],
        vec![("service.name", "s"), ("pod", "service.name")],
    ] {
        let spans = Spans::new().resource(attributes).span(Span::new("x"));
        kit.run(&spans);
    }
    let calls = kit.metric("traces.span.metrics.calls");
    let counts: Vec<u64> = calls.iter().map(|m| m.count).collect();
    assert_eq!(counts.iter().sum::<u64>(), 4);
    assert_eq!(kit.series_named(), 3);
}

#[test]
fn dimensions_of_every_type_tell_series_apart() {
    let mut kit = kit(json!({"dimensions": [{"name": "a"}, {"name": "b", "default": "none"}]}));
    let values: [Attr; 7] = [
        "7".into(),
        7.into(),
        7.0.into(),
        (7i64 << 32).into(),
        true.into(),
        Attr::Bytes(b"7".to_vec()),
        Attr::Array(vec![Attr::Int(7)]),
    ];
    // In another batch texts have other places.
    for name in ["x", "y"] {
        let spans = Spans::new().resource([("service.name", name)]);
        let spans = values.iter().fold(spans, |spans, value| {
            spans
                .span(Span::new("n").attr("a", value.clone()))
                .span(Span::new("n").attr("b", value.clone()))
        });
        kit.run(&spans.span(Span::new("n")));
        let named = 2 * values.len() + 1;
        assert_eq!(
            kit.series_named(),
            if name == "x" { named } else { 2 * named }
        );
        kit.run(&spans_of_one(name));
    }
    assert_eq!(kit.series_named(), 2 * (2 * values.len() + 1));
    let calls = kit.metric("traces.span.metrics.calls");
    let counts = |value: &str| {
        let of = calls.iter().filter(|m| m.get("a") == Some(value));
        of.map(|m| m.count).collect::<Vec<_>>()
    };
    assert_eq!(counts("true"), [1, 1]);
    let plain = calls
        .iter()
        .filter(|m| m.get("a").is_none() && m.get("b") == Some("none"));
    assert_eq!(plain.map(|m| m.count).collect::<Vec<_>>(), [2, 2]);
}

/// A span without any dimension.
fn spans_of_one(service: &str) -> Spans {
    Spans::new()
        .resource([("service.name", service)])
        .span(Span::new("n"))
}

#[test]
fn scopes_are_shown_when_asked() {
    let mut kit = kit(json!({"include_instrumentation_scope": ["lib"]}));
    kit.run(
        &Spans::new()
            .resource([("service.name", "s")])
            .scope("lib", "1")
            .span(Span::new("x"))
            .scope("other", "1")
            .span(Span::new("x")),
    );
    let calls = kit.metric("traces.span.metrics.calls");
    let scopes: Vec<_> = calls
        .iter()
        .filter_map(|m| {
            Some((
                m.get("span.instrumentation.scope.name")?,
                m.get("span.instrumentation.scope.version")?,
            ))
        })
        .collect();
    assert_eq!((calls.len(), scopes), (2, vec![("lib", "1")]));
}

#[test]
fn the_numbering_starts_over_before_it_outgrows_its_bound() {
    let mut kit = kit(json!({"histogram": {"disable": true}}));
    let batch = |from: u32, count: u32| {
        (from..from + count).fold(
            Spans::new().resource([("service.name", "s")]),
            |spans, number| spans.span(Span::new(&number.to_string())),
        )
    };
    kit.run(&batch(0, 100_001));
    assert_eq!(kit.series_named(), 100_001);
    kit.run(&batch(0, 2));
    assert_eq!(kit.series_named(), 2);
    let calls = kit.metric("traces.span.metrics.calls");
    assert_eq!(calls.len(), 100_001);
    assert_eq!(
        calls.iter().map(|m| m.count).sum::<u64>(),
        100_003,
        "no total is lost"
    );
}

#[test]
fn every_mistake_is_named_at_once() {
    let error = |settings| ConnectorKit::<SpanMetrics>::new(settings).err().unwrap();
    let ConfigError::Settings(problems) = error(json!({
        "dimensions": [
            {"glob": "status.*"}, {}, {"name": "a", "glob": "b"}, {"glob": "[a"}, {"glob": "c", "default": "d"}, {"glob": "a.**"},
        ],
        "resource_metrics_cache_size": 0,
        "histogram": {"unit": "h", "explicit": {}, "exponential": {}},
        "aggregation_temporality": "delta",
        "metrics_flush_interval": "-1s",
        "metrics_expiration": "-1s",
        "aggregation_cardinality_limit": -1,
        "events": {"enabled": true},
    })) else {
        panic!()
    };
    let paths: Vec<&str> = problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "/dimensions/1",
            "/dimensions/2",
            "/dimensions/4/default",
            "/dimensions/0/glob",
            "/dimensions/3/glob",
            "/events/dimensions",
            "/histogram",
            "/histogram/unit",
            "/aggregation_temporality",
            "/metrics_flush_interval",
            "/resource_metrics_cache_size",
            "/metrics_expiration",
            "/aggregation_cardinality_limit",
        ]
    );
    assert_eq!(
        error(json!({"metrics_flush_interval": "soon"})).to_string(),
        "/metrics_flush_interval: \"soon\" is no duration; write one such as \"15s\" or \"100ms\""
    );
    // A dimension that repeats a built-in one is left out with a warning.
    let mut kit = kit(json!({"dimensions": [{"name": "service.name"}]}));
    kit.run(&spans());
    assert_eq!(
        kit.metric("traces.span.metrics.calls")[0].attributes.len(),
        4
    );
}
