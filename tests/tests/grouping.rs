//! Rows that go under other resources: what the stages behind are shown, what is told of them, and what becomes of a
//! batch whose plugin groups it badly.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use spanmill_tests::{built_in, guest, span, spanmill, text, version, within};

use crate::operator::Operated;

/// The spans under each resource, with its attributes: `service.name=shop,host.name=a: one two`.
fn shape(requests: &[ExportTraceServiceRequest]) -> Vec<String> {
    let resources = requests.iter().flat_map(|request| &request.resource_spans);
    let shape = resources.map(|it| {
        let attributes = it.resource.iter().flat_map(|it| &it.attributes);
        let attributes: Vec<String> = attributes
            .map(|it| {
                let value = it.value.as_ref().and_then(|it| it.value.as_ref());
                match value {
                    Some(
                        opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text),
                    ) => format!("{}={text}", it.key),
                    other => format!("{}={other:?}", it.key),
                }
            })
            .collect();
        let names: Vec<&str> = it
            .scope_spans
            .iter()
            .flat_map(|scope| &scope.spans)
            .map(|span| span.name.as_str())
            .collect();
        format!("{}: {}", attributes.join(","), names.join(" "))
    });
    shape.collect()
}

fn on(number: u64, name: &str, host: &str) -> Span {
    span(number, name, vec![text("host.name", host)])
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_behind_see_rows_where_they_are_and_the_ledger_knows_which_is_which() {
    let running = Operated::start(
        r#"
ledger: {mib: 8}
processors:
  groupbyattrs: {keys: [host.name]}
  filter/b: {traces: {span: ['resource.attributes["host.name"] == "b"']}}
  filter/odd: {traces: {span: ['name == "odd"', 'name == "last"']}}
  attributes: {actions: [{key: team, value: shop, action: insert}]}
service:
  pipelines:
    traces/web:
      receivers: [otlp]
      processors: [groupbyattrs, filter/b, filter/odd, attributes]
      exporters: [otlp]
"#,
    )
    .await;
    running
        .send([
            on(1, "one", "a"),
            on(2, "two", "b"),
            span(3, "three", vec![]),
            on(4, "odd", "c"),
            on(5, "five", "a"),
            on(6, "last", "c"),
        ])
        .await;
    running.backend.spans(3).await;
    let left = [
        "service.name=shop,host.name=a: one five",
        "service.name=shop: three",
    ];
    assert_eq!(shape(&running.backend.traces()), left);
    let names = ["groupbyattrs", "filter/b", "filter/odd", "attributes"];
    let grouped = r#"groupbyattrs changed span.attributes["host.name"] resource.attributes"#;
    for (number, expected) in [
        (
            1,
            vec![
                grouped,
                "filter/b kept",
                "filter/odd kept",
                "attributes changed",
                "- left",
            ],
        ),
        (
            2,
            vec![
                grouped,
                r#"filter/b dropped traces.span[0]: resource.attributes["host.name"] == "b""#,
            ],
        ),
        (
            3,
            vec![
                "groupbyattrs kept",
                "filter/b kept",
                "filter/odd kept",
                "attributes changed",
                "- left",
            ],
        ),
        (
            4,
            vec![
                grouped,
                "filter/b kept",
                r#"filter/odd dropped traces.span[0]: name == "odd""#,
            ],
        ),
        (
            6,
            vec![
                grouped,
                "filter/b kept",
                r#"filter/odd dropped traces.span[1]: name == "last""#,
            ],
        ),
    ] {
        let steps = steps(&running, number).await;
        assert_eq!(steps.len(), expected.len(), "{number}: {steps:?}");
        for (step, expected) in steps.iter().zip(&expected) {
            assert!(
                step.starts_with(expected),
                "{number}: {step} is not {expected}"
            );
        }
        assert!(
            steps
                .iter()
                .zip(names)
                .all(|(step, name)| step.starts_with(name) || step.starts_with('-'))
        );
    }
}

/// What `spanmill explain` tells of a span that has a trace of its own, once it is known.
async fn steps(running: &Operated, number: u64) -> Vec<String> {
    let id = span(number, "", vec![]).trace_id;
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let address = running.spanmill.address("admin http").to_string();
    let told: Value = within("the trace is known", async {
        loop {
            let asked = ["explain", &id, "--admin", &address, "--json"];
            let output = spanmill(running.spanmill.folder(), &asked).await;
            if output.code == Some(0) {
                return serde_json::from_str(&output.stdout).unwrap();
            }
        }
    })
    .await;
    let steps = told["spans"][0]["steps"].as_array().unwrap().iter();
    let words = steps.map(|step| {
        let text = |name: &str| step[name].as_str().unwrap_or("-").to_owned();
        let wrote: Vec<&str> = step["wrote"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let reason = step["reason"].as_str().unwrap_or("");
        format!(
            "{} {} {}{}",
            text("component"),
            text("kind"),
            wrote.join(" "),
            reason
        )
    });
    words.collect()
}

fn mine(behaviour: &str, on_error: &str) -> String {
    format!(
        r#"
plugins:
  mine: {{file: {}, on_error: {on_error}, timeout: 200ms}}
processors:
  mine: {{behaviour: {behaviour}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [mine], exporters: [otlp]}}
"#,
        guest("grouper").display()
    )
}

fn three() -> Vec<Span> {
    let names = ["one", "two", "one"];
    let spans = (1..).zip(names);
    spans
        .map(|(number, name)| span(number, name, vec![]))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_of_ones_own_puts_spans_where_it_says() {
    for (behaviour, expected) in [
        (
            "well",
            [
                "service.name=shop,name=one: one one",
                "service.name=shop,name=two: two",
            ],
        ),
        (
            "drop",
            [
                "service.name=shop,name=two: two",
                "service.name=shop,name=one: one",
            ],
        ),
    ] {
        let running = Operated::start(&mine(behaviour, "reject")).await;
        running.send(three()).await;
        running.backend.spans(2).await;
        assert_eq!(shape(&running.backend.traces()), expected, "{behaviour}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_break_a_rule_change_nothing_and_end_nothing() {
    for (behaviour, fault) in [
        ("trap", "trap"),
        ("loop", "deadline"),
        ("no-group", "contract"),
        ("too-few", "contract"),
        ("no-text", "contract"),
    ] {
        let running = Operated::start(&mine(behaviour, "pass")).await;
        running.send(three()).await;
        let found = running.backend.spans(3).await;
        assert!(
            found.iter().all(|found| found.span.attributes.is_empty()),
            "{behaviour}: nothing of the outcome is applied"
        );
        let status = running.told(&["status"]).await;
        let faults = faults(&status);
        assert!(
            faults
                .iter()
                .any(|(kind, count)| kind == fault && *count > 0),
            "{behaviour}: {status}"
        );
        running.spanmill.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_come_to_too_much_are_made_of_fewer_rows_at_a_time() {
    let running = Operated::start(&mine("large", "pass")).await;
    running.send(crate::operator::spans(1..60, "one")).await;
    let found = running.backend.spans(59).await;
    assert!(
        found.iter().all(|found| !found.span.attributes.is_empty()),
        "the outcomes of what was divided are applied"
    );
    let status = running.told(&["status"]).await;
    let was_met = faults(&status)
        .iter()
        .any(|(kind, count)| kind == "contract" && *count > 0);
    assert!(was_met, "{status}");
    running.spanmill.stop().await;
}

/// The kinds of faults in a status, and how often each was met.
fn faults(status: &Value) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut left = vec![status];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::Object(kinds) if name == "faults" => found.extend(
                            kinds
                                .iter()
                                .map(|(kind, count)| (kind.clone(), count.as_u64().unwrap_or(0))),
                        ),
                        value => left.push(value),
                    }
                }
            }
            Value::Array(values) => left.extend(values),
            _ => {}
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_that_groups_alike_differs_in_nothing() {
    let running = Operated::start(
        r#"
processors:
  groupbyattrs: {keys: [host.name]}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [groupbyattrs], exporters: [otlp]}
"#,
    )
    .await;
    let file = running.spanmill.file("same.wasm");
    std::fs::write(&file, version(&built_in("groupbyattrs"), "another")).unwrap();
    let begun = [
        "shadow",
        "groupbyattrs",
        file.to_str().unwrap(),
        "--for",
        "10m",
        "--detach",
    ];
    running.told(&begun).await;
    running
        .send([on(1, "one", "a"), on(2, "two", "b"), on(3, "three", "a")])
        .await;
    let report = running
        .told_at_last(&["shadow", "groupbyattrs", "--report"], |report| {
            report["batches"] == 1 || report["batches_skipped"] == 1
        })
        .await;
    assert_eq!(report["edits_differ"], json!(0), "{report}");
    assert_eq!(report["verdicts_differ"], json!(0), "{report}");
    assert_eq!(report["faults"], json!({}), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_does_not_declare_what_it_groups_by_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = format!(
        "receivers: {{otlp: {{protocols: {{grpc: {{}}}}}}}}\nexporters: {{debug: {{}}}}\n{}",
        mine("undeclared", "reject").replace("exporters: [otlp]", "exporters: [debug]")
    );
    let file = folder.path().join("manifest.yaml");
    std::fs::write(&file, manifest).unwrap();
    let output = spanmill(
        folder.path(),
        &["validate", "--config", file.to_str().unwrap()],
    )
    .await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(
        said.contains("it puts rows under other resources")
            && said.contains("`resource.attributes`"),
        "{said}"
    );
}
