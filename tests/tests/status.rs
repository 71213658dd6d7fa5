//! `spanmill plugin status`: exact numbers after traffic that is known, of the version that runs and of those before.

use crate::operator::{Operated, spans};
use serde_json::{Value, json};
use spanmill_tests::{guest, span, text, version};

/// Ten spans: three that the filter drops, and one with a mail address in it.
fn batch(first: u64) -> Vec<opentelemetry_proto::tonic::trace::v1::Span> {
    let span = |number: u64| {
        let attributes = match number - first {
            0..3 => vec![text("http.route", "/healthz")],
            3 => vec![text("mail", "jane@example.com")],
            _ => vec![],
        };
        span(number, "a", attributes)
    };
    (first..first + 10).map(span).collect()
}

fn chain() -> String {
    format!(
        r#"
plugins:
  mine: {{file: {}}}
processors:
  filter/health: {{traces: {{span: ['attributes["http.route"] == "/healthz"']}}}}
  redaction: {{allow_all_keys: true, blocked_values: ['[a-z]+@example\.com']}}
  mine: {{behaviour: drop-odd}}
connectors:
  spanmetrics:
service:
  pipelines:
    traces/web:
      receivers: [otlp]
      processors: [filter/health, redaction, mine]
      exporters: [otlp, spanmetrics]
    metrics: {{receivers: [spanmetrics], exporters: [otlp]}}
"#,
        guest("hostile").display()
    )
}

/// One pipeline with a plugin that does what its settings say; another version of it does what `v2` says.
fn one(settings: &str) -> String {
    format!(
        r#"
plugins:
  mine: {{file: {}}}
processors:
  mine: {settings}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [mine], exporters: [otlp]}}
"#,
        guest("hostile").display()
    )
}

impl Operated {
    async fn status(&self, component: &str) -> Value {
        self.told(&["status", component]).await[0].take()
    }
}

