//! Receivers.

use expect_test::expect;

use super::check_sections;

#[test]
fn receiver_of_unknown_type() {
    check_sections(
        r#"receivers:
  otpl:
    protocols:
      grpc:
"#,
        expect![[r#"
            error: receiver otpl: there is no receiver of type `otpl`
             --> spanmill.yaml:2:3
              |
            2 |   otpl:
              |   ^^^^
              |
              = help: did you mean `otlp`?
              = help: the receivers of this version: otlp, nop

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn receiver_without_protocol() {
    check_sections(
        r#"receivers:
  otlp:
"#,
        expect![[r#"
            error: receiver otlp: no protocol is enabled
             --> spanmill.yaml:2:3
              |
            2 |   otlp:
              |   ^^^^
              |
              = help: add `protocols:` with `grpc:` or `http:` or both; without a value they take their defaults

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn receiver_key_misspelt() {
    check_sections(
        r#"receivers:
  otlp:
    protocols:
      grpc:
        endpiont: 0.0.0.0:4317
"#,
        expect![[r#"
            error: receiver otlp: protocols: grpc: unknown key `endpiont`
             --> spanmill.yaml:5:9
              |
            5 |         endpiont: 0.0.0.0:4317
              |         ^^^^^^^^
              |
              = help: did you mean `endpoint`?

            spanmill.yaml: 1 error
        "#]],
    );
}

#[test]
fn receiver_endpoint_without_port() {
    check_sections(
        r#"receivers:
  otlp:
    protocols:
      grpc:
        endpoint: localhost
      http:
        endpoint: http://localhost:4318
"#,
        expect![[r#"
            error: receiver otlp: protocols: grpc: endpoint: the port is missing
             --> spanmill.yaml:5:19
              |
            5 |         endpoint: localhost
              |                   ^^^^^^^^^
              |
              = help: write host and port, like `localhost:4317`

            error: receiver otlp: protocols: http: endpoint: this is a URL, where host and port are asked for
             --> spanmill.yaml:7:19
              |
            7 |         endpoint: http://localhost:4318
              |                   ^^^^^^^^^^^^^^^^^^^^^
              |
              = help: write host and port, like `localhost:4318`

            spanmill.yaml: 2 errors
        "#]],
    );
}

#[test]
fn receiver_tls() {
    check_sections(
        r#"receivers:
  otlp:
    protocols:
      grpc:
        tls:
      http:
        tls:
          cert_file: a.pem
          client_ca_file: b.pem
          ca_file: b.pem
          insecure: true
          min_version: "1.3"
          max_version: "1.2"
          cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]
          tpm: {enabled: true}
          reload_interval: soon
"#,
        expect![[r#"
            error: receiver otlp: protocols: grpc: tls: cert_file is missing
             --> spanmill.yaml:5:9
              |
            5 |         tls:
              |         ^^^
              |
              = help: add `cert_file:` with the file of the server's certificate, and `key_file:` with that of its key

            error: receiver otlp: protocols: http: tls: key_file is missing
             --> spanmill.yaml:7:9
              |
            7 |         tls:
              |         ^^^
              |
              = help: add `key_file:` with its file: a certificate and its key go together

            warning: receiver otlp: protocols: http: tls: ca_file is ignored: a server trusts nobody by it, as in the Collector
              --> spanmill.yaml:10:11
               |
            10 |           ca_file: b.pem
               |           ^^^^^^^
               |
               = help: name the authorities that clients need a certificate of in `client_ca_file`

            error: receiver otlp: protocols: http: tls: unknown key `insecure`
              --> spanmill.yaml:11:11
               |
            11 |           insecure: true
               |           ^^^^^^^^
               |
               = help: known keys: cert_file, cert_pem, key_file, key_pem, client_ca_file, ca_file, ca_pem, client_ca_file_reload, include_system_ca_certs_pool, min_version, max_version, reload_interval, cipher_suites, curve_preferences, tpm

            error: receiver otlp: protocols: http: tls: min_version: is above max_version
              --> spanmill.yaml:12:24
               |
            12 |           min_version: "1.3"
               |                        ^^^^^
               |
               = help: lower it, or remove one of the two

            error: receiver otlp: protocols: http: tls: cipher_suites is not supported
              --> spanmill.yaml:14:11
               |
            14 |           cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]
               |           ^^^^^^^^^^^^^
               |
               = help: remove it: only cipher suites and curves that are safe are used

            error: receiver otlp: protocols: http: tls: tpm is not supported
              --> spanmill.yaml:15:11
               |
            15 |           tpm: {enabled: true}
               |           ^^^
               |
               = help: remove it, and name the key in `key_file`

            error: receiver otlp: protocols: http: tls: reload_interval: this is not a duration
              --> spanmill.yaml:16:28
               |
            16 |           reload_interval: soon
               |                            ^^^^
               |
               = help: durations are written like `200ms`, `1.5s` or `1h30m`

            spanmill.yaml: 7 errors, 1 warning
        "#]],
    );
}

#[test]
fn receiver_timeouts_and_keep_alive() {
    check_sections(
        r#"receivers:
  otlp:
    protocols:
      grpc:
        max_concurrent_streams: 5000000000
        keepalive:
          server_parameters:
            max_connection_agee: 1m
            time: soon
      http:
        idle_timeout: -1s
        keep_alives_enabled: sometimes
"#,
        expect![[r#"
            error: receiver otlp: protocols: grpc: max_concurrent_streams: must be at most 4294967295
             --> spanmill.yaml:5:33
              |
            5 |         max_concurrent_streams: 5000000000
              |                                 ^^^^^^^^^^

            error: receiver otlp: protocols: grpc: keepalive: server_parameters: unknown key `max_connection_agee`
             --> spanmill.yaml:8:13
              |
            8 |             max_connection_agee: 1m
              |             ^^^^^^^^^^^^^^^^^^^
              |
              = help: did you mean `max_connection_age`?

            error: receiver otlp: protocols: grpc: keepalive: server_parameters: time: this is not a duration
             --> spanmill.yaml:9:19
              |
            9 |             time: soon
              |                   ^^^^
              |
              = help: durations are written like `200ms`, `1.5s` or `1h30m`

            error: receiver otlp: protocols: http: idle_timeout: this is not a duration
              --> spanmill.yaml:11:23
               |
            11 |         idle_timeout: -1s
               |                       ^^^
               |
               = help: durations are written like `200ms`, `1.5s` or `1h30m`

            error: receiver otlp: protocols: http: keep_alives_enabled: expected true or false, found text
              --> spanmill.yaml:12:30
               |
            12 |         keep_alives_enabled: sometimes
               |                              ^^^^^^^^^

            spanmill.yaml: 5 errors
        "#]],
    );
}

#[test]
fn receiver_cors_paths_and_headers() {
    check_sections(
        r#"receivers:
  otlp:
    protocols:
      http:
        cors: {allowed_headers: ["*"], exposed_headers: [a b]}
        traces_url_path: /a?b
        response_headers: {a b: c, d: "e\n"}
        compression_algorithms: [gzip, snappy]
        middlewares: [x]
"#,
        expect![[r#"
            error: receiver otlp: protocols: http: cors: without allowed_origins, no page may send
             --> spanmill.yaml:5:9
              |
            5 |         cors: {allowed_headers: ["*"], exposed_headers: [a b]}
              |         ^^^^
              |
              = help: add `allowed_origins: [https://shop.example]`, or remove the section

            error: receiver otlp: protocols: http: cors: exposed_headers: `a b` is no header's name
             --> spanmill.yaml:5:57
              |
            5 |         cors: {allowed_headers: ["*"], exposed_headers: [a b]}
              |                                                         ^^^^^

            error: receiver otlp: protocols: http: traces_url_path: this is not the path of a URL
             --> spanmill.yaml:6:26
              |
            6 |         traces_url_path: /a?b
              |                          ^^^^
              |
              = help: write it like `/v1/traces`

            error: receiver otlp: protocols: http: response_headers: `a b` is no header's name
             --> spanmill.yaml:7:28
              |
            7 |         response_headers: {a b: *, d: *****}
              |                            ^^^

            error: receiver otlp: protocols: http: response_headers: the value of d has characters that no header has
             --> spanmill.yaml:7:39
              |
            7 |         response_headers: {a b: *, d: *****}
              |                                       ^^^^^

            error: receiver otlp: protocols: http: compression_algorithms: `snappy` cannot be decompressed in this version
             --> spanmill.yaml:8:33
              |
            8 |         compression_algorithms: [gzip, snappy]
              |                                 ^^^^^^^^^^^^^^
              |
              = help: these can: gzip, zstd, zlib, deflate; `''` stands for bodies that are not compressed

            error: receiver otlp: protocols: http: middlewares is not supported
             --> spanmill.yaml:9:9
              |
            9 |         middlewares: [x]
              |         ^^^^^^^^^^^
              |
              = help: remove it: middlewares are extensions, and there are none in this version

            spanmill.yaml: 7 errors
        "#]],
    );
}
