//! Exporters that go nowhere far.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use expect_test::{Expect, expect};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, exemplar,
};
use prost::Message as _;

use super::{nowhere, payload, request, soon, started, text, try_start};
use crate::export::{DebugOutput, Payload, Signal};

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

async fn shown(settings: &str, payload: Payload, colour: bool) -> String {
    let screen = Screen::default();
    let exporter = started("debug", settings, DebugOutput::new(screen.clone(), colour)).await;
    exporter.enqueue(payload).await.unwrap();
    screen.text()
}

async fn check(settings: &str, payload: Payload, expected: Expect) {
    expected.assert_eq(&shown(settings, payload, false).await);
}

fn metrics() -> Payload {
    let sum = Metric {
        name: "calls".to_owned(),
        data: Some(Data::Sum(Sum {
            data_points: vec![NumberDataPoint {
                attributes: vec![text("service.name", "shop")],
                value: Some(Value::AsInt(3)),
                ..NumberDataPoint::default()
            }],
            aggregation_temporality: 2,
            is_monotonic: true,
        })),
        ..Metric::default()
    };
    let histogram = Metric {
        name: "duration".to_owned(),
        unit: "ms".to_owned(),
        data: Some(Data::Histogram(Histogram {
            data_points: vec![HistogramDataPoint {
                count: 2,
                sum: Some(7.5),
                explicit_bounds: vec![5.0],
                bucket_counts: vec![1, 1],
                ..HistogramDataPoint::default()
            }],
            aggregation_temporality: 2,
        })),
        ..Metric::default()
    };
    let exponential = Metric {
        name: "size".to_owned(),
        data: Some(Data::ExponentialHistogram(ExponentialHistogram {
            data_points: vec![ExponentialHistogramDataPoint {
                count: 4,
                scale: 1,
                zero_count: 1,
                positive: Some(Buckets {
                    offset: 1,
                    bucket_counts: vec![2, 1],
                }),
                exemplars: vec![Exemplar {
                    trace_id: vec![0x5b; 16],
                    span_id: vec![0xee; 8],
                    value: Some(exemplar::Value::AsDouble(2.5)),
                    ..Exemplar::default()
                }],
                ..ExponentialHistogramDataPoint::default()
            }],
            aggregation_temporality: 1,
        })),
        ..Metric::default()
    };
    let scope_metrics = vec![ScopeMetrics {
        metrics: vec![sum, histogram, exponential],
        ..ScopeMetrics::default()
    }];
    let resource_metrics = vec![ResourceMetrics {
        scope_metrics,
        ..ResourceMetrics::default()
    }];
    Payload {
        signal: Signal::Metrics,
        bytes: Bytes::from(ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()),
        items: 3,
        metadata: Default::default(),
        received_unix_nano: 0,
        trace: Default::default(),
    }
}

