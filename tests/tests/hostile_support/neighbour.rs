//! The pipeline next door: built-in plugins, and requests as applications send them. What comes out of it must be the
//! same, byte for byte, whatever runs beside it.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message as _;
use spanmill_tests::{Backend, GrpcSender, Spanmill, request, span, span_id, text};
use tokio::sync::OnceCell;

use super::Sections;

/// Different requests; they come round again and again.
const REQUESTS: usize = 5;
const SPANS: u64 = 50;

/// What comes out if nothing runs beside it.
static UNDISTURBED: OnceCell<Vec<Bytes>> = OnceCell::const_new();

pub struct Neighbour {
    backend: Backend,
    sender: GrpcSender,
    requests: Vec<Bytes>,
    sent: usize,
}

fn manifest(beside: &Sections, backend: &Backend) -> String {
    let plugins = match beside.plugins.as_str() {
        "" => String::new(),
        plugins => format!("plugins:\n{plugins}"),
    };
    format!(
        r#"{plugins}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
{}
processors:
  attributes:
    actions:
      - {{key: deployment.zone, value: eu-1, action: insert}}
      - {{key: http.user_agent, action: delete}}
      - {{key: user.id, action: hash}}
  redaction:
    allow_all_keys: true
    blocked_values: ['4[0-9]{{3}} [0-9]{{4}} [0-9]{{4}} [0-9]{{4}}', '[a-z]+@[a-z]+\.example']
    summary: info
  filter: {{traces: {{span: ['attributes["http.route"] == "/healthz"']}}}}
{}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}, sending_queue: {{num_consumers: 1}}}}
{}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [attributes, redaction, filter], exporters: [otlp]}}
{}
"#,
        beside.receivers,
        beside.processors,
        backend.address(),
        beside.exporters,
        beside.pipelines
    )
}

fn value(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// Spans of all kinds: parents, events, links, values of every type, texts with accents, secrets.
fn spans(first: u64) -> Vec<Span> {
    let routes = ["/cart", "/checkout", "/healthz", "/café/menü", ""];
    let one = |number: u64| {
        let route = routes[(number % 5) as usize];
        let mut attributes = vec![
            text("http.route", route),
            text("http.user_agent", "curl/8.5.0"),
            value("http.status_code", Value::IntValue(200 + number as i64)),
            value("cache.hit", Value::BoolValue(number.is_multiple_of(2))),
            value("load", Value::DoubleValue(number as f64 / 7.0)),
        ];
        if number.is_multiple_of(3) {
            attributes.push(text("user.id", &format!("user-{number}")));
            attributes.push(text(
                "note",
                "paid with 4111 1111 1111 1111, wrote ann@mail.example",
            ));
        }
        if number.is_multiple_of(7) {
            let item = |text: &str| AnyValue {
                value: Some(Value::StringValue(text.to_owned())),
            };
            let values = vec![item("a"), item("4222 2222 2222 2222")];
            attributes.push(value("items", Value::ArrayValue(ArrayValue { values })));
        }
        let event = |name: &str| Event {
            time_unix_nano: 1_700_000_000_010_000_000 + number,
            name: name.to_owned(),
            attributes: vec![text("exception.message", "bob@mail.example is gone")],
            ..Event::default()
        };
        let plain = span(number, &format!("GET {route}"), attributes);
        Span {
            parent_span_id: match number % 4 {
                0 => vec![],
                _ => span_id(number - 1),
            },
            kind: (number % 6) as i32,
            events: (0..number % 3).map(|_| event("exception")).collect(),
            links: (0..number % 2)
                .map(|_| Link {
                    trace_id: plain.trace_id.clone(),
                    span_id: span_id(number + 1),
                    ..Link::default()
                })
                .collect(),
            status: (number % 5 == 1).then(|| Status {
                message: "déjà vu".to_owned(),
                code: 2,
            }),
            end_time_unix_nano: plain.start_time_unix_nano + number * 1_000_003,
            ..plain
        }
    };
    (first..first + SPANS).map(one).collect()
}

/// Two resources, one of them with two scopes.
fn realistic(number: u64) -> Bytes {
    let mut all = spans(number * SPANS + 1).into_iter();
    let mut part = |spans: usize| all.by_ref().take(spans).collect::<Vec<_>>();
    let mut shop = request("shop", part(20)).resource_spans.remove(0);
    let mut more = request("shop", part(12)).resource_spans.remove(0);
    shop.scope_spans.append(&mut more.scope_spans);
    let bank = request("bank", part(SPANS as usize))
        .resource_spans
        .remove(0);
    let resource_spans = vec![shop, bank];
    ExportTraceServiceRequest { resource_spans }
        .encode_to_vec()
        .into()
}

impl Neighbour {
    /// Starts Spanmill with this pipeline and others beside it.
    pub async fn start(beside: Sections, workers: usize) -> (Spanmill, Self) {
        let backend = Backend::start().await;
        let manifest = manifest(&beside, &backend);
        let workers = workers.to_string();
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["--workers", &workers, "--log-level", "debug"];
        let spanmill = Spanmill::start_in(folder, Some(&manifest), &arguments).await;
        let neighbour = Neighbour {
            backend,
            sender: GrpcSender::connect(spanmill.address("receiver otlp grpc")).await,
            requests: (0..REQUESTS as u64).map(realistic).collect(),
            sent: 0,
        };
        (spanmill, neighbour)
    }

    /// Sends so many requests, one after the other.
    pub async fn send(&mut self, requests: usize) {
        for _ in 0..requests {
            let request = self.requests[self.sent % REQUESTS].clone();
            self.sender.send_bytes(request).await.unwrap();
            self.sent += 1;
        }
    }

    async fn bodies(&self) -> Vec<Bytes> {
        let taken = self.backend.requests(self.sent).await;
        assert_eq!(taken.len(), self.sent, "not as many requests as were sent");
        taken.into_iter().map(|received| received.body).collect()
    }

    /// Everything that came out is what comes out if nothing runs beside it.
    pub async fn was_not_disturbed(&self) {
        let reference = UNDISTURBED.get_or_init(undisturbed).await;
        for (number, body) in self.bodies().await.iter().enumerate() {
            // Not assert_eq, which would write both out.
            let same = *body == reference[number % REQUESTS];
            assert!(
                same,
                "request {number} of {} came out differently",
                self.sent
            );
        }
    }
}

async fn undisturbed() -> Vec<Bytes> {
    let (spanmill, mut alone) = Box::pin(Neighbour::start(Sections::default(), 1)).await;
    alone.send(REQUESTS).await;
    let bodies = alone.bodies().await;
    spanmill.stop().await;
    // What this is compared with must be worth it: spans are dropped, masked and hashed.
    for (body, request) in bodies.iter().zip(&alone.requests) {
        assert_ne!(body, request);
        let has = |body: &Bytes, text: &str| {
            let text = text.as_bytes();
            body.windows(text.len()).any(|window| window == text)
        };
        for gone in ["/healthz", "4111 1111", "curl/", "ann@mail"] {
            assert!(has(request, gone) && !has(body, gone), "{gone}");
        }
        assert!(has(body, "eu-1"));
    }
    bodies
}
