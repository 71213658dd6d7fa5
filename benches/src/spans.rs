//! Pre-encoded batches of spans of about 500 bytes, or of other sizes: random ids, skewed services, routes and users,
//! SQL, stack traces.

use std::ops::Range;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::values::{TIME, pair, skewed, stack_trace, text};

/// A batch of more spans is what a batch processor makes of smaller requests: they stand one behind the other.
const TOGETHER: usize = 1000;

fn span(rng: &mut StdRng, end: u64) -> Span {
    let route = skewed(rng, 40);
    let healthy = rng.random_bool(0.05);
    let user = skewed(rng, 5000);
    let table = skewed(rng, 12);
    let duration = 50_000 + u64::from(skewed(rng, 900_000_000));
    let failed = rng.random_bool(0.03);
    let method = ["GET", "POST", "PUT", "DELETE"][skewed(rng, 4) as usize];
    let path = match healthy {
        true => "/healthz".to_owned(),
        false => format!("/api/v1/resource{route}"),
    };
    let mut attributes = vec![
        text("http.request.method", method),
        text("http.route", path.clone()),
        pair(
            "http.response.status_code",
            Value::IntValue(if failed { 500 } else { 200 }),
        ),
        text(
            "url.path",
            format!("{path}/{}", rng.random_range(0..100_000)),
        ),
        text(
            "server.address",
            format!("10.0.{}.{}", skewed(rng, 4), skewed(rng, 250)),
        ),
        text("user.id", format!("u{user:05}")),
        text("db.system", "postgresql"),
        text(
            "db.statement",
            format!(
                "SELECT id, total FROM t{table} WHERE id = {}",
                rng.random_range(0..9999)
            ),
        ),
        text("thread.name", format!("worker-{}", skewed(rng, 16))),
        pair("net.bytes", Value::IntValue(rng.random_range(0..65536))),
    ];
    if rng.random_bool(0.3) {
        attributes.push(text("user.email", format!("user{user}@example.com")));
    }
    if rng.random_bool(0.02) {
        attributes.push(text(
            "payment.card",
            format!("4111 1111 1111 {:04}", rng.random_range(0..9999)),
        ));
    }
    Span {
        trace_id: rng.random::<u128>().to_be_bytes().to_vec(),
        span_id: rng.random::<u64>().to_be_bytes().to_vec(),
        parent_span_id: rng.random::<u64>().to_be_bytes().to_vec(),
        name: format!("{method} {path}"),
        kind: 2,
        start_time_unix_nano: end - duration,
        end_time_unix_nano: end,
        attributes,
        status: Some(Status {
            message: String::new(),
            code: if failed { 2 } else { 0 },
        }),
        flags: 0x101,
        ..Span::default()
    }
}

/// A request of `count` spans, the same for the same `seed`.
pub fn request(count: usize, seed: u64) -> ExportTraceServiceRequest {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut resource_spans = Vec::new();
    for first in (0..count).step_by(TOGETHER) {
        resource_spans.extend(together(&mut rng, first..count.min(first + TOGETHER)));
    }
    ExportTraceServiceRequest { resource_spans }
}

/// The spans of these numbers, by service.
fn together(rng: &mut StdRng, numbers: Range<usize>) -> Vec<ResourceSpans> {
    let count = numbers.len();
    let services = 8.min(count.max(1));
    let mut resource_spans: Vec<ResourceSpans> = (0..services)
        .map(|service| ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    text("service.name", format!("service-{service}")),
                    text("service.version", "1.4.2"),
                    text("host.name", format!("node-{service}.example.internal")),
                ],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "http-instrumentation".to_owned(),
                    version: "0.60.0".to_owned(),
                    ..InstrumentationScope::default()
                }),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        })
        .collect();
    for number in numbers {
        let service = skewed(rng, services as u32) as usize;
        let span = span(rng, TIME + number as u64 * 1_000_000);
        resource_spans[service].scope_spans[0].spans.push(span);
    }
    resource_spans.retain(|resource| !resource.scope_spans[0].spans.is_empty());
    resource_spans
}

/// The same, encoded.
pub fn encoded(count: usize, seed: u64) -> Bytes {
    request(count, seed).encode_to_vec().into()
}

/// A request of `count` spans of about `bytes` bytes: 300, 500 or 1,000. Those that failed have a stack trace.
pub fn sized(count: usize, seed: u64, bytes: usize) -> Bytes {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed);
    let mut request = request(count, seed);
    let spans = request
        .resource_spans
        .iter_mut()
        .flat_map(|resource| &mut resource.scope_spans)
        .flat_map(|scope| &mut scope.spans);
    for span in spans {
        if bytes < 400 {
            // What the plugins look at stays.
            const KEPT: [&str; 6] = [
                "http.request.method",
                "http.route",
                "http.response.status_code",
                "user.id",
                "user.email",
                "payment.card",
            ];
            span.attributes
                .retain(|attribute| KEPT.contains(&attribute.key.as_str()));
        }
        if bytes > 700 {
            enlarge(&mut rng, span);
        }
        if span.status.as_ref().is_some_and(|status| status.code == 2) {
            let frames = if bytes < 400 { 4 } else { 12 };
            span.events.push(exception(&mut rng, span, frames));
        }
    }
    request.encode_to_vec().into()
}

/// About as much again.
fn enlarge(rng: &mut StdRng, span: &mut Span) {
    let joined = skewed(rng, 9);
    let build = skewed(rng, 30);
    span.attributes.extend([
        text(
            "user_agent.original",
            format!(
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1{build}.0.0.0 Safari/537.36"
            ),
        ),
        text(
            "db.query.text",
            format!(
                "SELECT o.id, o.total, c.name FROM orders o JOIN t{joined} c ON c.id = o.customer_id WHERE o.created > {} \
                 AND o.state IN ('open', 'paid') ORDER BY o.created DESC LIMIT {}",
                rng.random_range(0..99_999_999),
                rng.random_range(1..500),
            ),
        ),
        text("session.id", format!("{:032x}", rng.random::<u128>())),
        text(
            "k8s.pod.name",
            format!("checkout-{:08x}-{}", skewed(rng, 40), skewed(rng, 12)),
        ),
    ]);
    span.events.push(Event {
        time_unix_nano: span.start_time_unix_nano + 1000,
        name: "cache.miss".to_owned(),
        attributes: vec![text("cache.key", format!("cart:{}", rng.random::<u32>()))],
        ..Event::default()
    });
}

fn exception(rng: &mut StdRng, span: &Span, frames: usize) -> Event {
    let trace = stack_trace(rng, frames);
    Event {
        time_unix_nano: span.end_time_unix_nano,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", "java.lang.IllegalStateException"),
            text("exception.message", "connection is closed"),
            text("exception.stacktrace", trace),
        ],
        ..Event::default()
    }
}
