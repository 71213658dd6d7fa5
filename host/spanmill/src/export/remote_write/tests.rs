mod backend;

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};

use super::encode::encode;
use super::messages::{RequestV2, TimeSeries, WriteRequest};
use super::translate::{Translation, translate};
use crate::export::progress::WriteBody;
use crate::export::remote_write::config::{RemoteWriteConfig, RemoteWriteVersion};
use crate::export::settings::{ClientSettings, Compression, Retry};
use spanmill_net::tls::ClientTls;

fn config() -> RemoteWriteConfig {
    RemoteWriteConfig {
        url: "http://localhost:1/w".to_owned(),
        client: ClientSettings {
            timeout: std::time::Duration::from_secs(5),
            compression: Compression::None,
            headers: Vec::new(),
            tls: ClientTls::default(),
            retry: Retry::default(),
            queue: None,
        },
        version: RemoteWriteVersion::V1,
        namespace: String::new(),
        external_labels: Vec::new(),
        add_metric_suffixes: true,
        send_metadata: false,
        resource_to_telemetry: false,
        exclude_service_attributes: false,
        target_info: true,
        disable_scope_info: false,
        max_batch_size_bytes: 3_000_000,
        max_batch_request_parallelism: 5,
    }
}

fn attributes(pairs: &[(&str, &str)]) -> Value {
    let one = |(key, value): &(&str, &str)| json!({"key": key, "value": {"stringValue": value}});
    pairs.iter().map(one).collect()
}

fn request(resource: &[(&str, &str)], metrics: Value) -> ExportMetricsServiceRequest {
    serde_json::from_value(json!({"resourceMetrics": [{
        "resource": {"attributes": attributes(resource)},
        "scopeMetrics": [{"scope": {"name": "lib", "version": "1"}, "metrics": metrics}],
    }]}))
    .unwrap()
}

/// A gauge of points with these values of `k`, measured in this second.
fn gauge(points: &[(&str, u64)]) -> Value {
    let point = |(k, second): &(&str, u64)| {
        json!({"attributes": attributes(&[("k", k)]), "asInt": second.to_string(),
            "timeUnixNano": format!("{second}000000000")})
    };
    let points: Vec<Value> = points.iter().map(point).collect();
    json!({"name": "g", "gauge": {"dataPoints": points}})
}

/// The series of some requests.
fn all(bodies: &[WriteBody]) -> Vec<TimeSeries> {
    let mut found = BTreeSet::new();
    let mut all = Vec::new();
    for body in bodies {
        let bytes = snap::raw::Decoder::new()
            .decompress_vec(&body.bytes)
            .unwrap();
        for series in WriteRequest::decode(bytes.as_slice()).unwrap().timeseries {
            let labels = series.labels.iter();
            let labels: Vec<_> = labels.map(|l| (l.name.clone(), l.value.clone())).collect();
            check_labels(&labels);
            assert!(found.insert(labels), "a series is in one request");
            all.push(series);
        }
    }
    all
}

/// The series of some requests, by their labels.
fn read(bodies: &[WriteBody]) -> BTreeMap<String, TimeSeries> {
    let named = all(bodies).into_iter().map(|series| {
        let labels = series.labels.iter();
        let labels: Vec<String> = labels.map(|l| format!("{}={}", l.name, l.value)).collect();
        (labels.join(","), series)
    });
    named.collect()
}

fn encoded(
    config: &RemoteWriteConfig,
    request: &ExportMetricsServiceRequest,
) -> (Translation, Vec<WriteBody>) {
    let translated = translate(config, request);
    let bodies = encode(config, &translated).unwrap();
    (translated, bodies)
}

#[test]
fn samples_of_a_series_are_in_order_and_each_time_once() {
    let metrics = json!([gauge(&[("a", 5), ("b", 1), ("a", 2), ("a", 5), ("a", 3)])]);
    let (translated, bodies) = encoded(&config(), &request(&[], metrics));
    assert_eq!(translated.rejected, 0);
    let series = read(&bodies);
    let of = |k: &str| {
        let labels = format!("__name__=g,k={k},otel_scope_name=lib,otel_scope_version=1");
        let samples = series[&labels].samples.iter();
        samples
            .map(|sample| sample.timestamp / 1000)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("a"), [2, 3, 5]);
    assert_eq!(of("b"), [1]);
    assert_eq!(bodies.iter().map(|body| body.points).sum::<u64>(), 5);
}

