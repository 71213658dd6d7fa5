//! Shadows: another version sees what the running one sees, without effect, and what it would have done differently
//! is counted to the span.

mod course;

use std::collections::BTreeSet;

use crate::operator::{Operated, spans};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use spanmill_tests::{built_in, guest, span, text, version};

/// One pipeline with a plugin that does what its settings say; another version of it does what `v2` says.
fn one(settings: &str) -> String {
    format!(
        r#"
plugins:
  mine: {{file: {}, timeout: 5s, memory_mib: 16}}
processors:
  mine: {settings}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [mine], exporters: [otlp]}}
"#,
        guest("hostile").display()
    )
}

fn v2() -> String {
    guest("hostile_v2").display().to_string()
}

impl Operated {
    /// Begins a shadow that lasts.
    async fn shadow(&self, component: &str, file: &str) -> Value {
        let arguments = [
            "shadow",
            component,
            file,
            "--for",
            "10m",
            "--detach",
            "--allow-more",
        ];
        self.told(&arguments).await
    }

    /// The report, once the shadow is done with so many batches, whatever became of them.
    async fn report(&self, component: &str, batches: u64) -> Value {
        let done = |report: &Value| {
            let faults = report["faults"].as_object().unwrap().values();
            let faults: u64 = faults.map(|count| count.as_u64().unwrap()).sum();
            count(report, "batches") + count(report, "batches_skipped") + faults >= batches
        };
        self.told_at_last(&["shadow", component, "--report"], done)
            .await
    }

    /// Sends batches, each when the shadow is done with the one before, so that it has room for it.
    async fn send_slowly(&self, component: &str, batches: Vec<Vec<Span>>) -> Value {
        let mut report = Value::Null;
        for (before, batch) in batches.into_iter().enumerate() {
            self.send(batch).await;
            report = self.report(component, before as u64 + 1).await;
        }
        report
    }
}

fn count(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap()
}

/// Verdicts, edits and measurements that differ.
fn differences(report: &Value) -> [u64; 3] {
    ["verdicts", "edits", "measurements"].map(|what| count(report, &format!("{what}_differ")))
}

