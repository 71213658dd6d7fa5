//! The manifest as a whole.

use expect_test::expect;

use super::{check, check_sections};

#[test]
fn not_yaml() {
    check(
        r#"receivers: [otlp
exporters: {}
"#,
        expect![[r#"
            error: this is not YAML: illegal placement of ':' indicator
             --> spanmill.yaml:2:10
              |
            2 | exporters: {}
              |          ^
              |
              = help: check the indentation, and quote texts with special characters

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn empty_file() {
    check(
        r#""#,
        expect![[r#"
        error: manifest: service is missing
         --> spanmill.yaml:1:1
          |
        1 |
          | ^
          |
          = help: add `service:` with `pipelines:`, which say how the components are connected

        spanmill.yaml: 1 error
    "#]],
    );
}

#[test]
fn two_documents() {
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
---
more: 1
"#,
        expect![[r#"
            error: a manifest is one YAML document; a second one starts here
              --> spanmill.yaml:12:1
               |
            12 | ---
               | ^^^

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn key_there_twice() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  debug:
  debug:
    verbosity: basic
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
"#,
        expect![[r#"
            error: `debug` is there twice
             --> spanmill.yaml:7:3
              |
            6 |   debug:
              |   ----- first here
            7 |   debug:
              |   ^^^^^
              |
              = help: remove one of the two

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn nested_too_deep() {
    check(
        r#"a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
"#,
        expect![[r#"
            error: this is nested more than 64 levels deep
             --> spanmill.yaml:1:67
              |
            1 | a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]...
              |                                                                   ^

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn alias_bomb() {
    check(
        r#"a: &a [x,x,x,x,x,x,x,x,x,x]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]
e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]
f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]
g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]
"#,
        expect![[r#"
            error: the manifest has more than 100000 values, counting what aliases repeat
             --> spanmill.yaml:5:26
              |
            5 | e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]
              |                          ^^

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn unknown_section() {
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
exporter:
  debug:
"#,
        expect![[r#"
            error: manifest: unknown key `exporter`
              --> spanmill.yaml:12:1
               |
            12 | exporter:
               | ^^^^^^^^
               |
               = help: did you mean `exporters`?

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn service_missing() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  debug:
"#,
        expect![[r#"
            error: manifest: service is missing
             --> spanmill.yaml:1:1
              |
            1 | receivers:
              | ^
              |
              = help: add `service:` with `pipelines:`, which say how the components are connected

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn no_pipelines() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  debug:
service:
  telemetry:
"#,
        expect![[r#"
            error: service: there are no pipelines
             --> spanmill.yaml:7:1
              |
            7 | service:
              | ^^^^^^^
              |
              = help: add `pipelines:` with `traces:`, which names receivers, processors and exporters

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn telemetry() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  debug:
service:
  extensions: [health_check]
  telemetry:
    logs:
      level: verbose
      encoding: json
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
extensions:
  health_check:
"#,
        expect![[r#"
            error: service: telemetry: logs: level: this value is not known
              --> spanmill.yaml:11:14
               |
            11 |       level: verbose
               |              ^^^^^^^
               |
               = help: one of: debug, info, warn, error

            error: service: telemetry: logs: encoding: log lines are text here
              --> spanmill.yaml:12:17
               |
            12 |       encoding: json
               |                 ^^^^
               |
               = help: for JSON, remove it and run with `--log-format json`

            spanmill.yaml: 2 errors
        "#]],
    );
}

#[test]
fn environment() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  debug:
    verbosity: ${env:VERBOSITY}
    sampling_initial: ${env:NOT A NAME}
    sampling_thereafter: ${file:x}
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
"#,
        expect![[r#"
            warning: the environment variable VERBOSITY is not set; it counts as empty
             --> spanmill.yaml:7:16
              |
            7 |     verbosity: ${env:VERBOSITY}
              |                ^^^^^^^^^^^^^^^^
              |
              = help: set it, or give a default: `${env:VERBOSITY:-default}`

            error: `NOT A NAME` is no name of an environment variable
             --> spanmill.yaml:8:23
              |
            8 |     sampling_initial: ${env:NOT A NAME}
              |                       ^^^^^^^^^^^^^^^^^
              |
              = help: names have letters, digits and underscores; write `$$` for a plain dollar sign

            error: `${file:...}` cannot be resolved
             --> spanmill.yaml:9:26
              |
            9 |     sampling_thereafter: ${file:x}
              |                          ^^^^^^^^^
              |
              = help: only `${env:NAME}` and `${env:NAME:-default}` can; give further files as further `--config`

            spanmill.yaml: 2 errors, 1 warning
        "#]],
    );
}

#[test]
fn many_at_once() {
    check(
        r#"# Seven mistakes, one report.
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:99999
      htttp:
processors:
  batch:
    timeout: fast
  redactoin:
    blocked_values: ['é']
exporters:
  otlp/täst:
    endpoint: tempo:4317
    tls: {insecure: 1}
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch, redactoin, filter]
      exporters: [otlp/tast]
"#,
        expect![[r#"
            error: receiver otlp: protocols: grpc: endpoint: the port is not a number up to 65535
             --> spanmill.yaml:6:19
              |
            6 |         endpoint: 0.0.0.0:99999
              |                   ^^^^^^^^^^^^^
              |
              = help: write host and port, like `localhost:4317`

            error: receiver otlp: protocols: unknown key `htttp`
             --> spanmill.yaml:7:7
              |
            7 |       htttp:
              |       ^^^^^
              |
              = help: did you mean `http`?

            error: processor batch: timeout: this is not a duration
              --> spanmill.yaml:10:14
               |
            10 |     timeout: fast
               |              ^^^^
               |
               = help: durations are written like `200ms`, `1.5s` or `1h30m`

            error: processor redactoin: there is no processor of type `redactoin`
              --> spanmill.yaml:11:3
               |
            11 |   redactoin:
               |   ^^^^^^^^^
               |
               = help: did you mean `redaction`?
               = help: known types: adaptive_tail_sampling, attributes, batch, cardinality_guard, filter, groupbyattrs, groupbytrace, k8sattributes, memory_limiter, metricstransform, probabilistic_sampler, redaction, resource, resourcedetection, span, tail_sampling, transform; say under `plugins:` where another is

            warning: exporter otlp/täst is defined, but no pipeline uses it
              --> spanmill.yaml:14:3
               |
            14 |   otlp/täst:
               |   ^^^^^^^^^

            error: exporter otlp/täst: tls: insecure: expected true or false, found a number
              --> spanmill.yaml:16:21
               |
            16 |     tls: {insecure: 1}
               |                     ^

            error: pipeline traces: processors: there is no processor filter
              --> spanmill.yaml:21:38
               |
            21 |       processors: [batch, redactoin, filter]
               |                                      ^^^^^^
               |
               = help: define it under `processors:`

            error: pipeline traces: exporters: there is no exporter otlp/tast
              --> spanmill.yaml:22:19
               |
            22 |       exporters: [otlp/tast]
               |                   ^^^^^^^^^
               |
               = help: did you mean `otlp/täst`?

            spanmill.yaml: 7 errors, 1 warning
        "#]],
    );
}

#[test]
fn a_ledger_without_room_and_an_unknown_key_of_it() {
    check_sections(
        "ledger:\n  mib: 0\n  mb: 8\n",
        expect![[r#"
        error: ledger: mib: must be at least 1
         --> spanmill.yaml:2:8
          |
        2 |   mib: 0
          |        ^

        error: ledger: unknown key `mb`
         --> spanmill.yaml:3:3
          |
        3 |   mb: 8
          |   ^^
          |
          = help: did you mean `mib`?

        spanmill.yaml: 2 errors
    "#]],
    );
}
