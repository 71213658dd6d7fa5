//! Exporters.

use expect_test::expect;

use super::check;

#[test]
fn exporter_of_unknown_type() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  zipkin:
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [zipkin]
"#,
        expect![[r#"
            error: exporter zipkin: there is no exporter of type `zipkin`
             --> spanmill.yaml:6:3
              |
            6 |   zipkin:
              |   ^^^^^^
              |
              = help: the exporters of this version: otlp, otlphttp, debug, file, prometheus, prometheusremotewrite, nop

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn exporter_without_endpoint() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  otlp:
  otlphttp:
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp, otlphttp]
"#,
        expect![[r#"
            error: exporter otlp: endpoint is missing
             --> spanmill.yaml:6:3
              |
            6 |   otlp:
              |   ^^^^
              |
              = help: add `endpoint:` with host and port, like `tempo:4317`

            error: exporter otlphttp: endpoint is missing
             --> spanmill.yaml:7:3
              |
            7 |   otlphttp:
              |   ^^^^^^^^
              |
              = help: add `endpoint:` with a URL, like `http://localhost:4318`

            spanmill.yaml: 2 errors
        "#]],
    );
}

#[test]
fn exporter_endpoint_wrong() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  otlp/a:
    endpoint: tempo
  otlp/b:
    endpoint: ftp://tempo:4317
  otlphttp:
    endpoint: tempo:4318
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp/a, otlp/b, otlphttp]
"#,
        expect![[r#"
            error: exporter otlp/a: endpoint: the port is missing
             --> spanmill.yaml:7:15
              |
            7 |     endpoint: tempo
              |               ^^^^^
              |
              = help: write host and port, like `tempo:4317`

            error: exporter otlp/b: endpoint: this scheme is not known
             --> spanmill.yaml:9:15
              |
            9 |     endpoint: ftp://tempo:4317
              |               ^^^^^^^^^^^^^^^^
              |
              = help: use http:// or https://, or host and port alone

            error: exporter otlphttp: endpoint: this is not an http or https URL
              --> spanmill.yaml:11:15
               |
            11 |     endpoint: tempo:4318
               |               ^^^^^^^^^^
               |
               = help: write it with its scheme, like `http://localhost:4318`

            spanmill.yaml: 3 errors
        "#]],
    );
}

#[test]
fn exporter_compression_unknown() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  otlp:
    endpoint: tempo:4317
    compression: zsdt
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp]
"#,
        expect![[r#"
            error: exporter otlp: compression: this value is not known
             --> spanmill.yaml:8:18
              |
            8 |     compression: zsdt
              |                  ^^^^
              |
              = help: did you mean `zstd`?
              = help: one of: gzip, zstd, none

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn exporter_skip_verify() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  otlp:
    endpoint: tempo:4317
    tls:
      insecure_skip_verify: true
  otlp/plain:
    endpoint: tempo:4317
    tls: {insecure: true, insecure_skip_verify: true}
  otlphttp:
    endpoint: https://tempo:4318
    tls:
      insecure_skip_verify: true
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp, otlp/plain, otlphttp]
"#,
        expect![[r#"
            warning: exporter otlp: tls: insecure_skip_verify: the backend's certificate is not verified: anyone between here and the backend can pose as it, and read and change what is sent
             --> spanmill.yaml:9:7
              |
            9 |       insecure_skip_verify: true
              |       ^^^^^^^^^^^^^^^^^^^^
              |
              = help: name the certificate to trust in `ca_file`, or the name that it carries in `server_name_override`

            warning: exporter otlphttp: tls: insecure_skip_verify: the backend's certificate is not verified: anyone between here and the backend can pose as it, and read and change what is sent
              --> spanmill.yaml:16:7
               |
            16 |       insecure_skip_verify: true
               |       ^^^^^^^^^^^^^^^^^^^^
               |
               = help: name the certificate to trust in `ca_file`, or the name that it carries in `server_name_override`

            spanmill.yaml: 2 warnings
        "#]],
    );
}

#[test]
fn exporter_tls() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  otlp:
    endpoint: tempo:4317
    tls:
      ca_file: ca.pem
      ca_pem: SECRET
      cert_file: us.pem
      server_name_override: tempo:4317
      min_version: "1.3"
      max_version: "1.2"
  otlphttp:
    endpoint: https://tempo:4318
    tls:
      key_pem: SECRET
      min_version: "1.1"
      cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp, otlphttp]
