//! The dashboard and the alert rules of `examples/monitoring`: they ask for metrics that there are, in words that Prometheus
//! understands.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use spanmill_tests::{Spanmill, get, guest, http, prometheus, tool, within};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/monitoring");

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(FOLDER).join(name)).unwrap()
}

/// The dashboard's expressions, as Grafana asks them.
fn expressions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array());
    let written = targets.flatten().map(|it| it["expr"].as_str().unwrap());
    let asked = written.map(|expression| {
        [
            ("$__rate_interval", "5m"),
            ("$__range", "1h"),
            ("$job", ".*"),
            ("$instance", ".*"),
        ]
        .iter()
        .fold(expression.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        })
    });
    asked.collect()
}

/// The names of metrics of ours in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("otelcol_") || word.starts_with("spanmill_"));
    ours.map(str::to_owned).collect()
}

/// The names on a service's metrics page, once there is one that is waited for.
async fn served(spanmill: &Spanmill, awaited: &str) -> BTreeSet<String> {
    within(awaited, async {
        loop {
            let page = get(spanmill.address("telemetry http"), "/metrics", false).await;
            let samples = prometheus::samples(&page.text());
            let names: BTreeSet<String> = samples.into_iter().map(|one| one.name).collect();
            if names.contains(awaited) {
                return names;
            }
        }
    })
    .await
}

/// Sends an item of each signal; gives whether it was taken.
async fn send(spanmill: &Spanmill) -> Vec<bool> {
    let mut taken = Vec::new();
    for (path, body) in [
        (
            "/v1/traces",
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"misbehave"}]}]}]}"#,
        ),
        (
            "/v1/logs",
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}}]}]}]}"#,
        ),
        (
            "/v1/metrics",
            r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]}"#,
        ),
    ] {
        let address = spanmill.address("receiver otlp http");
        let headers = [("content-type", "application/json")];
        let reply = http(address, http::Method::POST, path, &headers, body).await;
        taken.push(reply.status == 200);
    }
    taken
}

fn manifest(processors: &str, limit_mib: u64) -> String {
    format!(
        r#"
plugins:
  mine: {{file: {}, on_error: drop}}
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  memory_limiter: {{limit_mib: {limit_mib}, check_interval: 100ms}}
  mine: {{behaviour: trap}}
exporters:
  nop:
  otlp: {{endpoint: "http://127.0.0.1:1"}}
service:
  telemetry:
    metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: 0, without_units: true, without_type_suffix: true, without_scope_info: true}}}}}}}}]}}
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [nop]}}
    traces/plain: {{receivers: [otlp], exporters: [nop, otlp]}}
    logs: {{receivers: [otlp], exporters: [nop]}}
    metrics: {{receivers: [otlp], exporters: [nop]}}
"#,
        guest("hostile").display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_that_is_asked_for_is_served() {
    // A plugin that fails and loses what it was given, and a limit that is passed at once: what counts mishaps is there too.
    let failing = Spanmill::start(&manifest("mine", 4096)).await;
    assert_eq!(send(&failing).await, [true; 3]);
    let full = Spanmill::start(&manifest("memory_limiter", 1)).await;
    let refused = async { while send(&full).await[0] {} };
    within("a request that is refused", refused).await;
    let mut there = served(&failing, "spanmill_lost_items").await;
    there.extend(served(&full, "spanmill_receiver_refused_requests").await);
    let asked = names(&format!(
        "{}{}",
        expressions().join("\n"),
        read("alerts.yaml")
    ));
    assert!(asked.len() > 25, "{asked:?}");
    let missing: Vec<&String> = asked.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?} are not served");
}

#[tokio::test]
async fn prometheus_takes_the_rules_and_the_expressions() {
    let promtool = async |folder: &Path, arguments: &[&str]| {
        let ended = tool("prometheus", "promtool", folder, arguments).await;
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {said}");
        said
    };
    let said = promtool(Path::new(FOLDER), &["check", "rules", "alerts.yaml"]).await;
    assert!(said.contains("10 rules found"), "{said}");
    promtool(Path::new(FOLDER), &["test", "rules", "alerts-test.yaml"]).await;
    // Each expression of the dashboard as a rule that records it.
    let rules = expressions().into_iter().enumerate();
    let rules: Vec<Value> = rules
        .map(
            |(number, expr)| serde_json::json!({"record": format!("panel:{number}"), "expr": expr}),
        )
        .collect();
    let all = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]});
    let folder = tempfile::tempdir().unwrap();
    // JSON is YAML.
    std::fs::write(folder.path().join("rules.yaml"), all.to_string()).unwrap();
    let said = promtool(folder.path(), &["check", "rules", "rules.yaml"]).await;
    assert!(
        said.contains(&format!("{} rules found", expressions().len())),
        "{said}"
    );
}
