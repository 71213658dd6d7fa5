//! Manifests that load, and what becomes of them.

use std::path::Path;
use std::time::Duration;

use expect_test::expect;
use serde_json::json;

use super::super::*;
use super::{GOOD, load, load_with};
use crate::config::tests::{exporter_settings, otlp_settings};
use crate::export::debug::config::{DebugConfig, Verbosity};
use crate::export::otlp_grpc::config::OtlpGrpcConfig;
use crate::export::otlp_http::config::{Encoding, OtlpHttpConfig};
use crate::export::settings::{Compression, Retry, SendingQueue};
use spanmill_manifest::Anchor;
use spanmill_net::tls::settings::PemSource;
use spanmill_net::tls::{ClientTls, Identity, Pem, TlsVersion, TlsVersions};
use spanmill_runtime::PluginMemory;

fn id(text: &str) -> ComponentId {
    ComponentId::parse(text).unwrap()
}

fn manifest(text: &str) -> Manifest {
    load(text)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
        .manifest
}

fn exporter<T: Clone + 'static>(settings: &str) -> T {
    let text = GOOD.replace("  debug:\n", settings);
    let kind = settings.trim_start().split(':').next().unwrap();
    let manifest = manifest(&text.replace("[debug]", &format!("[{kind}]")));
    exporter_settings::<T>(&*manifest.exporters[&id(kind)]).clone()
}

