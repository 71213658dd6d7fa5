//! Exporters.

use expect_test::expect;

use super::check_sections;

#[test]
fn exporter_of_unknown_type() {
    check_sections(
        r#"exporters:
  zipkin:
"#,
        expect![[r#"
            error: exporter zipkin: there is no exporter of type `zipkin`
             --> spanmill.yaml:2:3
              |
            2 |   zipkin:
              |   ^^^^^^
              |
              = help: the exporters of this version: otlp, otlphttp, debug, file, prometheus, prometheusremotewrite, load_balancing, nop

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn exporter_without_endpoint() {
    check_sections(
        r#"exporters:
  otlp:
  otlphttp:
"#,
        expect![[r#"
            error: exporter otlp: endpoint is missing
             --> spanmill.yaml:2:3
              |
            2 |   otlp:
              |   ^^^^
              |
              = help: add `endpoint:` with host and port, like `tempo:4317`

            error: exporter otlphttp: endpoint is missing
             --> spanmill.yaml:3:3
              |
            3 |   otlphttp:
              |   ^^^^^^^^
              |
              = help: add `endpoint:` with a URL, like `http://localhost:4318`

            spanmill.yaml: 2 errors
        "#]],
    );
}

#[test]
fn exporter_endpoint_wrong() {
    check_sections(
        r#"exporters:
  otlp/a:
    endpoint: tempo
  otlp/b:
    endpoint: ftp://tempo:4317
  otlphttp:
    endpoint: tempo:4318
"#,
        expect![[r#"
            error: exporter otlp/a: endpoint: the port is missing
             --> spanmill.yaml:3:15
              |
            3 |     endpoint: tempo
              |               ^^^^^
              |
              = help: write host and port, like `tempo:4317`

            error: exporter otlp/b: endpoint: this scheme is not known
             --> spanmill.yaml:5:15
              |
            5 |     endpoint: ftp://tempo:4317
              |               ^^^^^^^^^^^^^^^^
              |
              = help: use http:// or https://, or host and port alone

            error: exporter otlphttp: endpoint: this is not an http or https URL
             --> spanmill.yaml:7:15
              |
            7 |     endpoint: tempo:4318
              |               ^^^^^^^^^^
              |
              = help: write it with its scheme, like `http://localhost:4318`

            spanmill.yaml: 3 errors
        "#]],
    );
}

#[test]
fn exporter_compression_unknown() {
    check_sections(
        r#"exporters:
  otlp:
    endpoint: tempo:4317
    compression: zsdt
"#,
        expect![[r#"
            error: exporter otlp: compression: this value is not known
             --> spanmill.yaml:4:18
              |
            4 |     compression: zsdt
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
    check_sections(
        r#"exporters:
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
"#,
        expect![[r#"
            warning: exporter otlp: tls: insecure_skip_verify: the backend's certificate is not verified: anyone between here and the backend can pose as it, and read and change what is sent
             --> spanmill.yaml:5:7
              |
            5 |       insecure_skip_verify: true
              |       ^^^^^^^^^^^^^^^^^^^^
              |
              = help: name the certificate to trust in `ca_file`, or the name that it carries in `server_name_override`

            warning: exporter otlphttp: tls: insecure_skip_verify: the backend's certificate is not verified: anyone between here and the backend can pose as it, and read and change what is sent
              --> spanmill.yaml:12:7
               |
            12 |       insecure_skip_verify: true
               |       ^^^^^^^^^^^^^^^^^^^^
               |
               = help: name the certificate to trust in `ca_file`, or the name that it carries in `server_name_override`

            spanmill.yaml: 2 warnings
        "#]],
    );
}

#[test]
fn exporter_tls() {
    check_sections(
        r#"exporters:
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
"#,
        expect![[r#"
            error: exporter otlp: tls: key_file is missing
             --> spanmill.yaml:4:5
              |
            4 |     tls:
              |     ^^^
              |
              = help: add `key_file:` with its file: a certificate and its key go together

            error: exporter otlp: tls: ca_file: stands beside ca_pem, which says the same
             --> spanmill.yaml:5:16
              |
            5 |       ca_file: ca.pem
              |                ^^^^^^
              |
              = help: remove one of the two

            error: exporter otlp: tls: server_name_override: this is neither a DNS name nor an IP address
             --> spanmill.yaml:8:29
              |
            8 |       server_name_override: tempo:4317
              |                             ^^^^^^^^^^
              |
              = help: write the name alone, like `tempo.example.com`

            error: exporter otlp: tls: min_version: is above max_version
             --> spanmill.yaml:9:20
              |
            9 |       min_version: "1.3"
              |                    ^^^^^
              |
              = help: lower it, or remove one of the two

            error: exporter otlphttp: tls: cert_file is missing
              --> spanmill.yaml:13:5
               |
            13 |     tls:
               |     ^^^
               |
               = help: add `cert_file:` with its file: a certificate and its key go together

            error: exporter otlphttp: tls: min_version: this value is not known
              --> spanmill.yaml:15:20
               |
            15 |       min_version: "1.1"
               |                    ^^^^^
               |
               = help: did you mean `1.2`?
               = help: one of: 1.2, 1.3

            error: exporter otlphttp: tls: cipher_suites is not supported
              --> spanmill.yaml:16:7
               |
            16 |       cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]
               |       ^^^^^^^^^^^^^
               |
               = help: remove it: only cipher suites and curves that are safe are used

            spanmill.yaml: 7 errors
        "#]],
    );
}

#[test]
fn exporter_queue_storage() {
    check_sections(
        r#"exporters:
  otlp:
    endpoint: tempo:4317
    sending_queue:
      storage: file_storage
      num_consumers: 0
      sizer: spans
"#,
        expect![[r#"
            error: exporter otlp: sending_queue: storage is not supported: queues are kept in memory in this version
             --> spanmill.yaml:5:7
              |
            5 |       storage: file_storage
              |       ^^^^^^^
              |
              = help: remove it; what is queued when the process dies is lost

            error: exporter otlp: sending_queue: num_consumers: must be at least 1
             --> spanmill.yaml:6:22
              |
            6 |       num_consumers: 0
              |                      ^

            error: exporter otlp: sending_queue: sizer: this value is not known
             --> spanmill.yaml:7:14
              |
            7 |       sizer: spans
              |              ^^^^^
              |
              = help: one of: requests, items, bytes

            spanmill.yaml: 3 errors
        "#]],
    );
}

#[test]
fn exporter_retry_wrong() {
    check_sections(
        r#"exporters:
  otlp:
    endpoint: tempo:4317
    retry_on_failure:
      initial_interval: 0
      multiplier: 0.5
      randomization_factor: 2
      max_elapsed_time: 1 minute
"#,
        expect![[r#"
            error: exporter otlp: retry_on_failure: initial_interval: must be longer than zero
             --> spanmill.yaml:5:25
              |
            5 |       initial_interval: 0
              |                         ^

            error: exporter otlp: retry_on_failure: multiplier: must be at least 1
             --> spanmill.yaml:6:19
              |
            6 |       multiplier: 0.5
              |                   ^^^

            error: exporter otlp: retry_on_failure: randomization_factor: must be between 0 and 1
             --> spanmill.yaml:7:29
              |
            7 |       randomization_factor: 2
              |                             ^

            error: exporter otlp: retry_on_failure: max_elapsed_time: this is not a duration
             --> spanmill.yaml:8:25
              |
            8 |       max_elapsed_time: 1 minute
              |                         ^^^^^^^^
              |
              = help: durations are written like `200ms`, `1.5s` or `1h30m`

            spanmill.yaml: 4 errors
        "#]],
    );
}

#[test]
fn exporter_header_not_quoted() {
    check_sections(
        r#"exporters:
  otlp:
    endpoint: tempo:4317
    headers:
      x-tenant: 7
      bad name: x
      content-type: x
"#,
        expect![[r#"
            error: exporter otlp: headers: x-tenant: expected text, found a number
             --> spanmill.yaml:5:17
              |
            5 |       x-tenant: *
              |                 ^
              |
              = help: quote it: "7"

            error: exporter otlp: headers: `bad name` is no header's name
             --> spanmill.yaml:6:7
              |
            6 |       bad name: *
              |       ^^^^^^^^

            error: exporter otlp: headers: content-type is set by the exporter itself
             --> spanmill.yaml:7:7
              |
            7 |       content-type: *
              |       ^^^^^^^^^^^^
              |
              = help: remove it

            spanmill.yaml: 3 errors
        "#]],
    );
}

#[test]
fn jaeger_and_verbosity() {
    check_sections(
        r#"exporters:
  jaeger:
    endpoint: jaeger:14250
    tls: {insecure: true}
  debug:
    verbosity: detaild
"#,
        expect![[r#"
            warning: exporter jaeger: the jaeger exporter has been removed; OTLP is sent to its endpoint instead
             --> spanmill.yaml:2:3
              |
            2 |   jaeger:
              |   ^^^^^^
              |
              = help: Jaeger takes OTLP at port 4317 since version 1.35: use an `otlp` exporter with that port

            error: exporter debug: verbosity: this value is not known
             --> spanmill.yaml:6:16
              |
            6 |     verbosity: detaild
              |                ^^^^^^^
              |
              = help: did you mean `detailed`?
              = help: one of: basic, normal, detailed

            spanmill.yaml: 1 error, 1 warning
        "#]],
    );
}