fn hex(span: &Span) -> String {
    let bytes = span.trace_id.iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

fn sampled(report: &Value) -> BTreeSet<String> {
    let ids = report["sampled_trace_ids"].as_array().unwrap();
    let set: BTreeSet<String> = ids
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(set.len(), ids.len(), "{report}");
    set
}

/// Batches of as many spans as there are names, numbered on.
fn batches(batches: u64, names: &[&str]) -> Vec<Vec<Span>> {
    let size = names.len() as u64;
    let batch = |number: u64| {
        let numbers = number * size + 1..;
        let named = numbers.zip(names);
        named.map(|(number, name)| span(number, name, Vec::new()))
    };
    (0..batches).map(|number| batch(number).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_answers_differ_in_nothing() {
    let mine =
        Operated::start_with(&one("{behaviour: rename, name: same}"), &["--workers", "2"]).await;
    let begun = mine.shadow("mine", &v2()).await;
    assert_eq!(begun["state"], "running");
    assert_eq!(begun["source"], "hostile_v2.wasm");
    assert_eq!(begun["components"], json!(["mine"]));
    for batch in batches(100, &["a", "b", "c"]) {
        mine.send(batch).await;
    }
    let report = mine.report("mine", 100).await;
    // Some may have been skipped while it was busy; none is lost from the books.
    let (seen, skipped) = (count(&report, "batches"), count(&report, "batches_skipped"));
    assert_eq!(seen + skipped, 100, "{report}");
    assert!(seen > 0, "{report}");
    assert_eq!(count(&report, "spans"), 3 * seen);
    assert_eq!(differences(&report), [0, 0, 0], "{report}");
    assert_eq!(sampled(&report), BTreeSet::new());
    assert_eq!(
        (&report["faults"], &report["last_fault"]),
        (&json!({}), &Value::Null)
    );
    let [p50, p99] = ["p50_us", "p99_us"].map(|name| report["latency"][name].as_u64().unwrap());
    assert!(0 < p99 && p50 <= p99, "{report}");
    assert_eq!(mine.names(300).await, ["same"; 300]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_edit_that_differs_is_counted() {
    let mine = Operated::start(&one("{behaviour: well}")).await;
    mine.shadow("mine", &v2()).await;
    let batches = batches(10, &["a"; 7]);
    let sent: BTreeSet<String> = batches.iter().flatten().map(hex).collect();
    let report = mine.send_slowly("mine", batches).await;
    assert_eq!(count(&report, "batches"), 10, "{report}");
    assert_eq!(count(&report, "batches_skipped"), 0, "{report}");
    assert_eq!(count(&report, "spans"), 70);
    assert_eq!(differences(&report), [0, 70, 0], "{report}");
    mine.holds_to_the_document(&["shadow", "mine", "--report"], "ShadowReport")
        .await;
    let sampled = sampled(&report);
    // More differ than are sampled.
    assert_eq!(sampled.len(), 20, "{report}");
    assert!(sampled.is_subset(&sent), "{report}");
}

/// Names that are so already are no edit; only what comes out of it counts.
#[tokio::test(flavor = "multi_thread")]
async fn verdicts_and_edits_are_told_apart() {
    let names = ["one", "one", "two", "two", "one", "one"];
    for (settings, live) in [
        (
            "{behaviour: rename, name: one, v2: drop-odd}",
            &["one"; 6][..],
        ),
        (
            "{behaviour: drop-odd, name: one, v2: rename}",
            &["one", "two", "one"],
        ),
    ] {
        let mine = Operated::start(&one(settings)).await;
        mine.shadow("mine", &v2()).await;
        let batches = batches(4, &names);
        let differ = batches.iter().flat_map(|batch| &batch[1..4]);
        let differ: BTreeSet<String> = differ
            .chain(batches.iter().map(|batch| &batch[5]))
            .map(hex)
            .collect();
        let report = mine.send_slowly("mine", batches).await;
        assert_eq!(count(&report, "spans"), 24, "{report}");
        // One drops every second of the six, and they name the third differently.
        assert_eq!(differences(&report), [4 * 3, 4, 0], "{settings}: {report}");
        assert_eq!(sampled(&report), differ, "{settings}");
        assert_eq!(
            mine.names(4 * live.len()).await,
            live.repeat(4),
            "{settings}"
        );
    }
}

/// What the backend gets, request by request.
async fn exported(settings: &str, shadowed: bool) -> Vec<bytes::Bytes> {
    let mine = Operated::start(&one(settings)).await;
    if shadowed {
        mine.shadow("mine", &v2()).await;
    }
    for number in 0..20 {
        let secret = vec![text("secret", "s"), text("mail", "a@example.com")];
        mine.send([
            span(2 * number + 1, "misbehave", secret),
            span(2 * number + 2, "b", vec![]),
        ])
        .await;
    }
    let requests = mine.backend.requests(20).await;
    if shadowed {
        mine.report("mine", 20).await;
    }
    mine.spanmill.stop().await;
    requests.into_iter().map(|request| request.body).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_changes_no_byte_of_what_is_exported() {
    let alone = exported("{behaviour: well}", false).await;
    assert_eq!(alone.len(), 20);
    for v2 in [
        "well",
        "drop-all",
        "drop-odd",
        "slow",
        "trap",
        "reads-more",
        "big-outcome",
    ] {
        let settings = format!("{{behaviour: well, v2: {v2}}}");
        assert_eq!(exported(&settings, true).await, alone, "{v2}");
    }
}

/// Each stage of a chain is shadowed with what the stages before have left of the batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_in_a_chain_sees_what_its_stage_does() {
    let manifest = format!(
        r#"
plugins:
  mine: {{file: {}}}
processors:
  filter: {{traces: {{span: ['name == "health"']}}}}
  mine/first: {{behaviour: rename, name: misbehave}}
  mine/second: {{behaviour: rename, name: one, v2: batch-error}}
  mine/third: {{behaviour: drop-odd}}
  attributes: {{actions: [{{key: seen, value: true, action: insert}}]}}
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [filter, mine/first, mine/second, mine/third, attributes]
      exporters: [otlp]
"#,
        guest("hostile").display()
    );
    let mine = Operated::start(&manifest).await;
    let batch = |first: u64| {
        let names = ["a", "health", "b", "health", "c", "d"];
        let numbered = (first..).zip(names);
        numbered.map(|(number, name)| span(number, name, Vec::new()))
    };
    // Its answers would be good ones, were it shown the batch as it was sent.
    mine.shadow("mine/second", &v2()).await;
    mine.send(batch(1)).await;
    let report = mine.report("mine/second", 1).await;
    assert_eq!(report["faults"], json!({"refused": 1}), "{report}");
    mine.told(&["shadow", "mine/second", "--stop"]).await;

    // The same verdicts about the spans that are left: of four.
    mine.shadow("mine/third", &v2()).await;
    mine.send(batch(11)).await;
    let report = mine.report("mine/third", 1).await;
    assert_eq!(count(&report, "spans"), 4, "{report}");
    assert_eq!(differences(&report), [0, 0, 0], "{report}");
    mine.told(&["shadow", "mine/third", "--stop"]).await;

    // A type alone: every component of it, each at its place.
    let begun = mine
        .shadow("mine", &format!("{}", guest("hostile").display()))
        .await;
    let all = ["mine/first", "mine/second", "mine/third"];
    assert_eq!(begun["components"], json!(all));
    mine.send(batch(21)).await;
    let report = mine.report("mine", 3).await;
    assert_eq!(
        count(&report, "batches") + count(&report, "batches_skipped"),
        3
    );
    assert_eq!(differences(&report), [0, 0, 0], "{report}");
    assert_eq!(count(&report, "spans"), 12, "{report}");

    let found = mine.backend.spans(6).await;
    assert_eq!(found.len(), 6);
    for found in found {
        assert_eq!(
            (found.span.name.as_str(), found.span.attributes.len()),
            ("one", 1)
        );
    }
}

/// Answers of the built-ins to the same batch are the same, whatever they are made of.
#[tokio::test(flavor = "multi_thread")]
async fn built_ins_agree_with_themselves() {
    let manifest = r#"
processors:
  attributes: {actions: [{key: a, value: 1, action: upsert}, {key: b, action: delete}]}
  filter: {traces: {span: ['attributes["http.route"] == "/healthz"']}}
  probabilistic_sampler: {sampling_percentage: 50, hash_seed: 7}
  redaction: {allow_all_keys: true, blocked_values: ['[a-z]+@example\.com'], summary: debug}
  resource: {attributes: [{key: r, value: s, action: insert}]}
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [attributes, filter, resource, redaction, probabilistic_sampler]
      exporters: [otlp]
"#;
    let mine = Operated::start(manifest).await;
    let batch = |first: u64| {
        let span = |number: u64| {
            let route = if number.is_multiple_of(5) {
                "/healthz"
            } else {
                "/"
            };
            let mail = text("mail", "jane@example.com");
            let all = vec![text("http.route", route), text("b", "c"), mail];
            span(number, "a", all)
        };
        (first..first + 20).map(span).collect()
    };
    for name in [
        "attributes",
        "filter",
        "resource",
        "redaction",
        "probabilistic_sampler",
    ] {
        let file = mine.spanmill.file("same.wasm");
        std::fs::write(&file, version(&built_in(name), "same")).unwrap();
        mine.shadow(name, file.to_str().unwrap()).await;
        let batches = (0..5).map(|number| batch(20 * number + 1)).collect();
        let report = mine.send_slowly(name, batches).await;
        assert_eq!(count(&report, "batches"), 5, "{name}: {report}");
        assert!(count(&report, "spans") >= 80, "{name}: {report}");
        assert_eq!(differences(&report), [0, 0, 0], "{name}: {report}");
        mine.told(&["shadow", name, "--stop"]).await;
    }
}

/// One component, two pipelines, and a batcher before it in one of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_sees_every_pipeline_of_its_component() {
    let manifest = one("{behaviour: drop-odd, v2: well}").replace(
        "    traces:",
        "    traces/other: {receivers: [otlp], processors: [batch, mine], exporters: [otlp]}\n    traces:",
    );
    let manifest = manifest.replace("processors:\n", "processors:\n  batch: {timeout: 10ms}\n");
    let mine = Operated::start_with(&manifest, &["--workers", "2"]).await;
    mine.shadow("mine", &v2()).await;
    mine.send(spans(1..6, "a")).await;
    let report = mine.report("mine", 2).await;
    assert_eq!(
        (count(&report, "batches"), count(&report, "spans")),
        (2, 10),
        "{report}"
    );
    assert_eq!(differences(&report), [4, 6, 0], "{report}");
}

/// A span without a trace id has none in the report.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_trace_id_does_not_get_into_the_report() {
    let mine = Operated::start(&one("{behaviour: well}")).await;
    mine.shadow("mine", &v2()).await;
    let ids = [vec![], vec![7; 16], vec![]];
    let spans = ids.into_iter().zip(1..).map(|(trace_id, number)| Span {
        trace_id,
        ..span(number, "a", Vec::new())
    });
    mine.send(spans).await;
    let report = mine.report("mine", 1).await;
    assert_eq!(count(&report, "edits_differ"), 3, "{report}");
    assert_eq!(
        sampled(&report),
        BTreeSet::from(["07".repeat(16)]),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn connectors_are_compared_by_what_they_measure() {
    let manifest = format!(
        r#"
plugins:
  tally: {{file: {}}}
connectors:
  tally:
  spanmetrics: {{metrics_flush_interval: 100ms}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp, tally, spanmetrics]}}
    metrics: {{receivers: [tally, spanmetrics], exporters: [otlp]}}
"#,
        guest("sdk_connector").display()
    );
    let mine = Operated::start(&manifest).await;
    let write = |name: &str, wasm: bytes::Bytes| {
        let file = mine.spanmill.file(name);
        std::fs::write(&file, wasm).unwrap();
        file.display().to_string()
    };
    let spanmetrics = write("spanmetrics.wasm", version(&built_in("spanmetrics"), "2"));
    let tally = write("tally.wasm", version(&guest("sdk_connector"), "2"));

    mine.shadow("spanmetrics", &spanmetrics).await;
    let report = mine
        .send_slowly("spanmetrics", batches(10, &["a", "b", "a"]))
        .await;
    assert_eq!(count(&report, "batches"), 10, "{report}");
    assert_eq!(count(&report, "spans"), 30, "{report}");
    assert_eq!(differences(&report), [0, 0, 0], "{report}");
    assert_eq!(report["faults"], json!({}), "{report}");
    mine.told(&["shadow", "spanmetrics", "--stop"]).await;

    // This one has counted ten batches already, which its shadow has been told: the same version goes on alike.
    mine.shadow("tally", &tally).await;
    let report = mine.send_slowly("tally", batches(3, &["a"])).await;
    assert_eq!(count(&report, "batches"), 3, "{report}");
    assert_eq!(differences(&report), [0, 0, 0], "{report}");
    mine.told(&["shadow", "tally", "--stop"]).await;

    // Another connector measures something else: its two series a batch differ, and the one that it does not have.
    mine.shadow("tally", &spanmetrics).await;
    let report = mine.send_slowly("tally", batches(3, &["a"])).await;
    assert_eq!(differences(&report), [0, 0, 3 * 3], "{report}");
}
