//! The admin API of the real binary, and the command line that speaks to it: what it does, what it refuses and how it
//! says so, and who may use it at all.

mod operator;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use http::Method;
use operator::{OPENAPI, Operated, spans};
use serde_json::{Value, json};
use spanmill_tests::{
    HttpReply, Output, Spanmill, admin_api, built_in, guest, http, spanmill, version,
};

/// Nothing listens there.
const NOWHERE: &str = "127.0.0.1:1";
const TOKEN: &str = "2f6b0c-a.secret";

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

/// A manifest that needs nobody else, with a section `admin`.
fn alone(admin: &str) -> String {
    format!(
        r#"admin: {admin}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  debug:
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [debug]}}
"#
    )
}

async fn start(manifest: &str, arguments: &[&str]) -> Spanmill {
    Spanmill::start_in(tempfile::tempdir().unwrap(), Some(manifest), arguments).await
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
    admin_api(&[&base, OPENAPI, "mine/a", &good, &bad]).await;
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
    let headers = [("content-type", "application/wasm")];
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
    let same = mine.refused(&["swap", "mine", &file]).await;
    assert!(same.contains("mine runs this version already"), "{same}");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_wanted_where_there_is_one() {
    let manifest = alone(&format!("{{endpoint: \"127.0.0.1:0\", token: {TOKEN}}}"));
    let running = start(&manifest, &[]).await;
    let address = running.address("admin http");
    for (token, part) in [
        (None, Some("wants a token; set SPANMILL_ADMIN_TOKEN")),
        (
            Some("wrong"),
            Some("does not take this token; set SPANMILL_ADMIN_TOKEN"),
        ),
        (Some(TOKEN), None),
    ] {
        let output = with_token(address, token).await;
        assert_eq!(
            output.code,
            Some(i32::from(part.is_some())),
            "{}",
            output.stderr
        );
        let part = part.unwrap_or_default();
        assert!(output.stderr.contains(part), "{}", output.stderr);
    }
    let reply = http(address, Method::GET, "/v1/plugins", &[], "").await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("www-authenticate")),
        (401, "Bearer")
    );
    // Who shows it need not come from this machine.
    let authorization = format!("Bearer {TOKEN}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("origin", "http://a.example"),
    ];
    let reply = http(address, Method::GET, "/v1/plugins", &headers, "").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let ended = running.stop().await;
    assert!(!ended.log.join("\n").contains(TOKEN));
}

/// `spanmill plugin status` with a token in the environment or without one.
async fn with_token(address: SocketAddr, token: Option<&str>) -> Output {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let set = std::env::var_os("SPANMILL_BINARY").map(PathBuf::from);
    let binary = set.unwrap_or_else(|| PathBuf::from(root).join("target/release/spanmill"));
    let mut command = Command::new(binary);
    command.args(["plugin", "--admin", &address.to_string(), "status"]);
    match token {
        Some(token) => command.env("SPANMILL_ADMIN_TOKEN", token),
        None => command.env_remove("SPANMILL_ADMIN_TOKEN"),
    };
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = spanmill_tests::within("an answer", output).await;
    let output = output.unwrap().unwrap();
    Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test]
async fn others_do_not_get_in_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("bad.yaml"), text).unwrap();
    for endpoint in ["0.0.0.0:0", "[::]:0", "203.0.113.1:4319"] {
        write(&alone(&format!("{{endpoint: \"{endpoint}\"}}")));
        for command in ["validate", "run"] {
            let output = spanmill(folder.path(), &[command, "--config", "bad.yaml"]).await;
            assert_eq!(output.code, Some(1), "{}", output.stderr);
            for part in [
                "bad.yaml:1:19",
                "there is no token",
                "help: add `token: ${env:",
            ] {
                assert!(
                    output.stderr.contains(part),
                    "no {part} in:\n{}",
                    output.stderr
                );
            }
        }
    }
    // The command line is no way around it.
    write(&alone("{}"));
    let arguments = ["run", "--config", "bad.yaml", "--admin", "0.0.0.0:0"];
    let output = spanmill(folder.path(), &arguments).await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(
        output.stderr.contains("no token is set"),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn a_token_that_could_not_be_shown_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("bad.yaml"), text).unwrap();
    for token in ["'two words'", "''"] {
        write(&alone(&format!("{{token: {token}}}")));
        for command in ["validate", "run"] {
            let output = spanmill(folder.path(), &[command, "--config", "bad.yaml"]).await;
            assert_eq!(output.code, Some(1), "{command} {token}: {}", output.stdout);
            assert!(output.stderr.contains("token"), "{}", output.stderr);
            assert!(!output.stderr.contains("two words"), "{}", output.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn web_pages_are_refused() {
    let running = start(&alone("{}"), &[]).await;
    let address = running.address("admin http");
    assert!(address.ip().is_loopback());
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("host", "evil.example"),
    ] {
        // A second Host is as bad as a wrong one.
        let reply = http(address, Method::POST, "/v1/reload", &[(name, value)], "").await;
        assert_eq!(reply.status, 403, "{name}: {}", reply.text());
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
    let reply = http(address, Method::POST, "/v1/reload", &[], "").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// A port that is held here: who tries to listen on it fails.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_listens_if_it_is_turned_off() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    let off = alone(&format!("{{enabled: false, endpoint: \"{taken}\"}}"));
    let on = alone(&format!("{{endpoint: \"{taken}\"}}"));
    for (manifest, arguments) in [
        (&off, &["--admin", &taken][..]),
        (&off, &[]),
        (&on, &["--admin", "off"]),
    ] {
        let running = start(manifest, arguments).await;
        let log = running.log().join("\n");
        assert!(!log.contains("admin http"), "{log}");
        running.stop().await;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("on.yaml"), &on).unwrap();
    let arguments = ["run", "--config", "on.yaml", "--admin", &taken];
    let output = spanmill(folder.path(), &arguments).await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains(&taken), "{}", output.stderr);
}

#[tokio::test]
async fn where_nobody_listens_it_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = path(guest("hostile"));
    for command in [
        &["status"][..],
        &["swap", "filter", &wasm],
        &["shadow", "filter", &wasm],
        &["promote", "filter"],
        &["reload"],
        &["events"],
    ] {
        let mut arguments = vec!["plugin", "--admin", NOWHERE];
        arguments.extend(command);
        let output = spanmill(folder.path(), &arguments).await;
        assert_eq!(output.code, Some(1), "{command:?}");
        assert_eq!(output.stdout, "");
        for part in ["nothing listens at 127.0.0.1:1", "spanmill run", "--admin"] {
            assert!(
                output.stderr.contains(part),
                "{command:?}: {}",
                output.stderr
            );
        }
    }
    let output = spanmill(folder.path(), &["plugin", "--admin", "here", "status"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("host:port"), "{}", output.stderr);
}
