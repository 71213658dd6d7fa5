//! Shadows: another version sees what the running one sees, without effect, and what it would have done differently
//! is counted to the span.

mod operator;

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::trace::v1::Span;
use operator::{Operated, spans};
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
        let arguments = ["shadow", component, file, "--for", "10m", "--detach"];
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

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_that_fails_only_shows_in_its_report() {
    for (crime, kind, why) in [
        ("trap", "trap", "unreachable"),
        ("loop", "deadline", "did not return within 200ms"),
        ("grow", "memory", "16 MiB"),
        ("batch-error", "refused", "this batch is not for me"),
        ("too-many-verdicts", "contract", "verdicts"),
    ] {
        let settings = format!("{{behaviour: well, v2: {crime}}}");
        let manifest = one(&settings).replace("timeout: 5s", "timeout: 200ms");
        let mine = Operated::start(&manifest).await;
        mine.shadow("mine", &v2()).await;
        mine.send(spans(1..3, "misbehave")).await;
        let report = mine.report("mine", 1).await;
        assert_eq!(report["faults"], json!({ kind: 1 }), "{crime}: {report}");
        let last = report["last_fault"].as_str().unwrap();
        assert!(last.contains(why), "{crime}: {last}");
        assert_eq!(count(&report, "batches"), 0, "{crime}: {report}");
        assert_eq!(differences(&report), [0, 0, 0], "{crime}: {report}");
        // A fault costs it its instance, not the shadow.
        mine.send(spans(3..5, "fine")).await;
        let report = mine.report("mine", 2).await;
        assert_eq!(count(&report, "batches"), 1, "{crime}: {report}");
        assert_eq!(
            mine.names(4).await,
            ["batch 1", "batch 1", "batch 2", "batch 2"],
            "{crime}"
        );
        let status = mine.told(&["status", "mine"]).await;
        assert_eq!(status[0]["version"]["faults"], json!({}), "{crime}");
        assert_eq!(status[0]["state"], "running", "{crime}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_in_quarantine_keeps_the_books() {
    let mine = Operated::start(&one("{behaviour: well, v2: trap}")).await;
    mine.shadow("mine", &v2()).await;
    let report = mine.send_slowly("mine", batches(20, &["misbehave"])).await;
    assert_eq!(count(&report, "batches"), 0, "{report}");
    // Those that the document knows; a batch that was not shown is one that was skipped.
    let faults: Vec<&String> = report["faults"].as_object().unwrap().keys().collect();
    assert_eq!(faults, ["trap"], "{report}");
    assert_eq!(mine.names(20).await.len(), 20);
    mine.holds_to_the_document(&["shadow", "mine", "--report"], "ShadowReport")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_shadow_is_not_waited_for() {
    let mine = Operated::start(&one("{behaviour: rename, name: one, v2: slow}")).await;
    mine.shadow("mine", &v2()).await;
    for batch in batches(60, &["a"]) {
        mine.send(batch).await;
    }
    assert_eq!(mine.names(60).await, ["one"; 60]);
    let report = mine.report("mine", 60).await;
    let (seen, skipped) = (count(&report, "batches"), count(&report, "batches_skipped"));
    assert_eq!(seen + skipped, 60, "{report}");
    assert!(seen > 0 && skipped > 0, "{report}");
}

/// What waits when a shadow ends is in its report, or counts as skipped: who decides by it has all there is.
#[tokio::test(flavor = "multi_thread")]
async fn an_ended_report_is_final() {
    let mine = Operated::start(&one("{behaviour: rename, name: one, v2: slow}")).await;
    mine.shadow("mine", &v2()).await;
    for batch in batches(20, &["a"]) {
        mine.send(batch).await;
    }
    let ended = mine.told(&["shadow", "mine", "--stop"]).await;
    assert_eq!(ended["state"], "ended");
    assert_eq!(mine.report("mine", 20).await, ended);
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
            let route = if number % 5 == 0 { "/healthz" } else { "/" };
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

/// Ids that are no trace ids are not taken for some.
#[tokio::test(flavor = "multi_thread")]
async fn odd_trace_ids_do_not_get_into_the_report() {
    let mine = Operated::start(&one("{behaviour: well}")).await;
    mine.shadow("mine", &v2()).await;
    let ids = [vec![], vec![1, 2, 3], vec![7; 16], vec![9; 40]];
    let odd = ids.into_iter().zip(1..).map(|(trace_id, number)| Span {
        trace_id,
        ..span(number, "a", Vec::new())
    });
    mine.send(odd).await;
    let report = mine.report("mine", 1).await;
    assert_eq!(count(&report, "edits_differ"), 4, "{report}");
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

    // This one has counted ten batches already, and its shadow none: of the two series, each has one of its own.
    mine.shadow("tally", &tally).await;
    let report = mine.send_slowly("tally", batches(3, &["a"])).await;
    assert_eq!(count(&report, "batches"), 3, "{report}");
    assert_eq!(differences(&report), [0, 0, 3 * 2], "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_by_itself_and_can_be_promoted() {
    let mine = Operated::start(&one("{behaviour: well}")).await;
    mine.send(spans(1..3, "a")).await;
    let output = mine
        .plugin(&["shadow", "mine", &v2(), "--for", "300ms"])
        .await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    for part in [
        "mine: shadowed by ",
        "for 300ms",
        "0 batches, 0 spans",
        "verdicts that differ 0, edits that differ 0",
        "to swap it in: spanmill plugin promote mine",
    ] {
        assert!(
            output.stdout.contains(part),
            "no {part} in:\n{}",
            output.stdout
        );
    }
    mine.send(spans(3..5, "a")).await;
    let ended = mine.told(&["shadow", "mine", "--report"]).await;
    assert_eq!(
        (&ended["state"], count(&ended, "batches")),
        (&json!("ended"), 0)
    );
    assert!(ended["until"].as_str() > ended["since"].as_str(), "{ended}");

    let promoted = mine.told(&["promote", "mine"]).await;
    let to = &promoted["components"][0]["to"];
    assert_eq!(
        (&promoted["components"][0]["component"], to),
        (&json!("mine"), &ended["hash"])
    );
    mine.send(spans(5..7, "a")).await;
    let names = [
        "batch 1",
        "batch 1",
        "batch 2",
        "batch 2",
        "v2 batch 1",
        "v2 batch 1",
    ];
    assert_eq!(mine.names(6).await, names);
    let status = mine.told(&["status", "mine"]).await;
    assert_eq!(&status[0]["version"]["hash"], to);
    assert_eq!(status[0]["version"]["source"], "hostile_v2.wasm");

    let again = mine.refused(&["promote", "mine"]).await;
    assert!(again.contains("there is no shadow of mine"), "{again}");
    let kinds = kinds(&mine).await;
    assert_eq!(kinds[..3], ["shadow_started", "shadow_ended", "swap"]);
}

async fn kinds(mine: &Operated) -> Vec<String> {
    let events = mine.told(&["events"]).await;
    let events = events.as_array().unwrap().iter();
    events
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_ended_by_hand_and_promoted_while_it_runs() {
    let mine = Operated::start(&one("{behaviour: well}")).await;
    let none = mine.refused(&["shadow", "mine", "--report"]).await;
    assert!(none.contains("spanmill plugin shadow mine FILE"), "{none}");
    mine.shadow("mine", &v2()).await;
    mine.send_slowly("mine", batches(2, &["a"])).await;
    let ended = mine.told(&["shadow", "mine", "--stop"]).await;
    assert_eq!(
        (&ended["state"], count(&ended, "batches")),
        (&json!("ended"), 2)
    );
    mine.send(spans(3..4, "a")).await;
    assert_eq!(mine.told(&["shadow", "mine", "--report"]).await, ended);

    mine.shadow("mine", &v2()).await;
    mine.told(&["promote", "mine"]).await;
    mine.send(spans(4..5, "a")).await;
    assert_eq!(mine.names(4).await[3], "v2 batch 1");
    assert_eq!(
        kinds(&mine).await[..5],
        [
            "shadow_started",
            "shadow_ended",
            "shadow_started",
            "shadow_ended",
            "swap"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_and_until_the_next_swap() {
    let mine = Operated::start(&one("{behaviour: well}")).await;
    mine.shadow("mine", &v2()).await;
    let second = mine.refused(&["shadow", "mine", &v2()]).await;
    assert!(second.contains("a shadow of mine is running"), "{second}");
    assert!(
        second.contains("spanmill plugin shadow mine --stop"),
        "{second}"
    );

    let other = mine.spanmill.file("other.wasm");
    std::fs::write(&other, version(&guest("hostile"), "3")).unwrap();
    let other = other.display().to_string();
    mine.told(&["swap", "mine", &other, "--probation", "2"])
        .await;
    let ended = mine.told(&["shadow", "mine", "--report"]).await;
    assert_eq!(ended["state"], "ended", "{ended}");
    let events = mine.plugin(&["events"]).await.stdout;
    assert!(
        events.contains("the shadow of mine has ended (a swap)"),
        "{events}"
    );

    // The version that is on probation is not to be measured against.
    let early = mine.refused(&["shadow", "mine", &v2()]).await;
    assert!(early.contains("probation"), "{early}");
    for batch in batches(2, &["a"]) {
        mine.send(batch).await;
    }
    let passed = |status: &Value| status[0]["state"] == "running";
    mine.told_at_last(&["status", "mine"], passed).await;
    mine.shadow("mine", &v2()).await;

    // What cannot be a shadow here leaves none behind.
    mine.told(&["shadow", "mine", "--stop"]).await;
    let connector = guest("sdk_connector").display().to_string();
    let refused = mine.refused(&["shadow", "mine", &connector]).await;
    assert!(refused.contains("the plugin is a connector"), "{refused}");
    let report = mine.told(&["shadow", "mine", "--report"]).await;
    assert_eq!(report["source"], "hostile_v2.wasm");
}
