//! What became of what was accepted: the last line, the exit code and the log say what the backend itself counted.

use http::StatusCode;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};
use spanmill_tests::{
    Answer, Backend, Ended, GrpcSender, Refusal, Spanmill, post, request, span, spanmill, within,
};
use tonic::Code;
use tonic_types::StatusExt as _;

/// A traces pipeline from an OTLP receiver to these exporters.
fn manifest(exporters: &str, names: &str) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}, http: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
{exporters}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [{names}]}}
"#
    )
}

fn to(address: &str, more: &str) -> String {
    manifest(
        &format!("  otlp: {{endpoint: \"{address}\", tls: {{insecure: true}}, {more}}}"),
        "otlp",
    )
}

/// An address that nobody listens on: it was free a moment ago.
fn nobody() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().to_string()
}

async fn send(spanmill: &Spanmill, requests: u64, spans: u64) {
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    for number in 0..requests {
        let first = number * spans + 1;
        let spans = (first..first + spans).map(|n| span(n, "one", vec![]));
        sender
            .send(&request("shop", spans.collect()))
            .await
            .unwrap();
    }
}

/// What `spanmill status` says.
async fn status(running: &Spanmill) -> Value {
    let admin = running.address("admin http").to_string();
    let arguments = ["status", "--json", "--admin", &admin];
    let output = spanmill(running.folder(), &arguments).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    serde_json::from_str(&output.stdout).unwrap()
}

/// Waits until the exporter `otlp` has nothing left to do and has sent, failed to send and refused so many spans.
async fn counted(spanmill: &Spanmill, sent: usize, send_failed: usize, enqueue_failed: usize) {
    let traces = json!({
        "sent": sent, "send_failed": send_failed, "enqueue_failed": enqueue_failed
    });
    let what = format!("{traces} in the status");
    let told = within(&what, async {
        loop {
            let status = status(spanmill).await;
            let exporter = &status["exporters"][0];
            if exporter["signals"]["traces"] == traces && exporter["waiting"] == 0 {
                return status;
            }
        }
    });
    let told = told.await;
    let lost = told["lost"].as_array().unwrap();
    let lost: u64 = lost
        .iter()
        .map(|loss| loss["count"].as_u64().unwrap())
        .sum();
    assert_eq!(lost, send_failed as u64, "{told}");
}

/// Ends it, and gives what is left.
async fn end(spanmill: Spanmill) -> Ended {
    spanmill.terminate();
    spanmill.ended().await
}

/// How many lines say something.
fn lines(ended: &Ended, text: &str) -> usize {
    ended.log.iter().filter(|line| line.contains(text)).count()
}

