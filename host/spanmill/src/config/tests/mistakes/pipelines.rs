//! Pipelines and connectors.

use expect_test::expect;

use super::check;

#[test]
fn signals_that_are_not_carried() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
    profiles:
      receivers: [otlp]
      exporters: [debug]
    trace/b:
      receivers: [otlp]
      exporters: [debug]
"#,
        expect![[r#"
            error: pipeline profiles: this version does not carry profiles
              --> spanmill.yaml:12:5
               |
            12 |     profiles:
               |     ^^^^^^^^
               |
               = help: remove the pipeline; traces, logs and metrics are carried

            error: pipeline trace/b: there is no signal `trace`
              --> spanmill.yaml:15:5
               |
            15 |     trace/b:
               |     ^^^^^^^
               |
               = help: did you mean `traces`?
               = help: pipelines are called `traces`, `logs` or `metrics`, alone or with a name, as in `traces/web`

            spanmill.yaml: 2 errors
        "#]],
    );
}

#[test]
fn pipeline_unknown_ids() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  debug:
  otlp/tempo:
    endpoint: tempo:4317
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [debug]
      exporters: [otlp/temp, nothing]
"#,
        expect![[r#"
            warning: exporter debug is defined, but no pipeline uses it
             --> spanmill.yaml:6:3
              |
            6 |   debug:
              |   ^^^^^

            warning: exporter otlp/tempo is defined, but no pipeline uses it
             --> spanmill.yaml:7:3
              |
            7 |   otlp/tempo:
              |   ^^^^^^^^^^

            error: pipeline traces: processors: there is no processor debug
              --> spanmill.yaml:13:20
               |
            13 |       processors: [debug]
               |                    ^^^^^
               |
               = help: it is defined under `exporters:`, not under `processors:`

            error: pipeline traces: exporters: there is no exporter otlp/temp
              --> spanmill.yaml:14:19
               |
            14 |       exporters: [otlp/temp, nothing]
               |                   ^^^^^^^^^
               |
               = help: did you mean `otlp/tempo`?

            error: pipeline traces: exporters: there is no exporter nothing
              --> spanmill.yaml:14:30
               |
            14 |       exporters: [otlp/temp, nothing]
               |                              ^^^^^^^
               |
               = help: define it under `exporters:`

            spanmill.yaml: 3 errors, 2 warnings
        "#]],
    );
}

#[test]
fn pipeline_lists() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: []
      exporters: [debug, debug]
    traces/b:
      receivers: otlp
      processor: [batch]
"#,
        expect![[r#"
            error: pipeline traces: there are no receivers
              --> spanmill.yaml:10:7
               |
            10 |       receivers: []
               |       ^^^^^^^^^
               |
               = help: name at least one: `receivers: [...]`

            error: pipeline traces: exporters: debug is there twice
              --> spanmill.yaml:11:26
               |
            11 |       exporters: [debug, debug]
               |                   -----  ^^^^^
               |                   |
               |                   first here

            error: pipeline traces/b: there are no exporters
              --> spanmill.yaml:12:5
               |
            12 |     traces/b:
               |     ^^^^^^^^
               |
               = help: name at least one: `exporters: [...]`

            error: pipeline traces/b: unknown key `processor`
              --> spanmill.yaml:14:7
               |
            14 |       processor: [batch]
               |       ^^^^^^^^^
               |
               = help: did you mean `processors`?

            spanmill.yaml: 4 errors
        "#]],
    );
}

#[test]
fn unused_components() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
processors:
  batch:
exporters:
  debug:
  file:
    path: out.json
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
"#,
        expect![[r#"
            warning: processor batch is defined, but no pipeline uses it
             --> spanmill.yaml:6:3
              |
            6 |   batch:
              |   ^^^^^

            warning: exporter file is defined, but no pipeline uses it
             --> spanmill.yaml:9:3
              |
            9 |   file:
              |   ^^^^

            spanmill.yaml: 2 warnings
        "#]],
    );
}

#[test]
fn connector_on_one_side() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
connectors:
  spanmetrics:
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [spanmetrics]
"#,
        expect![[r#"
            error: connector spanmetrics is an exporter of a pipeline, but a receiver of none
             --> spanmill.yaml:6:3
              |
            6 |   spanmetrics:
              |   ^^^^^^^^^^^
              |
              = help: name it under the receivers of a metrics pipeline

            warning: exporter debug is defined, but no pipeline uses it
             --> spanmill.yaml:8:3
              |
            8 |   debug:
              |   ^^^^^

            spanmill.yaml: 1 error, 1 warning
        "#]],
    );
}

#[test]
fn connector_on_the_wrong_sides() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
connectors:
  spanmetrics:
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [spanmetrics]
      exporters: [debug]
    metrics:
      receivers: [otlp]
      exporters: [spanmetrics]
"#,
        expect![[r#"
            error: pipeline traces: receivers: connector spanmetrics gives metrics, not traces
              --> spanmill.yaml:12:19
               |
            12 |       receivers: [spanmetrics]
               |                   ^^^^^^^^^^^
               |
               = help: name it under the receivers of a metrics pipeline

            error: pipeline metrics: exporters: connector spanmetrics takes traces, not metrics
              --> spanmill.yaml:16:19
               |
            16 |       exporters: [spanmetrics]
               |                   ^^^^^^^^^^^
               |
               = help: name it under the exporters of a traces pipeline

            spanmill.yaml: 2 errors
        "#]],
    );
}

#[test]
fn connector_with_the_id_of_an_exporter() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
connectors:
  debug:
exporters:
  debug:
plugins:
  debug:
    file: d.wasm
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
    metrics:
      receivers: [debug]
      exporters: [debug]
"#,
        expect![[r#"
            error: connector debug has the id of another component
             --> spanmill.yaml:6:3
              |
            6 |   debug:
              |   ^^^^^
            7 | exporters:
            8 |   debug:
              |   ----- the other one
              |
              = help: give one of them a name, as in `type/name`

            error: connector debug leads back to where it comes from: metrics -> metrics
              --> spanmill.yaml:19:19
               |
            19 |       exporters: [debug]
               |                   ^^^^^
               |
               = help: take it out of one of these pipelines

            spanmill.yaml: 2 errors
        "#]],
    );
}

#[test]
fn prometheus_takes_no_traces() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  prometheus:
    endpoint: 0.0.0.0:8889
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [prometheus]
"#,
        expect![[r#"
            error: pipeline traces: exporters: prometheus takes metrics, not traces
              --> spanmill.yaml:12:19
               |
            12 |       exporters: [prometheus]
               |                   ^^^^^^^^^^
               |
               = help: make metrics with a connector such as spanmetrics, and export those

            spanmill.yaml: 1 error
        "#]],
    );
}
