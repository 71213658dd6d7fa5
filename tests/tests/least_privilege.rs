//! A plugin has what the manifest allows it, and nothing else: no import, no field, no way out.

use crate::hostile_support::Rig;
use serde_json::json;
use spanmill_tests::{Output, guest, spanmill};

/// Runs and validates a manifest with one plugin, which must be refused; gives the message.
async fn refused(file: &str, terms: &str, settings: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let manifest = format!(
        r#"plugins:
  mine: {{file: {}, {terms}}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  mine/one: {{{settings}}}
exporters:
  debug:
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [mine/one], exporters: [debug]}}
"#,
        guest(file).display()
    );
    std::fs::write(folder.path().join("bad.yaml"), manifest).unwrap();
    let arguments = ["--config", "bad.yaml", "--log-level", "error"];
    let mut said = Vec::new();
    for command in ["validate", "run"] {
        let all = [&[command], arguments.as_slice()].concat();
        let Output { code, stderr, .. } = spanmill(folder.path(), &all).await;
        assert_eq!(code, Some(1), "{stderr}");
        said.push(stderr);
    }
    assert_eq!(said[0], said[1]);
    assert!(
        said[0].contains("error: processor mine/one: "),
        "{}",
        said[0]
    );
    // Where it stands in the manifest.
    assert!(said[0].contains("--> bad.yaml:2:"), "{}", said[0]);
    said.swap_remove(0)
}

/// What is said of each way to declare more than is allowed.
const NARROWED: [(&str, &str); 5] = [
    (
        "reads: [span.name], writes: [span.name]",
        r#"the plugin reads `span.attributes["secret"]` and writes `span.attributes["secret"]`, which `allow` does not grant"#,
    ),
    (
        "reads: [span.name, span.attributes], writes: [span.name]",
        r#"the plugin writes `span.attributes["secret"]`, which `allow.writes` does not grant"#,
    ),
    (
        r#"reads: [span.name, 'span.attributes["public"]'], writes: [span.name, span.attributes]"#,
        r#"the plugin reads `span.attributes["secret"]`, which `allow.reads` does not grant"#,
    ),
    (
        "reads: [span.attributes], writes: [span.attributes]",
        "the plugin reads `span.name` and writes `span.name`, which `allow` does not grant",
    ),
    (
        "",
        r#"the plugin reads `span.name`, `span.attributes["secret"]` and writes `span.name`, `span.attributes["secret"]`, which `allow` does not grant"#,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn one_that_declares_more_than_it_is_allowed_does_not_start() {
    for (allow, why) in NARROWED {
        let terms = format!("allow: {{{allow}}}");
        let message = refused("hostile", &terms, "behaviour: reads-more").await;
        assert!(message.contains(why), "no `{why}` in {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_declares_what_it_is_allowed_runs() {
    let secret = r#"'span.attributes["secret"]'"#;
    let exactly = format!("allow: {{reads: [span.name, {secret}], writes: [span.name, {secret}]}}");
    let plugins = [
        ("exactly", "hostile", exactly.as_str()),
        (
            "widely",
            "hostile",
            "allow: {reads: [span.name, span.attributes], writes: [span.name, span.attributes]}",
        ),
    ];
    let ids = ["exactly/one", "widely/one"];
    let components = ids.map(|id| (id, "behaviour: reads-more"));
    let mut rig = Rig::start(1, &plugins, &components).await;
    for id in ids {
        rig.send_meanwhile(id, "fine").await.unwrap();
        assert_eq!(rig.name(id, 1).await, "batch 1");
        assert_eq!(rig.status(id).await["version"]["faults"], json!({}));
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_that_wants_more_is_refused_and_the_old_one_goes_on() {
    let terms = "allow: {reads: [span.name], writes: [span.name]}";
    let plugins = [("mine", "stateful", terms), ("free", "stateful", "")];
    let ids = ["mine/one", "free/one"];
    let components = ids.map(|id| (id, "behaviour: well, v2: reads-more"));
    let mut rig = Rig::start(1, &plugins, &components).await;
    rig.send("mine/one", "fine").await.unwrap();
    let message = rig.swap_is_refused("mine/one", "stateful_v2").await;
    assert!(message.contains(NARROWED[0].1), "{message}");
    rig.send_meanwhile("mine/one", "fine").await.unwrap();
    assert_eq!(rig.names("mine/one", 2).await, ["batch 1", "batch 2"]);
    assert_eq!(rig.status("mine/one").await["version"]["faults"], json!({}));

    // Where nothing narrows it but what ran before, the operator can allow it.
    let message = rig.swap_is_refused("free/one", "stateful_v2").await;
    assert!(message.contains("say --allow-more"), "{message}");
    let file = spanmill_tests::guest("stateful_v2").display().to_string();
    let swapped = rig
        .plugin(&["swap", "free/one", &file, "--allow-more"])
        .await;
    assert_eq!(swapped.code, Some(0), "{}", swapped.stderr);
    rig.send_meanwhile("free/one", "fine").await.unwrap();
    assert_eq!(rig.name("free/one", 1).await, "v2 batch 1");
    rig.end().await;
}

const IMPORT: &str = "imports acme:spy/files, which no plugin is granted";

#[tokio::test(flavor = "multi_thread")]
async fn one_that_imports_what_it_may_not_have_does_not_start() {
    let message = refused("importer", "timeout: 1s", "behaviour: well").await;
    assert!(message.contains(IMPORT), "{message}");
    assert!(message.contains("importer.wasm"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_imports_what_it_may_not_have_takes_nobodys_place() {
    let plugins = [("mine", "stateful", "timeout: 1s")];
    let mut rig = Rig::start(1, &plugins, &[("mine/one", "behaviour: well")]).await;
    rig.send("mine/one", "fine").await.unwrap();
    let message = rig.swap_is_refused("mine/one", "importer").await;
    assert!(message.contains(IMPORT), "{message}");
    assert!(message.contains("importer.wasm"), "{message}");
    rig.send_meanwhile("mine/one", "fine").await.unwrap();
    assert_eq!(rig.names("mine/one", 2).await, ["batch 1", "batch 2"]);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_reaches_no_file_socket_clock_or_variable() {
    let plugins = [("mine", "hostile", "timeout: 10s")];
    let mut rig = Rig::start(1, &plugins, &[("mine/one", "behaviour: escape")]).await;
    rig.send_meanwhile("mine/one", "misbehave").await.unwrap();
    let line = rig.spanmill.logged("got hold of").await;
    assert!(line.contains("got hold of []"), "{line}");
    rig.end().await;
}
