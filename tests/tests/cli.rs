//! The command line: what each command prints, and that replays are exact.

use std::path::Path;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use spanmill_tests::{Spanmill, flatten, post, request, span, spanmill, text};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/otlp-example-trace.json");

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs a command that must go well, and gives what it wrote to stdout.
async fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = spanmill(folder, arguments).await;
    assert_eq!(output.code, Some(0), "{arguments:?}: {}", output.stderr);
    output.stdout
}

#[tokio::test]
async fn the_built_in_manifest_is_valid() {
    let out = run(temporary().path(), &["validate"]).await;
    assert!(
        out.contains("the built-in manifest: 3 pipelines, 5 plugins configured"),
        "{out}"
    );
}

#[tokio::test]
async fn plugins_lists_built_ins_and_what_they_may_do() {
    let out = run(temporary().path(), &["plugins"]).await;
    for name in [
        "attributes",
        "filter",
        "probabilistic_sampler",
        "redaction",
        "resource",
        "spanmetrics",
    ] {
        let line = out.lines().find(|line| line.trim_start().starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in:\n{out}"));
        assert!(line.contains("KiB") && !line.contains("missing"), "{line}");
    }
    assert!(
        out.contains("writes span.attributes[\"processed.by\"]"),
        "{out}"
    );
    assert!(out.contains("makes  traces.span.metrics.calls"), "{out}");
}

#[tokio::test]
async fn inspect_shows_what_a_file_is() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/release/plugins/filter.wasm"
    );
    let folder = temporary();
    let out = run(folder.path(), &["inspect", file]).await;
    for part in [
        "processor",
        "spanmill:plugin/processor@0.1.0",
        "sha256",
        "nothing behind it",
    ] {
        assert!(out.contains(part), "no {part} in:\n{out}");
    }
    let settings = r#"{"traces": {"span": ["attributes[\"a\"] == \"b\""]}}"#;
    let out = run(folder.path(), &["inspect", file, "--settings", settings]).await;
    assert!(out.contains("span.attributes[\"a\"]"), "{out}");

    let wrong = r#"{"traces": {"span": ["attributes["]}}"#;
    let output = spanmill(folder.path(), &["inspect", file, "--settings", wrong]).await;
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains("settings/traces/span/0"),
        "{}",
        output.stderr
    );
    std::fs::write(folder.path().join("text"), "text").unwrap();
    for (file, why) in [
        ("text", "not a WebAssembly component"),
        ("/dev/null", "it is a device, not a file"),
    ] {
        let output = spanmill(folder.path(), &["inspect", file]).await;
        assert_eq!(output.code, Some(1));
        assert!(output.stderr.contains(why), "{}", output.stderr);
    }
}

#[tokio::test]
async fn inspect_shows_what_a_plugin_says_it_is() {
    let folder = temporary();
    let guest = |name| spanmill_tests::guest(name).display().to_string();
    let out = run(
        folder.path(),
        &["inspect", &guest("sdk_processor"), "--settings", "{}"],
    )
    .await;
    for part in [
        "name      numbering 1.2.3-test",
        "about     Names every span by the number of the batch",
        "\"additionalProperties\": false",
        "takes     traces",
    ] {
        assert!(out.contains(part), "no {part} in:\n{out}");
    }
    let out = run(folder.path(), &["inspect", &guest("hostile")]).await;
    assert!(!out.contains("about"), "{out}");
    let output = spanmill(folder.path(), &["inspect", &guest("misnamed")]).await;
    assert_eq!(output.code, Some(1));
    let why =
        "does not say what it is: its `about` interface gives a name that is not 1 to 64 letters";
    assert!(output.stderr.contains(why), "{}", output.stderr);
    assert!(output.stderr.contains("misnamed.wasm"), "{}", output.stderr);
    assert!(!output.stderr.contains('\u{1b}'), "{:?}", output.stderr);
}

