//! Metrics of every kind, in text and in protobuf.

use std::collections::BTreeMap;

use prost::Message as _;
use serde_json::{Value, json};

use super::super::format::Format;
use super::super::intake::Intake;
use super::super::page::Cursor;
use super::super::protobuf::messages::{BucketSpan, Histogram, Metric, MetricFamily};
use super::super::text::Writer;
use super::{attributes, config, metric, open, text};
use crate::export::prometheus::config::PrometheusConfig;

/// The families of a protobuf page.
pub(super) fn families(intake: &Intake) -> BTreeMap<String, Vec<Metric>> {
    let mut cursor = Cursor::new(Writer {
        format: Format::Protobuf,
        timestamps: true,
    });
    let mut families: BTreeMap<String, Vec<Metric>> = BTreeMap::new();
    loop {
        let piece = cursor.write(intake);
        if piece.is_empty() {
            return families;
        }
        let mut piece = piece.as_slice();
        while !piece.is_empty() {
            let family = MetricFamily::decode_length_delimited(&mut piece).unwrap();
            let metrics = families.entry(family.name.unwrap()).or_default();
            metrics.extend(family.metric);
        }
    }
}

/// What Prometheus asks of a histogram before it takes a page.
pub(super) fn check(metric: &Metric) {
    let Some(histogram) = &metric.histogram else {
        return;
    };
    if histogram.schema.is_none() {
        let counts: Vec<_> = histogram
            .bucket
            .iter()
            .map(|b| b.cumulative_count)
            .collect();
        assert!(counts.is_sorted());
        return;
    }
    assert!((-4..=8).contains(&histogram.schema.unwrap()));
    let side = |spans: &[BucketSpan], deltas: &[i64]| {
        let in_spans: u32 = spans.iter().map(|span| span.length.unwrap()).sum();
        assert_eq!(in_spans as usize, deltas.len());
        assert!(spans.iter().skip(1).all(|span| span.offset.unwrap() >= 0));
        let mut count = 0;
        let mut total = 0u64;
        for delta in deltas {
            count += delta;
            total += u64::try_from(count).unwrap();
        }
        total
    };
    let total = side(&histogram.positive_span, &histogram.positive_delta)
        + side(&histogram.negative_span, &histogram.negative_delta)
        + histogram.zero_count.unwrap();
    match histogram.sample_sum.unwrap().is_nan() {
        true => assert!(total <= histogram.sample_count.unwrap()),
        false => assert_eq!(Some(total), histogram.sample_count),
    }
}

fn plain() -> Intake {
    Intake::new(&PrometheusConfig {
        const_labels: Vec::new(),
        ..config()
    })
}

fn exponential(temporality: u32, point: Value) -> Value {
    json!({"name": "took", "unit": "s", "exponentialHistogram": {
        "aggregationTemporality": temporality, "dataPoints": [point]}})
}

fn native(temporality: u32, scale: i32, counts: &[&str]) -> Value {
    let total: u64 = counts
        .iter()
        .map(|count| count.parse::<u64>().unwrap())
        .sum();
    exponential(
        temporality,
        json!({"scale": scale, "count": (total + 3).to_string(), "sum": 7.5, "zeroCount": "3",
            "startTimeUnixNano": "1000000000", "timeUnixNano": "2500000000",
            "positive": {"offset": -1, "bucketCounts": counts},
            "exemplars": [{"asDouble": 1.5, "timeUnixNano": "2000000001",
                "traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0000000000000000"}]}),
    )
}

fn histogram(intake: &Intake, family: &str) -> Histogram {
    families(intake)[family][0].histogram.clone().unwrap()
}

