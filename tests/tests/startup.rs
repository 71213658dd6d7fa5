//! What keeps Spanmill from starting: each mistake ends it with a message that says where and what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use spanmill_tests::{Output, binary, run_program, spanmill};
use tempfile::TempDir;

const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/plugins");
const HOSTILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/release/guests/hostile.wasm"
);

/// A manifest with one plugin processor; its file is named in line 3, its settings stand in line 5.
fn with_plugin(file: &str, settings: &str) -> String {
    format!(
        r#"plugins:
  mine:
    file: {file}
processors:
  mine: {settings}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  debug:
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [mine], exporters: [debug]}}
"#
    )
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs and validates a manifest, which must fail the same way; gives the message.
async fn refused(folder: &Path, manifest: &str) -> String {
    std::fs::write(folder.join("bad.yaml"), manifest).unwrap();
    let mut messages = Vec::new();
    for command in ["validate", "run"] {
        let Output { code, stderr, .. } = spanmill(
            folder,
            &[command, "--config", "bad.yaml", "--log-level", "error"],
        )
        .await;
        assert_eq!(code, Some(1), "{stderr}");
        messages.push(stderr);
    }
    assert_eq!(messages[0], messages[1]);
    messages.swap_remove(0)
}

/// Fails unless all the parts are in the text, in this order.
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let Some(at) = rest.find(part) else {
            panic!("no `{part}` (in order) in:\n{text}");
        };
        rest = &rest[at + part.len()..];
    }
}

/// Replaces one text of a file by another of the same length, everywhere.
fn patched(file: &str, old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut bytes = std::fs::read(file).unwrap();
    let places: Vec<usize> = bytes
        .windows(old.len())
        .enumerate()
        .filter(|(_, window)| *window == old.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "no {old} in {file}");
    for at in places {
        bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
    }
    bytes
}

