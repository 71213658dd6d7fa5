//! What the Collector can do and this version cannot is refused; nothing is left out in silence.

use expect_test::{Expect, expect};

use super::check;

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
    for batch in [
        "{batch: }",
        "{batch: {}}",
        "{batch: ~}",
        "{batch: {min_size: 1}}",
    ] {
        let text = format!("otlp: {{endpoint: 'a:1', sending_queue: {batch}}}");
        let said = match super::super::load(&format!(
            "receivers: {{otlp: {{protocols: {{grpc: }}}}}}\nexporters: {{{text}}}\nservice: {{pipelines: {{traces: {{receivers: [otlp], exporters: [otlp]}}}}}}\n"
        )) {
            Ok(_) => String::new(),
            Err(mistakes) => mistakes.render(false),
        };
        assert!(
            said.contains("sending_queue: batch is not supported"),
            "{batch}: {said}"
        );
    }
}

#[test]
fn of_clients() {
    exporter(
        "otlp: {endpoint: 'a:1', wait_for_ready: true, balancer_name: round_robin, keepalive: {time: 10s}, tls: {reload_interval: 1h, curve_preferences: [X25519]}}",
        expect![[r#"
            error: exporter otlp: wait_for_ready is not supported
             --> spanmill.yaml:3:27
              |
            3 |   otlp: {endpoint: 'a:1', wait_for_ready: true, balancer_name: round_robin, keepalive: {time: 10s}, tls: {reload_interval: 1h, curve_...
              |                           ^^^^^^^^^^^^^^
              |
              = help: remove it: what cannot be sent yet is tried again, see `retry_on_failure:`

            error: exporter otlp: balancer_name: only pick_first is known
             --> spanmill.yaml:3:64
              |
            3 |   otlp: {endpoint: 'a:1', wait_for_ready: true, balancer_name: round_robin, keepalive: {time: 10s}, tls: {reload_interval: 1h, curve_...
              |                                                                ^^^^^^^^^^^
              |
              = help: remove it: batches go to one address at a time; for several, put a load balancer before them

            warning: exporter otlp: keepalive has no effect in this version
             --> spanmill.yaml:3:77
              |
            3 |   otlp: {endpoint: 'a:1', wait_for_ready: true, balancer_name: round_robin, keepalive: {time: 10s}, tls: {reload_interval: 1h, curve_...
              |                                                                             ^^^^^^^^^

            error: exporter otlp: tls: reload_interval is not supported: certificates are read at the start
             --> spanmill.yaml:3:107
              |
            3 |   otlp: {endpoint: 'a:1', wait_for_ready: true, balancer_name: round_robin, keepalive: {time: 10s}, tls: {reload_interval: 1h, curve_...
              |                                                                                                           ^^^^^^^^^^^^^^^
              |
              = help: remove it, and restart when they are renewed

            error: exporter otlp: tls: curve_preferences is not supported
             --> spanmill.yaml:3:128
              |
            3 | ...bin, keepalive: {time: 10s}, tls: {reload_interval: 1h, curve_preferences: [X25519]}}
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
              = help: use `sending_queue: {num_consumers: ...}`: there are no more requests at once

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
        "file: {path: a, create_directory: true, flush_interval: 1s}",
        expect![[r#"
            error: exporter file: create_directory is not supported
             --> spanmill.yaml:3:19
              |
            3 |   file: {path: a, create_directory: true, flush_interval: 1s}
              |                   ^^^^^^^^^^^^^^^^
              |
              = help: make the folder, and remove it

            warning: exporter file: flush_interval has no effect in this version
             --> spanmill.yaml:3:43
              |
            3 |   file: {path: a, create_directory: true, flush_interval: 1s}
              |                                           ^^^^^^^^^^^^^^

            spanmill.yaml: 1 error, 1 warning
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

#[test]
fn of_the_service() {
    check(
        "receivers: {otlp: {protocols: {grpc: }}}
exporters: {debug: }
extensions: {health_check: , zpages: , strange/x: , pprof: }
service:
  extensions: [health_check, strange/x, pprof, pproof]
  telemetry:
    resource: {service.name: x}
    metrics: {level: detailed, address: ':8888'}
    traces: {level: none}
    logs: {level: info, encoding: console, output_paths: [stderr, /var/log/x], initial_fields: {a: b}, sampling: {enabled: false}}
    profiles: {}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
",
        expect![[r#"
            warning: extension zpages is defined, but the service does not use it
             --> spanmill.yaml:3:30
              |
            3 | extensions: {health_check: , zpages: , strange/x: , pprof: }
              |                              ^^^^^^

            error: extension health_check is not served in this version
             --> spanmill.yaml:5:16
              |
            5 |   extensions: [health_check, strange/x, pprof, pproof]
              |                ^^^^^^^^^^^^
              |
              = help: remove it, and probe the admin API or a receiver's port: it is open once everything runs

            error: extension strange/x is not served in this version
             --> spanmill.yaml:5:30
              |
            5 |   extensions: [health_check, strange/x, pprof, pproof]
              |                              ^^^^^^^^^
              |
              = help: remove it: extensions are not part of this version

            error: extension pprof is not served in this version
             --> spanmill.yaml:5:41
              |
            5 |   extensions: [health_check, strange/x, pprof, pproof]
              |                                         ^^^^^
              |
              = help: remove it; `perf` shows where the time goes

            error: service: extensions: there is no extension pproof
             --> spanmill.yaml:5:48
              |
            5 |   extensions: [health_check, strange/x, pprof, pproof]
              |                                                ^^^^^^
              |
              = help: did you mean `pprof`?
              = help: define it under `extensions:`, or remove it

            warning: service: telemetry: resource has no effect in this version
             --> spanmill.yaml:7:5
              |
            7 |     resource: {service.name: x}
              |     ^^^^^^^^

            error: service: telemetry: metrics: metrics about itself are not exported in this version
             --> spanmill.yaml:8:5
              |
            8 |     metrics: {level: detailed, address: ':8888'}
              |     ^^^^^^^
              |
              = help: look at `spanmill plugin status` or the admin API, and remove it, or say `level: none`

            error: service: telemetry: logs: output_paths: the log goes to stderr
              --> spanmill.yaml:10:58
               |
            10 |     logs: {level: info, encoding: console, output_paths: [stderr, /var/log/x], initial_fields: {a: b}, sampling: {enabled: false}}
               |                                                          ^^^^^^^^^^^^^^^^^^^^
               |
               = help: remove it, and redirect stderr

            error: service: telemetry: logs: initial_fields is not supported
              --> spanmill.yaml:10:80
               |
            10 |     logs: {level: info, encoding: console, output_paths: [stderr, /var/log/x], initial_fields: {a: b}, sampling: {enabled: false}}
               |                                                                                ^^^^^^^^^^^^^^
               |
               = help: remove it

            warning: service: telemetry: logs: sampling has no effect in this version
              --> spanmill.yaml:10:104
               |
            10 |     logs: {level: info, encoding: console, output_paths: [stderr, /var/log/x], initial_fields: {a: b}, sampling: {enabled: false}}
               |                                                                                                        ^^^^^^^^

            error: service: telemetry: unknown key `profiles`
              --> spanmill.yaml:11:5
               |
            11 |     profiles: {}
               |     ^^^^^^^^
               |
               = help: known keys: logs, metrics, traces, resource

            spanmill.yaml: 8 errors, 3 warnings
        "#]],
    );
}

#[test]
fn an_admin_token_that_is_not_set() {
    check(
        "receivers: {otlp: {protocols: {grpc: }}}
exporters: {debug: }
admin: {token: '${env:NOT_SET}'}
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
",
        expect![[r#"
            warning: the environment variable NOT_SET is not set; it counts as empty
             --> spanmill.yaml:3:16
              |
            3 | admin: {token: '${env:NOT_SET}'}
              |                ^^^^^^^^^^^^^^^^
              |
              = help: set it, or give a default: `${env:NOT_SET:-default}`

            error: admin: token is empty
             --> spanmill.yaml:3:16
              |
            3 | admin: {token: '${env:NOT_SET}'}
              |                ^^^^^^^^^^^^^^^^
              |
              = help: set the variable that it names, or remove it: without a token, whoever reaches the endpoint is let in

            spanmill.yaml: 1 error, 1 warning
        "#]],
    );
}

#[test]
fn numbers_that_are_not_finite_in_a_plugins_settings() {
    check(
        "receivers: {otlp: {protocols: {grpc: }}}
processors: {filter: {a: [1, .inf], b: '.inf'}}
exporters: {debug: }
service: {pipelines: {traces: {receivers: [otlp], processors: [filter], exporters: [debug]}}}
",
        expect![[r#"
            error: processor filter: a plugin cannot be given a number that is not finite
             --> spanmill.yaml:2:30
              |
            2 | processors: {filter: {a: [1, .inf], b: '.inf'}}
              |                              ^^^^
              |
              = help: quote it if it is meant as text

            spanmill.yaml: 1 error
        "#]],
    );
}
