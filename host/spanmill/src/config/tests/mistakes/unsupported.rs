//! What the Collector can do and this version cannot is refused; nothing is left out in silence.

mod exporters;

use expect_test::expect;

use super::check;

#[test]
fn components_of_the_collectors_that_this_version_has_not() {
    check(
        r#"receivers:
  jaeger:
exporters:
  loki:
connectors:
  signal_to_metrics:
service:
  pipelines:
    traces: {receivers: [jaeger], exporters: [signal_to_metrics]}
    metrics: {receivers: [signal_to_metrics], exporters: [loki]}
"#,
        expect![[r#"
            error: receiver jaeger: there is no receiver of type `jaeger`
             --> spanmill.yaml:2:3
              |
            2 |   jaeger:
              |   ^^^^^^
              |
              = help: send OTLP to an `otlp` receiver: OpenTelemetry's SDKs and most tracers can
              = help: the receivers of this version: otlp, nop

            error: exporter loki: there is no exporter of type `loki`
             --> spanmill.yaml:4:3
              |
            4 |   loki:
              |   ^^^^
              |
              = help: Loki takes OTLP: use an `otlphttp` exporter with `endpoint: http://loki:3100/otlp`
              = help: the exporters of this version: otlp, otlphttp, debug, file, prometheus, prometheusremotewrite, load_balancing, nop

            error: connector signal_to_metrics: there is no connector of type `signal_to_metrics`
             --> spanmill.yaml:6:3
              |
            6 |   signal_to_metrics:
              |   ^^^^^^^^^^^^^^^^^
              |
              = help: `count` counts what conditions hold for, by attributes; `spanmetrics` times spans; anything else takes a plugin of your own
              = help: known types: count, exceptions, forward, routing, servicegraph, spanmetrics; say under `plugins:` where another is

            spanmill.yaml: 3 errors
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

            error: extension strange/x is not served in this version
             --> spanmill.yaml:5:30
              |
            5 |   extensions: [health_check, strange/x, pprof, pproof]
              |                              ^^^^^^^^^
              |
              = help: remove it: this version has `health_check` and `file_storage`

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
               = help: known keys: logs, resource, metrics, traces

            spanmill.yaml: 6 errors, 2 warnings
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
              = help: set the variable that it names, or remove it: without a token, anyone who reaches the endpoint is let in

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