const FAST: &str =
    "retry_on_failure: {initial_interval: 10ms, max_interval: 20ms, max_elapsed_time: 200ms}";

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_down_loses_what_is_counted_at_the_end() {
    let address = nobody();
    let spanmill = Spanmill::start(&to(&address, FAST)).await;
    send(&spanmill, 50, 3).await;
    let line = spanmill.logged("cannot deliver").await;
    assert!(
        line.contains(&address) && line.contains("cannot reach the backend"),
        "{line}"
    );
    counted(&spanmill, 0, 150, 0).await;
    let ended = end(spanmill).await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.log.last().unwrap(),
        "error: ended; 150 spans were accepted and not delivered: exporter otlp: 150 spans (not taken within the time for retries)"
    );
    // Once an outage, not once an attempt.
    assert_eq!(lines(&ended, "cannot deliver"), 1, "{:#?}", ended.log);
    assert_eq!(lines(&ended, "dropping a batch"), 1, "{:#?}", ended.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_refuses_is_quoted_and_what_it_refused_is_counted() {
    let backend = Backend::start().await;
    backend.answer(|number| match number % 2 {
        0 => Answer::Take,
        _ => Answer::Refuse(Refusal {
            code: Code::PermissionDenied,
            status: 403,
            text: "tenant\nunknown",
            retry_after: None,
        }),
    });
    let spanmill =
        Spanmill::start(&to(&backend.address(), "sending_queue: {num_consumers: 1}")).await;
    send(&spanmill, 10, 2).await;
    let line = spanmill.logged("dropping a batch of 2 spans").await;
    assert!(line.contains("PermissionDenied: tenant unknown"), "{line}");
    assert!(line.contains(&backend.address()), "{line}");
    counted(&spanmill, backend.spans(10).await.len(), 10, 0).await;
    let ended = end(spanmill).await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.log.last().unwrap(),
        "error: ended; 10 spans were accepted and not delivered: exporter otlp: 10 spans (refused by the backend)"
    );
    assert_eq!(backend.spans(0).await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backend_rejects_of_a_batch_is_counted() {
    let backend = Backend::start().await;
    backend.answer(|_| Answer::Partial(2));
    for queue in ["", "sending_queue: {enabled: false}"] {
        let spanmill = Spanmill::start(&to(&backend.address(), queue)).await;
        send(&spanmill, 3, 5).await;
        let line = spanmill.logged("rejected 2 of its 5 spans").await;
        assert!(line.contains("too old"), "{line}");
        counted(&spanmill, 9, 6, 0).await;
        let ended = end(spanmill).await;
        assert_eq!(ended.code, Some(1));
        assert_eq!(
            ended.log.last().unwrap(),
            "error: ended; 6 spans were accepted and not delivered: exporter otlp: 6 spans (rejected by the backend in batches that it took)"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_never_answers_is_given_up() {
    let backend = Backend::start().await;
    backend.open(false);
    let spanmill =
        Spanmill::start(&to(&backend.address(), &format!("timeout: 100ms, {FAST}"))).await;
    send(&spanmill, 4, 1).await;
    spanmill.logged("dropping a batch").await;
    counted(&spanmill, 0, 4, 0).await;
    let ended = end(spanmill).await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.log.last().unwrap(),
        "error: ended; 4 spans were accepted and not delivered: exporter otlp: 4 spans (not taken within the time for retries)"
    );
    assert_eq!(
        lines(&ended, "no answer within 100ms"),
        2,
        "{:#?}",
        ended.log
    );
    assert!(backend.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_ends_loses_nothing_and_is_logged_twice() {
    let backend = Backend::start().await;
    backend.answer(|number| match number {
        0..=9 => Answer::Unavailable,
        _ => Answer::Take,
    });
    let retry = "retry_on_failure: {initial_interval: 5ms, max_interval: 5ms}, sending_queue: {num_consumers: 1}";
    let spanmill = Spanmill::start(&to(&backend.address(), retry)).await;
    send(&spanmill, 20, 1).await;
    assert_eq!(backend.spans(20).await.len(), 20);
    let ended = spanmill.stop().await;
    assert_eq!(lines(&ended, "cannot deliver"), 1, "{:#?}", ended.log);
    assert_eq!(lines(&ended, "takes batches again"), 1, "{:#?}", ended.log);
    assert_eq!(
        lines(&ended, "everything that was accepted was delivered"),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_wait_that_a_backend_asks_for_stops_nothing() {
    let backend = Backend::start().await;
    backend.answer(|number| match number {
        1 => Answer::Refuse(Refusal {
            code: Code::Unavailable,
            status: 503,
            text: "later",
            retry_after: Some(u64::MAX),
        }),
        _ => Answer::Take,
    });
    let exporters = format!(
        "  otlphttp: {{endpoint: \"http://{}\", sending_queue: {{num_consumers: 1}}}}",
        backend.address()
    );
    let spanmill = Spanmill::start(&manifest(&exporters, "otlphttp")).await;
    send(&spanmill, 3, 1).await;
    let line = spanmill.logged("cannot deliver").await;
    assert!(line.contains("the next attempt comes in 300.0s"), "{line}");
    // Draining does not wait as long as that.
    let ended = spanmill.stop().await;
    assert_eq!(backend.spans(3).await.len(), 3);
    assert_eq!(lines(&ended, "panicked"), 0, "{:#?}", ended.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_logged_when_it_begins_and_when_it_ends() {
    let backend = Backend::start().await;
    backend.open(false);
    let queue = "sending_queue: {num_consumers: 1, queue_size: 4}";
    let spanmill = Spanmill::start(&to(&backend.address(), queue)).await;
    send(&spanmill, 4, 1).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    for _ in 0..5 {
        let one = request("shop", vec![span(9, "one", vec![])]);
        let status = sender.send(&one).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.get_details_retry_info().is_some());
    }
    spanmill.logged("the sending queue is full").await;
    backend.open(true);
    let line = spanmill.logged("has room again").await;
    assert!(line.contains("\"refused_batches\":5"), "{line}");
    counted(&spanmill, backend.spans(4).await.len(), 0, 5).await;
    let ended = spanmill.stop().await;
    assert_eq!(lines(&ended, "the sending queue is full"), 1);
    assert_eq!(backend.spans(0).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_queue_the_backends_status_reaches_the_sender() {
    let refusals = [
        (Code::InvalidArgument, 400, None),
        (Code::Unauthenticated, 401, None),
        (Code::PermissionDenied, 403, None),
        (Code::Unavailable, 503, None),
        (Code::Unavailable, 503, Some(7)),
        (Code::ResourceExhausted, 429, Some(3)),
    ];
    for (code, status, retry_after) in refusals {
        let backend = Backend::start().await;
        backend.answer(move |_| {
            Answer::Refuse(Refusal {
                code,
                status,
                text: "because",
                retry_after,
            })
        });
        let off = "sending_queue: {enabled: false}, retry_on_failure: {enabled: false}";
        let http = format!(
            "  otlphttp: {{endpoint: \"http://{}\", {off}}}",
            backend.address()
        );
        for manifest in [to(&backend.address(), off), manifest(&http, "otlphttp")] {
            let spanmill = Spanmill::start(&manifest).await;
            let one = request("shop", vec![span(1, "one", vec![])]);
            let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
            let told = sender.send(&one).await.unwrap_err();
            assert_eq!(told.code(), code, "{told:?}");
            assert!(told.message().contains("because"), "{told:?}");
            let delay = told
                .get_details_retry_info()
                .and_then(|info| info.retry_delay);
            assert_eq!(delay.map(|delay| delay.as_secs()), retry_after);
            let address = spanmill.address("receiver otlp http");
            let reply = post(address, "application/x-protobuf", one.encode_to_vec()).await;
            assert_eq!(reply.status, StatusCode::from_u16(status).unwrap());
            let expected = retry_after.map_or(String::new(), |seconds: u64| seconds.to_string());
            assert_eq!(reply.header("retry-after"), expected);
            // The sender has it still: nothing is lost.
            spanmill.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_exporter_gets_a_batch_once_though_another_fails() {
    let backend = Backend::start().await;
    for queue in [
        "sending_queue: {queue_size: 2, num_consumers: 1}, retry_on_failure: {max_elapsed_time: 1s, initial_interval: 500ms}",
        "sending_queue: {enabled: false}, retry_on_failure: {enabled: false}",
    ] {
        let before = backend.spans(0).await.len();
        let exporters = format!(
            "  otlp/down: {{endpoint: \"{}\", tls: {{insecure: true}}, {queue}}}\n  otlp/up: {{endpoint: \"{}\", tls: {{insecure: true}}}}",
            nobody(),
            backend.address()
        );
        let spanmill = Spanmill::start(&manifest(&exporters, "otlp/down, otlp/up")).await;
        send(&spanmill, 1, 1).await;
        spanmill.logged("cannot deliver").await;
        send(&spanmill, 30, 1).await;
        let got = backend.spans(before + 31).await;
        assert_eq!(got.len(), before + 31, "{queue}");
        let ended = end(spanmill).await;
        assert_eq!(ended.code, Some(1));
        let last = ended.log.last().unwrap();
        assert!(
            last.starts_with(
                "error: ended; 31 spans were accepted and not delivered: exporter otlp/down: "
            ),
            "{last}"
        );
        assert_eq!(backend.spans(0).await.len(), before + 31, "{queue}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_one_of_two_queues_is_full_and_its_backend_well_neither_gets_the_batch() {
    let (slow, quick) = (Backend::start().await, Backend::start().await);
    slow.open(false);
    let exporters = format!(
        "  otlp/slow: {{endpoint: \"{}\", tls: {{insecure: true}}, sending_queue: {{queue_size: 2, num_consumers: 1}}}}\n  otlp/quick: {{endpoint: \"{}\", tls: {{insecure: true}}}}",
        slow.address(),
        quick.address()
    );
    let spanmill = Spanmill::start(&manifest(&exporters, "otlp/slow, otlp/quick")).await;
    send(&spanmill, 2, 1).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let third = request("shop", vec![span(3, "one", vec![])]);
    for _ in 0..10 {
        let status = sender.send(&third).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
    }
    slow.open(true);
    spanmill.logged("has room again").await;
    sender.send(&third).await.unwrap();
    spanmill.stop().await;
    for backend in [slow, quick] {
        assert_eq!(backend.spans(3).await.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_memory_for_a_requests_index_is_logged_when_it_begins_and_when_it_ends() {
    let backend = Backend::start().await;
    backend.open(false);
    let exporters = format!(
        "  otlphttp: {{endpoint: \"http://{}\", sending_queue: {{enabled: false}}}}\nlimits: {{in_flight_mib: 16}}",
        backend.address()
    );
    let spanmill = Spanmill::start(&manifest(&exporters, "otlphttp")).await;
    let address = spanmill.address("receiver otlp http");
    // Its bytes are held until the backend has answered.
    let name = "n".repeat(7 << 20);
    let large = request("shop", vec![span(1, &name, vec![])]).encode_to_vec();
    let held = tokio::spawn(post(address, "application/x-protobuf", large));
    backend.seen(1).await;
    // Few bytes, but an index of several MiB.
    let spans = (0..60_000).map(|_| Span::default()).collect();
    let many = request("shop", spans).encode_to_vec();
    assert!(many.len() < 1 << 20);
    for _ in 0..3 {
        let reply = post(address, "application/x-protobuf", many.clone()).await;
        assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(reply.header("retry-after"), "1");
    }
    spanmill.logged("hold all the memory they may").await;
    backend.open(true);
    assert_eq!(held.await.unwrap().status, StatusCode::OK);
    let reply = post(address, "application/x-protobuf", many).await;
    assert_eq!(reply.status, StatusCode::OK);
    let ended = spanmill.stop().await;
    assert_eq!(
        lines(&ended, "hold all the memory they may"),
        1,
        "{:#?}",
        ended.log
    );
    assert_eq!(lines(&ended, "there is room for requests again"), 1);
}
