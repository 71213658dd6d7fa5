//! The admin API of the real binary, and the command line that speaks to it: what it does, what it refuses, and how it
//! says so.

mod access;
mod compiling;
mod plugin_files;
mod rights;
mod saved;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::operator::{OPENAPI, Operated, spans};
use http::Method;
use serde_json::{Value, json};
use spanmill_tests::{HttpReply, admin_api, admin_token, built_in, guest, http, version};

/// Two of a type in a row, and a connector that goes by its other name.
fn manifest() -> String {
    format!(
        r#"
plugins:
  mine: {{file: {}}}
processors:
  mine/a: {{behaviour: rename, name: a, v2: well}}
  mine/b: {{behaviour: well}}
connectors:
  span_metrics/red: {{metrics_flush_interval: 100ms}}
ledger: {{}}
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [mine/a, mine/b]
      exporters: [otlp, span_metrics/red]
    metrics: {{receivers: [span_metrics/red], exporters: [otlp]}}
"#,
        guest("hostile").display()
    )
}

/// One worker, and files of the test's beside the manifest.
async fn start_beside(manifest: &str, files: impl FnOnce(&Path)) -> Operated {
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    Operated::start_in(folder, manifest, &["--workers", "1"]).await
}

fn path(file: PathBuf) -> String {
    file.display().to_string()
}

/// The components that a swap was about.
fn components(report: &Value) -> Vec<&str> {
    let components = report["components"].as_array().unwrap().iter();
    components
        .map(|one| one["component"].as_str().unwrap())
        .collect()
}

