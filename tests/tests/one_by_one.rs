//! Small requests that come one by one are run by the thread that has received them: no worker is woken.

use spanmill_tests::{Backend, GrpcSender, Spanmill, guest, request, span};

/// How often the only worker has gone to sleep.
fn sleeps(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let statuses = tasks.map(|task| task.unwrap().path().join("status"));
    let mut statuses = statuses.filter_map(|file| std::fs::read_to_string(file).ok());
    let worker = statuses.find(|status| status.starts_with("Name:\tworker-0\n"));
    let worker = worker.expect("there is a worker");
    let mut lines = worker.lines();
    let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.unwrap().trim().parse().unwrap()
}

/// Also where the plugin writes to standard output, for which WASI would wait in a runtime.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_come_one_by_one_wake_no_worker() {
    let backend = Backend::start().await;
    let manifest = format!(
        r#"
plugins:
  hostile: {{file: {hostile}}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  hostile: {{behaviour: print}}
exporters:
  otlp: {{endpoint: "{}", tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [hostile], exporters: [otlp]}}
"#,
        backend.address(),
        hostile = guest("hostile").display(),
    );
    let folder = tempfile::tempdir().unwrap();
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &["--workers", "1"]).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let (mut sent, mut least) = (0, u64::MAX);
    // At first nobody knows how long a request takes, and another process may have both processors for a while.
    for _ in 0..30 {
        let before = sleeps(spanmill.process());
        for _ in 0..100 {
            sent += 1;
            let one = request("shop", vec![span(sent, "misbehave", vec![])]);
            sender.send(&one).await.unwrap();
        }
        least = least.min(sleeps(spanmill.process()) - before);
        if least <= 20 {
            break;
        }
    }
    assert!(
        least <= 20,
        "the worker was woken {least} times for 100 requests"
    );
    let arrived = backend.spans(sent as usize).await;
    assert_eq!(arrived.len(), sent as usize);
    spanmill.logged("said on stdout").await;
    let log = spanmill.stop().await.log.join("\n");
    assert!(!log.contains("host panic"), "{log}");
}
