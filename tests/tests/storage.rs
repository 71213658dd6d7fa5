//! Held spans and decisions that outlive the process, in the directory of a `file_storage` extension.

use std::collections::BTreeSet;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;
use spanmill_tests::{
    Arrivals, Backend, GrpcSender, Output, Spanmill, request, span, spanmill, text, within,
};
use tempfile::TempDir;

/// A sampler that keeps the traces with `keep: yes`, and stores what it holds.
fn manifest(backend: &Backend, directory: &TempDir, decision_wait: &str) -> String {
    format!(
        r#"
extensions:
  file_storage: {{directory: {}/held, create_directory: true, flush_interval: 20ms}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  tail_sampling:
    storage: file_storage
    decision_wait: {decision_wait}
    num_traces: 200000
    decision_cache: {{sampled_cache_size: 1000, non_sampled_cache_size: 1000}}
    policies: [{{name: kept, type: string_attribute, string_attribute: {{key: keep, values: ["yes"]}}}}]
exporters:
  otlp:
    endpoint: {}
    tls: {{insecure: true}}
service:
  extensions: [file_storage]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [tail_sampling]
      exporters: [otlp]
"#,
        directory.path().display(),
        backend.address()
    )
}

async fn start(manifest: &str) -> (Spanmill, GrpcSender) {
    let running = Spanmill::start(manifest).await;
    let sender = GrpcSender::connect(running.address("receiver otlp grpc")).await;
    (running, sender)
}

async fn with_workers(manifest: &str, workers: &str) -> Spanmill {
    let folder = tempfile::tempdir().unwrap();
    Spanmill::start_in(folder, Some(manifest), &["--workers", workers]).await
}

/// What `spanmill run` says of a manifest that it does not run.
async fn failing(manifest: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.yaml"), manifest).unwrap();
    let output = spanmill(folder.path(), &["run", "--config", "m.yaml"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    output
}

/// A span of a trace, of which one in two is to be kept.
fn of_trace(trace: u64, number: u64) -> Span {
    let keep = if trace.is_multiple_of(2) { "yes" } else { "no" };
    Span {
        trace_id: span(trace, "", vec![]).trace_id,
        ..span(trace * 1000 + number, "s", vec![text("keep", keep)])
    }
}

async fn send(sender: &GrpcSender, spans: impl IntoIterator<Item = Span>) {
    let spans = spans.into_iter().collect();
    sender.send(&request("shop", spans)).await.unwrap();
}

async fn status(running: &Spanmill) -> Value {
    let admin = running.address("admin http").to_string();
    let output = spanmill(
        running.folder(),
        &["plugin", "status", "--json", "--admin", &admin],
    )
    .await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let plugins: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
    plugins.into_iter().next().unwrap()
}

/// Waits until everything that is held is written.
async fn written(running: &Spanmill) {
    within("held spans to be written", async {
        while status(running).await["unwritten_bytes"] != 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn ids(backend: &Backend) -> BTreeSet<Vec<u8>> {
    let found = spanmill_tests::flatten(&backend.traces());
    let ids: Vec<Vec<u8>> = found.into_iter().map(|found| found.span.span_id).collect();
    let distinct: BTreeSet<Vec<u8>> = ids.iter().cloned().collect();
    assert_eq!(distinct.len(), ids.len(), "a span came twice");
    distinct
}

fn expected(traces: impl Iterator<Item = u64>, spans: u64) -> BTreeSet<Vec<u8>> {
    let spans = traces.flat_map(|trace| (0..spans).map(move |number| of_trace(trace, number)));
    spans.map(|span| span.span_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_nothing_that_was_written_and_decides_on_whole_traces() {
    let backend = Backend::start().await;
    let directory = tempfile::tempdir().unwrap();
    // Nobody decides before the process is killed.
    let (running, sender) = start(&manifest(&backend, &directory, "1h")).await;
    for number in 0..3 {
        for traces in [1..201, 201..401] {
            send(&sender, traces.map(|trace| of_trace(trace, number))).await;
        }
    }
    written(&running).await;
    drop(running);
    assert_eq!(backend.seen_so_far(), 0);

    // The rest of each trace comes later, to a process that decides.
    let (running, sender) = start(&manifest(&backend, &directory, "1h")).await;
    running
        .logged("1200 spans that were held before the restart are held again")
        .await;
    send(&sender, (1..401).map(|trace| of_trace(trace, 3))).await;
    written(&running).await;
    drop(running);
    let (running, _) = start(&manifest(&backend, &directory, "1ms")).await;
    running
        .logged("1600 spans that were held before the restart are held again")
        .await;
    let kept = expected((2..401).step_by(2), 4);
    backend.spans(kept.len()).await;
    assert_eq!(ids(&backend), kept);

    // What was delivered is not there again.
    written(&running).await;
    drop(running);
    let (running, _) = start(&manifest(&backend, &directory, "1ms")).await;
    let again = running
        .log()
        .into_iter()
        .find(|line| line.contains("held again"));
    assert_eq!(again, None);
    assert_eq!(ids(&backend), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_when_the_service_stops_waits_for_the_next_start_and_decisions_are_remembered()
{
    let backend = Backend::start().await;
    let directory = tempfile::tempdir().unwrap();
    let (running, sender) = start(&manifest(&backend, &directory, "1ms")).await;
    send(&sender, [of_trace(1, 0), of_trace(2, 0)]).await;
    backend.spans(1).await;
    running.stop().await;

    let (running, sender) = start(&manifest(&backend, &directory, "1h")).await;
    // Late spans of traces that were decided on before, and a trace that is not.
    let late = |trace, number| Span {
        attributes: Vec::new(),
        ..of_trace(trace, number)
    };
    send(&sender, [late(1, 1), late(2, 1), of_trace(4, 0)]).await;
    let found = backend.spans(2).await;
    assert!(
        found
            .iter()
            .all(|found| found.span.trace_id == span(2, "", vec![]).trace_id)
    );
    running.stop().await;
    assert_eq!(ids(&backend).len(), 2);

    let (_running, _) = start(&manifest(&backend, &directory, "1ms")).await;
    backend.spans(3).await;
    let kept: BTreeSet<_> = [late(2, 0), late(2, 1), of_trace(4, 0)]
        .map(|span| span.span_id)
        .into();
    assert_eq!(ids(&backend), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_workers_take_over_what_is_held_and_a_pipeline_that_goes_releases_it() {
    let backend = Backend::start().await;
    let directory = tempfile::tempdir().unwrap();
    let hour = manifest(&backend, &directory, "1h");
    let running = with_workers(&hour, "3").await;
    let sender = GrpcSender::connect(running.address("receiver otlp grpc")).await;
    send(&sender, (1..101).map(|trace| of_trace(trace, 0))).await;
    written(&running).await;
    drop(running);

    let running = with_workers(&hour, "1").await;
    running
        .logged("100 spans that were held before the restart are held again")
        .await;
    // The pipeline goes: its sampler decides on what there is.
    running.edit(&hour.replace("processors: [tail_sampling]", "processors: []"));
    running.hang_up();
    backend.spans(50).await;
    assert_eq!(ids(&backend), expected((2..101).step_by(2), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_in_the_same_directory_is_refused() {
    let backend = Backend::start().await;
    let directory = tempfile::tempdir().unwrap();
    let manifest = manifest(&backend, &directory, "1h");
    let (_running, _) = start(&manifest).await;
    let output = failing(&manifest).await;
    assert!(
        output.stderr.contains(
            "another process uses this directory; stop it, or give this one a directory of its own"
        ),
        "{}",
        output.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_is_not_there_is_told_before_anything_starts() {
    let backend = Backend::start().await;
    let directory = tempfile::tempdir().unwrap();
    let manifest = manifest(&backend, &directory, "1h");
    let missing = manifest.replace("extensions: [file_storage]", "extensions: []");
    let output = failing(&missing).await;
    assert!(
        output.stderr.contains("processor tail_sampling: storage: the extension file_storage is not among those that the service uses"),
        "{}",
        output.stderr
    );
    let absent = manifest.replace(", create_directory: true", "");
    let output = failing(&absent).await;
    assert!(
        output.stderr.contains("/held is no directory"),
        "{}",
        output.stderr
    );
}

/// Spans that were answered longer ago than they are written behind are there, whenever the process is killed.
#[tokio::test(flavor = "multi_thread")]
async fn at_most_the_interval_is_lost_under_load() {
    let backend = Backend::start().await;
    let directory = tempfile::tempdir().unwrap();
    let (running, sender) = start(&manifest(&backend, &directory, "1h")).await;
    let mut answered = Vec::new();
    // Two hundred times the interval, so that a slow disk does not count as a loss.
    let window = Duration::from_secs(4);
    let began = std::time::Instant::now();
    let mut trace = 2;
    while began.elapsed() < window + Duration::from_secs(1) {
        send(&sender, (trace..trace + 2).map(|trace| of_trace(trace, 0))).await;
        answered.push((trace, std::time::Instant::now()));
        trace += 2;
    }
    let killed_at = std::time::Instant::now();
    drop(running);
    let (_running, _) = start(&manifest(&backend, &directory, "1ms")).await;
    let old = answered
        .iter()
        .filter(|(_, at)| killed_at.duration_since(*at) > window);
    let must: BTreeSet<_> = old
        .flat_map(|(trace, _)| expected((*trace..trace + 2).step_by(2), 1))
        .collect();
    assert!(must.len() > 100, "{}", must.len());
    let arrived = |arrivals: &Arrivals| {
        let ids: BTreeSet<_> = arrivals
            .spans
            .iter()
            .map(|(_, span)| &span.span_id)
            .collect();
        must.iter().all(|id| ids.contains(id))
    };
    backend
        .arrivals_until("everything that was written", arrived)
        .await;
    ids(&backend);
}
