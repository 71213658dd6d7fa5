//! Requests so large that plugins are shown them in parts: what goes in comes out, as one request, and what befalls
//! one part befalls the others only where the request is refused.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde_json::Value;
use spanmill_tests::{
    Backend, GrpcSender, Spanmill, built_in, guest, request, span, spanmill, text,
};
use tonic::{Code, Status};

/// A service with one plugin, which calls spans by the number of the batch that it is shown them in, and a connector
/// that counts what the plugin lets go.
struct Rig {
    spanmill: Spanmill,
    backend: Backend,
    sender: GrpcSender,
}

impl Rig {
    async fn start(settings: &str, on_error: &str) -> Self {
        let backend = Backend::start().await;
        let manifest = format!(
            r#"
plugins:
  mine: {{file: {}, on_error: {on_error}}}
  spanmetrics: {{file: {}, memory_mib: 1024, timeout: 10s}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  mine: {{{settings}}}
connectors:
  spanmetrics: {{metrics_flush_interval: 1h}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}, sending_queue: {{num_consumers: 1}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [mine], exporters: [otlp, spanmetrics]}}
    metrics: {{receivers: [spanmetrics], exporters: [otlp]}}
"#,
            guest("hostile").display(),
            built_in("spanmetrics").display(),
            backend.address()
        );
        let folder = tempfile::tempdir().unwrap();
        let spanmill = Spanmill::start_in(folder, Some(&manifest), &["--workers", "1"]).await;
        let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
        Rig {
            spanmill,
            backend,
            sender,
        }
    }

    /// Sends a request with two spans of each name, under a resource of their own, which makes a part.
    async fn send(&self, names: &[&str]) -> Result<(), Status> {
        let mut whole = ExportTraceServiceRequest::default();
        for (number, name) in (1..).step_by(2).zip(names) {
            let large = text("payload", &"x".repeat(700 << 10));
            let spans = vec![
                span(number, name, vec![large]),
                span(number + 1, name, vec![]),
            ];
            let part = request("shop", spans);
            whole.resource_spans.extend(part.resource_spans);
        }
        self.sender.send(&whole).await
    }

    /// What `spanmill plugin` reports.
    async fn told(&self, arguments: &[&str]) -> Value {
        let address = self.spanmill.address("admin http").to_string();
        let all = [&["plugin", "--admin", &address, "--json"], arguments].concat();
        let output = spanmill(self.spanmill.folder(), &all).await;
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        serde_json::from_str(&output.stdout).unwrap()
    }

    /// Ends it; what was exported, a name for every two spans, how many requests that was, and how many spans were
    /// counted.
    async fn ended(self) -> (Vec<String>, usize, i64) {
        let ended = self.spanmill.stop().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
        let requests = self.backend.traces();
        let spans = spanmill_tests::flatten(&requests);
        let names: Vec<_> = spans.into_iter().map(|found| found.span.name).collect();
        assert!(names.chunks(2).all(|pair| pair[0] == pair[1]), "{names:?}");
        let names = names.into_iter().step_by(2).collect();
        (names, requests.len(), self.backend.calls())
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_comes_out_in_one_piece() {
    let rig = Rig::start("behaviour: well", "reject").await;
    rig.send(&["one", "two", "three"]).await.unwrap();
    rig.send(&["four"]).await.unwrap();
    let status = &rig.told(&["status", "mine"]).await[0];
    assert_eq!(status["version"]["calls"], 4);
    assert_eq!(status["version"]["items_in"], 8);
    let expected = names(&["batch 1", "batch 2", "batch 3", "batch 4"]);
    assert_eq!(rig.ended().await, (expected, 2, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_passed_or_dropped_leaves_the_others_alone() {
    for (on_error, expected, counted) in [
        ("pass", &["batch 1", "misbehave", "batch 3"][..], 6),
        ("drop", &["batch 1", "batch 3"], 4),
    ] {
        let rig = Rig::start("behaviour: batch-error", on_error).await;
        rig.send(&["one", "misbehave", "three"]).await.unwrap();
        assert_eq!(
            rig.ended().await,
            (names(expected), 1, counted),
            "{on_error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_refused_is_refused_with_all_the_others() {
    let rig = Rig::start("behaviour: batch-error", "reject").await;
    let status = rig.send(&["one", "two", "misbehave"]).await;
    assert_eq!(status.unwrap_err().code(), Code::Unavailable);
    // Nothing was exported or counted of it: what comes again comes once.
    rig.send(&["one", "two", "three"]).await.unwrap();
    let expected = names(&["batch 4", "batch 5", "batch 6"]);
    assert_eq!(rig.ended().await, (expected, 1, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_parts_grow_by_is_limited_for_all_of_them_together() {
    let rig = Rig::start(
        "behaviour: long-names, size_mib: 50",
        "reject, memory_mib: 512, timeout: 10s",
    )
    .await;
    // 100 MiB each, of 256: too much for the request, which it is told for good.
    let status = rig.send(&["misbehave"; 3]).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    rig.spanmill.logged("edits come to more than 256 MiB").await;
    let status = &rig.told(&["status", "mine"]).await[0];
    assert_eq!(status["version"]["calls"], 3);
    assert_eq!(status["version"]["faults"]["contract"], 1);
    rig.send(&["fine"]).await.unwrap();
    // Nothing is wrong with the instance, which stays.
    assert_eq!(rig.ended().await, (names(&["batch 4"]), 1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_fails_on_the_last_part_is_taken_back_for_all_of_them() {
    let rig = Rig::start("behaviour: well, v2: trap", "reject").await;
    let v2 = guest("hostile_v2").display().to_string();
    rig.told(&["swap", "mine", &v2]).await;
    rig.send(&["one", "two", "misbehave"]).await.unwrap();
    rig.spanmill.logged("rolled back").await;
    let status = rig.told(&["status", "mine"]).await;
    assert_eq!(status[0]["rollbacks"], 1);
    assert_eq!(status[0]["history"][0]["calls"], 3);
    assert_eq!(status[0]["version"]["calls"], 3);
    let expected = names(&["batch 1", "batch 2", "batch 3"]);
    assert_eq!(rig.ended().await, (expected, 1, 6));
}