/// A file's name, what is in it if it is there, and what must be said.
type FileCase = (&'static str, Option<Vec<u8>>, &'static [&'static str]);

#[tokio::test]
async fn files_that_are_no_plugins() {
    let hostile = HOSTILE;
    let cases: [FileCase; 6] = [
        (
            "missing.wasm",
            None,
            &[
                "cannot read the plugin",
                "missing.wasm",
                "help:",
                "relative to the manifest",
            ],
        ),
        (
            "text.wasm",
            Some(b"not WebAssembly".to_vec()),
            &["not a WebAssembly component", "help:", "wasm32-wasip2"],
        ),
        (
            "core.wasm",
            Some(b"\0asm\x01\0\0\0".to_vec()),
            &["core WebAssembly module", "wasm32-wasip2"],
        ),
        (
            "empty.wasm",
            Some(b"\0asm\x0d\0\x01\0".to_vec()),
            &[
                "exports none of",
                "it exports nothing",
                "help:",
                "register_processor!",
            ],
        ),
        (
            "future.wasm",
            Some(patched(hostile, "@0.1.0", "@0.2.0")),
            &[
                "built against spanmill:plugin/processor@0.2.0",
                "this host speaks spanmill:plugin/processor@0.1.0",
                "rebuild it",
            ],
        ),
        (
            "foreign.wasm",
            Some(patched(
                hostile,
                "spanmill:plugin/log@",
                "spanmill:plugin/dns@",
            )),
            &["imports spanmill:plugin/dns@0.1.0", "no plugin is granted"],
        ),
    ];
    for (file, bytes, message) in cases {
        let folder = folder();
        if let Some(bytes) = bytes {
            std::fs::write(folder.path().join(file), bytes).unwrap();
        }
        let manifest = with_plugin(file, "{behaviour: print}");
        let error = refused(folder.path(), &manifest).await;
        in_order(&error, &["error: processor mine", file]);
        let place = error
            .find("--> bad.yaml:3:11")
            .unwrap_or_else(|| panic!("{error}"));
        assert!(error[place..].contains(&format!("file: {file}")), "{error}");
        in_order(&error, message);
        assert!(error.contains("bad.yaml: 1 error"), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_component_is_refused() {
    let folder = folder();
    let mut bytes = std::fs::read(HOSTILE).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(folder.path().join("half.wasm"), bytes).unwrap();
    let error = refused(
        folder.path(),
        &with_plugin("half.wasm", "{behaviour: print}"),
    )
    .await;
    in_order(
        &error,
        &["half.wasm is not a WebAssembly component", "bad.yaml:3:11"],
    );
}

#[tokio::test]
async fn plugins_that_do_not_take_their_settings() {
    let cases: [(&str, &[&str]); 9] = [
        (
            "panic-in-configure",
            &["configure failed", "trapped", "bad.yaml:3:11"],
        ),
        (
            "loop-in-configure",
            &[
                "configure failed",
                "did not return within 1s",
                "bad.yaml:3:11",
            ],
        ),
        (
            "unavailable",
            &["cannot run: it is not my day", "bad.yaml:3:11"],
        ),
        (
            "unknown-field",
            &["`span.colour` names no field of a span", "bad.yaml:3:11"],
        ),
        (
            "read-twice",
            &["`span.name` is declared twice", "bad.yaml:3:11"],
        ),
        (
            "no-signal",
            &[
                "declares what it may not: it takes no signal",
                "bad.yaml:3:11",
            ],
        ),
        (
            "signal-twice",
            &[
                "declares what it may not: it takes traces twice",
                "bad.yaml:3:11",
            ],
        ),
        (
            "log-field",
            &[
                "it reads `log.body`, but does not take logs",
                "bad.yaml:3:11",
            ],
        ),
        // A JSON pointer of the plugin's leads to the line of the manifest.
        (
            "[1, 2]",
            &[
                "expected a string",
                "--> bad.yaml:5",
                "mine: {behaviour: [1, 2]}",
            ],
        ),
    ];
    for (behaviour, message) in cases {
        let folder = folder();
        let manifest = with_plugin(HOSTILE, &format!("{{behaviour: {behaviour}}}"));
        let error = refused(folder.path(), &manifest).await;
        in_order(&error, &["error: processor mine"]);
        in_order(&error, message);
    }
}

#[tokio::test]
async fn a_plugin_gets_no_more_than_it_is_allowed() {
    let folder = folder();
    let manifest = with_plugin(HOSTILE, "{behaviour: print}").replace(
        "\nprocessors:",
        "\n    allow: {reads: [span.name], writes: [span.attributes]}\nprocessors:",
    );
    let error = refused(folder.path(), &manifest).await;
    in_order(
        &error,
        &[
            "the plugin writes `span.name`, which `allow.writes` does not grant",
            "bad.yaml:2:3",
        ],
    );
}

#[tokio::test]
async fn every_mistake_is_shown_at_once_with_its_line_and_what_to_do() {
    let folder = folder();
    let manifest = r#"receivers:
  otlp:
    protocols:
      grpc:
        endpiont: "127.0.0.1:0"
processors:
  batch:
    send_batch_size: many
    timeout: 10 parsecs
exporters:
  otlp:
    endpoint: http://[broken
  debgu:
service:
  pipelines:
    traces:
      receivers: [oltp]
      processors: [batch]
      exporters: [otlp]
"#;
    let error = refused(folder.path(), manifest).await;
    for (line, parts) in [
        (5, &["endpiont", "did you mean `endpoint`?"][..]),
        (8, &["send_batch_size: many"]),
        (9, &["timeout: 10 parsecs"]),
        (12, &["endpoint: http://[broken"]),
        (13, &["debgu", "did you mean `debug`?"]),
        (17, &["oltp", "did you mean `otlp`?"]),
    ] {
        let place = error.find(&format!("--> bad.yaml:{line}:"));
        let place = place.unwrap_or_else(|| panic!("nothing of line {line} in:\n{error}"));
        in_order(&error[place..], parts);
    }
    assert!(error.contains("bad.yaml: 6 errors"), "{error}");
}

#[tokio::test]
async fn plugins_name_every_mistake_in_their_settings() {
    let folder = folder();
    let manifest = r#"receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}
processors:
  attributes:
    actions:
      - key: a
        action: replace
      - action: insert
        value: 1
  filter:
    traces:
      span:
        - attributes["route"] ==
  redaction:
    allow_all_keys: true
    blocked_values: ['[unclosed']
    sumary: debug
  probabilistic_sampler:
    sampling_percentage: -5
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [attributes, filter, redaction, probabilistic_sampler]
      exporters: [debug]
"#;
    let error = refused(folder.path(), manifest).await;
    for (line, part) in [
        (7, "action: replace"),
        (8, "action: insert"),
        (13, "attributes[\"route\"] =="),
        (19, "sampling_percentage: -5"),
    ] {
        let place = error.find(&format!("--> bad.yaml:{line}:"));
        let place = place.unwrap_or_else(|| panic!("nothing of line {line} in:\n{error}"));
        in_order(&error[place..], &[part]);
    }
    in_order(&error, &["sumary", "did you mean `summary`?"]);
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = folder();
    let receivers = format!("{{grpc: {{endpoint: \"{address}\"}}}}");
    for (manifest, owner) in [
        (
            format!(
                "receivers:\n  otlp: {{protocols: {receivers}}}\nexporters:\n  debug:\nservice:\n  pipelines:\n    traces: {{receivers: [otlp], exporters: [debug]}}\n"
            ),
            "receiver otlp",
        ),
        (
            format!(
                "receivers:\n  otlp: {{protocols: {{grpc: {{endpoint: \"127.0.0.1:0\"}}}}}}\nconnectors:\n  spanmetrics:\nexporters:\n  prometheus: {{endpoint: \"{address}\"}}\nservice:\n  pipelines:\n    traces: {{receivers: [otlp], exporters: [spanmetrics]}}\n    metrics: {{receivers: [spanmetrics], exporters: [prometheus]}}\n"
            ),
            "exporter prometheus",
        ),
    ] {
        std::fs::write(folder.path().join("c.yaml"), &manifest).unwrap();
        // The manifest is fine: only running it fails.
        let valid = spanmill(folder.path(), &["validate", "--config", "c.yaml"]).await;
        assert_eq!(valid.code, Some(0), "{}", valid.stderr);
        let run = spanmill(folder.path(), &["run", "--config", "c.yaml"]).await;
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        in_order(
            &run.stderr,
            &["error:", owner, &address.to_string(), "in use", "port 0"],
        );
    }
}

#[tokio::test]
async fn a_manifest_or_built_ins_that_are_not_there() {
    let folder = folder();
    let missing = spanmill(folder.path(), &["run", "--config", "nowhere.yaml"]).await;
    assert_eq!(missing.code, Some(1));
    in_order(&missing.stderr, &["cannot read the manifest nowhere.yaml"]);
    let unknown = spanmill(folder.path(), &["run", "--confg", "x"]).await;
    assert_eq!(unknown.code, Some(2));
    in_order(&unknown.stderr, &["--confg", "--config"]);
    assert!(Path::new(PLUGINS).join("filter.wasm").is_file());
}

/// Runs it as a user who may have so many threads.
async fn with_few_threads(limit: u32) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("spanmill");
    fs::copy(binary(), &copy).unwrap();
    for path in [folder.path(), &copy] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    // The limit is not for root.
    let user = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let as_user = if rustix::process::geteuid().is_root() {
        &user[..]
    } else {
        &[]
    };
    let limit = format!("--nproc={limit}");
    let copy = copy.display().to_string();
    let run = [
        "prlimit",
        &limit,
        "--",
        &copy,
        "run",
        "--workers",
        "2",
        "--admin",
        "off",
    ];
    let all = [as_user, &run].concat();
    let (program, arguments) = all.split_first().unwrap();
    run_program(Path::new(program), folder.path(), arguments, &[]).await
}

#[tokio::test]
async fn too_few_threads_are_told() {
    for (limit, said) in [(1, "the system refuses a further thread"), (5, "takes")] {
        let ended = with_few_threads(limit).await;
        assert_eq!(ended.code, Some(1), "{limit}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{limit}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("`ulimit -u`"),
            "{limit}: {}",
            ended.stderr
        );
        assert!(
            !ended.stderr.contains("panicked"),
            "{limit}: {}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn a_stdout_that_takes_nothing_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let binary = binary().display().to_string();
    let line = ["-c", "exec \"$0\" validate >/dev/full", &binary];
    let ended = run_program(Path::new("sh"), folder.path(), &line, &[]).await;
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("cannot write to stdout"),
        "{}",
        ended.stderr
    );
}
