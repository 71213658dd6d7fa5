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
        loop {
            let (batch, is_over) = next_batch(&mut spans, self.delay, &end).await;
            if !batch.is_empty() {
                self.send(batch).await;
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

/// The spans of the next request, and whether it is the last one: then all that are left.
async fn next_batch(
    spans: &mut mpsc::Receiver<OwnSpan>,
    delay: Duration,
    end: &CancellationToken,
) -> (Vec<OwnSpan>, bool) {
    let mut batch = Vec::new();
    tokio::select! {
        // 0: nobody makes spans any more.
        got = spans.recv_many(&mut batch, BATCH) => if got == 0 { return (batch, true) },
        () = end.cancelled() => {}
    }
    // Others may come.
    let more = async {
        while batch.len() < BATCH
            && let Some(span) = spans.recv().await
        {
            batch.push(span);
        }
    };
    tokio::select! {
        biased;
        () = end.cancelled() => {}
        () = more => {}
        () = tokio::time::sleep(delay) => {}
    }
    let is_over = end.is_cancelled();
    while is_over && let Ok(span) = spans.try_recv() {
        batch.push(span);
    }
    (batch, is_over)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_span_is_in_one_batch_however_many_come_and_when_it_ends() {
        let (sender, mut spans) = mpsc::channel(4096);
        let end = CancellationToken::new();
        let send = |ids: std::ops::Range<u64>| {
            for span_id in ids {
                let span = OwnSpan {
                    trace_id: 1,
                    span_id,
                    parent_span_id: 0,
                    name: String::new(),
                    kind: OwnSpanKind::Internal,
                    began_unix_nano: 0,
                    ended_unix_nano: 0,
                    counts: Vec::new(),
                    error: None,
                };
                sender.try_send(span).unwrap();
            }
        };
        send(0..1200);
        let mut found = Vec::new();
        let mut take = async |expected: (usize, bool)| {
            let (batch, is_over) = next_batch(&mut spans, Duration::ZERO, &end).await;
            assert_eq!((batch.len(), is_over), expected);
            found.extend(batch.into_iter().map(|span| span.span_id));
        };
        take((BATCH, false)).await;
        take((BATCH, false)).await;
        take((1200 - 2 * BATCH, false)).await;
        send(1200..1300);
        end.cancel();
        take((100, true)).await;
        assert_eq!(found, (0..1300).collect::<Vec<_>>());
    }
}
