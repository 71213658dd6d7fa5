//! Exporters against real servers, and their queue against a fake one.

mod batching;
mod local;
mod network;
mod queueing;
pub(super) mod server;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;

use super::{DebugOutput, Exporter, Payload, Registry, Shared, Signal};
use crate::config;
use crate::losses::Losses;
use crate::memory::Budget;
use spanmill_manifest::{ComponentId, Source};

fn id(text: &str) -> ComponentId {
    ComponentId::parse(text).unwrap()
}

/// An exporter as a manifest has it: `kind` and its settings in YAML's flow style.
pub(super) async fn started(kind: &str, settings: &str, output: DebugOutput) -> Exporter {
    try_start(kind, settings, output).await.unwrap()
}

async fn try_start(
    kind: &str,
    settings: &str,
    output: DebugOutput,
) -> Result<Exporter, super::BuildError> {
    let text = format!(
        "receivers: {{otlp: {{protocols: {{grpc: }}}}}}\nexporters:\n  {kind}: {settings}\n\
         service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [{kind}]}}}}}}\n"
    );
    let source = Source::new("test.yaml", text);
    let loaded = config::parse(source, "".as_ref(), &|_| None)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let id = id(kind);
    let config = &loaded.manifest.exporters[&id];
    let mut spare = spanmill_net::Spare::default();
    let context = super::StartContext {
        output: &output,
        spare: &mut spare,
        shared: &shared(),
    };
    config.start(&id, context).await
}

pub(super) fn shared() -> Shared {
    Shared {
        losses: Losses::default(),
        queue_memory: Budget::new(1 << 30),
        registry: Registry::default(),
    }
}

pub(super) fn nowhere() -> DebugOutput {
    DebugOutput::new(std::io::sink(), false)
}

pub(super) fn soon() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(10)
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.to_owned()))
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// A request with a span that has everything.
pub(super) fn request() -> ExportTraceServiceRequest {
    let trace_id = vec![0x5b; 16];
    let span = Span {
        trace_id: trace_id.clone(),
        span_id: vec![0xee; 8],
        parent_span_id: vec![0xed; 8],
        name: "GET /cart".to_owned(),
        kind: 2,
        start_time_unix_nano: 1_544_712_660_000_000_000,
        end_time_unix_nano: 1_544_712_661_500_000_000,
        attributes: vec![
            text("http.route", "/cart\u{1b}[2J\n"),
            attribute("http.status", any_value::Value::IntValue(500)),
        ],
        events: vec![Event {
            name: "exception".to_owned(),
            time_unix_nano: 1_544_712_660_000_000_001,
            attributes: vec![text("exception.type", "Oops")],
            ..Event::default()
        }],
        links: vec![Link {
            trace_id,
            span_id: vec![1; 8],
            trace_state: "a=b".to_owned(),
            ..Link::default()
        }],
        status: Some(Status {
            code: 2,
            message: "broken".to_owned(),
        }),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans {
        scope: Some(InstrumentationScope {
            name: "my.library".to_owned(),
            version: "1.0.0".to_owned(),
            ..InstrumentationScope::default()
        }),
        spans: vec![span],
        ..ScopeSpans::default()
    }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![text("service.name", "shop")],
                ..Resource::default()
            }),
            scope_spans,
            ..ResourceSpans::default()
        }],
    }
}

fn payload() -> Payload {
    Payload {
        signal: Signal::Traces,
        bytes: Bytes::from(request().encode_to_vec()),
        items: 1,
        metadata: Default::default(),
        received_unix_nano: 0,
        trace: Default::default(),
    }
}
