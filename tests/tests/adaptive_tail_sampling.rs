//! Adaptive tail sampling through the real binary: a recording thinned out with virtual time, other rules and an overload while
//! telemetry flows, and what the plugin's README shows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use spanmill_tests::{Backend, GrpcSender, Spanmill, built_in, request, span, spanmill, within};

const README: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../plugins/adaptive_tail_sampling/README.md"
));

const ATTRIBUTES: &str = "otelcol.processor.adaptive_tail_sampling";

/// The sampler's file, for manifests that name it.
fn plugins() -> Value {
    json!({"adaptive_tail_sampling": {"file": built_in("adaptive_tail_sampling")}})
}

/// A manifest of nothing but a sampler.
fn manifest(settings: &Value) -> String {
    let pipeline = json!({"receivers": ["nop"], "processors": ["adaptive_tail_sampling"], "exporters": ["nop"]});
    let manifest = json!({
        "plugins": plugins(),
        "receivers": {"nop": {}},
        "processors": {"adaptive_tail_sampling": settings},
        "exporters": {"nop": {}},
        "service": {"pipelines": {"traces": pipeline}},
    });
    manifest.to_string()
}

/// Traces with two spans each, one request a second: most of one route, some of another, few of a third; of each hundredth
/// the second span fails. Their ids look random, and are the same each time.
struct Recording {
    lines: String,
    traces: BTreeMap<&'static str, usize>,
    failing: usize,
}

fn recording(seconds: u64, a_second: u64) -> Recording {
    let mut recorded = Recording {
        lines: String::new(),
        traces: BTreeMap::new(),
        failing: 0,
    };
    for second in 0..seconds {
        let mut spans = Vec::new();
        for n in 0..a_second {
            let number = second * a_second + n;
            let fails = number.is_multiple_of(100);
            let route = match n {
                0 => "/rare",
                _ if n < a_second / 8 => "/pay",
                _ => "/cart",
            };
            recorded.failing += usize::from(fails);
            *recorded.traces.entry(route).or_default() += usize::from(!fails);
            let id = format!("{number:016x}{:016x}", mixed(number));
            let start = (1_700_000_000 + second) * 1_000_000_000;
            let span = |own: u64, parent: String, status: Value| {
                json!({
                    "traceId": id, "spanId": format!("{:016x}", number * 2 + own + 1), "parentSpanId": parent, "name": "s",
                    "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 1000).to_string(), "status": status,
                    "attributes": [{"key": "http.route", "value": {"stringValue": route}}],
                })
            };
            let parent = format!("{:016x}", number * 2 + 1);
            let status = if fails { json!({"code": 2}) } else { json!({}) };
            spans.push(span(1, parent, status));
            spans.push(span(0, String::new(), json!({})));
        }
        let resource =
            json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]});
        let request =
            json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]});
        let _ = writeln!(recorded.lines, "{request}");
    }
    recorded
}

fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

fn attribute<'a>(span: &'a Value, key: &str) -> &'a str {
    let attributes = span["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|one| one["key"] == key);
    found.map_or("", |one| one["value"]["stringValue"].as_str().unwrap())
}

/// The threshold that a span's trace state says.
fn threshold(span: &Value) -> u64 {
    let state = span["traceState"].as_str().unwrap();
    let digits = state.strip_prefix("ot=th:").unwrap();
    u64::from_str_radix(&format!("{digits:0<14}"), 16).unwrap()
}

const WHOLE: u64 = 1 << 56;

/// What a replay exports.
async fn replay(settings: &Value, recording: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spanmill.yaml"), manifest(settings)).unwrap();
    std::fs::write(folder.path().join("in.jsonl"), recording).unwrap();
    let mut all = vec!["replay", "--config", "spanmill.yaml", "--input", "in.jsonl"];
    all.extend(more);
    let output = spanmill(folder.path(), &all).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    output.stdout
}

