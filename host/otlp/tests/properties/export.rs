//! What the three signals' requests have in common, so that one test serves all.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use spanmill_model::FIELDS;
use spanmill_otlp::{Context, Outcome, Projection, Request, Signal, StageContract, Workspace};

use crate::metrics::points::retain;

/// An export request.
pub trait Export: Message + Default + Clone + PartialEq + std::fmt::Debug {
    /// What it carries.
    const SIGNAL: Signal;

    /// Its spans, log records or data points, each encoded.
    fn items(&self) -> Vec<Vec<u8>>;

    /// Its items in order, each with all that it belongs to.
    fn placed(&self) -> Vec<Self>;

    /// The attributes of its resources.
    fn resources(&self) -> Vec<Vec<KeyValue>>;

    /// Whether every id is of the length that OTLP gives it, or not there.
    fn has_right_ids(&self) -> bool;

    /// Puts another behind it, as if their bytes were joined.
    fn join(&mut self, other: Self);
}

fn right(id: &[u8], length: usize) -> bool {
    id.is_empty() || id.len() == length
}

impl Export for ExportTraceServiceRequest {
    const SIGNAL: Signal = Signal::Traces;

    fn items(&self) -> Vec<Vec<u8>> {
        spans(self).map(Message::encode_to_vec).collect()
    }

    fn placed(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for resource in &self.resource_spans {
            for scope in &resource.scope_spans {
                for item in &scope.spans {
                    let mut scope = scope.clone();
                    scope.spans = vec![item.clone()];
                    let mut resource = resource.clone();
                    resource.scope_spans = vec![scope];
                    all.push(Self {
                        resource_spans: vec![resource],
                    });
                }
            }
        }
        all
    }

    fn resources(&self) -> Vec<Vec<KeyValue>> {
        let all = self.resource_spans.iter().map(|it| it.resource.clone());
        all.map(|it| it.unwrap_or_default().attributes).collect()
    }

    fn has_right_ids(&self) -> bool {
        spans(self).all(|span| {
            let mut links = span.links.iter();
            right(&span.trace_id, 16)
                && right(&span.span_id, 8)
                && right(&span.parent_span_id, 8)
                && links.all(|link| right(&link.trace_id, 16) && right(&link.span_id, 8))
        })
    }

    fn join(&mut self, other: Self) {
        self.resource_spans.extend(other.resource_spans);
    }
}

impl Export for ExportLogsServiceRequest {
    const SIGNAL: Signal = Signal::Logs;

    fn items(&self) -> Vec<Vec<u8>> {
        logs(self).map(Message::encode_to_vec).collect()
    }

    fn placed(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for resource in &self.resource_logs {
            for scope in &resource.scope_logs {
                for item in &scope.log_records {
                    let mut scope = scope.clone();
                    scope.log_records = vec![item.clone()];
                    let mut resource = resource.clone();
                    resource.scope_logs = vec![scope];
                    all.push(Self {
                        resource_logs: vec![resource],
                    });
                }
            }
        }
        all
    }

    fn resources(&self) -> Vec<Vec<KeyValue>> {
        let all = self.resource_logs.iter().map(|it| it.resource.clone());
        all.map(|it| it.unwrap_or_default().attributes).collect()
    }

    fn has_right_ids(&self) -> bool {
        logs(self).all(|log| right(&log.trace_id, 16) && right(&log.span_id, 8))
    }

    fn join(&mut self, other: Self) {
        self.resource_logs.extend(other.resource_logs);
    }
}

impl Export for ExportMetricsServiceRequest {
    const SIGNAL: Signal = Signal::Metrics;

    fn items(&self) -> Vec<Vec<u8>> {
        metrics(self).flat_map(points).collect()
    }

    fn placed(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for resource in &self.resource_metrics {
            for scope in &resource.scope_metrics {
                for metric in scope.metrics.iter().flat_map(one_point_each) {
                    let mut scope = scope.clone();
                    scope.metrics = vec![metric];
                    let mut resource = resource.clone();
                    resource.scope_metrics = vec![scope];
                    all.push(Self {
                        resource_metrics: vec![resource],
                    });
                }
            }
        }
        all
    }

    fn resources(&self) -> Vec<Vec<KeyValue>> {
        let all = self.resource_metrics.iter().map(|it| it.resource.clone());
        all.map(|it| it.unwrap_or_default().attributes).collect()
    }

    fn has_right_ids(&self) -> bool {
        let mut all = metrics(self).flat_map(exemplars);
        all.all(|exemplar| right(&exemplar.trace_id, 16) && right(&exemplar.span_id, 8))
    }

    fn join(&mut self, other: Self) {
        self.resource_metrics.extend(other.resource_metrics);
    }
}

/// The spans of a request.
pub fn spans(request: &ExportTraceServiceRequest) -> impl Iterator<Item = &Span> {
    let scopes = request.resource_spans.iter().flat_map(|r| &r.scope_spans);
    scopes.flat_map(|scope| &scope.spans)
}

