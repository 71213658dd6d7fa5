//! Plugins that misbehave: the batch follows `on_error`, the process lives, other pipelines notice nothing,
//! and the next batch is served by a new instance.

use prost::Message as _;
use spanmill_tests::{Backend, GrpcSender, Spanmill, post, request, span, text};
use tonic::Code;

const HOSTILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/release/guests/hostile.wasm"
);

struct Bench {
    spanmill: Spanmill,
    hostile: GrpcSender,
    good: GrpcSender,
    backend: Backend,
    other: Backend,
    next: u64,
}

impl Bench {
    async fn start(behaviour: &str, on_error: &str) -> Self {
        Self::start_with(behaviour, on_error, "info").await
    }

    async fn start_with(behaviour: &str, on_error: &str, log_level: &str) -> Self {
        let (backend, other) = (Backend::start().await, Backend::start().await);
        let manifest = format!(
            r#"
plugins:
  hostile:
    file: {HOSTILE}
    on_error: {on_error}
    timeout: 200ms
    memory_mib: 16
receivers:
  otlp/hostile:
    protocols:
      grpc: {{endpoint: "127.0.0.1:0"}}
      http: {{endpoint: "127.0.0.1:0"}}
  otlp/good: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  hostile: {{behaviour: {behaviour}}}
  attributes: {{actions: [{{key: seen, value: true, action: insert}}]}}
exporters:
  otlp/hostile: {{endpoint: {}, tls: {{insecure: true}}, sending_queue: {{num_consumers: 1}}}}
  otlp/good: {{endpoint: {}, tls: {{insecure: true}}, sending_queue: {{num_consumers: 1}}}}
service:
  pipelines:
    traces/hostile: {{receivers: [otlp/hostile], processors: [hostile], exporters: [otlp/hostile]}}
    traces/good: {{receivers: [otlp/good], processors: [attributes], exporters: [otlp/good]}}
"#,
            backend.address(),
            other.address()
        );
        let folder = tempfile::tempdir().unwrap();
        // One worker: one instance, whose successors can be told from it.
        let arguments = ["--workers", "1", "--log-level", log_level];
        let spanmill = Spanmill::start_in(folder, Some(&manifest), &arguments).await;
        let hostile = GrpcSender::connect(spanmill.address("receiver otlp/hostile grpc")).await;
        let good = GrpcSender::connect(spanmill.address("receiver otlp/good grpc")).await;
        Bench {
            spanmill,
            hostile,
            good,
            backend,
            other,
            next: 1,
        }
    }

    /// Sends two spans of a name to the hostile plugin.
    async fn send(&mut self, name: &str) -> Result<(), tonic::Status> {
        let first = self.next;
        self.next += 2;
        let spans = vec![span(first, name, vec![]), span(first + 1, name, vec![])];
        self.hostile.send(&request("shop", spans)).await
    }

    /// The names at the backend, once there are so many.
    async fn names(&self, spans: usize) -> Vec<String> {
        let found = self.backend.spans(spans).await;
        found.into_iter().map(|found| found.span.name).collect()
    }

    async fn other_pipeline_works(&self) {
        let before = self.other.spans(0).await.len();
        let one = request("shop", vec![span(1, "one", vec![])]);
        self.good.send(&one).await.unwrap();
        let got = self.other.spans(before + 1).await.pop().unwrap().span;
        assert_eq!(got.attributes.len(), 1, "{got:?}");
        assert_eq!(got.name, "one");
    }

    async fn end(self) -> String {
        let log = self.spanmill.stop().await.log.join("\n");
        assert!(!log.contains("host panic"), "{log}");
        log
    }
}

/// Whether the call itself ends badly, and not the plugin's answer.
fn ends_in_the_sandbox(behaviour: &str) -> bool {
    ["trap", "panic", "exit", "loop", "grow", "recurse"].contains(&behaviour)
}

