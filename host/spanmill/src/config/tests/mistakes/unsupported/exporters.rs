//! Of exporters.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::super::check;
use crate::config::tests::exporter_settings;
use crate::config::tests::load;
use crate::export::otlp_grpc::config::OtlpGrpcConfig;
use crate::export::settings::{BatchSizer, QueueBatch};

/// A manifest with settings for its exporter.
fn exporter(settings: &str, expected: Expect) {
    let kind = settings.split(':').next().unwrap();
    let text = format!(
        "receivers: {{otlp: {{protocols: {{grpc: }}}}}}
exporters:
  {settings}
service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [{kind}]}}}}}}
"
    );
    check(&text, expected);
}

#[test]
fn a_queues_batch_without_a_value_is_a_batch() {
    let batch_of = |queue: &str| {
        let text = format!(
            "receivers: {{otlp: {{protocols: {{grpc: }}}}}}\nexporters: {{otlp: {{endpoint: 'a:1', sending_queue: {queue}}}}}\n\
             service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [otlp]}}}}}}\n"
        );
        let loaded = load(&text).unwrap_or_else(|mistakes| panic!("{queue}: {mistakes}"));
        let exporter = loaded.manifest.exporters.into_values().next().unwrap();
        let otlp: &OtlpGrpcConfig = exporter_settings(&*exporter);
        otlp.client.queue.clone().unwrap().batch
    };
    let default = QueueBatch {
        partition_by: Vec::new(),
        flush_timeout: Duration::from_millis(200),
        sizer: BatchSizer::Items,
        min_size: 8192,
        max_size: 0,
    };
    for queue in [
        "{batch: }",
        "{batch: {}}",
        "{batch: ~}",
        "{sizer: requests, batch: }",
        "{sizer: bytes, batch: {sizer: items}}",
    ] {
        assert_eq!(batch_of(queue).as_ref(), Some(&default), "{queue}");
    }
    assert_eq!(batch_of("{}"), None);
    assert_eq!(batch_of("{batch: {enabled: false}}"), None);
    // The queue's sizer is the batch's, unless it has one.
    let bytes = batch_of(
        "{sizer: bytes, queue_size: 100, batch: {min_size: 9, max_size: 10, flush_timeout: 1s}}",
    );
    let expected = QueueBatch {
        partition_by: Vec::new(),
        flush_timeout: Duration::from_secs(1),
        sizer: BatchSizer::Bytes,
        min_size: 9,
        max_size: 10,
    };
    assert_eq!(bytes, Some(expected));
}

