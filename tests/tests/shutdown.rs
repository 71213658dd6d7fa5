//! SIGTERM: nothing that was taken is lost, and the process ends by itself with 0.

use std::collections::BTreeSet;

use spanmill_tests::{Answer, Backend, GrpcSender, Spanmill, request, span, span_id, within};

fn manifest(backend: &Backend, processors: &str, queue: &str) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  batch: {{send_batch_size: 100000, timeout: 1h}}
  batch/small: {{send_batch_size: 64, send_batch_max_size: 64, timeout: 20ms}}
  redaction: {{allow_all_keys: true, blocked_values: ['\d{{16}}']}}
connectors:
  spanmetrics: {{metrics_flush_interval: 1h}}
exporters:
  otlp:
    endpoint: {}
    tls: {{insecure: true}}
    {queue}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [otlp, spanmetrics]}}
    metrics: {{receivers: [spanmetrics], exporters: [otlp]}}
"#,
        backend.address()
    )
}

async fn sender(spanmill: &Spanmill) -> GrpcSender {
    GrpcSender::connect(spanmill.address("receiver otlp grpc")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_batch_holds_and_what_a_connector_counted_is_sent_before_the_end() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend, "redaction, batch", "")).await;
    let sender = sender(&spanmill).await;
    for number in 0..5 {
        let spans = (1..11)
            .map(|n| span(10 * number + n, "one", vec![]))
            .collect();
        sender.send(&request("shop", spans)).await.unwrap();
    }
    assert_eq!(backend.seen_so_far(), 0);
    let ended = spanmill.stop().await;
    assert_eq!(backend.spans(50).await.len(), 50);
    assert_eq!(backend.traces().len(), 1);
    assert_eq!(backend.calls(), 50);
    let log = ended.log.join("\n");
    assert!(
        log.contains("everything that was accepted was delivered"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_backend_is_waited_for() {
    let backend = Backend::start().await;
    let queue = "sending_queue: {num_consumers: 2}";
    let spanmill = Spanmill::start(&manifest(&backend, "redaction", queue)).await;
    backend.open(false);
    let sender = sender(&spanmill).await;
    for number in 1..21 {
        let one = request("shop", vec![span(number, "one", vec![])]);
        sender.send(&one).await.unwrap();
    }
    backend.seen(2).await;
    spanmill.terminate();
    spanmill.logged("shutting down").await;
    // Nobody can connect any more, but the end waits for the backend.
    let address = spanmill.address("receiver otlp grpc");
    within("the end of listening", async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(backend.taken().len(), 0);
    backend.open(true);
    let ended = spanmill.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    assert_eq!(backend.spans(20).await.len(), 20);
    assert_eq!(backend.calls(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_answered() {
    let backend = Backend::start().await;
    let queue = "sending_queue: {enabled: false}";
    let spanmill = Spanmill::start(&manifest(&backend, "redaction", queue)).await;
    backend.open(false);
    let sender = sender(&spanmill).await;
    let sending = tokio::spawn(async move {
        sender
            .send(&request("shop", vec![span(1, "one", vec![])]))
            .await
    });
    backend.seen(1).await;
    spanmill.terminate();
    spanmill.logged("shutting down").await;
    backend.open(true);
    within("the answer", sending).await.unwrap().unwrap();
    let ended = spanmill.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    assert_eq!(backend.spans(1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once_and_says_what_was_held() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend, "redaction", "")).await;
    backend.open(false);
    let sender = sender(&spanmill).await;
    for number in 1..6 {
        let one = request("shop", vec![span(number, "one", vec![])]);
        sender.send(&one).await.unwrap();
    }
    spanmill.terminate();
    spanmill.logged("shutting down").await;
    spanmill.terminate();
    let ended = spanmill.ended().await;
    assert_eq!(ended.code, Some(1));
    let last = ended.log.last().unwrap();
    assert!(
        last.starts_with("error: ended at once: a second signal came; "),
        "{last}"
    );
    let held = "exporter otlp: 5 spans (still held when the process had to end)";
    assert!(last.contains(held), "{last}");
}

/// Several clients at once, a backend that refuses now and then, and SIGTERM right behind the last answer.
async fn nothing_is_lost(processors: &str) {
    const CLIENTS: u64 = 6;
    const REQUESTS: u64 = 40;
    const SPANS: u64 = 25;
    let backend = Backend::start().await;
    backend.answer(|number| match number % 4 {
        1 => Answer::Unavailable,
        _ => Answer::Take,
    });
    let queue = "retry_on_failure: {initial_interval: 10ms, max_interval: 50ms}";
    let spanmill = Spanmill::start(&manifest(&backend, processors, queue)).await;
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let sender = sender(&spanmill).await;
        clients.spawn(async move {
            for number in 0..REQUESTS {
                let first = (client * REQUESTS + number) * SPANS + 1;
                let spans = (first..first + SPANS).map(|n| span(n, "one", vec![]));
                let one = request("shop", spans.collect());
                // Refused when everything is full: a sender comes again, as SDKs do.
                while let Err(status) = sender.send(&one).await {
                    let retryable = [tonic::Code::ResourceExhausted, tonic::Code::Unavailable];
                    assert!(retryable.contains(&status.code()), "{status:?}");
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    within("every client", clients.join_all()).await;
    let log = spanmill.stop().await.log.join("\n");
    let sent = CLIENTS * REQUESTS * SPANS;
    let got = backend.spans(0).await;
    let ids: BTreeSet<Vec<u8>> = got.iter().map(|found| found.span.span_id.clone()).collect();
    assert_eq!(ids, (1..=sent).map(span_id).collect());
    assert_eq!(got.len() as u64, sent, "spans came twice");
    assert_eq!(backend.calls(), sent as i64, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_under_load() {
    nothing_is_lost("redaction").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_under_load_behind_a_batch() {
    nothing_is_lost("redaction, batch/small").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_of_nothing_is_ready_and_ends_with_the_others() {
    let manifest = |receiver: &str| {
        let pipeline = format!("{{receivers: [{receiver}], exporters: [nop]}}");
        format!(
            "receivers: {{nop: , nop/other: }}\nexporters: {{nop: }}\nservice:\n  pipelines:\n    \
             traces: {pipeline}\n    logs: {pipeline}\n    metrics: {pipeline}\n"
        )
    };
    let spanmill = Spanmill::start(&manifest("nop")).await;
    // It comes and goes like any receiver.
    spanmill.edit(&manifest("nop/other"));
    spanmill.hang_up();
    spanmill.logged("receiver nop/other added").await;
    let ended = spanmill.stop().await;
    let log = ended.log.join("\n");
    assert!(!log.contains("receiver nop grpc"), "{log}");
}
