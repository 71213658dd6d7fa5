//! A manifest or a plugin's file that changes while telemetry flows: only what changed is replaced, and what cannot be
//! taken over leaves everything as it was.

use http::Method;
use serde_json::Value;
use spanmill_tests::{
    Backend, GrpcSender, Spanmill, admin, get, guest, request, span, text, within,
};

const NO_WATCH: &[&str] = &["--no-watch", "--workers", "2"];

fn exporter(backend: &Backend) -> String {
    format!(
        "{{endpoint: {}, tls: {{insecure: true}}, sending_queue: {{num_consumers: 1}}}}",
        backend.address()
    )
}

/// Two pipelines from a receiver each to an exporter each.
fn manifest(first: &Backend, second: &Backend, processors: &str, list: &str) -> String {
    format!(
        r#"
receivers:
  otlp/one: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
  otlp/two: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}, http: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  attributes: {{actions: [{{key: seen, value: one, action: insert}}]}}
{processors}
exporters:
  otlp/one: {}
  otlp/two: {}
service:
  pipelines:
    traces/one: {{receivers: [otlp/one], processors: [attributes], exporters: [otlp/one]}}
    traces/two: {{receivers: [otlp/two], processors: [{list}], exporters: [otlp/two]}}
"#,
        exporter(first),
        exporter(second)
    )
}

async fn start(manifest: &str, arguments: &[&str]) -> Spanmill {
    Spanmill::start_in(tempfile::tempdir().unwrap(), Some(manifest), arguments).await
}

async fn sender(spanmill: &Spanmill, receiver: &str) -> GrpcSender {
    GrpcSender::connect(spanmill.address(&format!("receiver {receiver} grpc"))).await
}

async fn send(sender: &GrpcSender, number: u64) {
    let one = request("shop", vec![span(number, "one", vec![])]);
    sender.send(&one).await.unwrap();
}

async fn reload(spanmill: &Spanmill) -> Value {
    admin(
        spanmill.address("admin http"),
        Method::POST,
        "/v1/reload",
        "",
    )
    .await
}