#[test]
fn an_exponential_histogram_is_native_in_protobuf_and_counts_in_text() {
    let intake = plain();
    assert_eq!(intake.take(&metric(&[], native(2, 1, &["1", "0", "4"]))), 0);
    let page = text(&intake);
    for line in [
        "# TYPE took_seconds histogram\n",
        "took_seconds_bucket{le=\"+Inf\"} 8\n",
        "took_seconds_sum 7.5\n",
        "took_seconds_count 8\n",
    ] {
        assert!(page.contains(line), "{page}");
    }
    assert!(open(&intake).contains("le=\"+Inf\"} 8 # {trace_id=\"0102"));
    let metric = families(&intake)["took_seconds"][0].clone();
    assert_eq!(metric.timestamp_ms, Some(2500));
    let histogram = metric.histogram.unwrap();
    assert_eq!(histogram.schema, Some(1));
    assert_eq!(
        (histogram.sample_count, histogram.zero_count),
        (Some(8), Some(3))
    );
    assert_eq!(histogram.positive_delta, [1, -1, 4]);
    assert_eq!(histogram.positive_span[0].offset, Some(0));
    assert_eq!(histogram.created_timestamp.unwrap().seconds, 1);
    let exemplar = &histogram.exemplars[0];
    assert_eq!(exemplar.label.len(), 1, "an id of zeros is none");
    assert_eq!(exemplar.timestamp.as_ref().unwrap().nanos, 1);
}

#[test]
fn exponential_deltas_add_up_over_scales() {
    let intake = plain();
    intake.take(&metric(&[], native(1, 1, &["1", "0", "4"])));
    intake.take(&metric(&[], native(1, 0, &["2"])));
    let histogram = histogram(&intake, "took_seconds");
    assert_eq!(histogram.schema, Some(0));
    assert_eq!(
        (histogram.sample_count, histogram.zero_count),
        (Some(13), Some(6))
    );
    assert_eq!(histogram.sample_sum, Some(15.0));
    assert_eq!(histogram.positive_delta, [3, 1]);
}

#[test]
fn what_no_native_histogram_can_say_is_rejected() {
    let intake = plain();
    assert_eq!(intake.take(&metric(&[], native(2, -5, &["1"]))), 1);
    let odd = exponential(2, json!({"scale": 0, "count": "5", "zeroCount": "1"}));
    assert_eq!(intake.take(&metric(&[], odd)), 1);
    assert_eq!(text(&intake), "");
}

fn summary(point: Value) -> Value {
    json!({"name": "rpc", "summary": {"dataPoints": [point]}})
}

#[test]
fn a_summary_has_its_quantiles_in_order() {
    let intake = plain();
    let point = json!({"attributes": attributes(&[("quantile", "mine")]), "count": "7", "sum": 3.5,
        "quantileValues": [{"quantile": 0.99, "value": 2.0}, {"quantile": 0.5, "value": 1.0},
            {"quantile": 0.99, "value": 3.0}, {"quantile": 0, "value": 0.25}]});
    assert_eq!(intake.take(&metric(&[], summary(point))), 0);
    let expected = r#"# TYPE rpc summary
rpc{exported_quantile="mine",quantile="0"} 0.25
rpc{exported_quantile="mine",quantile="0.5"} 1
rpc{exported_quantile="mine",quantile="0.99"} 3
rpc_sum{exported_quantile="mine"} 3.5
rpc_count{exported_quantile="mine"} 7
"#;
    assert_eq!(text(&intake), expected);
    let shown = families(&intake)["rpc"][0].summary.clone().unwrap();
    assert_eq!((shown.sample_count, shown.quantile.len()), (Some(7), 3));
    let odd = json!({"quantileValues": [{"quantile": 1.5, "value": 2.0}]});
    assert_eq!(intake.take(&metric(&[], summary(odd))), 1);
}

