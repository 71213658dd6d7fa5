//! Plugins that hold rows: whole traces are decided on, whatever batch, worker or instance their spans meet, and every
//! span leaves once or is dropped by the plugin.

use std::collections::BTreeMap;

use http::Method;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;
use spanmill_tests::{
    Backend, Found, GrpcSender, Spanmill, admin, guest, request, span, spanmill, version,
};

fn manifest(backend: &Backend, settings: &str, more: &str) -> String {
    format!(
        r#"
plugins:
  holder: {{file: {}}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  holder: {settings}
  attributes:
    actions: [{{key: after, value: held, action: insert}}]
exporters:
  otlp:
    endpoint: {}
    tls: {{insecure: true}}
    sending_queue: {{num_consumers: 1}}
{more}
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [holder, attributes]
      exporters: [otlp]
"#,
        guest("holder").display(),
        backend.address()
    )
}

async fn start(settings: &str, more: &str) -> (Backend, Spanmill, GrpcSender) {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend, settings, more)).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    (backend, spanmill, sender)
}

/// A span of a trace; its own id follows from both numbers.
fn of_trace(trace: u64, number: u64, name: &str) -> Span {
    Span {
        trace_id: span(trace, "", vec![]).trace_id,
        ..span(trace * 1000 + number, name, vec![])
    }
}

async fn send(sender: &GrpcSender, service: &str, spans: Vec<Span>) {
    sender.send(&request(service, spans)).await.unwrap();
}

/// How many spans of each trace there are, each of which must be there once.
fn by_trace(found: &[Found]) -> BTreeMap<Vec<u8>, usize> {
    let mut ids: Vec<_> = found.iter().map(|found| &found.span.span_id).collect();
    ids.sort();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "a span came twice");
    let mut traces = BTreeMap::new();
    for found in found {
        *traces.entry(found.span.trace_id.clone()).or_default() += 1;
    }
    traces
}

