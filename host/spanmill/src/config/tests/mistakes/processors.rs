//! Processors and plugins.

use expect_test::expect;

use super::check;

#[test]
fn processor_of_unknown_type() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
processors:
  fliter:
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [fliter]
      exporters: [debug]
"#,
        expect![[r#"
            error: processor fliter: there is no processor of type `fliter`
             --> spanmill.yaml:6:3
              |
            6 |   fliter:
              |   ^^^^^^
              |
              = help: did you mean `filter`?
              = help: known types: attributes, batch, filter, memory_limiter, probabilistic_sampler, redaction, resource; name the file of another under `plugins:`

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn processor_nobody_knows() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
processors:
  k8sattributes:
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [k8sattributes]
      exporters: [debug]
"#,
        expect![[r#"
            error: processor k8sattributes: there is no processor of type `k8sattributes`
             --> spanmill.yaml:6:3
              |
            6 |   k8sattributes:
              |   ^^^^^^^^^^^^^
              |
              = help: did you mean `attributes`?
              = help: known types: attributes, batch, filter, memory_limiter, probabilistic_sampler, redaction, resource; name the file of another under `plugins:`

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn batch_metadata_keys() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
processors:
  batch:
    metadata_keys: [tenant]
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [debug]
"#,
        expect![[r#"
            error: processor batch: metadata_keys is not supported: this version does not keep request headers
             --> spanmill.yaml:7:5
              |
            7 |     metadata_keys: [tenant]
              |     ^^^^^^^^^^^^^
              |
              = help: remove it; to keep tenants apart, give each a receiver and a pipeline

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn batch_wrong_types() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
processors:
  batch:
    timeout: 5
    send_batch_size: many
    send_batch_max_size: -1
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [debug]
"#,
        expect![[r#"
            warning: processor batch: timeout: a number without a unit counts nanoseconds
             --> spanmill.yaml:7:14
              |
            7 |     timeout: 5
              |              ^
              |
              = help: write it with its unit: `5ns`

            error: processor batch: send_batch_size: expected a whole number, found text
             --> spanmill.yaml:8:22
              |
            8 |     send_batch_size: many
              |                      ^^^^

            error: processor batch: send_batch_max_size: expected a whole number, found a negative one
             --> spanmill.yaml:9:26
              |
            9 |     send_batch_max_size: -1
              |                          ^^

            spanmill.yaml: 2 errors, 1 warning
        "#]],
    );
}

#[test]
fn batch_maximum_below_size() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
processors:
  batch:
    send_batch_size: 100
    send_batch_max_size: 10
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [debug]
"#,
        expect![[r#"
            error: processor batch: send_batch_max_size: must be at least send_batch_size, which is 100
             --> spanmill.yaml:8:26
              |
            8 |     send_batch_max_size: 10
              |                          ^^

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn memory_limiter_empty() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
processors:
  memory_limiter:
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter]
      exporters: [debug]
"#,
        expect![[r#"
            error: processor memory_limiter: check_interval must be set, and longer than zero
             --> spanmill.yaml:6:3
              |
            6 |   memory_limiter:
              |   ^^^^^^^^^^^^^^
              |
              = help: add `check_interval: 1s`

            error: processor memory_limiter: there is no limit
             --> spanmill.yaml:6:3
              |
            6 |   memory_limiter:
              |   ^^^^^^^^^^^^^^
              |
              = help: add `limit_mib:` or `limit_percentage:`

            spanmill.yaml: 2 errors
        "#]],
    );
}

#[test]
fn memory_limiter_shares() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 120
    limit_mib: 100
    spike_limit_mib: 100
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter]
      exporters: [debug]
"#,
        expect![[r#"
            error: processor memory_limiter: limit_percentage: a share is at most 100
             --> spanmill.yaml:8:23
              |
            8 |     limit_percentage: 120
              |                       ^^^

            error: processor memory_limiter: spike_limit_mib: must be smaller than limit_mib
              --> spanmill.yaml:10:22
               |
            10 |     spike_limit_mib: 100
               |                      ^^^

            spanmill.yaml: 2 errors
        "#]],
    );
}

#[test]
fn plugin_file_and_limits() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
processors:
  scrub:
exporters:
  debug:
plugins:
  redactor:
    memory_mib: 0
  filter/x:
    file: x.wasm
  scrub:
    file: scrub.wasm
    on_eror: pass
    timeout: 0s
  batch:
    file: b.wasm
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [scrub]
      exporters: [debug]
"#,
        expect![[r#"
            error: plugin redactor: there is no built-in of this type, and no file is named
              --> spanmill.yaml:10:3
               |
            10 |   redactor:
               |   ^^^^^^^^
               |
               = help: did you mean `redaction`?
               = help: add `file:` with the path of the component

            error: plugin redactor: memory_mib: must be at least 1
              --> spanmill.yaml:11:17
               |
            11 |     memory_mib: 0
               |                 ^

            error: plugin filter/x: a plugin is named by its type alone
              --> spanmill.yaml:12:3
               |
            12 |   filter/x:
               |   ^^^^^^^^
               |
               = help: leave out the slash and what follows; components of that type have names

            error: plugin scrub: unknown key `on_eror`
              --> spanmill.yaml:16:5
               |
            16 |     on_eror: pass
               |     ^^^^^^^
               |
               = help: did you mean `on_error`?

            error: plugin scrub: timeout: must be longer than zero
              --> spanmill.yaml:17:14
               |
            17 |     timeout: 0s
               |              ^^

            error: plugin batch: batch is part of the host, not a plugin
              --> spanmill.yaml:18:3
               |
            18 |   batch:
               |   ^^^^^
               |
               = help: give the plugin another type

            spanmill.yaml: 6 errors
        "#]],
    );
}

#[test]
fn plugin_settings_not_a_mapping() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
processors:
  filter: [a]
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [filter]
      exporters: [debug]
"#,
        expect![[r#"
            error: processor filter: expected a mapping, found a list
             --> spanmill.yaml:6:11
              |
            6 |   filter: [a]
              |           ^^^

            spanmill.yaml: 1 error
        "#]],
    );
}