"#,
        expect![[r#"
            error: exporter otlp: tls: key_file is missing
             --> spanmill.yaml:8:5
              |
            8 |     tls:
              |     ^^^
              |
              = help: add `key_file:` with its file: a certificate and its key go together

            error: exporter otlp: tls: ca_file: stands beside ca_pem, which says the same
             --> spanmill.yaml:9:16
              |
            9 |       ca_file: ca.pem
              |                ^^^^^^
              |
              = help: remove one of the two

            error: exporter otlp: tls: server_name_override: this is neither a DNS name nor an IP address
              --> spanmill.yaml:12:29
               |
            12 |       server_name_override: tempo:4317
               |                             ^^^^^^^^^^
               |
               = help: write the name alone, like `tempo.example.com`

            error: exporter otlp: tls: min_version: is above max_version
              --> spanmill.yaml:13:20
               |
            13 |       min_version: "1.3"
               |                    ^^^^^
               |
               = help: lower it, or remove one of the two

            error: exporter otlphttp: tls: cert_file is missing
              --> spanmill.yaml:17:5
               |
            17 |     tls:
               |     ^^^
               |
               = help: add `cert_file:` with its file: a certificate and its key go together

            error: exporter otlphttp: tls: min_version: this value is not known
              --> spanmill.yaml:19:20
               |
            19 |       min_version: "1.1"
               |                    ^^^^^
               |
               = help: did you mean `1.2`?
               = help: one of: 1.2, 1.3

            error: exporter otlphttp: tls: cipher_suites is not supported
              --> spanmill.yaml:20:7
               |
            20 |       cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]
               |       ^^^^^^^^^^^^^
               |
               = help: remove it: only cipher suites and curves that are safe are used

            spanmill.yaml: 7 errors
        "#]],
    );
}

#[test]
fn exporter_queue_storage() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  otlp:
    endpoint: tempo:4317
    sending_queue:
      storage: file_storage
      num_consumers: 0
      sizer: spans
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp]
"#,
        expect![[r#"
            error: exporter otlp: sending_queue: storage is not supported: queues are kept in memory in this version
             --> spanmill.yaml:9:7
              |
            9 |       storage: file_storage
              |       ^^^^^^^
              |
              = help: remove it; what is queued when the process dies is lost

            error: exporter otlp: sending_queue: num_consumers: must be at least 1
              --> spanmill.yaml:10:22
               |
            10 |       num_consumers: 0
               |                      ^

            error: exporter otlp: sending_queue: sizer: this value is not known
              --> spanmill.yaml:11:14
               |
            11 |       sizer: spans
               |              ^^^^^
               |
               = help: one of: requests, items, bytes

            spanmill.yaml: 3 errors
        "#]],
    );
}

#[test]
fn exporter_retry_wrong() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  otlp:
    endpoint: tempo:4317
    retry_on_failure:
      initial_interval: 0
      multiplier: 0.5
      randomization_factor: 2
      max_elapsed_time: 1 minute
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp]
"#,
        expect![[r#"
            error: exporter otlp: retry_on_failure: initial_interval: must be longer than zero
             --> spanmill.yaml:9:25
              |
            9 |       initial_interval: 0
              |                         ^

            error: exporter otlp: retry_on_failure: multiplier: must be at least 1
              --> spanmill.yaml:10:19
               |
            10 |       multiplier: 0.5
               |                   ^^^

            error: exporter otlp: retry_on_failure: randomization_factor: must be between 0 and 1
              --> spanmill.yaml:11:29
               |
            11 |       randomization_factor: 2
               |                             ^

            error: exporter otlp: retry_on_failure: max_elapsed_time: this is not a duration
              --> spanmill.yaml:12:25
               |
            12 |       max_elapsed_time: 1 minute
               |                         ^^^^^^^^
               |
               = help: durations are written like `200ms`, `1.5s` or `1h30m`

            spanmill.yaml: 4 errors
        "#]],
    );
}

#[test]
fn exporter_header_not_quoted() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  otlp:
    endpoint: tempo:4317
    headers:
      x-tenant: 7
      bad name: x
      content-type: x
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp]
"#,
        expect![[r#"
            error: exporter otlp: headers: x-tenant: expected text, found a number
             --> spanmill.yaml:9:17
              |
            9 |       x-tenant: 7
              |                 ^
              |
              = help: quote it: "7"

            error: exporter otlp: headers: `bad name` is no header's name
              --> spanmill.yaml:10:7
               |
            10 |       bad name: x
               |       ^^^^^^^^

            error: exporter otlp: headers: content-type is set by the exporter itself
              --> spanmill.yaml:11:7
               |
            11 |       content-type: x
               |       ^^^^^^^^^^^^
               |
               = help: remove it

            spanmill.yaml: 3 errors
        "#]],
    );
}

#[test]
fn jaeger_and_verbosity() {
    check(
        r#"receivers:
  otlp:
    protocols:
      grpc:
exporters:
  jaeger:
    endpoint: jaeger:14250
    tls: {insecure: true}
  debug:
    verbosity: detaild
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [jaeger, debug]
"#,
        expect![[r#"
            warning: exporter jaeger: the jaeger exporter has been removed; OTLP is sent to its endpoint instead
             --> spanmill.yaml:6:3
              |
            6 |   jaeger:
              |   ^^^^^^
              |
              = help: Jaeger takes OTLP at port 4317 since version 1.35: use an `otlp` exporter with that port

            error: exporter debug: verbosity: this value is not known
              --> spanmill.yaml:10:16
               |
            10 |     verbosity: detaild
               |                ^^^^^^^
               |
               = help: did you mean `detailed`?
               = help: one of: basic, normal, detailed

            spanmill.yaml: 1 error, 1 warning
        "#]],
    );
}
