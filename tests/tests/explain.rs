//! `spanmill explain`: which plugin, rule and version kept, changed or dropped each span of a trace.

use http::Method;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use spanmill_tests::{
    Output, Spanmill, admin, built_in, guest, span, spanmill, text, version, within,
};

use crate::operator::Operated;

/// A filter, attributes, a plugin that fails on spans named `misbehave`, and a tail sampler.
fn manifest(ledger: &str) -> String {
    format!(
        r#"
plugins:
  mine: {{file: {}, on_error: pass}}
{ledger}
processors:
  filter/health: {{traces: {{span: ['attributes["http.route"] == "/healthz"']}}}}
  attributes:
    actions: [{{key: secret, action: delete}}, {{key: team, value: shop, action: insert}}]
  mine: {{behaviour: trap}}
  tail_sampling:
    decision_wait: 1s
    policies: [{{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}]
service:
  pipelines:
    traces/web:
      receivers: [otlp]
      processors: [filter/health, attributes, mine, tail_sampling]
      exporters: [otlp]
"#,
        guest("hostile").display()
    )
}

/// A span of a trace; its own id is the number.
fn of_trace(trace: u64, number: u64, name: &str, route: &str) -> Span {
    Span {
        trace_id: span(trace, "", vec![]).trace_id,
        ..span(number, name, vec![text("http.route", route)])
    }
}

fn failed(span: Span) -> Span {
    let status = opentelemetry_proto::tonic::trace::v1::Status {
        code: 2,
        ..Default::default()
    };
    Span {
        status: Some(status),
        ..span
    }
}

fn trace_id(trace: u64) -> String {
    let id = span(trace, "", vec![]).trace_id;
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `spanmill explain` of a trace.
async fn explain(running: &Spanmill, trace_id: &str, more: &[&str]) -> Output {
    let address = running.address("admin http").to_string();
    let mut all = vec!["explain", trace_id, "--admin", &address];
    all.extend(more);
    spanmill(running.folder(), &all).await
}

/// For each span, by its number, each step: what was done and by whom, and the rule, the fields or the exporters.
async fn steps(running: &Spanmill, trace: u64) -> Vec<(u64, Vec<String>)> {
    let output = explain(running, &trace_id(trace), &["--json"]).await;
    if output.stderr.contains("nothing is known of trace") {
        // It is noted right after its sender was answered.
        return Vec::new();
    }
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let told: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(told["trace_id"], trace_id(trace));
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let list = |value: &Value| {
        let list = value.as_array().unwrap().iter().map(text);
        list.collect::<Vec<_>>().join(" ")
    };
    let step = |step: &Value| {
        assert_eq!(step["pipeline"], "traces/web");
        let all = [
            text(&step["component"]),
            text(&step["kind"]),
            text(&step["reason"]),
            list(&step["wrote"]),
            list(&step["to"]),
        ];
        all.join("|")
    };
    let spans = told["spans"].as_array().unwrap().iter();
    let spans = spans.map(|span| {
        let number = u64::from_str_radix(span["span_id"].as_str().unwrap(), 16).unwrap();
        let steps = span["steps"].as_array().unwrap().iter().map(step);
        (number, steps.collect())
    });
    spans.collect()
}

/// The versions of a component in the steps of a trace.
async fn versions(running: &Spanmill, trace: u64, component: &str) -> Vec<String> {
    let output = explain(running, &trace_id(trace), &["--json"]).await;
    let told: Value = serde_json::from_str(&output.stdout).unwrap();
    let spans = told["spans"].as_array().unwrap().iter();
    let steps = spans.flat_map(|span| span["steps"].as_array().unwrap());
    let steps = steps.filter(|step| step["component"] == component);
    steps
        .map(|step| step["version"].as_str().unwrap().to_owned())
        .collect()
}

/// Asks until the last step of a span of the trace is of a kind.
async fn ends_with(
    running: &Spanmill,
    (trace, span): (u64, u64),
    kind: &str,
) -> Vec<(u64, Vec<String>)> {
    within(kind, async {
        loop {
            let steps = steps(running, trace).await;
            let own = steps.iter().find(|(number, _)| *number == span);
            let last = own.and_then(|(_, steps)| steps.last());
            if last.is_some_and(|last| last.contains(kind)) {
                return steps;
            }
        }
    })
    .await
}

const FILTERED: &str =
    r#"filter/health|dropped|traces.span[0]: attributes["http.route"] == "/healthz"||"#;
const CHANGED: &str = r#"attributes|changed|-|span.attributes["team"]|"#;

/// The plugin that fails on other batches.
const RENAMED: &str = "mine|changed|-|span.name|";

#[tokio::test(flavor = "multi_thread")]
async fn each_span_is_told_its_way_with_rules_and_versions() {
    let running = Operated::start(&manifest("ledger: {mib: 8}")).await;
    let service = &running.spanmill;
    // A trace that a policy keeps, with a span that the filter drops; and one that no policy keeps.
    running
        .send([
            failed(of_trace(1, 10, "kept", "/cart")),
            of_trace(2, 20, "lost", "/cart"),
            of_trace(1, 11, "probe", "/healthz"),
        ])
        .await;
    let kept = ends_with(service, (1, 10), "left").await;
    let lost = ends_with(service, (2, 20), "tail_sampling|dropped").await;
    assert_eq!(
        kept,
        [
            (
                10,
                [
                    "filter/health|kept|-||",
                    CHANGED,
                    RENAMED,
                    "tail_sampling|held|-||",
                    "tail_sampling|released|policy errors||",
                    "-|left|-||otlp",
                ]
                .map(str::to_owned)
                .to_vec()
            ),
            (11, vec![FILTERED.to_owned()]),
        ]
    );
    let (number, last) = (lost[0].0, lost[0].1.last().unwrap());
    assert_eq!(
        (number, last.as_str()),
        (20, "tail_sampling|dropped|no policy sampled it||")
    );

    // A plugin fails, and the batch goes on without it.
    running
        .send([failed(of_trace(3, 30, "misbehave", "/cart"))])
        .await;
    let passed = ends_with(service, (3, 30), "left").await;
    assert_eq!(passed[0].1[2], "mine|passed|trap||");

    // A late span follows what was decided.
    running.send([of_trace(1, 12, "late", "/cart")]).await;
    let late = ends_with(service, (1, 12), "left").await;
    assert_eq!(
        late[2].1[3],
        "tail_sampling|kept|an earlier decision: policy errors||"
    );

    // Another version from now on, and the trace tells which had it.
    let before = versions(service, 1, "filter/health").await;
    let file = service.file("new.wasm");
    std::fs::write(&file, version(&built_in("filter"), "another")).unwrap();
    let swapped = running
        .told(&["swap", "filter/health", file.to_str().unwrap()])
        .await;
    running.send([of_trace(1, 13, "later", "/cart")]).await;
    let after = versions(service, 1, "filter/health").await;
    let (last, earlier) = after.split_last().unwrap();
    assert_eq!(earlier, before);
    assert_eq!(*last, swapped["components"][0]["to"]);
    assert!(!before.contains(last));

    // For people: each way once, with the rule in words, and no value of an attribute.
    let shown = explain(service, &trace_id(1), &[]).await.stdout;
    assert!(
        shown.contains("released: policy errors") && shown.contains("left to otlp"),
        "{shown}"
    );
    assert!(!shown.contains("shop"), "{shown}");
}

/// A plugin that gives no good reasons costs the answer to who asks, and no telemetry.
#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_fails_when_it_is_asked_why_loses_no_span() {
    for behaviour in [
        "well",
        "why-traps",
        "a-reason-too-many",
        "a-rule-of-many-lines",
    ] {
        let running = Operated::start(&format!(
            r#"
plugins:
  holder: {{file: {}}}
ledger: {{}}
processors:
  holder: {{behaviour: {behaviour}}}
service:
  pipelines:
    traces/web: {{receivers: [otlp], processors: [holder], exporters: [otlp]}}
"#,
            guest("hostile_roles").display()
        ))
        .await;
        running.send([of_trace(1, 10, "one", "/cart")]).await;
        let steps = ends_with(&running.spanmill, (1, 10), "left").await;
        assert_eq!(running.names(1).await, ["one"]);
        let rule = match behaviour {
            "well" => "the only rule".to_owned(),
            // What could move a cursor is gone, and so is what is too long.
            "a-rule-of-many-lines" => "a  [2J".repeat(34)[..200].to_owned(),
            _ => "-".to_owned(),
        };
        let expected = format!("holder|held|{rule}||");
        assert_eq!(steps[0].1[0], expected, "{behaviour}");
        let released = steps[0].1.iter().filter(|step| step.contains("released"));
        assert_eq!(released.count(), 1, "{behaviour}: {steps:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_said_and_what_to_do() {
    let without = Operated::start(&manifest("")).await;
    let refused = explain(&without.spanmill, &trace_id(1), &[]).await;
    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .stderr
            .contains("put `ledger: {}` into its manifest"),
        "{}",
        refused.stderr
    );

    let running = Operated::start(&manifest("ledger:")).await;
    let unknown = explain(&running.spanmill, &trace_id(1), &[]).await;
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.stderr.contains("nothing is known of trace")
            && unknown.stderr.contains("ledger.mib"),
        "{}",
        unknown.stderr
    );
    let malformed = explain(&running.spanmill, "abc", &[]).await;
    assert!(
        malformed.stderr.contains("32 hexadecimal digits"),
        "{}",
        malformed.stderr
    );
    // The account is that of the service's whole life.
    let (address, file) = (
        running.spanmill.address("admin http"),
        running.spanmill.file("manifest.yaml"),
    );
    let manifest = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, manifest.replace("ledger:", "ledger: {mib: 1}")).unwrap();
    let reloaded = admin(address, Method::POST, "/v1/reload", "").await;
    assert_eq!(
        reloaded["warnings"],
        json!(["ledger: changes take effect at the next start"])
    );
}