/// The log records of a request.
pub fn logs(request: &ExportLogsServiceRequest) -> impl Iterator<Item = &LogRecord> {
    let scopes = request.resource_logs.iter().flat_map(|r| &r.scope_logs);
    scopes.flat_map(|scope| &scope.log_records)
}

/// The metrics of a request.
pub fn metrics(request: &ExportMetricsServiceRequest) -> impl Iterator<Item = &Metric> {
    let resources = request.resource_metrics.iter();
    let scopes = resources.flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| &scope.metrics)
}

/// The points of a metric, each encoded.
pub fn points(metric: &Metric) -> Vec<Vec<u8>> {
    fn encoded<M: Message>(points: &[M]) -> Vec<Vec<u8>> {
        points.iter().map(Message::encode_to_vec).collect()
    }
    match &metric.data {
        None => Vec::new(),
        Some(Data::Gauge(data)) => encoded(&data.data_points),
        Some(Data::Sum(data)) => encoded(&data.data_points),
        Some(Data::Histogram(data)) => encoded(&data.data_points),
        Some(Data::ExponentialHistogram(data)) => encoded(&data.data_points),
        Some(Data::Summary(data)) => encoded(&data.data_points),
    }
}

/// A metric as often as it has points, each time with one of them.
fn one_point_each(metric: &Metric) -> Vec<Metric> {
    let number = points(metric).len();
    let one = |kept| {
        let (mut metric, mut at) = (metric.clone(), 0);
        retain(&mut metric, |_| {
            at += 1;
            at - 1 == kept
        });
        metric
    };
    (0..number).map(one).collect()
}

fn exemplars(metric: &Metric) -> Vec<&Exemplar> {
    match &metric.data {
        None | Some(Data::Summary(_)) => Vec::new(),
        Some(Data::Gauge(data)) => {
            let points = data.data_points.iter();
            points.flat_map(|point| &point.exemplars).collect()
        }
        Some(Data::Sum(data)) => {
            let points = data.data_points.iter();
            points.flat_map(|point| &point.exemplars).collect()
        }
        Some(Data::Histogram(data)) => {
            let points = data.data_points.iter();
            points.flat_map(|point| &point.exemplars).collect()
        }
        Some(Data::ExponentialHistogram(data)) => {
            let points = data.data_points.iter();
            points.flat_map(|point| &point.exemplars).collect()
        }
    }
}

/// Every field there is, and all attributes.
fn every_field() -> Vec<String> {
    let fields = FIELDS.iter();
    let fields = fields.map(|field| format!("{}.{}", field.context.prefix(), field.name));
    let contexts = Context::ALL.into_iter();
    let attributes = contexts.map(|it| format!("{}.{}", it.prefix(), it.attributes()));
    fields.chain(attributes).collect()
}

thread_local! {
    /// A workspace for two stages that read everything, kept so that what one request leaves behind can be found by the next.
    static WORKSPACE: RefCell<Workspace> = {
        let contract = StageContract::parse(&every_field(), &[]).unwrap();
        let projection = Projection::new(vec![contract.clone(), contract], &[]).unwrap();
        RefCell::new(Workspace::new(Arc::new(projection)))
    };
}

/// Fails unless every field of a request can be read, and it leaves as it came.
fn goes_through(request: Request) {
    WORKSPACE.with_borrow_mut(|workspace| {
        let (bytes, items) = (request.bytes().clone(), request.item_count());
        workspace.load(request, 1).unwrap();
        for stage in 0..2 {
            workspace.view(stage).unwrap();
            workspace.apply(stage, &Outcome::default()).unwrap();
        }
        let out = workspace.splice();
        assert_eq!((out.bytes, out.items), (bytes, items));
    });
}

/// Fails unless the parser and prost agree on whether bytes are a request. The exceptions: what may stand in its message once
/// and stands there twice, which decoders merge or replace, and an id of a length that no id has. Spanmill refuses both.
pub fn agrees_with_prost<E: Export>(bytes: Vec<u8>) {
    let bytes = Bytes::from(bytes);
    match (
        Request::parse(E::SIGNAL, bytes.clone()),
        E::decode(bytes.clone()),
    ) {
        (Ok(request), Ok(decoded)) => {
            assert_eq!(request.item_count(), decoded.items().len());
            assert!(
                decoded.has_right_ids(),
                "accepted an id of another length: {bytes:?}"
            );
            goes_through(request);
        }
        (Err(error), Ok(_)) => assert!(
            error.what.contains("twice") || error.what.contains("another length"),
            "{error} in {bytes:?}"
        ),
        (Ok(_), Err(error)) => panic!("accepted what prost refuses ({error}): {bytes:?}"),
        (Err(_), Err(_)) => {}
    }
}