fn spans(exported: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for line in exported.lines() {
        let request: Value = serde_json::from_str(line).unwrap();
        for resource in request["resourceSpans"].as_array().unwrap() {
            for scope in resource["scopeSpans"].as_array().unwrap() {
                all.extend(scope["spans"].as_array().unwrap().iter().cloned());
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_thinned_out_and_still_says_how_much_there_was() {
    let settings = json!({
        "trace_timeout": "10s",
        "decision_delay": "1s",
        "record_fingerprint": "value",
        "rules": [
            {"name": "errors", "conditions": ["span.status.code == STATUS_CODE_ERROR"], "sampler": {"type": "always_sample"}},
            {"name": "others", "sampler": {
                "type": "adaptive_percentage", "goal_percentage": 10, "adjustment_interval": "10s",
                "fingerprint_attributes": ["resource.attributes[\"service.name\"]", "span.attributes[\"http.route\"]"],
            }},
        ],
    });
    let recorded = recording(180, 80);
    let exported = replay(&settings, &recorded.lines, &[]).await;
    let again = replay(&settings, &recorded.lines, &[]).await;
    assert!(exported == again, "the same recording gives the same");
    let (mut failing, mut by_trace) = (0, BTreeMap::<String, usize>::new());
    // By route: traces that were kept, and those that they say there were.
    let mut routes = BTreeMap::<&str, (f64, f64)>::new();
    let all = spans(&exported);
    for span in &all {
        let id = span["traceId"].as_str().unwrap();
        *by_trace.entry(id.to_owned()).or_default() += 1;
        let threshold = threshold(span);
        assert!(u64::from_str_radix(&id[18..], 16).unwrap() >= threshold);
        let rule = attribute(span, &format!("{ATTRIBUTES}.rule"));
        if rule == "errors" {
            assert_eq!(
                (
                    threshold,
                    attribute(span, &format!("{ATTRIBUTES}.fingerprint"))
                ),
                (0, "")
            );
            failing += 1;
            continue;
        }
        let route = attribute(span, "http.route");
        let fingerprint = attribute(span, &format!("{ATTRIBUTES}.fingerprint"));
        assert_eq!(
            (rule, fingerprint),
            ("others", format!("shop•{route}").as_str())
        );
        let (kept, counted) = routes.entry(route).or_default();
        *kept += 0.5;
        *counted += 0.5 * WHOLE as f64 / (WHOLE - threshold) as f64;
    }
    assert!(
        by_trace.values().all(|spans| *spans == 2),
        "traces are whole"
    );
    assert_eq!(failing, 2 * recorded.failing);
    let came: usize = recorded.traces.values().sum();
    let kept: f64 = routes.values().map(|(kept, _)| kept).sum();
    let share = kept / came as f64;
    assert!((0.09..0.115).contains(&share), "{share} were kept");
    for (route, came) in &recorded.traces {
        let came = *came as f64;
        let (kept, counted) = routes[route];
        assert!(
            (counted - came).abs() < came * 0.1,
            "{route}: {counted} of {came}"
        );
        let least = if *route == "/rare" { 0.9 } else { 0.05 };
        assert!(kept / came > least, "{route}: {kept} of {came}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_readme_run() {
    let mut examples = 0;
    for example in README.split("```yaml\n").skip(1) {
        let example = example.split("```").next().unwrap();
        let rest = json!({
            "plugins": plugins(),
            "receivers": {"nop": {}},
            "exporters": {"nop": {}},
            "service": {"pipelines": {"traces": {"receivers": ["nop"], "processors": ["adaptive_tail_sampling"], "exporters": ["nop"]}}},
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("example.yaml"), example).unwrap();
        std::fs::write(folder.path().join("rest.yaml"), rest.to_string()).unwrap();
        let recorded = recording(5, 20);
        std::fs::write(folder.path().join("in.jsonl"), &recorded.lines).unwrap();
        let arguments = [
            "replay",
            "--config",
            "example.yaml",
            "--config",
            "rest.yaml",
            "--input",
            "in.jsonl",
        ];
        let output = spanmill(folder.path(), &arguments).await;
        assert_eq!(output.code, Some(0), "{example}\n{}", output.stderr);
        assert!(!spans(&output.stdout).is_empty(), "{example}");
        examples += 1;
    }
    assert_eq!(examples, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_with_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let settings = json!({"rules": [{"name": "r", "sampler": {"type": "adaptive_percentage", "goal_percentage": 110,
        "fingerprint_attributes": ["http.route"]}}]});
    let text = manifest(&settings).replace("\"goal_percentage\"", "\n\"goal_percentage\"");
    std::fs::write(folder.path().join("spanmill.yaml"), text).unwrap();
    let output = spanmill(folder.path(), &["validate", "--config", "spanmill.yaml"]).await;
    assert_eq!(output.code, Some(1), "{}{}", output.stdout, output.stderr);
    for part in [
        "must be above 0 and at most 100",
        "spanmill.yaml:2:",
        "names no scope",
    ] {
        assert!(output.stderr.contains(part), "{part}\n{}", output.stderr);
    }
}

/// A running Spanmill between a sender and a backend.
fn running(backend: &Backend, settings: &Value) -> String {
    let pipeline = json!({"receivers": ["otlp"], "processors": ["adaptive_tail_sampling"], "exporters": ["otlp"]});
    let manifest = json!({
        "plugins": plugins(),
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "127.0.0.1:0"}}}},
        "processors": {"adaptive_tail_sampling": settings},
        "exporters": {"otlp": {"endpoint": backend.address(), "tls": {"insecure": true}}},
        "service": {"pipelines": {"traces": pipeline}},
    });
    manifest.to_string()
}

/// A span with a parent of a trace whose randomness grows with its number; all are from 1 to 999.
fn of_trace(trace: u64, number: u64) -> Span {
    let randomness = trace * (WHOLE / 1000) + WHOLE / 2000;
    let id = u128::from(trace) << 64 | u128::from(randomness);
    Span {
        trace_id: id.to_be_bytes().to_vec(),
        parent_span_id: vec![7; 8],
        ..span(trace * 1000 + number, "s", vec![])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_rules_hold_for_traces_that_wait() {
    let settings = |condition: &str| json!({"trace_timeout": "1h", "decision_delay": "2s", "rules": [{"name": "only", "conditions": [condition], "sampler": {"type": "always_sample"}}]});
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&running(&backend, &settings("span.name == \"x\""))).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let named = |trace, name: &str| Span {
        name: name.to_owned(),
        ..of_trace(trace, 1)
    };
    let sent = vec![named(1, "x"), named(2, "y"), named(3, "z")];
    sender.send(&request("shop", sent)).await.unwrap();
    // What nobody has asked yet is asked of what is held.
    spanmill.edit(&running(&backend, &settings("span.name == \"y\"")));
    spanmill.hang_up();
    spanmill
        .logged("the new rules ask what was not asked before")
        .await;
    // Their root spans make them due.
    let roots = (1..4).map(|trace| Span {
        parent_span_id: Vec::new(),
        ..of_trace(trace, 2)
    });
    sender
        .send(&request("shop", roots.collect()))
        .await
        .unwrap();
    let found = backend.spans(2).await;
    let mut names: Vec<&str> = found.iter().map(|found| found.span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["s", "y"]);
    spanmill.stop().await;
    assert_eq!(backend.spans(2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overload_sheds_and_every_span_is_accounted_for() {
    let settings = json!({
        "num_traces": 100, "trace_timeout": "1h",
        "overload": {"sampling_percentage": 25, "minimum_activation_duration": "1s"},
        // One instance has all of the room, whatever the number of workers.
        "rules": [{"name": "all", "sampler": {
            "type": "adaptive_throughput", "goal_throughput": 1_000_000, "initial_sampling_percentage": 100,
            "fingerprint_attributes": ["resource.attributes[\"service.name\"]"],
        }}],
    });
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&running(&backend, &settings)).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    for trace in 1..1000 {
        let sent = vec![of_trace(trace, 1), of_trace(trace, 2)];
        sender.send(&request("shop", sent)).await.unwrap();
    }
    let line = spanmill.logged("little room left").await;
    assert!(line.contains("raise num_traces"), "{line}");
    // Those before wait; of those behind each that is kept has gone on by now.
    let kept: Vec<u64> = (91..1000).filter(|trace| *trace >= 750).collect();
    let found = within("what is kept at once", async {
        backend.spans(2 * kept.len()).await
    })
    .await;
    let mut traces = BTreeMap::<u64, usize>::new();
    for found in &found {
        let id = u128::from_be_bytes(found.span.trace_id.as_slice().try_into().unwrap());
        *traces.entry((id >> 64) as u64).or_default() += 1;
        assert_eq!(found.span.trace_state, "ot=th:c");
        let rule = spanmill_tests::attribute(&found.span.attributes, &format!("{ATTRIBUTES}.rule"));
        assert_eq!(rule, "_overload");
    }
    assert_eq!(traces, kept.into_iter().map(|trace| (trace, 2)).collect());
    spanmill.stop().await;
    // At the end what waits is decided on.
    assert_eq!(backend.spans(2 * (250 + 90)).await.len(), 2 * (250 + 90));
}