#[test]
fn of_a_queues_batch() {
    exporter(
        "otlp: {endpoint: 'a:1', sending_queue: {sizer: requests, batch: {min_size: 10, max_size: 9}}}",
        expect![[r#"
            error: exporter otlp: sending_queue: batch: sizer is missing: that of the queue is `requests`, and a batch is measured in items or bytes
             --> spanmill.yaml:3:60
              |
            3 |   otlp: {endpoint: 'a:1', sending_queue: {sizer: requests, batch: {min_size: 10, max_size: 9}}}
              |                                                            ^^^^^
              |
              = help: add `sizer: items`

            error: exporter otlp: sending_queue: batch: max_size: must be at least min_size, which is 10
             --> spanmill.yaml:3:92
              |
            3 |   otlp: {endpoint: 'a:1', sending_queue: {sizer: requests, batch: {min_size: 10, max_size: 9}}}
              |                                                                                            ^

            spanmill.yaml: 2 errors
        "#]],
    );
    exporter(
        "otlp: {endpoint: 'a:1', sending_queue: {sizer: items, queue_size: 5, batch: {flush_timeout: 0s}}}",
        expect![[r#"
            error: exporter otlp: sending_queue: batch: min_size is 8192, and the queue never holds more than its queue_size of 5
             --> spanmill.yaml:3:72
              |
            3 |   otlp: {endpoint: 'a:1', sending_queue: {sizer: items, queue_size: 5, batch: {flush_timeout: 0s}}}
              |                                                                        ^^^^^
              |
              = help: lower min_size, or raise queue_size

            error: exporter otlp: sending_queue: batch: flush_timeout: must be longer than zero
             --> spanmill.yaml:3:95
              |
            3 |   otlp: {endpoint: 'a:1', sending_queue: {sizer: items, queue_size: 5, batch: {flush_timeout: 0s}}}
              |                                                                                               ^^

            spanmill.yaml: 2 errors
        "#]],
    );
    exporter(
        "otlp: {endpoint: 'a:1', sending_queue: {batch: {sizer: requests, partition: {metadata_keys: [x-tenant, X-Tenant]}}}}",
        expect![[r#"
            error: exporter otlp: sending_queue: batch: sizer: this value is not known
             --> spanmill.yaml:3:58
              |
            3 |   otlp: {endpoint: 'a:1', sending_queue: {batch: {sizer: requests, partition: {metadata_keys: [x-tenant, X-Tenant]}}}}
              |                                                          ^^^^^^^^
              |
              = help: one of: items, bytes

            error: exporter otlp: sending_queue: batch: partition: metadata_keys: names x-tenant twice; case makes no difference
             --> spanmill.yaml:3:106
              |
            3 |   otlp: {endpoint: 'a:1', sending_queue: {batch: {sizer: requests, partition: {metadata_keys: [x-tenant, X-Tenant]}}}}
              |                                                                                                          ^^^^^^^^

            warning: pipeline traces: otlp tells senders apart by metadata_keys, and no receiver of the pipeline keeps headers
             --> spanmill.yaml:4:63
              |
            4 | service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp]}}}
              |                                                               ^^^^
              |
              = help: add `include_metadata: true` to the protocols of a receiver

            spanmill.yaml: 2 errors, 1 warning
        "#]],
    );
}

#[test]
fn of_remote_write() {
    check(
        "receivers: {otlp: {protocols: {grpc: }}}
exporters:
  prometheusremotewrite:
    compression: gzip
    protobuf_message: v2
    external_labels: {'': a, b: ''}
    wal: {directory: x}
    sending_queue: {}
    translation_strategy: NoTranslation
    max_batch_request_parallelism: 0
    remote_write_queue: {num_consumers: 5000}
    headers: {Content-Encoding: snappy}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [prometheusremotewrite]}
",
        expect![[r#"
            error: exporter prometheusremotewrite: endpoint is missing
             --> spanmill.yaml:3:3
              |
            3 |   prometheusremotewrite:
              |   ^^^^^^^^^^^^^^^^^^^^^
              |
              = help: add `endpoint:` with a URL, like `http://localhost:9090/api/v1/write`

            error: exporter prometheusremotewrite: compression: this value is not known
             --> spanmill.yaml:4:18
              |
            4 |     compression: gzip
              |                  ^^^^
              |
              = help: one of: snappy

            error: exporter prometheusremotewrite: protobuf_message: this value is not known
             --> spanmill.yaml:5:23
              |
            5 |     protobuf_message: v2
              |                       ^^
              |
              = help: one of: prometheus.WriteRequest, io.prometheus.write.v2.Request

            error: exporter prometheusremotewrite: external_labels: `` is no label's name
             --> spanmill.yaml:6:27
              |
            6 |     external_labels: {'': a, b: ''}
              |                           ^

            error: exporter prometheusremotewrite: external_labels: b has no value, and a label must have one
             --> spanmill.yaml:6:33
              |
            6 |     external_labels: {'': a, b: ''}
              |                                 ^^

            error: exporter prometheusremotewrite: wal is not supported: what waits is kept in memory in this version
             --> spanmill.yaml:7:5
              |
            7 |     wal: {directory: x}
              |     ^^^
              |
              = help: remove it; what is queued when the process dies is lost

            error: exporter prometheusremotewrite: sending_queue is no key of this exporter
             --> spanmill.yaml:8:5
              |
            8 |     sending_queue: {}
              |     ^^^^^^^^^^^^^
              |
              = help: use `remote_write_queue`

            error: exporter prometheusremotewrite: translation_strategy: is none of the strategies there are
             --> spanmill.yaml:9:27
              |
            9 |     translation_strategy: NoTranslation
              |                           ^^^^^^^^^^^^^
              |
              = help: one of: UnderscoreEscapingWithSuffixes, UnderscoreEscapingWithoutSuffixes

            error: exporter prometheusremotewrite: max_batch_request_parallelism: must be at least 1
              --> spanmill.yaml:10:36
               |
            10 |     max_batch_request_parallelism: 0
               |                                    ^

            error: exporter prometheusremotewrite: remote_write_queue: num_consumers: must be at most 1024
              --> spanmill.yaml:11:41
               |
            11 |     remote_write_queue: {num_consumers: 5000}
               |                                         ^^^^

            error: exporter prometheusremotewrite: headers: content-encoding is set by the exporter itself
              --> spanmill.yaml:12:15
               |
            12 |     headers: {Content-Encoding: ******}
               |               ^^^^^^^^^^^^^^^^
               |
               = help: remove it

            error: pipeline traces: exporters: prometheusremotewrite takes metrics, not traces
              --> spanmill.yaml:15:45
               |
            15 |     traces: {receivers: [otlp], exporters: [prometheusremotewrite]}
               |                                             ^^^^^^^^^^^^^^^^^^^^^
               |
               = help: make metrics with a connector such as spanmetrics, and export those

            spanmill.yaml: 12 errors
        "#]],
    );
}

#[test]
fn of_clients() {
    exporter(
        "otlp: {endpoint: 'a:1', wait_for_ready: true, balancer_name: round_robin, keepalive: {time: 10s}, tls: {tpm: {enabled: true}, curve_preferences: [X25519]}}",
        expect![[r#"
            error: exporter otlp: wait_for_ready is not supported
             --> spanmill.yaml:3:27
              |
            3 |   otlp: {endpoint: 'a:1', wait_for_ready: true, balancer_name: round_robin, keepalive: {time: 10s}, tls: {tpm: {enabled: true}, curve...
              |                           ^^^^^^^^^^^^^^
              |
              = help: remove it: failed requests are retried, see `retry_on_failure:`

            error: exporter otlp: balancer_name: only pick_first is known
             --> spanmill.yaml:3:64
              |
            3 |   otlp: {endpoint: 'a:1', wait_for_ready: true, balancer_name: round_robin, keepalive: {time: 10s}, tls: {tpm: {enabled: true}, curve...
              |                                                                ^^^^^^^^^^^
              |
              = help: remove it: batches go to one address at a time; for several, put a load balancer before them

            warning: exporter otlp: keepalive has no effect in this version
             --> spanmill.yaml:3:77
              |
            3 |   otlp: {endpoint: 'a:1', wait_for_ready: true, balancer_name: round_robin, keepalive: {time: 10s}, tls: {tpm: {enabled: true}, curve...
              |                                                                             ^^^^^^^^^

            error: exporter otlp: tls: tpm is not supported
             --> spanmill.yaml:3:107
              |
            3 |   otlp: {endpoint: 'a:1', wait_for_ready: true, balancer_name: round_robin, keepalive: {time: 10s}, tls: {tpm: {enabled: true}, curve...
              |                                                                                                           ^^^
              |
              = help: remove it, and name the key in `key_file`

            error: exporter otlp: tls: curve_preferences is not supported
             --> spanmill.yaml:3:129
              |
            3 | ...in, keepalive: {time: 10s}, tls: {tpm: {enabled: true}, curve_preferences: [X25519]}}
              |                                                            ^^^^^^^^^^^^^^^^^
              |
              = help: remove it: only cipher suites and curves that are safe are used

            spanmill.yaml: 4 errors, 1 warning
        "#]],
    );
    exporter(
        "otlphttp: {endpoint: 'http://a:1', max_conns_per_host: 2, disable_keep_alives: true, max_idle_conns: 3, compression: snappy}",
        expect![[r#"
            error: exporter otlphttp: max_conns_per_host is not supported
             --> spanmill.yaml:3:38
              |
            3 |   otlphttp: {endpoint: 'http://a:1', max_conns_per_host: 2, disable_keep_alives: true, max_idle_conns: 3, compression: snappy}
              |                                      ^^^^^^^^^^^^^^^^^^
              |
              = help: use `sending_queue: {num_consumers: ...}`, which limits concurrent requests

            error: exporter otlphttp: disable_keep_alives is not supported
             --> spanmill.yaml:3:61
              |
            3 |   otlphttp: {endpoint: 'http://a:1', max_conns_per_host: 2, disable_keep_alives: true, max_idle_conns: 3, compression: snappy}
              |                                                             ^^^^^^^^^^^^^^^^^^^
              |
              = help: remove it: connections are used again

            warning: exporter otlphttp: max_idle_conns has no effect in this version
             --> spanmill.yaml:3:88
              |
            3 |   otlphttp: {endpoint: 'http://a:1', max_conns_per_host: 2, disable_keep_alives: true, max_idle_conns: 3, compression: snappy}
              |                                                                                        ^^^^^^^^^^^^^^

            error: exporter otlphttp: compression: this value is not known
             --> spanmill.yaml:3:120
              |
            3 |   otlphttp: {endpoint: 'http://a:1', max_conns_per_host: 2, disable_keep_alives: true, max_idle_conns: 3, compression: snappy}
              |                                                                                                                        ^^^^^^
              |
              = help: one of: gzip, zstd, none

            spanmill.yaml: 3 errors, 1 warning
        "#]],
    );
}

#[test]
fn of_local_exporters() {
    exporter(
        "debug: {output_paths: [stdout, /var/log/x]}",
        expect![[r#"
            error: exporter debug: output_paths: telemetry is shown on stdout
             --> spanmill.yaml:3:34
              |
            3 |   debug: {output_paths: [stdout, /var/log/x]}
              |                                  ^^^^^^^^^^
              |
              = help: remove it, and redirect stdout; or use the `file` exporter

            spanmill.yaml: 1 error
        "#]],
    );
    exporter(
        "file: {path: '', append: true, rotation: , encoding: x, compression: gzip, compression_params: {level: 40}, directory_permissions: '0755', group_by: {enabled: true}, flush_interval: x}",
        expect![[r#"
            error: exporter file: path is missing
             --> spanmill.yaml:3:3
              |
            3 |   file: {path: '', append: true, rotation: , encoding: x, compression: gzip, compression_params: {level: 40}, directory_permissions: ...
              |   ^^^^
              |
              = help: add `path:` with the file to write

            error: exporter file: append: stands beside rotation, which goes on where the file ends by itself
             --> spanmill.yaml:3:28
              |
            3 |   file: {path: '', append: true, rotation: , encoding: x, compression: gzip, compression_params: {level: 40}, directory_permissions: ...
              |                            ^^^^
              |
              = help: remove it

            error: exporter file: encoding is not supported: there are no extensions in this version
             --> spanmill.yaml:3:46
              |
            3 |   file: {path: '', append: true, rotation: , encoding: x, compression: gzip, compression_params: {level: 40}, directory_permissions: ...
              |                                              ^^^^^^^^
              |
              = help: use `format: json` or `format: proto`

            error: exporter file: compression: this value is not known
             --> spanmill.yaml:3:72
              |
            3 |   file: {path: '', append: true, rotation: , encoding: x, compression: gzip, compression_params: {level: 40}, directory_permissions: ...
              |                                                                        ^^^^
              |
              = help: one of: zstd

            error: exporter file: compression_params: level: zstd has levels from 1 to 22
             --> spanmill.yaml:3:106
              |
            3 |   file: {path: '', append: true, rotation: , encoding: x, compression: gzip, compression_params: {level: 40}, directory_permissions: ...
              |                                                                                                          ^^

            error: exporter file: directory_permissions: says nothing without create_directory
             --> spanmill.yaml:3:134
              |
            3 | ...gzip, compression_params: {level: 40}, directory_permissions: '0755', group_by: {enabled: true}, flush_interval: x}
              |                                                                  ^^^^^^

            error: exporter file: group_by: enabled is not supported
             --> spanmill.yaml:3:153
              |
            3 | ...rams: {level: 40}, directory_permissions: '0755', group_by: {enabled: true}, flush_interval: x}
              |                                                                 ^^^^^^^
              |
              = help: have a `file` exporter for each group, behind pipelines that filter

            error: exporter file: flush_interval: this is not a duration
             --> spanmill.yaml:3:185
              |
            3 | ...permissions: '0755', group_by: {enabled: true}, flush_interval: x}
              |                                                                    ^
              |
              = help: durations are written like `200ms`, `1.5s` or `1h30m`

            spanmill.yaml: 8 errors
        "#]],
    );
}

#[test]
fn of_prometheus() {
    check(
        "receivers: {otlp: {protocols: {grpc: }}}
connectors: {spanmetrics: }
exporters:
  prometheus: {endpoint: 'localhost:0', translation_strategy: Underscores}
  prometheus/2: {endpoint: 'localhost:0', translation_strategy: NoTranslation}
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [spanmetrics]}
    metrics: {receivers: [spanmetrics], exporters: [prometheus, prometheus/2]}
",
        expect![[r#"
            error: exporter prometheus: translation_strategy: is none of the strategies there are
             --> spanmill.yaml:4:63
              |
            4 |   prometheus: {endpoint: 'localhost:0', translation_strategy: Underscores}
              |                                                               ^^^^^^^^^^^
              |
              = help: one of: UnderscoreEscapingWithSuffixes, UnderscoreEscapingWithoutSuffixes, NoUTF8EscapingWithSuffixes, NoTranslation

            warning: exporter prometheus/2: translation_strategy: scrapers get names with underscores, as those that do not ask for UTF-8 do everywhere
             --> spanmill.yaml:5:65
              |
            5 |   prometheus/2: {endpoint: 'localhost:0', translation_strategy: NoTranslation}
              |                                                                 ^^^^^^^^^^^^^

            spanmill.yaml: 1 error, 1 warning
        "#]],
    );
}