/// The attributes of the last of so many spans at a backend.
async fn last(backend: &Backend, spans: usize) -> Vec<(String, String)> {
    let found = backend.spans(spans).await.pop().unwrap();
    spanmill_tests::attributes(&found.span.attributes)
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

const NAMED: &str = "  attributes/named: {actions: [{key: named, value: before, action: insert}]}";

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_replaces_what_changed_and_nothing_else() {
    let (one, two) = (Backend::start().await, Backend::start().await);
    let spanmill = start(&manifest(&one, &two, NAMED, "attributes/named"), NO_WATCH).await;
    let (to_one, to_two) = (
        sender(&spanmill, "otlp/one").await,
        sender(&spanmill, "otlp/two").await,
    );
    send(&to_one, 1).await;
    send(&to_two, 2).await;
    assert_eq!(last(&two, 1).await, [pair("named", "before")]);
    let before = admin(
        spanmill.address("admin http"),
        Method::GET,
        "/v1/plugins/attributes",
        "",
    )
    .await;

    // Nothing is changed by reading the same again, nor by a comment.
    assert_eq!(reload(&spanmill).await["changes"], Value::Array(vec![]));
    let same = manifest(&one, &two, NAMED, "attributes/named") + "\n# a remark\n";
    spanmill.edit(&same);
    assert_eq!(reload(&spanmill).await["changes"], Value::Array(vec![]));

    // Another setting, one processor more.
    let edited = NAMED.replace("before", "after")
        + "\n  attributes/more: {actions: [{key: more, value: 1, action: insert}]}";
    spanmill.edit(&manifest(
        &one,
        &two,
        &edited,
        "attributes/named, attributes/more",
    ));
    let report = reload(&spanmill).await;
    let changes = report["changes"].to_string();
    assert!(changes.contains("pipeline traces/two changed"), "{changes}");
    assert!(
        changes.contains("attributes/named has another version"),
        "{changes}"
    );
    assert!(!changes.contains("traces/one"), "{changes}");
    assert!(
        !changes.contains("receiver") && !changes.contains("exporter"),
        "{changes}"
    );

    // Over the connections there were.
    send(&to_two, 3).await;
    let after = [pair("named", "after"), pair("more", "1")];
    assert_eq!(last(&two, 2).await, after);
    send(&to_one, 4).await;
    assert_eq!(last(&one, 2).await, [pair("seen", "one")]);
    // The other pipeline has the instances it had.
    let now = admin(
        spanmill.address("admin http"),
        Method::GET,
        "/v1/plugins/attributes",
        "",
    )
    .await;
    assert_eq!(now["version"]["since"], before["version"]["since"]);
    assert_eq!(
        (now["swaps"].as_u64(), now["version"]["calls"].as_u64()),
        (Some(0), Some(2))
    );

    // And back: one processor less.
    spanmill.edit(&manifest(&one, &two, NAMED, "attributes/named"));
    reload(&spanmill).await;
    send(&to_two, 5).await;
    assert_eq!(last(&two, 3).await, [pair("named", "before")]);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_with_mistakes_changes_nothing_and_is_told_with_its_line() {
    let (one, two) = (Backend::start().await, Backend::start().await);
    let good = manifest(&one, &two, NAMED, "attributes/named");
    let spanmill = start(&good, &["--workers", "2"]).await;
    let to_two = sender(&spanmill, "otlp/two").await;
    let mistakes = [
        (
            good.replace("action: insert", "action: inert"),
            "inert",
            "manifest.yaml:",
        ),
        (
            good.replace("[attributes/named]", "[nobody]"),
            "nobody",
            "manifest.yaml:",
        ),
        (
            good.replace("service:", "service: ["),
            "this is not YAML",
            "manifest.yaml:",
        ),
        // Right in itself, and of no use here: the address is taken by the other receiver.
        (
            good.replacen(
                "127.0.0.1:0",
                &spanmill.address("receiver otlp/two grpc").to_string(),
                1,
            ),
            "is in use already",
            "otlp/one",
        ),
    ];
    for (number, (text, what, place)) in (1..).zip(&mistakes) {
        spanmill.edit(text);
        // The file is watched: nobody needs to ask.
        let line = spanmill.logged(what).await;
        assert!(line.contains("what ran goes on running"), "{line}");
        assert!(line.contains(place), "{line}");
        send(&to_two, number).await;
        let got = last(&two, number as usize).await;
        assert_eq!(got, [pair("named", "before")]);
    }
    let events = admin(
        spanmill.address("admin http"),
        Method::GET,
        "/v1/events",
        "",
    )
    .await;
    let events = events["events"].as_array().unwrap();
    assert_eq!(events.len(), mistakes.len(), "{events:?}");
    assert!(events.iter().all(|event| event["kind"] == "refused"));

    // Put right, it is taken over.
    spanmill.edit(&good.replace("value: before", "value: right"));
    spanmill
        .logged("attributes/named has another version")
        .await;
    send(&to_two, 9).await;
    assert_eq!(last(&two, 5).await, [pair("named", "right")]);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reloads_without_a_watcher() {
    let (one, two) = (Backend::start().await, Backend::start().await);
    let good = manifest(&one, &two, NAMED, "attributes/named");
    let spanmill = start(&good, NO_WATCH).await;
    let to_two = sender(&spanmill, "otlp/two").await;
    spanmill.edit(&good.replace("before", "after"));
    send(&to_two, 1).await;
    assert_eq!(last(&two, 1).await, [pair("named", "before")]);
    spanmill.hang_up();
    spanmill.logged("reloaded: plugin attributes/named").await;
    send(&to_two, 2).await;
    assert_eq!(last(&two, 2).await, [pair("named", "after")]);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_file_that_changes_is_swapped_in() {
    let backend = Backend::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.wasm");
    std::fs::copy(guest("stateful"), &file).unwrap();
    let manifest = format!(
        r#"
plugins:
  mine: {{file: mine.wasm}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  mine: {{behaviour: whole}}
exporters:
  otlp: {}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [mine], exporters: [otlp]}}
"#,
        exporter(&backend)
    );
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &["--workers", "2"]).await;
    let sender = sender(&spanmill, "otlp").await;
    send(&sender, 1).await;

    // As a build writes it: in place, and in steps.
    let wasm = std::fs::read(guest("stateful_v2")).unwrap();
    let (head, tail) = wasm.split_at(wasm.len() / 2);
    std::fs::write(&file, head).unwrap();
    spanmill.logged("what ran goes on running").await;
    send(&sender, 2).await;
    use std::io::Write as _;
    let mut half = std::fs::OpenOptions::new()
        .append(true)
        .open(&file)
        .unwrap();
    half.write_all(tail).unwrap();
    drop(half);
    spanmill.logged("reloaded: plugin mine").await;
    send(&sender, 3).await;

    // As an editor does: another file in its place.
    let draft = spanmill.file("draft.wasm");
    std::fs::copy(guest("stateful"), &draft).unwrap();
    std::fs::rename(&draft, &file).unwrap();
    let hash = |status: &Value| status["version"]["hash"].as_str().unwrap().to_owned();
    let api = spanmill.address("admin http");
    let second = hash(&admin(api, Method::GET, "/v1/plugins/mine", "").await);
    within("the third version", async {
        while hash(&admin(api, Method::GET, "/v1/plugins/mine", "").await) == second {
            tokio::task::yield_now().await;
        }
    })
    .await;
    send(&sender, 4).await;
    let names: Vec<String> = backend
        .spans(4)
        .await
        .into_iter()
        .map(|found| found.span.name)
        .collect();
    assert_eq!(names, ["batch 1", "batch 2", "v2 batch 3", "batch 4"]);

    // What was swapped in by hand stays while the file is as it was, and no longer.
    let wasm = std::fs::read(guest("stateful_v2")).unwrap();
    admin(api, Method::POST, "/v1/plugins/mine/swap", wasm).await;
    assert_eq!(reload(&spanmill).await["changes"], Value::Array(vec![]));
    send(&sender, 5).await;
    std::fs::copy(guest("hostile"), &draft).unwrap();
    std::fs::rename(&draft, &file).unwrap();
    let swapped = hash(&admin(api, Method::GET, "/v1/plugins/mine", "").await);
    within("the file's version", async {
        while hash(&admin(api, Method::GET, "/v1/plugins/mine", "").await) == swapped {
            tokio::task::yield_now().await;
        }
    })
    .await;
    send(&sender, 6).await;
    let names: Vec<String> = backend
        .spans(6)
        .await
        .into_iter()
        .map(|found| found.span.name)
        .collect();
    assert_eq!(names[4..], ["v2 batch 5", "batch 1"]);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_exporters_and_pipelines_come_and_go_without_loss() {
    let (one, two, three) = (
        Backend::start().await,
        Backend::start().await,
        Backend::start().await,
    );
    let good = manifest(&one, &two, NAMED, "attributes/named");
    let spanmill = start(&good, NO_WATCH).await;
    let (to_one, to_two) = (
        sender(&spanmill, "otlp/one").await,
        sender(&spanmill, "otlp/two").await,
    );

    // What is in an exporter's queue when it goes is sent all the same.
    two.open(false);
    for number in 1..=5 {
        send(&to_two, number).await;
    }
    two.seen(1).await;
    let elsewhere = good.replace(&two.address(), &three.address());
    spanmill.edit(&elsewhere);
    let changes = reload(&spanmill).await["changes"].to_string();
    assert!(changes.contains("exporter otlp/two changed"), "{changes}");
    for number in 6..=8 {
        send(&to_two, number).await;
    }
    assert_eq!(three.spans(3).await.len(), 3);
    two.open(true);
    assert_eq!(two.spans(5).await.len(), 5);

    // The same address under other settings: no connection is refused, and those there are go on.
    let http = spanmill.address("receiver otlp/two http");
    let larger = elsewhere.replace(
        "http: {endpoint: \"127.0.0.1:0\"}",
        "http: {endpoint: \"127.0.0.1:0\", max_request_body_size: 1}",
    );
    spanmill.edit(&larger);
    let changes = reload(&spanmill).await["changes"].to_string();
    assert!(
        changes.contains(&format!("otlp/two http {http}")),
        "{changes}"
    );
    let reply = spanmill_tests::post(http, "application/x-protobuf", "too much").await;
    assert_eq!(reply.status, 413, "{}", reply.text());
    let to_two = sender(&spanmill, "otlp/two").await;
    send(&to_two, 9).await;
    assert_eq!(three.spans(4).await.len(), 4);

    // A pipeline more, that shares a receiver and an exporter; then both others go.
    let more = larger.replace(
        "    traces/two:",
        "    traces/more: {receivers: [otlp/one], exporters: [otlp/two]}\n    traces/two:",
    );
    spanmill.edit(&more);
    reload(&spanmill).await;
    send(&to_one, 10).await;
    assert_eq!(one.spans(1).await.len(), 1);
    assert_eq!(three.spans(5).await.len(), 5);
    let fewer: String = more
        .lines()
        .filter(|line| !line.starts_with("    traces/one") && !line.starts_with("    traces/two"))
        .map(|line| format!("{line}\n"))
        .collect();
    spanmill.edit(&fewer);
    let changes = reload(&spanmill).await["changes"].to_string();
    for gone in [
        "receiver otlp/two removed",
        "exporter otlp/one removed",
        "pipeline traces/one removed",
    ] {
        assert!(changes.contains(gone), "no `{gone}` in {changes}");
    }
    send(&to_one, 11).await;
    assert_eq!(three.spans(6).await.len(), 6);
    assert_eq!(one.spans(1).await.len(), 1);
    let log = spanmill.stop().await.log.join("\n");
    assert!(!log.contains("host panic"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_processor_that_changes_gives_what_it_holds() {
    let (one, two) = (Backend::start().await, Backend::start().await);
    let held = "  batch: {send_batch_size: 1000, timeout: 1h}\n".to_owned() + NAMED;
    let spanmill = start(
        &manifest(&one, &two, &held, "batch, attributes/named"),
        NO_WATCH,
    )
    .await;
    let to_two = sender(&spanmill, "otlp/two").await;
    for number in 1..=5 {
        send(&to_two, number).await;
    }
    assert_eq!(two.seen_so_far(), 0);
    spanmill.edit(&manifest(
        &one,
        &two,
        &held.replace("1000", "2"),
        "batch, attributes/named",
    ));
    reload(&spanmill).await;
    let found = two.spans(5).await;
    assert!(found.iter().all(|found| found.span.attributes.len() == 1));
    send(&to_two, 6).await;
    send(&to_two, 7).await;
    assert_eq!(two.spans(7).await.len(), 7);
    // Without one.
    spanmill.edit(&manifest(&one, &two, NAMED, "attributes/named"));
    reload(&spanmill).await;
    send(&to_two, 8).await;
    assert_eq!(two.spans(8).await.len(), 8);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scraped_endpoint_and_totals_outlive_an_edit() {
    let backend = Backend::start().await;
    let manifest = |namespace: &str, buckets: &str| {
        format!(
            r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
connectors:
  spanmetrics: {{metrics_flush_interval: 20ms, histogram: {{explicit: {{buckets: [{buckets}]}}}}}}
exporters:
  otlp: {}
  prometheus: {{endpoint: "127.0.0.1:0", namespace: {namespace}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp, spanmetrics]}}
    metrics: {{receivers: [spanmetrics], exporters: [prometheus]}}
"#,
            exporter(&backend)
        )
    };
    let spanmill = start(&manifest("before", "10ms, 100ms"), NO_WATCH).await;
    let sender = sender(&spanmill, "otlp").await;
    let scraped = spanmill.address("exporter prometheus http");
    let shows = async |wanted: &str| {
        within(wanted, async {
            loop {
                let page = get(scraped, "/metrics", false).await.text();
                if page.lines().any(|line| {
                    line.contains("calls_total{")
                        && line.starts_with(wanted.split(' ').next().unwrap())
                        && line.ends_with(wanted.split(' ').nth(1).unwrap())
                }) {
                    break;
                }
            }
        })
        .await;
    };
    let one = |number| request("shop", vec![span(number, "one", vec![text("k", "v")])]);
    sender.send(&one(1)).await.unwrap();
    shows("before_traces_span_metrics_calls_total 1").await;
    // Another exporter at the same address goes on from the totals there are.
    spanmill.edit(&manifest("after", "10ms, 100ms"));
    reload(&spanmill).await;
    shows("after_traces_span_metrics_calls_total 1").await;
    sender.send(&one(2)).await.unwrap();
    shows("after_traces_span_metrics_calls_total 2").await;
    // Other buckets are another histogram: its totals begin anew, and calls with them.
    spanmill.edit(&manifest("after", "5ms, 50ms"));
    reload(&spanmill).await;
    sender.send(&one(3)).await.unwrap();
    shows("after_traces_span_metrics_calls_total 1").await;
    spanmill.stop().await;
}