/// The document holds: every operation, whether it goes well or not.
#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_as_its_document_says() {
    let mine = Arc::new(Operated::start(&manifest()).await);
    // So that probations pass.
    let sender = Arc::clone(&mine);
    let sending = tokio::spawn(async move {
        for number in 1.. {
            sender.send(spans(number..number + 1, "a")).await;
        }
    });
    let base = format!("http://{}", mine.spanmill.address("admin http"));
    let good = path(guest("hostile_v2"));
    let bad = path(mine.spanmill.file("manifest.yaml"));
    let id = &spans(1..2, "a")[0].trace_id;
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    mine.names(1).await;
    admin_api(&[&base, OPENAPI, "mine/a", &good, &bad, &id]).await;
    sending.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_means_all_of_it_and_a_name_the_one() {
    let mine = Operated::start(&manifest()).await;
    let before = mine.told(&["status"]).await;
    let v2 = path(guest("hostile_v2"));
    let report = mine
        .told(&["swap", "mine/a", &v2, "--probation", "1"])
        .await;
    assert_eq!(components(&report), ["mine/a"]);
    mine.send(spans(1..2, "sent")).await;
    // The second gives the names, and is the one it was.
    assert_eq!(mine.names(1).await, ["batch 1"]);
    let passed = |told: &Value| told[0]["state"] == "running";
    let status = mine.told_at_last(&["status"], passed).await;
    assert_eq!(status[0]["version"]["source"], "hostile_v2.wasm");
    assert_eq!(status[1]["version"]["hash"], before[1]["version"]["hash"]);

    // All of the type, but for the one that runs it already.
    let report = mine.told(&["swap", "mine", &v2, "--probation", "1"]).await;
    assert_eq!(components(&report), ["mine/b"]);
    let third = mine.spanmill.file("third.wasm");
    std::fs::write(&third, version(&guest("hostile_v2"), "3")).unwrap();
    let output = mine.plugin(&["swap", "mine", &path(third)]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let to = mine.told(&["status"]).await[1]["version"]["hash"].clone();
    let (from, to) = (&status[0]["version"]["hash"], to);
    let short = |hash: &Value| hash.as_str().unwrap()[..12].to_owned();
    for component in ["mine/a", "mine/b"] {
        let line = format!("{component}: {} in place of {}", short(&to), short(from));
        assert!(
            output.stdout.contains(&line),
            "no {line} in:\n{}",
            output.stdout
        );
    }
    assert!(
        output.stdout.contains("on probation for 100 batches"),
        "{}",
        output.stdout
    );
    mine.send(spans(2..3, "sent")).await;
    assert_eq!(mine.names(2).await[1], "v2 batch 1");
}

/// A version of spanmetrics that has not been there yet.
fn another(mine: &Operated, mark: &str) -> String {
    let file = mine.spanmill.file("another.wasm");
    std::fs::write(&file, version(&built_in("spanmetrics"), mark)).unwrap();
    path(file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_goes_by_its_other_name_too() {
    let mine = Operated::start(&manifest()).await;
    for name in ["span_metrics", "spanmetrics", "span_metrics/red"] {
        let other = another(&mine, name);
        let report = mine.told(&["swap", name, &other, "--probation", "0"]).await;
        assert_eq!(components(&report), ["span_metrics/red"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_a_component_with_a_name() {
    let mine = Operated::start(&manifest()).await;
    let other = another(&mine, "2");
    let report = mine.told(&["swap", "spanmetrics/red", &other]).await;
    assert_eq!(components(&report), ["span_metrics/red"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_is_the_same_by_either_name() {
    let mine = Operated::start(&manifest()).await;
    let other = another(&mine, "2");
    mine.told(&["shadow", "span_metrics", &other, "--detach"])
        .await;
    let ended = mine.told(&["shadow", "spanmetrics", "--stop"]).await;
    assert_eq!(ended["components"], json!(["span_metrics/red"]));
    let report = mine.told(&["promote", "spanmetrics"]).await;
    assert_eq!(components(&report), ["span_metrics/red"]);
}

/// What cannot take a plugin's place, and what must be said.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_told_why_and_telemetry_goes_on() {
    let mine = Operated::start(&manifest().replace("v2: well", "v2: unavailable")).await;
    let before = mine.told(&["status"]).await;
    let text = mine.spanmill.file("manifest.yaml");
    let core = mine.spanmill.file("core.wasm");
    std::fs::write(&core, b"\0asm\x01\0\0\0").unwrap();
    let cases: [(&str, PathBuf, &[&str]); 7] = [
        (
            "mine",
            text,
            &["manifest.yaml is not a WebAssembly component"],
        ),
        (
            "mine",
            core,
            &["core.wasm is a core WebAssembly module", "wasm32-wasip2"],
        ),
        (
            "mine/a",
            guest("sdk_connector"),
            &["processor mine/a", "is a connector"],
        ),
        (
            "span_metrics",
            guest("hostile"),
            &["connector span_metrics/red", "is a processor"],
        ),
        (
            "mine/b",
            guest("importer"),
            &["imports acme:spy/files", "no plugin is granted"],
        ),
        // It knows other settings than the manifest has; and one that takes them, but will not run.
        (
            "mine/b",
            guest("drop_routes"),
            &["unknown key `behaviour`", "manifest.yaml:"],
        ),
        (
            "mine",
            guest("hostile_v2"),
            &["processor mine/a", "it is not my day"],
        ),
    ];
    for (number, (component, file, parts)) in cases.iter().enumerate() {
        let file = path(file.clone());
        for command in ["swap", "shadow"] {
            let refused = mine.refused(&[command, component, &file]).await;
            for part in *parts {
                assert!(refused.contains(part), "no {part} in:\n{refused}");
            }
        }
        let target = format!("/v1/plugins/{}/swap", component.replace('/', "%2F"));
        let wasm = std::fs::read(&file).unwrap();
        let reply = post(&mine, &target, wasm).await;
        assert_eq!(reply.status, 422, "{file}: {}", reply.text());
        mine.send(spans(number as u64 + 1..number as u64 + 2, "sent"))
            .await;
    }
    // The same instances all the while.
    let names = (1..=cases.len()).map(|number| format!("batch {number}"));
    assert_eq!(mine.names(cases.len()).await, names.collect::<Vec<_>>());
    let status = mine.told(&["status"]).await;
    for (before, now) in before
        .as_array()
        .unwrap()
        .iter()
        .zip(status.as_array().unwrap())
    {
        assert_eq!(before["version"]["hash"], now["version"]["hash"]);
        assert_eq!((&now["swaps"], &now["history"]), (&json!(0), &json!([])));
    }
    mine.holds_to_the_document(&["events"], "Event").await;
    let events = mine.told(&["events"]).await;
    let events = events.as_array().unwrap();
    assert_eq!(events.len(), 3 * cases.len());
    assert!(
        events.iter().all(|event| event["kind"] == "refused"),
        "{events:?}"
    );
}

/// The manifest names another file, and nothing in it is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_about_the_file_that_was_sent() {
    let mine = Operated::start(&manifest()).await;
    let connector = path(guest("sdk_connector"));
    let refused = mine.refused(&["swap", "mine/a", &connector]).await;
    assert!(refused.contains("sdk_connector.wasm"), "{refused}");
    assert!(!refused.contains("error: error:"), "{refused}");
    assert!(
        !refused.contains("name it under `connectors:`"),
        "{refused}"
    );
}

async fn post(mine: &Operated, target: &str, wasm: Vec<u8>) -> HttpReply {
    let address = mine.spanmill.address("admin http");
    let authorization = format!("Bearer {}", admin_token(address));
    let headers = [
        ("content-type", "application/wasm"),
        ("authorization", authorization.as_str()),
    ];
    http(address, Method::POST, target, &headers, wasm).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_nobody_is_told_who_there_is() {
    let mine = Operated::start(&manifest()).await;
    let file = path(guest("hostile"));
    for command in [
        &["swap", "nobody", &file][..],
        &["shadow", "nobody", &file],
        &["status", "nobody"],
    ] {
        let refused = mine.refused(command).await;
        for part in ["nobody", "mine/a, mine/b, span_metrics/red"] {
            assert!(
                refused.contains(part),
                "{command:?}: no {part} in:\n{refused}"
            );
        }
    }
    let missing = mine.refused(&["swap", "mine", "missing.wasm"]).await;
    assert!(missing.contains("cannot read missing.wasm"), "{missing}");
    let same = mine.plugin(&["swap", "mine", &file]).await;
    assert_eq!(same.code, Some(0), "{}", same.stderr);
    for component in ["mine/a", "mine/b"] {
        let told = format!("{component}: runs this version already");
        assert!(same.stdout.contains(&told), "{}", same.stdout);
    }
    for duration in ["soon", "0s", "-1s"] {
        let argument = format!("--for={duration}");
        let output = mine.plugin(&["shadow", "mine", &file, &argument]).await;
        assert_eq!(output.code, Some(2), "{duration}");
        assert!(
            output.stderr.contains("such as 500ms, 60s or 5m"),
            "{}",
            output.stderr
        );
    }
}