#[test]
fn requests_are_cut_by_their_size_and_series_are_not() {
    let names: Vec<String> = (0..100)
        .map(|n| format!("{n}{}", "x".repeat(200)))
        .collect();
    let points: Vec<(&str, u64)> = names.iter().map(|name| (&**name, 1)).collect();
    let request = request(&[], json!([gauge(&points)]));
    for version in [RemoteWriteVersion::V1, RemoteWriteVersion::V2] {
        for (max, least, most) in [(1, 100, 100), (5000, 4, 10), (1 << 20, 1, 1)] {
            let config = RemoteWriteConfig {
                version,
                max_batch_size_bytes: max,
                ..config()
            };
            let (_, bodies) = encoded(&config, &request);
            assert!((least..=most).contains(&bodies.len()), "{}", bodies.len());
            assert_eq!(bodies.iter().map(|body| body.points).sum::<u64>(), 100);
            for body in &bodies {
                let length = snap::raw::decompress_len(&body.bytes).unwrap();
                assert!(length <= max.max(400), "{length} of {max}");
            }
            if version == RemoteWriteVersion::V1 {
                assert_eq!(read(&bodies).len(), 100);
            } else {
                assert_eq!(
                    bodies.iter().map(|body| texts(body).len()).sum::<usize>(),
                    100
                );
            }
        }
    }
}

/// The labels of each series of a request of 2.0, found by their places among its texts.
fn texts(body: &WriteBody) -> Vec<String> {
    let bytes = snap::raw::Decoder::new()
        .decompress_vec(&body.bytes)
        .unwrap();
    let request = RequestV2::decode(bytes.as_slice()).unwrap();
    assert_eq!(request.symbols[0], "");
    let mut used = vec![false; request.symbols.len()];
    used[0] = true;
    let mut of = |place: &u32| {
        used[*place as usize] = true;
        request.symbols[*place as usize].clone()
    };
    let series: Vec<String> = request
        .timeseries
        .iter()
        .map(|series| {
            let metadata = series.metadata.as_ref().unwrap();
            let kind = format!(
                "{}:{}:{}",
                metadata.r#type,
                of(&metadata.help_ref),
                of(&metadata.unit_ref)
            );
            let labels: Vec<String> = series.labels_refs.iter().map(&mut of).collect();
            for exemplar in &series.exemplars {
                exemplar
                    .labels_refs
                    .iter()
                    .for_each(|place| drop(of(place)));
            }
            format!("{kind} {}", labels.join(" "))
        })
        .collect();
    assert!(used.iter().all(|used| *used), "no text without use");
    series
}

#[test]
fn version_2_has_metadata_starts_and_exemplars() {
    let config = RemoteWriteConfig {
        version: RemoteWriteVersion::V2,
        ..config()
    };
    let metrics = json!([{"name": "calls", "unit": "By", "description": "how many", "sum": {
        "aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [{"asInt": "3",
            "startTimeUnixNano": "1000000000", "timeUnixNano": "5000000000",
            "exemplars": [{"asDouble": 1.0, "timeUnixNano": "4000000000",
                "spanId": "1112131415161718", "traceId": "0102030405060708090a0b0c0d0e0f10",
                "filteredAttributes": attributes(&[("long", &"x".repeat(200))])}]}]}},
        {"name": "load", "gauge": {"dataPoints": [{"startTimeUnixNano": "1000000000"}]}}]);
    let (_, bodies) = encoded(&config, &request(&[], metrics));
    assert_eq!(
        texts(&bodies[0]),
        [
            "1:how many:bytes __name__ calls_bytes_total otel_scope_name lib otel_scope_version 1",
            "2:: __name__ load otel_scope_name lib otel_scope_version 1",
        ]
    );
    let bytes = snap::raw::Decoder::new()
        .decompress_vec(&bodies[0].bytes)
        .unwrap();
    let series = RequestV2::decode(bytes.as_slice()).unwrap().timeseries;
    // What does not add up has no start.
    for (series, start) in series.iter().zip([1000, 0]) {
        assert_eq!(series.created_timestamp, start);
        assert_eq!(series.samples[0].start_timestamp, start);
    }
    // Attributes that make it too long are left out, ids stay.
    assert_eq!(series[0].exemplars[0].labels_refs.len(), 4);
}

#[test]
fn what_cannot_be_carried_is_counted_and_told() {
    let delta = json!({"name": "d", "sum": {"aggregationTemporality": 1, "dataPoints": [{}, {}]}});
    let nameless = json!({"name": "...", "gauge": {"dataPoints": [{}]}});
    let coarse = json!({"name": "c", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [{"scale": -9}]}});
    let keyless =
        json!({"name": "k", "gauge": {"dataPoints": [{"attributes": attributes(&[("", "v")])}]}});
    let long = json!({"name": "l", "gauge": {"dataPoints": [{"attributes": attributes(&[("k", &"x".repeat(40_000))])}]}});
    for (metric, points, why) in [
        (delta, 2, "cumulative"),
        (nameless, 1, "name"),
        (coarse, 1, "scale"),
        (keyless, 1, "key"),
        (long, 1, "32 KiB"),
    ] {
        let (translated, bodies) = encoded(&config(), &request(&[], json!([metric])));
        assert_eq!(translated.rejected, points);
        assert!(translated.remark.unwrap().contains(why));
        assert!(bodies.is_empty());
    }
}