#[tokio::test]
async fn debug_basic() {
    check(
        "",
        payload(),
        expect![[r#"
        Traces	{"resource spans": 1, "spans": 1}
    "#]],
    )
    .await;
    check(
        "",
        metrics(),
        expect![[r#"
            Metrics	{"resource metrics": 1, "metrics": 3, "data points": 3}
        "#]],
    )
    .await;
}

#[tokio::test]
async fn debug_normal() {
    check("{verbosity: normal}", payload(), expect![[r#"
        Traces	{"resource spans": 1, "spans": 1}
        GET /cart 5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b eeeeeeeeeeeeeeee http.route=/cart\u{1b}[2J\n http.status=500
    "#]]).await;
    check(
        "{verbosity: normal}",
        metrics(),
        expect![[r#"
            Metrics	{"resource metrics": 1, "metrics": 3, "data points": 3}
            calls{service.name=shop} value=3
            duration{} count=2 sum=7.500000
            size{} count=4
        "#]],
    )
    .await;
}

#[tokio::test]
async fn debug_detailed() {
    check(
        "{verbosity: detailed}",
        payload(),
        expect![[r#"
        Traces	{"resource spans": 1, "spans": 1}
        ResourceSpans #0
        Resource SchemaURL: 
        Resource attributes:
             -> service.name: Str(shop)
        ScopeSpans #0
        ScopeSpans SchemaURL: 
        InstrumentationScope my.library 1.0.0
        Span #0
            Trace ID       : 5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b
            Parent ID      : edededededededed
            ID             : eeeeeeeeeeeeeeee
            Name           : GET /cart
            Kind           : Server
            Start time     : 2018-12-13 14:51:00 +0000 UTC
            End time       : 2018-12-13 14:51:01.5 +0000 UTC
            Status code    : Error
            Status message : broken
        Attributes:
             -> http.route: Str(/cart\u{1b}[2J\n)
             -> http.status: Int(500)
        Events:
        SpanEvent #0
             -> Name: exception
             -> Timestamp: 2018-12-13 14:51:00.000000001 +0000 UTC
             -> DroppedAttributesCount: 0
             -> Attributes::
                  -> exception.type: Str(Oops)
        Links:
        SpanLink #0
             -> Trace ID: 5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b
             -> ID: 0101010101010101
             -> TraceState: a=b
             -> DroppedAttributesCount: 0
    "#]],
    )
    .await;
}

#[tokio::test]
async fn debug_detailed_metrics() {
    check(
        "{verbosity: detailed}",
        metrics(),
        expect![[r#"
            Metrics	{"resource metrics": 1, "metrics": 3, "data points": 3}
            ResourceMetrics #0
            Resource SchemaURL: 
            ScopeMetrics #0
            ScopeMetrics SchemaURL: 
            InstrumentationScope  
            Metric #0
            Descriptor:
                 -> Name: calls
                 -> Description: 
                 -> Unit: 
                 -> DataType: Sum
                 -> IsMonotonic: true
                 -> AggregationTemporality: Cumulative
            NumberDataPoints #0
            Data point attributes:
                 -> service.name: Str(shop)
            StartTimestamp: 1970-01-01 00:00:00 +0000 UTC
            Timestamp: 1970-01-01 00:00:00 +0000 UTC
            Value: 3
            Metric #1
            Descriptor:
                 -> Name: duration
                 -> Description: 
                 -> Unit: ms
                 -> DataType: Histogram
                 -> AggregationTemporality: Cumulative
            HistogramDataPoints #0
            StartTimestamp: 1970-01-01 00:00:00 +0000 UTC
            Timestamp: 1970-01-01 00:00:00 +0000 UTC
            Count: 2
            Sum: 7.500000
            ExplicitBounds #0: 5.000000
            Buckets #0, Count: 1
            Buckets #1, Count: 1
            Metric #2
            Descriptor:
                 -> Name: size
                 -> Description: 
                 -> Unit: 
                 -> DataType: ExponentialHistogram
                 -> AggregationTemporality: Delta
            ExponentialHistogramDataPoints #0
            StartTimestamp: 1970-01-01 00:00:00 +0000 UTC
            Timestamp: 1970-01-01 00:00:00 +0000 UTC
            Count: 4
            Bucket [0, 0], Count: 1
            Bucket (1.414214, 2.000000], Count: 2
            Bucket (2.000000, 2.828427], Count: 1
            Exemplars:
            Exemplar #0
                 -> Trace ID: 5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b
                 -> Span ID: eeeeeeeeeeeeeeee
                 -> Timestamp: 1970-01-01 00:00:00 +0000 UTC
                 -> Value: 2.500000
        "#]],
    )
    .await;
}

#[tokio::test]
async fn debug_colours_only_when_told() {
    let plain = shown("{verbosity: detailed}", payload(), false).await;
    assert!(!plain.contains('\u{1b}'));
    let coloured = shown("{verbosity: detailed}", payload(), true).await;
    assert!(coloured.contains("\u{1b}[1;36mSpan #0\u{1b}[0m\n"));
    assert!(!coloured.contains("\u{1b}[2J"));
}

#[tokio::test(start_paused = true)]
async fn debug_samples() {
    let screen = Screen::default();
    let settings = "{sampling_initial: 2, sampling_thereafter: 3}";
    let exporter = started("debug", settings, DebugOutput::new(screen.clone(), false)).await;
    let mut shown = Vec::new();
    for _ in 0..9 {
        exporter.enqueue(payload()).await.unwrap();
        shown.push(screen.text().lines().count());
    }
    assert_eq!(shown, [1, 2, 2, 2, 3, 3, 3, 4, 4]);
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    exporter.enqueue(payload()).await.unwrap();
    assert_eq!(screen.text().lines().count(), 5);
    assert_eq!(exporter.counters().get(Signal::Traces).sent(), 10);
}

#[tokio::test]
async fn file_writes_a_request_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans.json");
    for append in [false, true, false] {
        let settings = format!("{{path: '{}', append: {append}}}", path.display());
        let exporter = started("file", &settings, nowhere()).await;
        exporter.enqueue(payload()).await.unwrap();
        exporter.enqueue(payload()).await.unwrap();
        assert_eq!(exporter.drain(soon()).await, 0);
        let written = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), if append { 4 } else { 2 });
        for line in lines {
            let read: super::ExportTraceServiceRequest = serde_json::from_str(line).unwrap();
            assert_eq!(read, request());
        }
        assert!(written.contains(r#""traceId":"5b5b"#));
        assert!(written.contains(r#""startTimeUnixNano":"1544712660000000000""#));
        assert!(written.contains(r#""intValue":"500""#));
    }
}

#[tokio::test]
async fn file_of_protobuf() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spans.pb");
    let settings = format!("{{path: '{}', format: proto}}", path.display());
    let exporter = started("file", &settings, nowhere()).await;
    exporter.enqueue(payload()).await.unwrap();
    exporter.enqueue(payload()).await.unwrap();
    assert_eq!(exporter.drain(soon()).await, 0);
    let written = std::fs::read(&path).unwrap();
    let mut rest = written.as_slice();
    for _ in 0..2 {
        let (length, behind) = rest.split_first_chunk::<4>().unwrap();
        let (message, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
        let read = super::ExportTraceServiceRequest::decode(message).unwrap();
        assert_eq!(read, request());
        rest = behind;
    }
    assert!(rest.is_empty());
}

#[tokio::test]
async fn file_that_cannot_be_written() {
    let Err(error) = try_start("file", "{path: /nowhere/spans.json}", nowhere()).await else {
        panic!()
    };
    assert_eq!(
        error.to_string(),
        "exporter file: cannot use /nowhere/spans.json: No such file or directory (os error 2)"
    );
    let exporter = started("file", "{path: /dev/full}", nowhere()).await;
    let refused = exporter.enqueue(payload()).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused}");
}

#[tokio::test]
async fn a_batch_that_is_no_protobuf_fails_for_good() {
    let broken = Payload {
        bytes: Bytes::from_static(b"\x0a\xff"),
        ..payload()
    };
    let exporter = started("debug", "{verbosity: detailed}", nowhere()).await;
    let refused = exporter.enqueue(broken).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "exporter debug: the batch is not valid protobuf"
    );
    assert!(!refused.is_retryable());
}
