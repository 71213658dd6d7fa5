//! Spans of the service's own work, sent on as OTLP.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status, span, status,
};
use prost::Message as _;
use spanmill_model::Signal;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::config::PushProtocol;
use super::otlp;
use super::spans_config::TracesSettings;
use crate::config::ComponentId;
use crate::episode::{Episode, Log};
use crate::export::{BuildError, Export, Payload, otlp_grpc, otlp_http};
use crate::tracer::{OwnSpan, OwnSpanKind, Sampling};

/// Spans in one request at most.
const BATCH: usize = 512;
/// Says that what is sent here is of a trace that is not recorded, so that a service that tells itself does not tell that as well.
const UNRECORDED: &str = "00-00000000000000000000000000000001-0000000000000001-00";

/// Sends spans.
pub(super) struct SpanSender {
    export: Box<dyn Export>,
    pub(super) sampling: Sampling,
    delay: Duration,
    timeout: Duration,
    resource: Vec<KeyValue>,
    failing: Episode,
}

impl SpanSender {
    /// Makes the exporter; must be called within a tokio runtime.
    pub fn new(owner: &ComponentId, settings: &TracesSettings) -> Result<Self, BuildError> {
        let export: Box<dyn Export> = match settings
            .protocol
            .clone()
            .with_header("traceparent", UNRECORDED)
        {
            PushProtocol::Grpc(grpc) => Box::new(otlp_grpc::OtlpGrpc::new(owner, &grpc)?),
            PushProtocol::Http(http) => Box::new(otlp_http::OtlpHttp::new(owner, &http)?),
        };
        let resource = settings.resource.iter();
        Ok(SpanSender {
            export,
            sampling: settings.sampling,
            delay: settings.delay,
            timeout: settings.timeout,
            resource: resource
                .map(|(key, value)| otlp::text(key, value))
                .collect(),
            failing: Episode::default(),
        })
    }

    /// Sends what has ended until `end`, and what is left then.
    pub async fn run(self, mut spans: mpsc::Receiver<OwnSpan>, end: CancellationToken) {
        let mut batch = Vec::new();
        loop {
            let is_over = tokio::select! {
                got = spans.recv_many(&mut batch, BATCH) => got == 0,
                () = end.cancelled() => true,
            };
            if !is_over && batch.len() < BATCH {
                // Others may come.
                let more = async {
                    while batch.len() < BATCH
                        && let Some(span) = spans.recv().await
                    {
                        batch.push(span);
                    }
                };
                tokio::select! {
                    () = more => {}
                    () = tokio::time::sleep(self.delay) => {}
                    () = end.cancelled() => {}
                }
            }
            while let Ok(span) = spans.try_recv()
                && is_over
            {
                batch.push(span);
            }
            if !batch.is_empty() {
                self.send(std::mem::take(&mut batch)).await;
            }
            if is_over {
                return;
            }
        }
    }

    async fn send(&self, spans: Vec<OwnSpan>) {
        let items = spans.len() as u64;
        let request = request(spans, self.resource.clone());
        let payload = Payload {
            signal: Signal::Traces,
            bytes: request.encode_to_vec().into(),
            items,
            metadata: Default::default(),
            received_unix_nano: 0,
            trace: Default::default(),
        };
        let sent = tokio::time::timeout(self.timeout, self.export.export(&payload)).await;
        let why = match sent {
            Ok(Ok(_)) => {
                if let Some(tally) = self.failing.end() {
                    tracing::info!(
                        "spans of the service are delivered again, after {:.0?}",
                        tally.lasted
                    );
                }
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {:?}", self.timeout),
        };
        match self.failing.meet(items) {
            Log::Begin => {
                tracing::warn!("spans of the service cannot be delivered, and are dropped: {why}")
            }
            Log::StillOn(tally) => tracing::warn!(
                "spans of the service cannot be delivered for {:.0?}; {} were dropped: {why}",
                tally.lasted,
                tally.items
            ),
            Log::Nothing => {}
        }
    }
}

fn request(spans: Vec<OwnSpan>, resource: Vec<KeyValue>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: resource,
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "spanmill".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans: spans.into_iter().map(encoded).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

fn encoded(own: OwnSpan) -> Span {
    let kind = match own.kind {
        OwnSpanKind::Server => span::SpanKind::Server,
        OwnSpanKind::Internal => span::SpanKind::Internal,
        OwnSpanKind::Client => span::SpanKind::Client,
    };
    let parent_span_id = match own.parent_span_id {
        0 => Vec::new(),
        id => id.to_be_bytes().to_vec(),
    };
    let count = |(key, count): (&'static str, u64)| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::IntValue(i64::try_from(count).unwrap_or(i64::MAX))),
        }),
        ..KeyValue::default()
    };
    Span {
        trace_id: own.trace_id.to_be_bytes().to_vec(),
        span_id: own.span_id.to_be_bytes().to_vec(),
        parent_span_id,
        name: own.name,
        kind: kind.into(),
        start_time_unix_nano: own.began_unix_nano,
        end_time_unix_nano: own.ended_unix_nano,
        attributes: own.counts.into_iter().map(count).collect(),
        status: own.error.map(|message| Status {
            message,
            code: status::StatusCode::Error.into(),
        }),
        ..Span::default()
    }
}