/// What `spanmill plugin status` says of the holder.
async fn status(running: &Spanmill) -> Value {
    let admin = running.address("admin http").to_string();
    let output = spanmill(
        running.folder(),
        &["plugin", "status", "--json", "--admin", &admin],
    )
    .await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let plugins: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
    let holder = plugins.into_iter().find(|one| one["component"] == "holder");
    holder.map(|mut one| one["version"].take()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_traces_are_kept_or_dropped_and_late_spans_follow() {
    let (backend, spanmill, sender) = start("{wait_ms: 300}", "").await;
    // Each request has a span of each trace, so that all of them are cut by trace; of every third trace one is kept.
    for number in 0..3 {
        let name = |trace| match trace % 3 == 0 && number == 1 {
            true => "keep",
            false => "other",
        };
        let spans = (1..31).map(|trace| of_trace(trace, number, name(trace)));
        send(&sender, &format!("service-{number}"), spans.collect()).await;
    }
    let found = backend.spans(30).await;
    // They come late: what was decided holds for them as well.
    send(
        &sender,
        "late",
        (1..31).map(|trace| of_trace(trace, 9, "late")).collect(),
    )
    .await;
    let found_late = backend.spans(40).await;
    let ended = spanmill.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    let all = backend.spans(40).await;
    let traces = by_trace(&all);
    let kept = (1..31).filter(|trace| trace % 3 == 0);
    let expected: BTreeMap<_, _> = kept
        .map(|trace| (span(trace, "", vec![]).trace_id, 4))
        .collect();
    assert_eq!(traces, expected);
    assert_eq!((found.len(), found_late.len(), all.len()), (30, 40, 40));
    for found in &all {
        // Its resource came along, and the stage behind saw it.
        let number = found.span.span_id[7] as u64;
        let service = spanmill_tests::service(found);
        assert!(
            service == "late" || service.starts_with("service-"),
            "{number} {service}"
        );
        assert_eq!(found.span.attributes[0].key, "after");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_held_at_the_end_is_released() {
    let (backend, spanmill, sender) = start("{wait_ms: 3600000}", "").await;
    send(
        &sender,
        "shop",
        (1..101).map(|trace| of_trace(trace, 1, "other")).collect(),
    )
    .await;
    let ended = spanmill.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    assert_eq!(by_trace(&backend.spans(100).await).len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn held_rows_outlive_an_instance_that_crashes() {
    let (backend, spanmill, sender) = start("{wait_ms: 3600000}", "").await;
    let spans =
        (1..41).map(|trace| of_trace(trace, 1, if trace % 2 == 0 { "keep" } else { "other" }));
    send(&sender, "shop", spans.collect()).await;
    // One for each shard that there may be, mostly.
    for trace in 1001..1005 {
        let sent = sender
            .send(&request("shop", vec![of_trace(trace, 1, "crash")]))
            .await;
        sent.unwrap();
    }
    send(
        &sender,
        "shop",
        (1..41).map(|trace| of_trace(trace, 2, "last")).collect(),
    )
    .await;
    let found = backend.spans(40).await;
    let kept = (1..41).filter(|trace| trace % 2 == 0);
    let expected: BTreeMap<_, _> = kept
        .map(|trace| (span(trace, "", vec![]).trace_id, 2))
        .collect();
    assert_eq!(by_trace(&found), expected);
    spanmill.logged("plugin fault").await;
    spanmill.terminate();
    let ended = spanmill.ended().await;
    // The spans at fault were taken out, and told.
    assert_eq!(ended.code, Some(1), "{}", ended.log.join("\n"));
    assert_eq!(by_trace(&backend.spans(40).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_decides_on_what_was_held_before() {
    let (backend, spanmill, sender) = start("{wait_ms: 3600000}", "").await;
    let address = spanmill.address("admin http");
    for round in 0..5u64 {
        let spans = (1..41).map(|trace| {
            let name = match round {
                0 if trace % 2 == 0 => "keep",
                4 => "last",
                _ => "other",
            };
            of_trace(trace, round, name)
        });
        send(&sender, "shop", spans.collect()).await;
        let other = version(&guest("holder"), &format!("round {round}"));
        admin(address, Method::POST, "/v1/plugins/holder/swap", other).await;
    }
    let found = backend.spans(100).await;
    let kept = (1..41).filter(|trace| trace % 2 == 0);
    let expected: BTreeMap<_, _> = kept
        .map(|trace| (span(trace, "", vec![]).trace_id, 5))
        .collect();
    assert_eq!(by_trace(&found), expected);
    let ended = spanmill.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    assert_eq!(by_trace(&backend.spans(100).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_for_more_held_rows_senders_are_asked_to_wait() {
    let (backend, spanmill, sender) = start("{wait_ms: 1500}", "limits: {held_mib: 1}").await;
    let long = "x".repeat(10_000);
    let mut sent = 0;
    let mut refused = 0;
    for trace in 1..400 {
        let mut span = of_trace(trace, 1, "keep");
        span.attributes.push(spanmill_tests::text("long", &long));
        match sender.send(&request("shop", vec![span])).await {
            Ok(()) => sent += 1,
            Err(status) => {
                assert!(
                    matches!(
                        status.code(),
                        tonic::Code::ResourceExhausted | tonic::Code::Unavailable
                    ),
                    "{status:?}"
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && sent > 50, "{sent} sent, {refused} refused");
    let found = backend.spans(sent).await;
    assert_eq!(by_trace(&found).len(), sent);
    let ended = spanmill.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_released_and_dropped_is_counted() {
    let (backend, running, sender) = start("{wait_ms: 0}", "").await;
    send(
        &sender,
        "shop",
        vec![
            of_trace(1, 1, "keep"),
            of_trace(2, 1, "other"),
            of_trace(2, 2, "other"),
        ],
    )
    .await;
    backend.spans(1).await;
    let version = status(&running).await;
    let counts = ["items_in", "items_out", "items_dropped"].map(|key| version[key].as_u64());
    assert_eq!(counts, [Some(3), Some(1), Some(2)]);
    running.stop().await;
}