#[tokio::test]
async fn a_plugin_is_tested_against_the_contract() {
    let folder = temporary();
    let guest = |name| spanmill_tests::guest(name).display().to_string();
    let filter = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/release/plugins/filter.wasm"
    );
    let settings = r#"{"logs": {"log_record": ["severity_number < 9"]}}"#;
    let out = run(folder.path(), &conformance(filter, settings)).await;
    for check in [
        "load",
        "about",
        "configure",
        "traces: odd",
        "logs: large",
        "metrics: random",
    ] {
        let line = out.lines().find(|line| line.starts_with(check));
        assert!(
            line.is_some_and(|line| line.contains(" ok ")),
            "no {check} in:\n{out}"
        );
    }
    assert!(out.contains("takes traces, logs, metrics"), "{out}");
    let large = out.lines().find(|line| line.starts_with("logs: large"));
    assert!(large.is_some_and(|line| line.contains("dropped ")), "{out}");
    let well = r#"{"behaviour": "well"}"#;
    let out = run(folder.path(), &conformance(&guest("stateful"), well)).await;
    assert!(out.contains("format 1, 8 bytes"), "{out}");

    for (file, behaviour, check, why) in [
        (
            "hostile",
            "always-broken",
            "traces: usual",
            "broke the contract",
        ),
        ("hostile", "panic-in-configure", "configure", "trapped"),
        (
            "hostile",
            "unknown-field",
            "configure",
            "`span.colour` names no field",
        ),
        (
            "stateful",
            "panic-in-snapshot",
            "state is handed over",
            "snapshot trapped",
        ),
        (
            "stateful",
            "refuse-data",
            "state is handed over",
            "its own snapshot was not taken",
        ),
    ] {
        let settings = format!(r#"{{"behaviour": "{behaviour}"}}"#);
        let output = spanmill(folder.path(), &conformance(&guest(file), &settings)).await;
        assert_eq!(output.code, Some(1), "{behaviour}");
        let line = output
            .stdout
            .lines()
            .find(|line| line.starts_with(check) && line.contains("FAILED") && line.contains(why));
        assert!(line.is_some(), "no {check} {why} in:\n{}", output.stdout);
        assert!(output.stderr.contains("failed"), "{}", output.stderr);
    }
    // Settings that a plugin needs are no fault of the plugin's.
    let attributes = filter.replace("filter", "attributes");
    let output = spanmill(folder.path(), &conformance(&attributes, "{}")).await;
    assert_eq!(output.code, Some(1));
    assert!(
        output
            .stderr
            .contains("settings/actions: at least one action"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("--settings"), "{}", output.stderr);
}

#[tokio::test]
async fn every_role_of_a_plugin_is_tested() {
    let folder = temporary();
    let guest = spanmill_tests::guest("hostile_roles").display().to_string();
    let run_as = async |behaviour: &str| {
        let settings = format!(r#"{{"behaviour": "{behaviour}"}}"#);
        let mut arguments = conformance(&guest, &settings).to_vec();
        arguments.extend(["--pipelines", "traces/a,traces/b"]);
        spanmill(folder.path(), &arguments).await
    };
    let well = run_as("well").await;
    assert_eq!(well.code, Some(0), "{}", well.stdout);
    for line in [
        "as a processor:",
        "as a record connector:",
        "as a router:",
        "rows shown again",
        "rules are told",
        "made 2 log records",
    ] {
        assert!(well.stdout.contains(line), "no {line} in:\n{}", well.stdout);
    }
    for (behaviour, check, why) in [
        (
            "hold-without-sharding",
            "traces: usual",
            "sharding by-trace or whole",
        ),
        ("hold-without-trace", "traces: ", "has no trace id"),
        ("unknown-verdict", "traces: usual", "verdict 3"),
        ("tick-traps", "held rows are decided on", "tick trapped"),
        (
            "half-a-trace",
            "held rows are decided on",
            "a trace has two words",
        ),
        (
            "decide-twice",
            "held rows are decided on",
            "name a trace twice",
        ),
        (
            "too-many-decisions",
            "held rows are decided on",
            "values where there are",
        ),
        (
            "refuse-the-end",
            "held rows are decided on",
            "tick lost its state",
        ),
        ("review-traps", "held rows are decided on", "review trapped"),
        ("explain-traps", "rules are told", "explain: "),
        ("why-traps", "rules are told", "why trapped"),
        (
            "a-reason-too-many",
            "rules are told",
            "values where there are",
        ),
        (
            "a-rule-that-is-not-there",
            "rules are told",
            "a number is beyond the rules",
        ),
        ("too-many-rules", "rules are told", "4096 is the most"),
        (
            "records-of-metrics",
            "configure",
            "makes records of metrics",
        ),
        (
            "a-field-of-another-signal",
            "configure",
            "`span.name` is not a field",
        ),
        (
            "a-connector-writes",
            "configure",
            "a record connector writes none",
        ),
        ("a-record-too-many", "traces: usual", "records.resources"),
        (
            "a-resource-that-is-not-there",
            "traces: usual",
            "records.resources",
        ),
        (
            "a-text-that-is-not-there",
            "traces: usual",
            "beyond the pool",
        ),
        ("another-column", "traces: usual", "wrong case"),
        ("bytes-that-are-no-text", "traces: usual", "not valid"),
        ("not-the-signal", "configure", "it does not take traces"),
        ("a-row-too-many", "traces: usual", "routes.pipelines"),
        (
            "a-pipeline-that-is-not-there",
            "traces: usual",
            "is routed to pipeline 63",
        ),
        ("routes-of-logs", "traces: usual", "routes for each log"),
    ] {
        let output = run_as(behaviour).await;
        assert_eq!(output.code, Some(1), "{behaviour}:\n{}", output.stdout);
        let mut lines = output.stdout.lines();
        let line = lines
            .find(|line| line.starts_with(check) && line.contains("FAILED") && line.contains(why));
        assert!(line.is_some(), "no {check} {why} in:\n{}", output.stdout);
    }
    // Without pipelines the router is left out.
    let settings = r#"{"behaviour": "well"}"#;
    let output = spanmill(folder.path(), &conformance(&guest, settings)).await;
    assert!(output.stdout.contains("--pipelines"), "{}", output.stdout);
}

#[tokio::test]
async fn settings_are_given_as_json_as_yaml_or_in_a_file() {
    let folder = temporary();
    let stateful = spanmill_tests::guest("stateful").display().to_string();
    std::fs::write(folder.path().join("mine.yaml"), "behaviour: well\n").unwrap();
    for settings in [
        r#"{"behaviour": "well"}"#,
        "{behaviour: well}",
        "behaviour: well",
        "@mine.yaml",
    ] {
        let out = run(folder.path(), &conformance(&stateful, settings)).await;
        assert!(out.contains("format 1, 8 bytes"), "{settings}: {out}");
    }
    std::fs::write(folder.path().join("list.yaml"), "- well\n").unwrap();
    for (settings, why) in [
        (
            "mine.yaml",
            "a file is named with an @: --settings @settings.yaml",
        ),
        ("[a: well]", "--settings:1:1"),
        ("{behaviour: [well}", "--settings:1:"),
        ("@list.yaml", "list.yaml:1:1"),
        ("@none.yaml", "cannot read none.yaml"),
    ] {
        for command in [&["inspect"][..], &["plugin", "test", "--conformance"]] {
            let arguments = [command, &[&stateful, "--settings", settings]].concat();
            let output = spanmill(folder.path(), &arguments).await;
            assert_eq!(output.code, Some(1), "{settings}");
            assert!(output.stderr.contains(why), "{settings}: {}", output.stderr);
        }
    }
    let filter = spanmill_tests::built_in("filter").display().to_string();
    let settings = r#"traces: {span: ['attributes["a$$b"] == "c"']}"#;
    let out = run(folder.path(), &["inspect", &filter, "--settings", settings]).await;
    assert!(out.contains("span.attributes[\"a$b\"]"), "{out}");
}

/// The arguments that test a plugin file.
fn conformance<'a>(file: &'a str, settings: &'a str) -> [&'a str; 6] {
    [
        "plugin",
        "test",
        "--conformance",
        file,
        "--settings",
        settings,
    ]
}

#[tokio::test]
async fn a_replay_gives_the_same_bytes_every_time() {
    let folder = temporary();
    let spans = (1..200).map(|number| {
        let mail = text("mail", &format!("a{number}@example.com"));
        span(number, if number % 3 == 0 { "a" } else { "b" }, vec![mail])
    });
    let recorded = request("shop", spans.collect());
    std::fs::write(folder.path().join("in.pb"), recorded.encode_to_vec()).unwrap();
    let json = serde_json::to_string(&recorded).unwrap();
    std::fs::write(folder.path().join("in.json"), format!("{json}\n{json}\n")).unwrap();
    std::fs::write(folder.path().join("one.json"), &json).unwrap();

    let mut outs = Vec::new();
    for out in ["1.json", "2.json"] {
        run(
            folder.path(),
            &["replay", "--input", "in.pb", "--output", out],
        )
        .await;
        outs.push(std::fs::read_to_string(folder.path().join(out)).unwrap());
    }
    assert_eq!(outs[0], outs[1]);
    let stdout = run(folder.path(), &["replay", "--input", "one.json"]).await;
    assert_eq!(stdout, outs[0]);

    // The traces first, a request a line, and then the connector's metrics.
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 2);
    let traces: ExportTraceServiceRequest = serde_json::from_str(lines[0]).unwrap();
    let traces = flatten(&[traces]);
    assert_eq!(traces.len(), 199);
    assert!(!stdout.contains("@example.com") && stdout.contains("****"));
    assert!(lines[1].contains("traces.span.metrics.calls"));

    let twice = run(folder.path(), &["replay", "--input", "in.json"]).await;
    assert_eq!(twice.lines().count(), 3);
}