fn plugin(manifest: &Manifest, name: &str) -> PluginUse {
    match manifest.processors.get(&id(name)) {
        Some(Processor::Plugin(plugin)) => plugin.as_ref().clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn memories_lie_as_the_limits_say() {
    assert_eq!(manifest(GOOD).limits.plugin_memory, None);
    let text = format!("limits: {{plugin_memory: checked}}\n{GOOD}");
    let memory = manifest(&text).limits.plugin_memory;
    assert_eq!(memory, Some(PluginMemory::Checked));
}

#[test]
fn defaults_are_the_collectors() {
    let text = GOOD
        .replace("grpc:", "grpc:\n      http:")
        .replace("debug", "otlp");
    let text = text.replace(
        "exporters:\n  otlp:\n",
        "exporters:\n  otlp:\n    endpoint: tempo:4317\n",
    );
    let manifest = manifest(&text);
    let receiver = otlp_settings(&*manifest.receivers[&id("otlp")]);
    let (grpc, http) = (
        receiver.grpc.as_ref().unwrap(),
        receiver.http.as_ref().unwrap(),
    );
    assert_eq!(grpc.endpoint, "localhost:4317");
    assert_eq!(grpc.max_message_bytes, 4 * 1024 * 1024);
    assert_eq!(http.endpoint, "localhost:4318");
    assert_eq!(http.max_body_bytes, 20 * 1024 * 1024);
    let otlp: &OtlpGrpcConfig = exporter_settings(&*manifest.exporters[&id("otlp")]);
    assert_eq!(otlp.uri, "https://tempo:4317");
    assert_eq!(otlp.client.timeout, Duration::from_secs(5));
    assert_eq!(otlp.client.compression, Compression::Gzip);
    assert_eq!(otlp.client.retry, Retry::default());
    assert_eq!(otlp.client.queue, Some(SendingQueue::default()));
}

#[test]
fn endpoints_and_tls() {
    let uri = |settings: &str| {
        let otlp: OtlpGrpcConfig = exporter(settings);
        (otlp.uri, otlp.client.tls.insecure)
    };
    let plain = |text: &str| (text.to_owned(), true);
    assert_eq!(
        uri("  otlp:\n    endpoint: a:1\n    tls: {insecure: true}\n"),
        plain("http://a:1")
    );
    assert_eq!(
        uri("  otlp_grpc:\n    endpoint: http://a:1\n"),
        plain("http://a:1")
    );
    assert_eq!(
        uri("  otlp:\n    endpoint: https://a\n    tls: {insecure: true}\n"),
        ("https://a".to_owned(), false)
    );
    assert_eq!(
        uri("  otlp:\n    endpoint: dns:///a:1\n    tls: {insecure: true}\n"),
        plain("http://a:1")
    );
    let http: OtlpHttpConfig = exporter(
        "  otlp_http:\n    endpoint: http://a:4318/base/\n    metrics_endpoint: http://b/m\n    encoding: json\n",
    );
    assert_eq!(
        http.urls.get(Signal::Traces).as_deref(),
        Some("http://a:4318/base/v1/traces")
    );
    assert_eq!(
        http.urls.get(Signal::Logs).as_deref(),
        Some("http://a:4318/base/v1/logs")
    );
    assert_eq!(
        http.urls.get(Signal::Metrics).as_deref(),
        Some("http://b/m")
    );
    assert_eq!(http.encoding, Encoding::Json);
}

#[test]
fn tls_as_configtls_has_it() {
    let tls = |settings: &str| {
        let settings = format!("  otlp:\n    endpoint: a:1\n    tls: {{{settings}}}\n");
        exporter::<OtlpGrpcConfig>(&settings).client.tls
    };
    let inline = |key, text| Pem {
        source: PemSource::Inline(key, Secret::new(text)),
        anchor: Anchor::default(),
    };
    assert_eq!(tls(""), ClientTls::default());
    // What is empty is not given: variables that are not set are.
    let empty = "ca_file: '', ca_pem: '', cert_file: '', cert_pem: '', key_file: '', key_pem: '', server_name_override: '', min_version: '', max_version: ''";
    assert_eq!(tls(empty), ClientTls::default());
    let all = tls(
        "ca_pem: A, include_system_ca_certs_pool: true, insecure_skip_verify: true, cert_pem: B, key_file: c.pem, server_name_override: d, min_version: 1.2, max_version: '1.3', reload_interval: 1m",
    );
    assert_eq!(
        all,
        ClientTls {
            insecure: false,
            insecure_skip_verify: true,
            ca: Some(inline("ca_pem", "A")),
            include_system_ca_certs_pool: true,
            identity: Some(Identity {
                certificate: inline("cert_pem", "B"),
                key: Pem::file("c.pem"),
            }),
            server_name_override: Some("d".try_into().unwrap()),
            versions: TlsVersions {
                min: Some(TlsVersion::V1_2),
                max: Some(TlsVersion::V1_3),
            },
            reload_interval: Some(Duration::from_secs(60)),
        }
    );
    let shown = format!("{:?}", tls("ca_pem: SECRET, cert_file: a, key_pem: SECRET"));
    assert!(!shown.contains("SECRET"), "{shown}");
}

#[test]
fn a_text_is_a_list_and_a_whole_float_an_integer() {
    let text = GOOD
        .replace("receivers: [otlp]", "receivers: otlp\n      processors: batch,filter")
        .replace(
            "exporters:\n  debug:\n",
            "processors:\n  batch: {send_batch_size: 100.0, timeout: 1000000000}\n  filter:\nexporters:\n  debug: {output_paths: stdout}\n",
        );
    let loaded = load(&text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(loaded.manifest.pipelines[0].receivers, [id("otlp")]);
    assert_eq!(
        loaded.manifest.pipelines[0].processors,
        [id("batch"), id("filter")]
    );
    let Some(Processor::Host(HostProcessor::Batch(batch))) =
        loaded.manifest.processors.get(&id("batch"))
    else {
        panic!()
    };
    assert_eq!(batch.send_batch_size, 100);
    // Nanoseconds, as in the Collector; but that is said.
    assert_eq!(batch.timeout, Duration::from_secs(1));
    let said = loaded.warnings.render(false);
    assert!(said.contains("counts nanoseconds") && said.contains("write it with its unit: `1s`"));
}

#[test]
fn todays_names_of_components() {
    let text = "
receivers: {otlp: {protocols: {grpc: }}}
connectors: {span_metrics: , spanmetrics/old: }
plugins: {span_metrics: {timeout: 3s}}
exporters: {otlp_grpc: {endpoint: 'a:1'}, otlp_http/x: {endpoint: 'http://a'}}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_grpc, otlp_http/x, span_metrics, spanmetrics/old]}
    metrics: {receivers: [span_metrics, spanmetrics/old], exporters: [otlp_http/x]}
";
    let manifest = manifest(text);
    for connector in ["span_metrics", "spanmetrics/old"] {
        let used = manifest.connectors[&id(connector)].plugin().unwrap();
        assert_eq!(used.spec.kind, "spanmetrics");
        assert_eq!(used.spec.timeout, Duration::from_secs(3));
    }
    exporter_settings::<OtlpGrpcConfig>(&*manifest.exporters[&id("otlp_grpc")]);
    exporter_settings::<OtlpHttpConfig>(&*manifest.exporters[&id("otlp_http/x")]);
}

#[test]
fn a_plugins_settings_in_their_other_reading() {
    let env = |name: &str| Some(if name == "N" { "0123" } else { "true" }.to_owned());
    let text = "
receivers: {otlp: {protocols: {grpc: }}}
processors:
  filter: {key: '${env:N}', on: '${env:B}', list: 'a,b', none: '', whole: 2.0, half: 0.5, int: 7, a/b: [c]}
exporters: {debug: }
service: {pipelines: {traces: {receivers: [otlp], processors: [filter], exporters: [debug]}}}
";
    let loaded = load_with(text, &env).unwrap_or_else(|m| panic!("{m}"));
    let settings = plugin(&loaded.manifest, "filter").settings;
    let other = |pointer: &str| {
        let otherwise = settings.read_otherwise(pointer)?;
        otherwise.json().pointer(pointer).cloned()
    };
    assert_eq!(settings.json()["key"], json!(83));
    assert_eq!(other("/key"), Some(json!("0123")));
    assert_eq!(other("/on"), Some(json!("true")));
    assert_eq!(other("/list"), Some(json!(["a", "b"])));
    assert_eq!(other("/none"), Some(json!([])));
    assert_eq!(other("/whole"), Some(json!(2)));
    assert_eq!(other("/a~1b/0"), Some(json!(["c"])));
    for pointer in ["/half", "/int", "/a~1b", "", "/nowhere", "/key/below"] {
        assert_eq!(other(pointer), None, "{pointer}");
    }
    // What was read otherwise once can only be what it is.
    let settings = settings.read_otherwise("/key").unwrap();
    assert!(settings.read_otherwise("/key").is_none());
}

#[test]
fn debug_and_its_old_name() {
    let verbosity = |settings: &str| exporter::<DebugConfig>(settings).verbosity;
    assert_eq!(verbosity("  debug:\n"), Verbosity::Basic);
    assert_eq!(
        verbosity("  logging:\n    loglevel: debug\n"),
        Verbosity::Detailed
    );
    assert_eq!(
        verbosity("  logging:\n    verbosity: normal\n"),
        Verbosity::Normal
    );
}

const PLUGINS: &str = r#"
receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:0"}}}}
processors:
  filter:
    error_mode: ignore
    big: 9007199254740993
    ratio: 0.1
    traces:
      span:
        - 'attributes["a/b"] == "x"'
        - name: y
    nothing:
  scrub/one: {a/b: &k {c~d: 1}, again: *k}
plugins:
  scrub: {file: scrub.wasm, memory_mib: 16, timeout: 20ms, on_error: drop, allow: {reads: [span.name]}}
  filter: {on_error: pass}
exporters: {debug: }
service:
  telemetry: {logs: {level: WARN}}
  pipelines:
    traces: {receivers: [otlp], processors: [filter, scrub/one], exporters: [debug]}
"#;

#[test]
fn plugins_and_their_settings() {
    let manifest = manifest(PLUGINS);
    assert_eq!(manifest.log_level, Some(LogLevel::Warn));
    let filter = plugin(&manifest, "filter");
    assert_eq!(filter.spec.file, None);
    assert_eq!(filter.spec.memory_mib, 64);
    assert_eq!(filter.spec.on_error, OnError::Pass);
    assert_eq!(
        *filter.settings.json(),
        json!({
            "error_mode": "ignore", "big": 9_007_199_254_740_993_u64, "ratio": 0.1,
            "traces": {"span": ["attributes[\"a/b\"] == \"x\"", {"name": "y"}]}, "nothing": null
        })
    );
    let scrub = plugin(&manifest, "scrub/one");
    assert_eq!(
        scrub.spec.file.as_deref(),
        Some(Path::new("/conf/scrub.wasm"))
    );
    assert_eq!(scrub.spec.timeout, Duration::from_millis(20));
    assert_eq!(scrub.spec.on_error, OnError::Drop);
    let allow = Allow {
        reads: vec!["span.name".into()],
        writes: Vec::new(),
    };
    assert_eq!(scrub.spec.allow, Some(allow));
    assert_eq!(
        *scrub.settings.json(),
        json!({"a/b": {"c~d": 1}, "again": {"c~d": 1}})
    );
}

#[test]
fn a_plugins_complaint_points_into_the_manifest() {
    let manifest = manifest(PLUGINS);
    let mut said = Diagnostics::new(manifest.source.clone());
    let filter = plugin(&manifest, "filter").settings;
    said.push(filter.problem("/traces/span/0", "`==` needs a right side"));
    said.push(filter.problem("/traces/span/1/name", "is not known"));
    said.push(filter.problem("/traces/spann", "is missing"));
    said.push(filter.problem("", "is too much"));
    said.push(
        plugin(&manifest, "scrub/one")
            .settings
            .problem("/a~1b/c~0d", "must be text"),
    );
    expect![[r#"
        error: processor filter: is too much
         --> spanmill.yaml:4:3
          |
        4 |   filter:
          |   ^^^^^^

        error: processor filter: traces.spann: is missing
         --> spanmill.yaml:8:5
          |
        8 |     traces:
          |     ^^^^^^

        error: processor filter: traces.span.0: `==` needs a right side
          --> spanmill.yaml:10:11
           |
        10 |         - 'attributes["a/b"] == "x"'
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^^

        error: processor filter: traces.span.1.name: is not known
          --> spanmill.yaml:11:17
           |
        11 |         - name: y
           |                 ^

        error: processor scrub/one: a/b.c~d: must be text
          --> spanmill.yaml:13:29
           |
        13 |   scrub/one: {a/b: &k {c~d: 1}, again: *k}
           |                             ^

        spanmill.yaml: 5 errors
    "#]]
    .assert_eq(&said.render(false));
}

#[test]
fn merge_keys_and_anchors() {
    let text = "
receivers: {otlp: {protocols: {grpc: }}}
exporters:
  otlp/a: &a {endpoint: 'a:1', tls: {insecure: true}, timeout: 9s}
  otlp/b: {<<: *a, endpoint: 'b:1'}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp/a, otlp/b]}}}