/// Calls, spans in, out, dropped and held.
fn numbers(version: &Value) -> [u64; 5] {
    [
        "calls",
        "items_in",
        "items_out",
        "items_dropped",
        "items_held",
    ]
    .map(|name| version[name].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_exact() {
    let mine = Operated::start_with(&chain(), &["--workers", "2"]).await;
    let plugins = mine.told(&["status"]).await;
    for plugin in plugins.as_array().unwrap() {
        let version = &plugin["version"];
        assert_eq!(numbers(version), [0; 5], "{plugin}");
        assert_eq!(version["latency"], json!({"p50_us": 0, "p99_us": 0}));
        assert!(plugin["memory_bytes"].as_u64().unwrap() > 0, "{plugin}");
    }
    for number in 0..6 {
        mine.send(batch(10 * number + 1)).await;
    }
    // Of the seven that are left, every second one.
    assert_eq!(mine.names(24).await.len(), 24);
    let plugins = mine.told(&["status"]).await;
    let plugins = plugins.as_array().unwrap();
    let expected = [
        (
            "filter/health",
            "processor",
            [6, 60, 42, 18, 0],
            json!({"spans_filtered": 18}),
        ),
        ("mine", "processor", [6, 42, 24, 18, 0], json!({})),
        (
            "redaction",
            "processor",
            [6, 42, 42, 0, 0],
            json!({"attributes_masked": 6}),
        ),
        ("spanmetrics", "connector", [6, 24, 24, 0, 0], json!({})),
    ];
    assert_eq!(plugins.len(), expected.len());
    for (plugin, (component, role, expected, counters)) in plugins.iter().zip(expected) {
        let version = &plugin["version"];
        assert_eq!(
            (&plugin["component"], &plugin["role"]),
            (&json!(component), &json!(role))
        );
        assert_eq!(numbers(version), expected, "{plugin}");
        assert_eq!(version["counters"], counters, "{plugin}");
        assert_eq!(plugin["pipelines"], json!(["traces/web"]));
        assert_eq!(plugin["instances"], 2, "{plugin}");
        assert!(
            plugin["memory_bytes"].as_u64().unwrap() > 1 << 16,
            "{plugin}"
        );
        assert_eq!(
            (&plugin["state"], &plugin["probation"]),
            (&json!("running"), &Value::Null)
        );
        assert_eq!(
            (&plugin["swaps"], &plugin["rollbacks"]),
            (&json!(0), &json!(0))
        );
        assert_eq!(
            (&version["faults"], &plugin["history"]),
            (&json!({}), &json!([]))
        );
        assert_eq!(
            (&version["until"], &version["ended"]),
            (&Value::Null, &Value::Null)
        );
        let [p50, p99] =
            ["p50_us", "p99_us"].map(|name| version["latency"][name].as_u64().unwrap());
        assert!(p50 <= p99 && 0 < p99 && p99 < 60_000_000, "{plugin}");
        let hash = version["hash"].as_str().unwrap();
        assert!(
            hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{hash}"
        );
    }
    assert!(
        plugins[1]["version"]["source"]
            .as_str()
            .unwrap()
            .contains("hostile.wasm")
    );
    mine.holds_to_the_document(&["status"], "PluginStatus")
        .await;
    mine.holds_to_the_document(&["status", "mine"], "PluginStatus")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_has_it_all() {
    let mine = Operated::start(&chain()).await;
    mine.send(batch(1)).await;
    let output = mine.plugin(&["status"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let table = output.stdout;
    let words =
        |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let mut lines = table.lines();
    assert_eq!(
        words(lines.next().unwrap()),
        "PLUGIN VERSION STATE SINCE CALLS IN OUT DROPPED HELD P50 P99 MEMORY"
            .split(' ')
            .collect::<Vec<_>>()
    );
    let filter = words(lines.next().unwrap());
    let status = mine.status("filter/health").await;
    let hash = status["version"]["hash"].as_str().unwrap();
    let since = status["version"]["since"].as_str().unwrap();
    assert_eq!(
        filter[..9],
        [
            "filter/health",
            &hash[..12],
            "running",
            &since[..19],
            "1",
            "10",
            "7",
            "3",
            "0"
        ]
    );
    assert_eq!(filter.last().unwrap(), "MiB");
    for part in [
        "processor of traces/web, 1 instances",
        "connector of traces/web, 1 instances",
        "counted attributes_masked 1",
    ] {
        assert!(table.contains(part), "no {part} in:\n{table}");
    }
    // One of them: its lines and no others'.
    let one = mine.plugin(&["status", "redaction"]).await.stdout;
    assert_eq!(one.lines().count(), 4, "{one}");
    let nobody = mine.refused(&["status", "nobody"]).await;
    assert!(
        nobody.contains("\"nobody\"")
            && nobody.contains("filter/health, mine, redaction, spanmetrics"),
        "{nobody}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_versions_before_are_remembered() {
    let mine = Operated::start(&one("{behaviour: well, v2: drop-odd}")).await;
    let first = mine.status("mine").await;
    mine.send(spans(1..3, "a")).await;
    let v2 = guest("hostile_v2").display().to_string();
    let swapped = mine.told(&["swap", "mine", &v2, "--probation", "4"]).await;
    assert_eq!(swapped["probation"], 4);
    mine.holds_to_the_document(&["status"], "PluginStatus")
        .await;
    for number in 0..3 {
        mine.send(spans(4 * number + 11..4 * number + 15, "a"))
            .await;
    }
    let on_probation = mine.status("mine").await;
    assert_eq!(on_probation["state"], "probation");
    assert_eq!(
        on_probation["probation"],
        json!({"batches_left": 1, "pipelines": {"traces": 1}})
    );
    assert_eq!(numbers(&on_probation["version"]), [3, 12, 6, 6, 0]);
    let table = mine.plugin(&["status"]).await.stdout;
    assert!(table.contains("probation (1 left)"), "{table}");
    assert!(
        table.contains("batches that must still go well: traces 1"),
        "{table}"
    );
    assert!(table.contains("a restart forgets this version"), "{table}");
    mine.send(spans(31..32, "a")).await;
    let running = |told: &Value| told[0]["state"] == "running";
    mine.told_at_last(&["status"], running).await;

    let third = mine.spanmill.file("third.wasm");
    std::fs::write(&third, version(&guest("hostile"), "3")).unwrap();
    let third = third.display().to_string();
    mine.told(&["swap", "mine", &third]).await;
    mine.send(spans(41..43, "a")).await;

    let status = mine.status("mine").await;
    assert_eq!(
        (&status["swaps"], &status["rollbacks"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(status["version"]["source"], "third.wasm");
    assert_eq!(numbers(&status["version"]), [1, 2, 2, 0, 0]);
    let history = status["history"].as_array().unwrap();
    assert_eq!(history.len(), 2, "{status}");
    assert_eq!(history[0]["hash"], swapped["components"][0]["to"]);
    assert_eq!(history[1]["hash"], first["version"]["hash"]);
    assert_eq!(history[1]["since"], first["version"]["since"]);
    assert_eq!(numbers(&history[0]), [4, 13, 7, 6, 0]);
    assert_eq!(numbers(&history[1]), [1, 2, 2, 0, 0]);
    // One begins when the other ends.
    assert_eq!(history[0]["until"], status["version"]["since"]);
    assert_eq!(history[1]["until"], history[0]["since"]);
    for past in history {
        assert_eq!(past["ended"], "swapped");
    }
    mine.holds_to_the_document(&["status"], "PluginStatus")
        .await;
    mine.holds_to_the_document(&["events"], "Event").await;
    let table = mine.plugin(&["status"]).await.stdout;
    let before =
        |version: &Value| format!("before: {} until", &version["hash"].as_str().unwrap()[..12]);
    let at = |version| {
        table
            .find(&before(version))
            .unwrap_or_else(|| panic!("{table}"))
    };
    assert!(at(&history[0]) < at(&history[1]), "{table}");
    assert!(table.contains("2 swaps, 0 rollbacks"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_taken_back_is_in_the_history() {
    let mine = Operated::start(&one("{behaviour: well, v2: trap}")).await;
    let first = mine.status("mine").await;
    let v2 = guest("hostile_v2").display().to_string();
    mine.send(spans(1..3, "a")).await;
    let swapped = mine.told(&["swap", "mine", &v2]).await;
    mine.send(spans(3..5, "misbehave")).await;
    let taken_back = |told: &Value| told[0]["rollbacks"] == 1;
    let status = mine.told_at_last(&["status"], taken_back).await[0].take();
    assert_eq!(
        mine.names(4).await,
        ["batch 1", "batch 1", "batch 2", "batch 2"]
    );

    assert_eq!(status["state"], "running");
    assert_eq!(status["version"]["hash"], first["version"]["hash"]);
    assert_eq!(status["version"]["since"], first["version"]["since"]);
    assert_eq!(numbers(&status["version"]), [2, 4, 4, 0, 0], "{status}");
    let history = status["history"].as_array().unwrap();
    assert_eq!(history.len(), 1, "{status}");
    assert_eq!(history[0]["hash"], swapped["components"][0]["to"]);
    assert_eq!(history[0]["faults"], json!({"trap": 1}));
    // It kept nothing of the batch that it failed on.
    assert_eq!(history[0]["items_dropped"], 0, "{status}");
    let ended = history[0]["ended"].as_str().unwrap();
    assert!(
        ended.starts_with("rolled back: plugin mine: ") && ended.contains("unreachable"),
        "{ended}"
    );
    mine.holds_to_the_document(&["status"], "PluginStatus")
        .await;
    mine.holds_to_the_document(&["events"], "Event").await;
    let table = mine.plugin(&["status"]).await.stdout;
    for part in ["1 swaps, 1 rollbacks", "rolled back: plugin mine"] {
        assert!(table.contains(part), "no {part} in:\n{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_and_quarantine_show() {
    let manifest = one("{behaviour: trap}").replace("wasm}", "wasm, on_error: pass}");
    let mine = Operated::start(&manifest).await;
    for number in 1..11 {
        mine.send(spans(number..number + 1, "misbehave")).await;
    }
    let status = mine.status("mine").await;
    let version = &status["version"];
    let faults = version["faults"]["trap"].as_u64().unwrap();
    let quarantined = version["quarantined"].as_u64().unwrap();
    assert!(faults >= 2 && quarantined > 0, "{status}");
    assert_eq!(faults + quarantined, 10, "{status}");
    // A call that was not made is none, and what went by the plugin was not dropped by it.
    assert_eq!(numbers(version)[0], faults, "{status}");
    assert_eq!(numbers(version)[3], 0, "{status}");
    mine.holds_to_the_document(&["status"], "PluginStatus")
        .await;
    let table = mine.plugin(&["status"]).await.stdout;
    let line = format!("faults: {faults} trap, {quarantined} calls not made in quarantine");
    assert!(table.contains(&line), "no {line} in:\n{table}");
    assert_eq!(mine.names(10).await, ["misbehave"; 10]);
}

/// What was lost or went by it is not what it kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_failed_let_nothing_out() {
    let manifest = one("{behaviour: batch-error}").replace("wasm}", "wasm, on_error: drop}");
    let mine = Operated::start(&manifest).await;
    mine.send(spans(1..4, "fine")).await;
    mine.send(spans(4..6, "misbehave")).await;
    let status = mine.status("mine").await;
    let version = &status["version"];
    assert_eq!(version["faults"], json!({"refused": 1}), "{status}");
    assert_eq!(mine.names(3).await, ["batch 1"; 3]);
    assert_eq!(numbers(version)[..3], [2, 5, 3], "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_two_pipelines_is_one_line() {
    let manifest = one("{behaviour: drop-odd}").replace(
        "    traces:",
        "    traces/other: {receivers: [otlp], processors: [batch, mine], exporters: [otlp]}\n    traces:",
    );
    let manifest = manifest.replace("processors:\n", "processors:\n  batch: {timeout: 10ms}\n");
    let mine = Operated::start_with(&manifest, &["--workers", "3"]).await;
    mine.send(spans(1..6, "a")).await;
    assert_eq!(mine.names(6).await.len(), 6);
    // A batcher does not wait for what comes after it.
    let both = |told: &Value| told[0]["version"]["calls"] == 2;
    let status = mine.told_at_last(&["status"], both).await;
    assert_eq!(status.as_array().unwrap().len(), 1);
    assert_eq!(status[0]["pipelines"], json!(["traces", "traces/other"]));
    assert_eq!(status[0]["instances"], 6);
    assert_eq!(numbers(&status[0]["version"]), [2, 10, 6, 4, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_versions_are_forgotten() {
    let mine = Operated::start(&one("{behaviour: well}")).await;
    let files = [guest("hostile_v2"), guest("hostile")].map(|file| file.display().to_string());
    for file in files.iter().cycle().take(25) {
        mine.told(&["swap", "mine", file, "--probation", "0"]).await;
    }
    let status = mine.status("mine").await;
    assert_eq!(
        (&status["swaps"], &status["state"]),
        (&json!(25), &json!("running"))
    );
    let history = status["history"].as_array().unwrap();
    assert_eq!(history.len(), 20);
    let since: Vec<&str> = history
        .iter()
        .map(|one| one["since"].as_str().unwrap())
        .collect();
    assert!(
        since.is_sorted_by(|newer, older| newer >= older),
        "{since:?}"
    );
    // What ran before still gives its memory back: one instance is left.
    assert_eq!(status["instances"], 1);
    mine.holds_to_the_document(&["status"], "PluginStatus")
        .await;
}