#[test]
fn a_batch_does_not_unfold_without_bound() {
    let long = "x".repeat(30_000);
    let point = |n: u64| json!({"attributes": attributes(&[("k", &n.to_string())]), "timeUnixNano": "1000000000"});
    let points: Vec<Value> = (0..10_000).map(point).collect();
    let request = request(
        &[("r", &long)],
        json!([{"name": "g", "gauge": {"dataPoints": points}}]),
    );
    let config = RemoteWriteConfig {
        resource_to_telemetry: true,
        ..config()
    };
    let translated = translate(&config, &request);
    assert!(
        (1000..2000).contains(&translated.rejected),
        "{}",
        translated.rejected
    );
    assert!(translated.remark.unwrap().contains("256 MiB"));
}

#[test]
fn labels_come_in_their_order_of_precedence() {
    let config = RemoteWriteConfig {
        external_labels: vec![
            ("job".to_owned(), "x".to_owned()),
            ("zone".to_owned(), "eu".to_owned()),
        ],
        ..config()
    };
    let point = json!({"timeUnixNano": "1000000000", "attributes": attributes(&[
        ("job", "own"), ("a.b", "1"), ("a-b", "2"), ("empty", ""), ("__name__", "mine"), ("otel.scope.name", "mine")])});
    let metrics = json!([{"name": "g", "gauge": {"dataPoints": [point]}}]);
    let resource = [
        ("service.name", "shop"),
        ("service.namespace", "n"),
        ("host", "h"),
    ];
    let (_, bodies) = encoded(&config, &request(&resource, metrics));
    let labels: Vec<String> = read(&bodies).into_keys().collect();
    assert_eq!(
        labels,
        [
            "__name__=g,a_b=2;1,job=n/shop,otel_scope_name=lib,otel_scope_version=1,zone=eu",
            "__name__=target_info,host=h,job=n/shop,zone=eu",
        ]
    );
}

#[test]
fn every_sample_of_a_point_without_a_value_marks_the_end() {
    let metrics = json!([
        {"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": [
            {"flags": 1, "sum": 1.0, "explicitBounds": [1], "bucketCounts": ["0", "0"]}]}},
        {"name": "e", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [{"flags": 1, "scale": -9}]}},
        {"name": "s", "summary": {"dataPoints": [{"flags": 1, "quantileValues": [{"quantile": 0.5}]}]}}]);
    let (translated, _) = encoded(&config(), &request(&[], metrics));
    assert_eq!(translated.rejected, 0);
    let is_stale = |value: f64| value.to_bits() == 0x7ff0_0000_0000_0002;
    let samples = translated.series.iter().flat_map(|series| &series.samples);
    assert_eq!(samples.clone().count(), 4 + 3);
    assert!(samples.clone().all(|sample| is_stale(sample.value)));
    let mut natives = translated
        .series
        .iter()
        .flat_map(|series| &series.histograms);
    assert!(is_stale(natives.next().unwrap().sum));
}

/// What a backend asks of labels before it takes a request.
fn check_labels(labels: &[(String, String)]) {
    assert!(
        labels.is_sorted_by(|one, other| one.0 < other.0),
        "{labels:?}"
    );
    for (name, value) in labels {
        assert!(!value.is_empty());
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        assert!(name.starts_with(first), "{name}");
        assert!(
            name.chars().all(|c| first(c) || c.is_ascii_digit()),
            "{name}"
        );
    }
    assert!(labels.iter().any(|(name, _)| name == "__name__"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_in_what_goes_out_can_be_read(
        request in crate::export::prometheus::tests::anything::request(),
        resource_to_telemetry in any::<bool>(),
        disable_scope_info in any::<bool>(),
        add_metric_suffixes in any::<bool>(),
        max_batch_size_bytes in prop::sample::select(vec![1, 300, 3_000_000]),
    ) {
        for version in [RemoteWriteVersion::V1, RemoteWriteVersion::V2] {
            let config = RemoteWriteConfig {
                version,
                resource_to_telemetry,
                disable_scope_info,
                add_metric_suffixes,
                max_batch_size_bytes,
                send_metadata: true,
                ..config()
            };
            let (translated, bodies) = encoded(&config, &request);
            for series in &translated.series {
                let times: Vec<i64> = series.samples.iter().map(|one| one.timestamp).collect();
                prop_assert!(times.is_sorted_by(|one, other| one < other));
            }
            let points: u64 = bodies.iter().map(|body| body.points).sum();
            let taken: u64 = translated.series.iter().map(|series| series.points).sum();
            prop_assert_eq!(points, taken);
            let read = match version {
                RemoteWriteVersion::V1 => all(&bodies).len(),
                RemoteWriteVersion::V2 => bodies.iter().map(|body| texts(body).len()).sum(),
            };
            prop_assert_eq!(read, translated.series.len());
        }
    }
}