";
    let manifest = manifest(text);
    let b: &OtlpGrpcConfig = exporter_settings(&*manifest.exporters[&id("otlp/b")]);
    assert_eq!(b.uri, "http://b:1");
    assert_eq!(b.client.timeout, Duration::from_secs(9));
}

#[test]
fn what_could_be_read_of_a_manifest_with_mistakes_names_its_plugins() {
    let text = "receivers: {otlp: {protocols: {grpc: }}}\nprocessors: {filter: {x: 1}}\n\
        exporters: {debug: {verbosity: loud}}\n\
        service: {pipelines: {traces: {receivers: [otlp], processors: [filter], exporters: [debug]}}}\n";
    let source = Source::new("spanmill.yaml", text);
    let (manifest, mistakes) = super::super::examine(source, Path::new(""), &|_| None);
    assert!(mistakes.has_errors());
    let kept: Vec<String> = manifest
        .unwrap()
        .processors
        .keys()
        .map(|id| id.to_string())
        .collect();
    assert_eq!(kept, ["filter"]);
}

#[test]
fn colours_only_when_told() {
    let Err(mistakes) = load("a: 1") else {
        panic!()
    };
    assert!(!mistakes.render(false).contains('\u{1b}'));
    assert!(mistakes.render(true).contains('\u{1b}'));
}

#[test]
fn a_ledger_is_kept_only_if_it_is_asked_for() {
    let bytes = |section: &str| {
        let manifest = manifest(&format!("{section}\n{GOOD}"));
        manifest.ledger.map(|ledger| ledger.bytes() >> 20)
    };
    assert_eq!(bytes(""), None);
    for section in ["ledger:", "ledger: {}", "ledger: {mib: 64}"] {
        assert_eq!(bytes(section), Some(64), "{section}");
    }
    assert_eq!(bytes("ledger: {mib: 1}"), Some(1));
}
