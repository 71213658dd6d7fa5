//! TLS on every listener, by the real binary, with OpenSSL's own client, the SDK for Python and a real Prometheus; and OpenSSL's
//! server for exporters.

mod admin;
mod clients;
mod exporters;
mod mistakes;
mod receivers;
mod renewed;

use spanmill_tests::tls::Authority;
use spanmill_tests::{Backend, Spanmill};
use tempfile::TempDir;

/// A folder with `ca.pem`, and `server.pem` and `client.pem` that it has signed, each with its key.
fn certificates() -> (TempDir, Authority) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    authority.write(folder.path(), "server");
    authority.write(folder.path(), "client");
    (folder, authority)
}

const SERVER: &str = "cert_file: server.pem, key_file: server-key.pem";

/// Both receivers under these TLS settings, and a backend that takes what comes.
fn manifest(tls: &str, backend: &Backend) -> String {
    format!(
        r#"
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:0", tls: {{{tls}}}}}
      http: {{endpoint: "127.0.0.1:0", tls: {{{tls}}}}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp]}}
"#,
        backend.address()
    )
}

const RECEIVERS: [&str; 2] = ["receiver otlp grpc", "receiver otlp http"];

fn port_of(spanmill: &Spanmill, listener: &str) -> u16 {
    spanmill.address(listener).port()
}