#[tokio::test]
async fn a_replay_takes_the_published_example_and_nothing_else() {
    let folder = temporary();
    let out = run(folder.path(), &["replay", "--input", EXAMPLE]).await;
    assert!(
        out.contains("I'm a server span") && out.contains("processed.by"),
        "{out}"
    );
    std::fs::write(folder.path().join("bad.json"), "{\"resourceSpans\":\n 5}").unwrap();
    let bad = spanmill(folder.path(), &["replay", "--input", "bad.json"]).await;
    assert_eq!(bad.code, Some(1));
    assert!(
        bad.stderr.contains("bad.json: ") && bad.stderr.contains("line 2"),
        "{}",
        bad.stderr
    );
    let unnamed = spanmill(folder.path(), &["replay", "--input", "in.txt"]).await;
    assert_eq!(unnamed.code, Some(1));
    assert!(unnamed.stderr.contains("in.txt"), "{}", unnamed.stderr);
}

/// The quickstart, where its ports are free: with curl's request of a JSON body.
#[tokio::test(flavor = "multi_thread")]
async fn the_quickstart_pipeline_answers_curl() {
    let ports = [4317, 4318, 8889];
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    if !ports.iter().all(free) {
        // Somebody's collector runs here: the test above has validated the manifest.
        return;
    }
    let spanmill = Spanmill::start_in(temporary(), None, &[]).await;
    assert_eq!(spanmill.address("receiver otlp grpc").port(), 4317);
    assert_eq!(spanmill.address("exporter prometheus http").port(), 8889);
    let body = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
        "scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"GET /cart","kind":2,
        "startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000050000000",
        "attributes":[{"key":"user","value":{"stringValue":"jane@example.com"}}]}]}]}]}"#;
    let reply = post(
        spanmill.address("receiver otlp http"),
        "application/json",
        body,
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let ended = spanmill.stop().await;
    let shown = ended.stdout.join("\n");
    for part in [
        "traces: otlp -> filter -> redaction",
        "GET /cart",
        "****",
        "processed.by",
    ] {
        assert!(shown.contains(part), "no {part} in:\n{shown}");
    }
    assert!(!shown.contains("jane@example.com"), "{shown}");
    assert!(!ended.log.join("\n").contains("GET /cart"));
}
