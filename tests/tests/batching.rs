//! Batches by size, by time, never larger than allowed: by the `batch` processor and by the sending queue.

use serde_json::Value;
use spanmill_tests::{
    Answer, Backend, GrpcSender, Spanmill, request, span, spanmill, text, within,
};

async fn start(batch: &str, backend: &Backend) -> (Spanmill, GrpcSender) {
    let manifest = format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  batch: {batch}
  attributes:
    actions: [{{key: after, value: batch, action: insert}}]
exporters:
  otlp:
    endpoint: {}
    tls: {{insecure: true}}
    sending_queue: {{num_consumers: 1}}
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch, attributes]
      exporters: [otlp]
"#,
        backend.address()
    );
    let spanmill = Spanmill::start(&manifest).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    (spanmill, sender)
}

async fn send(sender: &GrpcSender, numbers: std::ops::Range<u64>) {
    let spans = numbers.map(|number| span(number, "one", vec![])).collect();
    sender.send(&request("shop", spans)).await.unwrap();
}

/// How many spans each request had.
fn sizes(backend: &Backend) -> Vec<usize> {
    let requests = backend.traces();
    let sizes = requests.iter().map(|request| {
        let scopes = request
            .resource_spans
            .iter()
            .flat_map(|resource| &resource.scope_spans);
        scopes.map(|scope| scope.spans.len()).sum()
    });
    sizes.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_goes_when_it_is_large_enough() {
    let backend = Backend::start().await;
    let (spanmill, sender) = start("{send_batch_size: 10, timeout: 1h}", &backend).await;
    for number in 0..5 {
        send(&sender, 3 * number + 1..3 * number + 4).await;
    }
    let got = backend.spans(12).await;
    // The fourth request made it 12; the fifth waits.
    assert_eq!(sizes(&backend), [12]);
    for (found, number) in got.iter().zip(1..) {
        assert_eq!(
            found.span,
            span(number, "one", vec![text("after", "batch")])
        );
    }
    spanmill.stop().await;
    assert_eq!(sizes(&backend), [12, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_goes_when_it_has_waited_long_enough() {
    let backend = Backend::start().await;
    let (spanmill, sender) = start("{send_batch_size: 1000, timeout: 300ms}", &backend).await;
    let began = std::time::Instant::now();
    send(&sender, 1..3).await;
    backend.spans(2).await;
    assert!(began.elapsed() >= std::time::Duration::from_millis(300));
    assert_eq!(sizes(&backend), [2]);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_never_larger_than_allowed() {
    let backend = Backend::start().await;
    let settings = "{send_batch_size: 4, send_batch_max_size: 4, timeout: 1h}";
    let (spanmill, sender) = start(settings, &backend).await;
    send(&sender, 1..12).await;
    backend.spans(8).await;
    assert_eq!(sizes(&backend), [4, 4]);
    spanmill.stop().await;
    assert_eq!(sizes(&backend), [4, 4, 3]);
    let mut ids: Vec<_> = backend
        .spans(11)
        .await
        .into_iter()
        .map(|f| f.span.span_id)
        .collect();
    ids.sort();
    let sent: Vec<_> = (1..12).map(spanmill_tests::span_id).collect();
    assert_eq!(ids, sent);
}

/// What `spanmill status` says.
async fn status(running: &Spanmill) -> Value {
    let admin = running.address("admin http").to_string();
    let arguments = ["status", "--json", "--admin", &admin];
    let output = spanmill(running.folder(), &arguments).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    serde_json::from_str(&output.stdout).unwrap()
}

/// A pipeline whose exporter's queue makes batches.
async fn start_queue(queue: &str, backend: &Backend) -> (Spanmill, GrpcSender) {
    let manifest = format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  otlp:
    endpoint: {}
    tls: {{insecure: true}}
    sending_queue: {queue}
    retry_on_failure: {{enabled: false}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp]}}
"#,
        backend.address()
    );
    let spanmill = Spanmill::start(&manifest).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    (spanmill, sender)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_joins_requests_and_cuts_them() {
    let backend = Backend::start().await;
    let batch = "{num_consumers: 1, batch: {min_size: 4, max_size: 4, flush_timeout: 1h}}";
    let (spanmill, sender) = start_queue(batch, &backend).await;
    for first in [1, 4, 7] {
        send(&sender, first..first + 3).await;
    }
    backend.spans(8).await;
    assert_eq!(sizes(&backend), [4, 4]);
    // The third request is in the queue as long as a span of it waits.
    within("the status of the queue", async {
        loop {
            let told = status(&spanmill).await;
            let exporter = &told["exporters"][0];
            let sent = exporter["signals"]["traces"]["sent"] == 8;
            if sent && exporter["waiting"] == 1 && exporter["queue"]["size"] == 1 {
                break;
            }
        }
    })
    .await;
    spanmill.stop().await;
    assert_eq!(sizes(&backend), [4, 4, 1]);
    let found = backend.spans(9).await.into_iter();
    let ids: Vec<_> = found.map(|found| found.span.span_id).collect();
    let sent: Vec<_> = (1..10).map(spanmill_tests::span_id).collect();
    assert_eq!(ids, sent, "each once, in their order");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_queue_joined_and_lost_is_told_exactly() {
    let backend = Backend::start().await;
    let batch = "{num_consumers: 1, batch: {min_size: 7, flush_timeout: 1h}}";
    let (spanmill, sender) = start_queue(batch, &backend).await;
    backend.answer(|number| match number {
        1 => Answer::Invalid,
        _ => Answer::Take,
    });
    for first in [1, 4, 7] {
        send(&sender, first..first + 3).await;
    }
    send(&sender, 10..12).await;
    spanmill.logged("dropping a batch of 9 spans").await;
    spanmill.terminate();
    let ended = spanmill.ended().await;
    assert_eq!(ended.code, Some(1));
    let last = ended.log.last().unwrap();
    assert!(
        last.contains("exporter otlp: 9 spans (refused by the backend)"),
        "{last}"
    );
    assert_eq!(sizes(&backend), [2]);
}
