//! Exporters, against OpenSSL's server.

use spanmill_tests::tls::{Authority, SServer};
use spanmill_tests::{GrpcSender, Spanmill, request, span};

use super::certificates;

/// A pipeline into one server by an exporter.
fn manifest(kind: &str, port: u16, tls: &str) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  {kind}:
    endpoint: https://localhost:{port}
    tls: {{{tls}}}
    timeout: 1s
    retry_on_failure: {{max_elapsed_time: 0, initial_interval: 10ms, max_interval: 10ms}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [{kind}]}}
"#
    )
}

async fn send(spanmill: &Spanmill) {
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let one = request("shop", vec![span(1, "one", vec![])]);
    sender.send(&one).await.unwrap();
}

const SHOWN: [&str; 6] = [
    "-cert",
    "server.pem",
    "-key",
    "server-key.pem",
    "-alpn",
    "h2,http/1.1",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_openssl_serves_is_spoken_to_and_trusted_by_its_authority() {
    let both = "ca_file: ca.pem, cert_file: client.pem, key_file: client-key.pem";
    for (kind, begins) in [("otlp", "PRI * HTTP/2.0"), ("otlphttp", "PRI * HTTP/2.0")] {
        for version in ["-tls1_2", "-tls1_3"] {
            let (folder, _) = certificates();
            let closed = ["-Verify", "1", "-CAfile", "ca.pem", "-verify_return_error"];
            let arguments = [&SHOWN[..], &[version], &closed].concat();
            let server = SServer::start(folder.path(), &arguments).await;
            let text = manifest(kind, server.port(), both);
            let spanmill = Spanmill::start_in(folder, Some(&text), &[]).await;
            send(&spanmill).await;
            // What is inside of TLS has come out of it.
            server.wrote(begins).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_or_version_is_refused_with_the_reason() {
    for kind in ["otlp", "otlphttp"] {
        let (folder, _) = certificates();
        let other = Authority::new("other").pem();
        std::fs::write(folder.path().join("other.pem"), other).unwrap();
        let server = SServer::start(folder.path(), &SHOWN).await;
        let text = manifest(kind, server.port(), "ca_file: other.pem");
        let spanmill = Spanmill::start_in(folder, Some(&text), &[]).await;
        send(&spanmill).await;
        let line = spanmill.logged("cannot deliver").await;
        assert!(
            line.contains("signed by nobody that is trusted here"),
            "{line}"
        );
        drop(spanmill);

        let (folder, _) = certificates();
        let arguments = [&SHOWN[..], &["-tls1_2"]].concat();
        let server = SServer::start(folder.path(), &arguments).await;
        let text = manifest(kind, server.port(), "ca_file: ca.pem, min_version: '1.3'");
        let spanmill = Spanmill::start_in(folder, Some(&text), &[]).await;
        send(&spanmill).await;
        let line = spanmill.logged("cannot deliver").await;
        assert!(
            line.contains("check `min_version` and `max_version`"),
            "{line}"
        );
    }
}