#[test]
fn a_series_that_has_no_value_any_more_goes() {
    let point = |flags: u32, key: &str| json!({"attributes": attributes(&[("k", key)]), "asInt": "1", "flags": flags});
    let gauge =
        |points: Vec<Value>| metric(&[], json!({"name": "g", "gauge": {"dataPoints": points}}));
    let intake = plain();
    intake.take(&gauge(vec![point(0, "a"), point(0, "b")]));
    assert_eq!(intake.take(&gauge(vec![point(1, "a"), point(0, "c")])), 0);
    let page = text(&intake);
    assert_eq!(page, "# TYPE g gauge\ng{k=\"b\"} 1\ng{k=\"c\"} 1\n");
    intake.take(&gauge(vec![
        point(1, "b"),
        point(1, "c"),
        point(1, "never"),
    ]));
    assert_eq!(text(&intake), "");
    // Its name is free again, and so is its room.
    let again = json!({"name": "g", "histogram": {"aggregationTemporality": 2,
        "dataPoints": [{"count": "1", "bucketCounts": ["1"]}]}});
    assert_eq!(intake.take(&metric(&[], again)), 0);
    for kind in ["exponentialHistogram", "histogram", "summary", "sum"] {
        let point = |flags: u32| {
            json!({"name": kind, kind: {"aggregationTemporality": 2,
                "dataPoints": [{"flags": flags, "attributes": []}]}})
        };
        let intake = plain();
        assert_eq!(intake.take(&metric(&[], point(0))), 0, "{kind}");
        assert!(text(&intake).contains(kind));
        assert_eq!(intake.take(&metric(&[], point(1))), 0, "{kind}");
        assert_eq!(text(&intake), "", "{kind}");
    }
}

#[test]
fn of_a_counter_of_several_the_end_of_one_takes_nothing_away() {
    let intake = plain();
    let calls = |pid: &str, flags: u32| {
        metric(
            &[("service.name", "shop"), ("pid", pid)],
            json!({"name": "calls", "sum": {"aggregationTemporality": 2, "isMonotonic": true,
                "dataPoints": [{"asInt": "3", "flags": flags}]}}),
        )
    };
    for (pid, flags) in [("1", 0), ("2", 0), ("1", 1)] {
        intake.take(&calls(pid, flags));
    }
    assert!(text(&intake).ends_with("calls_total{job=\"shop\"} 6\n"));
    intake.take(&calls("2", 1));
    assert_eq!(text(&intake), "");
}

#[test]
fn a_metric_that_does_not_say_what_it_counts_is_rejected() {
    let intake = plain();
    for kind in ["sum", "histogram", "exponentialHistogram"] {
        let unspecified = json!({"name": "x", kind: {"dataPoints": [{}, {}]}});
        assert_eq!(intake.take(&metric(&[], unspecified)), 2, "{kind}");
    }
    assert_eq!(text(&intake), "");
}

#[test]
fn protobuf_has_what_text_has() {
    let intake = Intake::new(&config());
    intake.take(&super::metrics(2, 7));
    intake.take(&metric(
        &[],
        json!({"name": "g", "description": "héllo", "gauge": {"dataPoints": [
        {"attributes": attributes(&[("k", "a\"\\\n,=}")]), "asDouble": -0.5}]}}),
    ));
    let families = families(&intake);
    let of = |name: &str| &families[name][0];
    let calls = of("traces_span_metrics_calls_total");
    assert_eq!(calls.counter.as_ref().unwrap().value, Some(7.0));
    let labels = |metric: &Metric| {
        let one = |label: &super::super::protobuf::messages::LabelPair| {
            (label.name.clone().unwrap(), label.value.clone().unwrap())
        };
        metric.label.iter().map(one).collect::<Vec<_>>()
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        labels(calls),
        [
            pair("cluster", "a\"b"),
            pair("job", "shop"),
            pair("span_name", "GET /")
        ]
    );
    assert_eq!(labels(of("g"))[1], pair("k", "a\"\\\n,=}"));
    assert_eq!(of("g").gauge.as_ref().unwrap().value, Some(-0.5));
    let took = of("traces_span_metrics_duration_milliseconds");
    let buckets = &took.histogram.as_ref().unwrap().bucket;
    let bounds: Vec<_> = buckets.iter().map(|one| one.upper_bound.unwrap()).collect();
    assert_eq!(bounds, [2.0, 10.0, f64::INFINITY]);
    assert!(buckets[2].exemplar.is_some() && buckets[1].exemplar.is_none());
}

#[test]
fn a_family_longer_than_a_piece_comes_whole() {
    let intake = plain();
    let long = "x".repeat(300);
    for n in 0..1500 {
        let labels = [("n", format!("{n:04}{long}"))];
        let labels = labels
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        intake.take(&super::calls(&[], &labels, n));
    }
    let families = families(&intake);
    assert_eq!(families.len(), 1);
    assert_eq!(families["calls_total"].len(), 1500);
}
