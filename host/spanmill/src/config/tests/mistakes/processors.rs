//! Processors and plugins.

use expect_test::expect;

use super::{check, check_sections};

#[test]
fn processor_of_unknown_type() {
    check_sections(
        r#"processors:
  fliter:
"#,
        expect![[r#"
            error: processor fliter: there is no processor of type `fliter`
             --> spanmill.yaml:2:3
              |
            2 |   fliter:
              |   ^^^^^^
              |
              = help: did you mean `filter`?
              = help: known types: adaptive_tail_sampling, attributes, batch, cardinality_guard, filter, groupbyattrs, groupbytrace, k8sattributes, memory_limiter, metricstransform, probabilistic_sampler, redaction, resource, resourcedetection, span, tail_sampling, transform; say under `plugins:` where another is

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn processor_nobody_knows() {
    check_sections(
        r#"processors:
  awsattributes:
"#,
        expect![[r#"
            error: processor awsattributes: there is no processor of type `awsattributes`
             --> spanmill.yaml:2:3
              |
            2 |   awsattributes:
              |   ^^^^^^^^^^^^^
              |
              = help: did you mean `k8sattributes`?
              = help: known types: adaptive_tail_sampling, attributes, batch, cardinality_guard, filter, groupbyattrs, groupbytrace, k8sattributes, memory_limiter, metricstransform, probabilistic_sampler, redaction, resource, resourcedetection, span, tail_sampling, transform; say under `plugins:` where another is

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn batch_metadata_keys() {
    check_sections(
        r#"processors:
  batch:
    metadata_keys: [tenant, '', Tenant, [a]]
"#,
        expect![[r#"
            error: processor batch: metadata_keys: has an empty name
             --> spanmill.yaml:3:29
              |
            3 |     metadata_keys: [tenant, '', Tenant, [a]]
              |                             ^^

            error: processor batch: metadata_keys: names tenant twice; case makes no difference
             --> spanmill.yaml:3:33
              |
            3 |     metadata_keys: [tenant, '', Tenant, [a]]
              |                                 ^^^^^^

            error: processor batch: metadata_keys: must be a list of the names of headers
             --> spanmill.yaml:3:41
              |
            3 |     metadata_keys: [tenant, '', Tenant, [a]]
              |                                         ^^^

            warning: pipeline traces: batch tells senders apart by metadata_keys, and no receiver of the pipeline keeps headers
              --> spanmill.yaml:10:64
               |
            10 | service: {pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [debug]}}}
               |                                                                ^^^^^
               |
               = help: add `include_metadata: true` to the protocols of a receiver

            spanmill.yaml: 3 errors, 1 warning
        "#]],
    );
}

#[test]
fn batch_wrong_types() {
    check_sections(
        r#"processors:
  batch:
    timeout: 5
    send_batch_size: many
    send_batch_max_size: -1
"#,
        expect![[r#"
            warning: processor batch: timeout: a number without a unit counts nanoseconds
             --> spanmill.yaml:3:14
              |
            3 |     timeout: 5
              |              ^
              |
              = help: write it with its unit: `5ns`

            error: processor batch: send_batch_size: expected a whole number, found text
             --> spanmill.yaml:4:22
              |
            4 |     send_batch_size: many
              |                      ^^^^

            error: processor batch: send_batch_max_size: expected a whole number, found a negative one
             --> spanmill.yaml:5:26
              |
            5 |     send_batch_max_size: -1
              |                          ^^

            spanmill.yaml: 2 errors, 1 warning
        "#]],
    );
}

#[test]
fn batch_maximum_below_size() {
    check_sections(
        r#"processors:
  batch:
    send_batch_size: 100
    send_batch_max_size: 10
"#,
        expect![[r#"
            error: processor batch: send_batch_max_size: must be at least send_batch_size, which is 100
             --> spanmill.yaml:4:26
              |
            4 |     send_batch_max_size: 10
              |                          ^^

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn memory_limiter_empty() {
    check_sections(
        r#"processors:
  memory_limiter:
"#,
        expect![[r#"
            error: processor memory_limiter: check_interval must be set, and longer than zero
             --> spanmill.yaml:2:3
              |
            2 |   memory_limiter:
              |   ^^^^^^^^^^^^^^
              |
              = help: add `check_interval: 1s`

            error: processor memory_limiter: there is no limit
             --> spanmill.yaml:2:3
              |
            2 |   memory_limiter:
              |   ^^^^^^^^^^^^^^
              |
              = help: add `limit_mib:` or `limit_percentage:`

            spanmill.yaml: 2 errors
        "#]],
    );
}

#[test]
fn memory_limiter_shares() {
    check_sections(
        r#"processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 120
    limit_mib: 100
    spike_limit_mib: 100
"#,
        expect![[r#"
            error: processor memory_limiter: limit_percentage: a share is at most 100
             --> spanmill.yaml:4:23
              |
            4 |     limit_percentage: 120
              |                       ^^^

            error: processor memory_limiter: spike_limit_mib: must be smaller than limit_mib
             --> spanmill.yaml:6:22
              |
            6 |     spike_limit_mib: 100
              |                      ^^^

            spanmill.yaml: 2 errors
        "#]],
    );
}

#[test]
fn plugin_file_and_limits() {
    check_sections(
        r#"processors:
  scrub:
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
"#,
        expect![[r#"
            error: plugin redactor: there is no built-in of this type, and nothing says where the plugin is
             --> spanmill.yaml:4:3
              |
            4 |   redactor:
              |   ^^^^^^^^
              |
              = help: did you mean `redaction`?
              = help: add `file:` with the path of the component, or `oci:` or `https:`

            error: plugin redactor: memory_mib: must be at least 1
             --> spanmill.yaml:5:17
              |
            5 |     memory_mib: 0
              |                 ^

            error: plugin filter/x: a plugin is named by its type alone
             --> spanmill.yaml:6:3
              |
            6 |   filter/x:
              |   ^^^^^^^^
              |
              = help: leave out the slash and what follows; components of that type have names

            error: plugin scrub: unknown key `on_eror`
              --> spanmill.yaml:10:5
               |
            10 |     on_eror: pass
               |     ^^^^^^^
               |
               = help: did you mean `on_error`?

            error: plugin scrub: timeout: must be longer than zero
              --> spanmill.yaml:11:14
               |
            11 |     timeout: 0s
               |              ^^

            error: plugin batch: batch is part of the host, not a plugin
              --> spanmill.yaml:12:3
               |
            12 |   batch:
               |   ^^^^^
               |
               = help: give the plugin another type

            spanmill.yaml: 6 errors
        "#]],
    );
}

#[test]
fn plugin_settings_not_a_mapping() {
    check_sections(
        r#"processors:
  filter: [a]
"#,
        expect![[r#"
            error: processor filter: expected a mapping, found a list
             --> spanmill.yaml:2:11
              |
            2 |   filter: [a]
              |           ^^^

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn senders_that_nothing_tells_apart() {
    let text = r#"
receivers:
  otlp: {protocols: {grpc: }}
  otlp/kept: {protocols: {http: {include_metadata: true}}}
processors:
  batch: {metadata_keys: [x-tenant]}
exporters:
  otlp: {endpoint: 'a:1', sending_queue: {batch: {partition: {metadata_keys: [x-tenant]}}}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [otlp]}
    logs: {receivers: [otlp, otlp/kept], processors: [batch], exporters: [otlp]}
"#;
    check(
        text,
        expect![[r#"
        warning: pipeline traces: batch tells senders apart by metadata_keys, and no receiver of the pipeline keeps headers
          --> spanmill.yaml:11:46
           |
        11 |     traces: {receivers: [otlp], processors: [batch], exporters: [otlp]}
           |                                              ^^^^^
           |
           = help: add `include_metadata: true` to the protocols of a receiver

        warning: pipeline traces: otlp tells senders apart by metadata_keys, and no receiver of the pipeline keeps headers
          --> spanmill.yaml:11:66
           |
        11 |     traces: {receivers: [otlp], processors: [batch], exporters: [otlp]}
           |                                                                  ^^^^
           |
           = help: add `include_metadata: true` to the protocols of a receiver

        spanmill.yaml: 2 warnings
    "#]],
    );
}

#[test]
fn senders_that_were_joined_before_they_are_told_apart() {
    let text = r#"
receivers:
  otlp: {protocols: {http: {include_metadata: true}}}
processors:
  batch:
  batch/keys: {metadata_keys: [x-tenant, x-team]}
exporters:
  otlp: {endpoint: 'a:1', sending_queue: {batch: {partition: {metadata_keys: [x-tenant, x-region]}}}}
  otlp/team: {endpoint: 'a:1', sending_queue: {batch: {partition: {metadata_keys: [x-team]}}}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [batch, batch/keys], exporters: [otlp/team]}
    logs: {receivers: [otlp], processors: [batch/keys], exporters: [otlp, otlp/team]}
"#;
    check(
        text,
        expect![[r#"
        warning: pipeline traces: batch/keys tells senders apart by x-tenant, and batch before it has joined them
          --> spanmill.yaml:12:53
           |
        12 |     traces: {receivers: [otlp], processors: [batch, batch/keys], exporters: [otlp/team]}
           |                                                     ^^^^^^^^^^
           |
           = help: add x-tenant to the metadata_keys of batch, or remove batch

        warning: pipeline logs: otlp tells senders apart by x-region, and batch/keys before it has joined them
          --> spanmill.yaml:13:69
           |
        13 |     logs: {receivers: [otlp], processors: [batch/keys], exporters: [otlp, otlp/team]}
           |                                                                     ^^^^
           |
           = help: add x-region to the metadata_keys of batch/keys, or remove batch/keys

        spanmill.yaml: 2 warnings
    "#]],
    );
}

#[test]
fn plugin_sources() {
    check_sections(
        r#"processors:
  one:
  two:
  three:
  four:
  filter:
plugins:
  one:
    file: one.wasm
    oci: ghcr.io/team/one:1.0
  two:
    oci: team/two:1.0
  three:
    https: http://example.com/three.wasm
    digest: 3f1e
  four:
    oci: ghcr.io/team/four:1.0
    keys: []
  filter:
    keys: [cosign.pub]
"#,
        expect![[r#"
            error: plugin one: oci: it is in a file already
              --> spanmill.yaml:10:10
               |
             9 |     file: one.wasm
               |           -------- here
            10 |     oci: ghcr.io/team/one:1.0
               |          ^^^^^^^^^^^^^^^^^^^^
               |
               = help: name one place

            error: plugin two: oci: `team/two:1.0` names no registry; write `registry.example.com/name:tag` (`docker.io/..` for Docker Hub)
              --> spanmill.yaml:12:10
               |
            12 |     oci: team/two:1.0
               |          ^^^^^^^^^^^^

            error: plugin three: https: `http://example.com/three.wasm` is no https address; write `https://host/path/plugin.wasm`; without TLS, only this machine is spoken to
              --> spanmill.yaml:14:12
               |
            14 |     https: http://example.com/three.wasm
               |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: plugin three: digest: must be `sha256:` and 64 hexadecimal digits in lower case
              --> spanmill.yaml:15:13
               |
            15 |     digest: 3f1e
               |             ^^^^
               |
               = help: `spanmill inspect` shows a file's digest

            error: plugin four: keys: no key is named, so no plugin could be signed by one
              --> spanmill.yaml:18:11
               |
            18 |     keys: []
               |           ^^

            error: plugin filter: keys: built-ins are not signed; name the plugin's `file:`, `oci:` or `https:`
              --> spanmill.yaml:20:11
               |
            20 |     keys: [cosign.pub]
               |           ^^^^^^^^^^^^

            spanmill.yaml: 6 errors
        "#]],
    );
}
