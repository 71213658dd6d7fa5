//! Telemetry shown as it passes: at any stage, through a condition, and never in front of a redaction.

use serde_json::Value;
use spanmill_tests::{Backend, GrpcSender, Output, Spanmill, request, span, spanmill, text};

fn manifest(backend: &Backend, more: &str) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  attributes/stamp: {{actions: [{{key: stamp, value: "yes", action: insert}}]}}
  redaction: {{allow_all_keys: true, blocked_values: ["secret-[0-9]+"]}}
  filter: {{trace_conditions: ['span.name == "dropped"']}}
  batch: {{timeout: 1ms}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [attributes/stamp, redaction, filter, batch], exporters: [otlp]}}
{more}
"#,
        backend.address()
    )
}

struct Running {
    spanmill: Spanmill,
    sender: GrpcSender,
    _backend: Backend,
}

impl Running {
    async fn start(more: &str) -> Self {
        let backend = Backend::start().await;
        let spanmill = Spanmill::start(&manifest(&backend, more)).await;
        let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
        Running {
            spanmill,
            sender,
            _backend: backend,
        }
    }

    async fn tap(&self, arguments: &[&str]) -> Output {
        let admin = self.spanmill.address("admin http").to_string();
        let arguments = [&["tap"], arguments, &["--admin", &admin]].concat();
        spanmill(self.spanmill.folder(), &arguments).await
    }

    /// Sends until the tap has seen enough.
    async fn tapped(&self, arguments: &[&str]) -> Vec<Value> {
        let arguments = [arguments, &["--json"]].concat();
        let looking = self.tap(&arguments);
        tokio::pin!(looking);
        let mut number = 0;
        let output = loop {
            number += 1;
            let spans = ["kept", "dropped"].map(|name| {
                let card = text("card", &format!("secret-{number}"));
                span(
                    number * 10,
                    name,
                    vec![card, text("n", &number.to_string())],
                )
            });
            let sent = request("shop", spans.to_vec());
            tokio::select! {
                output = &mut looking => break output,
                sent = self.sender.send(&sent) => sent.unwrap(),
            }
        };
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        output
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn attribute<'a>(line: &'a Value, key: &str) -> Option<&'a str> {
    let attributes = line["span"]["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|entry| entry["key"] == key)?;
    found["value"]["stringValue"].as_str()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stage_is_shown_as_it_leaves_what_passes() {
    let running = Running::start("").await;
    let behind_all = running.tapped(&["--limit", "4"]).await;
    assert_eq!(behind_all.len(), 4);
    for line in &behind_all {
        assert_eq!(line["pipeline"], "traces");
        assert_eq!(line["span"]["name"], "kept");
        assert_eq!(attribute(line, "stamp"), Some("yes"));
        assert_eq!(attribute(line, "card"), Some("****"));
        assert_eq!(
            line["resource"]["attributes"][0]["value"]["stringValue"],
            "shop"
        );
    }
    // Behind the redaction there is still what the filter drops.
    let redacted = running
        .tapped(&["redaction", "--limit", "8", "--rate", "1000"])
        .await;
    assert!(
        redacted
            .iter()
            .any(|line| line["span"]["name"] == "dropped")
    );
    assert!(
        redacted
            .iter()
            .all(|line| attribute(line, "card") == Some("****"))
    );
    let before_filter = [
        "filter",
        "--before",
        "--filter",
        "span.name == \"dropped\"",
        "--limit",
        "2",
    ];
    let chosen = running.tapped(&before_filter).await;
    assert!(chosen.iter().all(|line| line["span"]["name"] == "dropped"));
    // The exporter is behind all of it.
    assert_eq!(running.tapped(&["otlp", "--limit", "1"]).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_front_of_a_redaction_is_shown_only_where_the_manifest_says_so() {
    let running = Running::start("").await;
    for arguments in [
        &["traces", "--before"][..],
        &["redaction", "--before"],
        &["attributes/stamp"],
        &["--before"],
    ] {
        let refused = running.tap(arguments).await;
        assert_eq!(refused.code, Some(1));
        assert!(
            refused.stderr.contains("in front of the `redaction` processor of pipeline traces; look behind it, or set `admin: {tap: all}`"),
            "{arguments:?}: {}",
            refused.stderr
        );
    }
    let open = Running::start("admin: {tap: all}").await;
    let seen = open.tapped(&["traces", "--before", "--limit", "1"]).await;
    assert!(attribute(&seen[0], "card").unwrap().starts_with("secret-"));
    let closed = Running::start("admin: {tap: none}").await;
    let refused = closed.tap(&["traces"]).await;
    assert!(
        refused.stderr.contains("`admin: {tap: none}`"),
        "{}",
        refused.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_say_what_there_is() {
    let running = Running::start("").await;
    for (arguments, expected) in [
        (&["filtr"][..], "did you mean `filter`?"),
        (
            &["batch"],
            "batch is a part of the host, and changes nothing; look at the pipeline traces",
        ),
        (
            &["--filter", "span.nme == 1"],
            "the condition cannot be used on spans: column 1:",
        ),
        (
            &["--filter", "true) or (true"],
            "the condition cannot be used on spans: column 5:",
        ),
    ] {
        let refused = running.tap(arguments).await;
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    }
    // A stop ends a stream that waits.
    let admin = running.spanmill.address("admin http").to_string();
    let folder = running.spanmill.folder().to_owned();
    let waiting = tokio::spawn(async move { spanmill(&folder, &["tap", "--admin", &admin]).await });
    running.tapped(&["--limit", "1"]).await;
    running.spanmill.terminate();
    assert_eq!(running.spanmill.exit_code().await, Some(0));
    waiting.await.unwrap();
}