/// A fault, an `on_error: reject`, and what the log says of it.
async fn rejected(behaviour: &str, why: &str) {
    let mut bench = Bench::start(behaviour, "reject").await;
    bench.send("fine").await.unwrap();
    assert_eq!(bench.names(2).await, ["batch 1"; 2], "{behaviour}");

    let began = std::time::Instant::now();
    let status = bench.send("misbehave").await.unwrap_err();
    let retry = tonic_types::StatusExt::get_details_retry_info(&status);
    let delay = retry.and_then(|retry| retry.retry_delay);
    if ends_in_the_sandbox(behaviour) {
        // A new instance fails on it as well, and the batch before went well: sending it again is no use.
        assert_eq!(
            status.code(),
            Code::InvalidArgument,
            "{behaviour}: {status:?}"
        );
        assert!(status.message().contains("plugin hostile"), "{status:?}");
        assert_eq!(delay, None, "{behaviour}");
    } else {
        assert_eq!(status.code(), Code::Unavailable, "{behaviour}: {status:?}");
        assert!(delay.is_some(), "{behaviour}: no RetryInfo in {status:?}");
    }
    // Two attempts of 200 ms at most, with much to spare for a busy machine.
    assert!(began.elapsed().as_secs() < 10, "{behaviour}");
    bench.other_pipeline_works().await;

    // A sender that comes again at once may find the plugin pausing; RetryInfo says to wait. The pause
    // after a single fault is none.
    bench.send("fine").await.unwrap();
    let names = bench.names(4).await;
    let instance = match behaviour {
        // The plugin said so itself: its instance is fine.
        "batch-error" => "batch 3",
        _ => "batch 1",
    };
    assert_eq!(names[2..], [instance; 2], "{behaviour}");
    let log = bench.end().await;
    assert!(log.contains(why), "{behaviour}: no `{why}` in:\n{log}");
    assert!(log.contains("\"plugin\":\"hostile\""), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn traps_and_panics() {
    rejected("trap", "unreachable").await;
    rejected("panic", "the guest panics").await;
    rejected("exit", "trapped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_loops() {
    rejected("loop", "did not return within 200ms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_without_end() {
    rejected("grow", "needs more than its 16 MiB of memory").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recursion_without_end() {
    rejected("recurse", "trapped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_plugins_report() {
    rejected("batch-error", "refused the batch: this batch is not for me").await;
    rejected("state-error", "lost its state: I have lost count").await;
    rejected("not-configured", "not configured").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_that_break_the_contract() {
    for behaviour in [
        "too-few-values",
        "kinds-without-bits",
        "row-out-of-range",
        "row-far-out",
        "rows-out-of-order",
        "text-out-of-range",
        "text-beyond-32-bits",
        "unknown-kind",
        "kind-that-does-not-fit",
        "undeclared-write",
        "invalid-utf-8",
        "ends-beyond-bytes",
        "ends-decrease",
        "too-many-verdicts",
        "unknown-verdict",
        "hold",
        "verdict-on-resources",
        "entry-of-a-text",
        "remove-from-a-text",
        "append-to-a-text",
        "replace-text-out-of-range",
    ] {
        rejected(behaviour, "broke the contract").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_over_http_with_retry_after() {
    let bench = Bench::start("trap", "reject").await;
    let body = request("shop", vec![span(1, "misbehave", vec![])]).encode_to_vec();
    let address = bench.spanmill.address("receiver otlp/hostile http");
    let reply = post(address, "application/x-protobuf", body).await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_error_pass_lets_the_batch_go_on_as_it_was() {
    for behaviour in ["trap", "loop", "invalid-utf-8", "batch-error"] {
        let mut bench = Bench::start(behaviour, "pass").await;
        bench.send("misbehave").await.unwrap();
        bench.send("fine").await.unwrap();
        let names = bench.names(4).await;
        assert_eq!(names[..2], ["misbehave"; 2], "{behaviour}");
        assert!(names[2].starts_with("batch "), "{behaviour}: {names:?}");
        let found = bench.backend.spans(4).await;
        assert_eq!(found[0].span, span(1, "misbehave", vec![]));
        bench.other_pipeline_works().await;
        bench.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_error_drop_takes_the_batch_out() {
    for behaviour in ["trap", "row-out-of-range", "batch-error"] {
        let mut bench = Bench::start(behaviour, "drop").await;
        bench.send("misbehave").await.unwrap();
        bench.send("fine").await.unwrap();
        let names = bench.names(2).await;
        assert!(names[0].starts_with("batch "), "{behaviour}: {names:?}");
        assert_eq!(bench.backend.seen_so_far(), 1);
        bench.other_pipeline_works().await;
        let log = bench.end().await;
        assert!(log.contains("the batch is dropped"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_fails_again_and_again_is_paused_and_comes_back() {
    for behaviour in ["trap", "row-out-of-range"] {
        // Pauses are worth a debug line only: the faults before them were told.
        let mut bench = Bench::start_with(behaviour, "pass", "debug").await;
        let mut sent = 0;
        spanmill_tests::within("a pause", async {
            let paused =
                |log: Vec<String>| log.iter().any(|line| line.contains("is quarantined for"));
            while !paused(bench.spanmill.log()) {
                bench.send("misbehave").await.unwrap();
                sent += 2;
            }
        })
        .await;
        bench.other_pipeline_works().await;
        // Passed on untouched while it pauses, and served again after that.
        spanmill_tests::within("the end of the pause", async {
            loop {
                bench.send("fine").await.unwrap();
                sent += 2;
                let names = bench.names(sent).await;
                match names[sent - 1].as_str() {
                    "batch 1" => break,
                    name => assert_eq!(name, "fine"),
                }
            }
        })
        .await;
        bench.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_prints_becomes_log_lines_that_forge_nothing() {
    let mut bench = Bench::start("print", "reject").await;
    bench.send("misbehave").await.unwrap();
    for (words, level) in [
        ("said on stdout", "INFO"),
        ("said on stderr", "WARN"),
        ("said to the log", "INFO"),
    ] {
        let line = bench.spanmill.logged(words).await;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["message"], words);
        assert_eq!(
            (line["level"].as_str(), line["plugin"].as_str()),
            (Some(level), Some("hostile"))
        );
    }
    bench.end().await;

    let mut bench = Bench::start("forge", "reject").await;
    bench.send("misbehave").await.unwrap();
    let line = bench.spanmill.logged("cleared").await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "INFO");
    let message = line["message"].as_str().unwrap();
    assert!(!message.contains(|c: char| c.is_control()), "{message:?}");
    bench.end().await;

    let mut bench = Bench::start("chatter", "reject").await;
    bench.send("misbehave").await.unwrap();
    let log = bench.end().await;
    let lines = log.lines().filter(|line| line.contains("\"line ")).count();
    assert!((1..100).contains(&lines), "{lines} lines of a flood");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_gets_hold_of_nothing() {
    let mut bench = Bench::start("escape", "reject").await;
    bench.send("misbehave").await.unwrap();
    let line = bench.spanmill.logged("got hold of").await;
    assert!(line.contains("got hold of []"), "{line}");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugins_clocks_stand_still_above_zero() {
    let mut bench = Bench::start("clock", "reject").await;
    bench.send("misbehave").await.unwrap();
    let line = bench.spanmill.logged("the wall clock says").await;
    let clocks = "the wall clock says 1577836800, the monotonic clock is above zero";
    assert!(line.contains(clocks), "{line}");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_sees_no_field_that_it_did_not_declare() {
    let mut bench = Bench::start("print", "reject").await;
    // `misbehave` as an attribute's value is no text that the plugin may read.
    let secret = span(50, "fine", vec![text("k", "misbehave")]);
    bench
        .hostile
        .send(&request("misbehave", vec![secret]))
        .await
        .unwrap();
    bench.send("misbehave").await.unwrap();
    let line = bench.spanmill.logged("said to the log").await;
    assert!(line.contains("hostile"));
    let log = bench.end().await;
    assert_eq!(log.matches("said to the log").count(), 1, "{log}");
}
