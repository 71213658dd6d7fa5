//! Manifests as people have them: of several texts, with variables, and asking for more than there is.

use std::path::Path;

use bytes::Bytes;
use http::Method;
use spanmill_tests::{GrpcSender, Spanmill, guest, http, request, span, spanmill, within};

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

const BASE: &str = r#"
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}, grpc: {endpoint: "127.0.0.1:0"}}}}
exporters: {file: {path: out.jsonl}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [file]}}}
"#;

const TAGGED: &str = "
processors: {resource/tag: {attributes: [{key: tag, value: first, action: upsert}]}}
service::pipelines::traces::processors: [resource/tag]
";

/// What `validate` says of manifests, and whether they are right.
async fn validate(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = spanmill(folder, &[&["validate"], arguments].concat()).await;
    (output.code == Some(0), output.stdout + &output.stderr)
}

#[tokio::test]
async fn several_manifests_are_one() {
    let folder = temporary();
    std::fs::write(folder.path().join("base.yaml"), BASE).unwrap();
    std::fs::write(folder.path().join("tagged.yaml"), TAGGED).unwrap();
    let both = ["--config", "base.yaml", "--config", "file:tagged.yaml"];
    let (valid, said) = validate(folder.path(), &both).await;
    assert!(valid, "{said}");
    assert!(
        said.contains("base.yaml, tagged.yaml: 1 pipelines, 1 plugins configured"),
        "{said}"
    );
    let (valid, said) = validate(
        folder.path(),
        &[&both[..], &["--set", "exporters.file.pat=x"]].concat(),
    )
    .await;
    assert!(!valid);
    assert!(said.contains("--set exporters.file.pat:1:"), "{said}");
    // Every command that takes a manifest takes several.
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/data/otlp-example-trace.json");
    let replay = [&["replay", "--input", trace], &both[..]].concat();
    let output = spanmill(folder.path(), &replay).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(
        output
            .stdout
            .contains(r#"{"key":"tag","value":{"stringValue":"first"}}"#),
        "{}",
        output.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_any_of_the_files_is_taken_over() {
    let folder = temporary();
    let over = folder.path().join("over.yaml");
    std::fs::write(&over, TAGGED).unwrap();
    let further = [
        "--config",
        "over.yaml",
        "--set",
        "exporters.file.append=true",
    ];
    let spanmill = Spanmill::start_in(folder, Some(BASE), &further).await;
    let draft = spanmill.file("over.yaml.new");
    std::fs::write(&draft, TAGGED.replace("first", "second")).unwrap();
    std::fs::rename(draft, &over).unwrap();
    spanmill.logged("plugin resource/tag reloaded").await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    sender
        .send(&request("shop", vec![span(1, "one", vec![])]))
        .await
        .unwrap();
    let out = spanmill.file("out.jsonl");
    let written = within("the span in the file", async {
        loop {
            let text = std::fs::read_to_string(&out).unwrap_or_default();
            if text.ends_with('\n') {
                break text;
            }
            tokio::task::yield_now().await;
        }
    });
    assert!(written.await.contains(r#""stringValue":"second""#));
    spanmill.stop().await;
}

#[tokio::test]
async fn plugins_settings_are_read_as_the_collector_reads_them() {
    let manifest = r#"
receivers: {otlp: {protocols: {grpc: }}}
processors:
  probabilistic_sampler: {sampling_percentage: "${env:SM_SHARE:-50}", hash_seed: "${env:SM_NONE:-${env:SM_SEED:-22}}"}
  redaction: {allow_all_keys: "${env:SM_ALL:-true}", blocked_values: "${env:SM_PATTERN:-secret}"}
  redaction/listed: {allowed_keys: "a,b"}
  resource: {attributes: [{key: "${env:SM_NUMBER:-0123}", action: upsert, value: "${env:SM_NUMBER:-0123}"}]}
connectors:
  spanmetrics: {aggregation_cardinality_limit: "${env:SM_SEED:-22}", resource_metrics_cache_size: 100.0}
exporters: {debug: }
service:
  pipelines:
    traces: {receivers: [otlp], processors: [probabilistic_sampler, redaction, redaction/listed, resource], exporters: [debug, spanmetrics]}
    metrics: {receivers: [spanmetrics], exporters: [debug]}
"#;
    let folder = temporary();
    std::fs::write(folder.path().join("m.yaml"), manifest).unwrap();
    let (valid, said) = validate(folder.path(), &["--config", "m.yaml"]).await;
    assert!(valid, "{said}");
    // What no reading makes right is complained of as it stands.
    let wrong = [
        "processors.probabilistic_sampler.mode=bogus,other",
        "processors.redaction.summary=5",
    ];
    for setting in wrong {
        let (valid, said) =
            validate(folder.path(), &["--config", "m.yaml", "--set", setting]).await;
        let (key, _) = setting.split_once('=').unwrap();
        assert!(
            !valid && said.contains(&format!("--set {key}:1:")),
            "{setting}: {said}"
        );
        assert!(!said.contains("sequence"), "{said}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_as_asked_is_not_valid() {
    let cases = [
        (
            "service::pipelines::profiles: {receivers: [otlp], exporters: [file]}\n",
            "this version does not carry profiles",
        ),
        (
            "extensions: {pprof: }\nservice::extensions: [pprof]\n",
            "extension pprof is not served",
        ),
        (
            "service::telemetry::traces::processors: [{simple: {exporter: {console: }}}]\n",
            "simple: exporter is missing",
        ),
        (
            "exporters::otlp: {endpoint: 'a:1', sending_queue: {storage: disk}}\n",
            "sending_queue: storage is not supported",
        ),
    ];
    let folder = temporary();
    std::fs::write(folder.path().join("base.yaml"), BASE).unwrap();
    for (text, reason) in cases {
        let over = format!("yaml:{text}");
        let (valid, said) =
            validate(folder.path(), &["--config", "base.yaml", "--config", &over]).await;
        assert!(!valid && said.contains(reason), "{text}: {said}");
    }
}

#[tokio::test]
async fn a_plugin_stands_in_pipelines_of_its_signals_only() {
    let folder = temporary();
    std::fs::write(folder.path().join("base.yaml"), BASE).unwrap();
    let over = format!(
        "yaml:plugins: {{mine: {{file: {}}}}}\nprocessors: {{mine: {{behaviour: print}}}}\nconnectors: {{spanmetrics: }}\nservice::pipelines::logs: {{receivers: [otlp], processors: [mine], exporters: [file]}}\nservice::pipelines::metrics: {{receivers: [otlp, spanmetrics], processors: [mine], exporters: [file]}}\nservice::pipelines::traces::exporters: [file, spanmetrics]\n",
        guest("hostile").display()
    );
    let (valid, said) =
        validate(folder.path(), &["--config", "base.yaml", "--config", &over]).await;
    assert!(!valid, "{said}");
    for signal in ["logs", "metrics"] {
        let mistake = format!(
            "pipeline {signal}: processors: mine takes traces under its settings, not {signal}"
        );
        assert!(said.contains(&mistake), "{said}");
    }
}

#[tokio::test]
async fn variables_that_stand_for_too_much_are_refused_at_once() {
    let folder = temporary();
    let tree = format!("[{}]", ["1"; 300].join(","));
    let list = vec![format!("'${{env:SM_NONE:-{tree}}}'"); 3000].join(", ");
    let manifest = format!("{BASE}\nprocessors: {{filter: {{traces: {{span: [{list}]}}}}}}\n");
    std::fs::write(folder.path().join("m.yaml"), manifest).unwrap();
    let (valid, said) = validate(folder.path(), &["--config", "m.yaml"]).await;
    assert!(!valid && said.contains("more than 100000 values"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_that_are_not_taken_are_warned_of_once() {
    let spanmill = Spanmill::start(BASE).await;
    let address = spanmill.address("receiver otlp http");
    for _ in 0..3 {
        for path in ["/v1/metrics", "/v1/logs"] {
            let headers = [("content-type", "application/json")];
            let reply = http(address, Method::POST, path, &headers, "{}").await;
            assert_eq!(reply.status.as_u16(), 404);
        }
    }
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let method = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    let refused = sender.call(method, Bytes::new()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unimplemented);
    let ended = spanmill.stop().await;
    for remedy in ["OTEL_METRICS_EXPORTER=none", "OTEL_LOGS_EXPORTER=none"] {
        let told = ended.log.iter().filter(|line| line.contains(remedy));
        let told: Vec<&String> = told.collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(r#""receiver":"otlp""#), "{told:?}");
    }
}
