//! Certificates that are renewed while it runs.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use spanmill_tests::tls::{Authority, s_client};
use spanmill_tests::{Backend, GrpcSender, Spanmill, request, span};

use super::{RECEIVERS, SERVER, certificates, manifest, port_of};

/// Whether OpenSSL trusts a listener by an authority's file.
async fn is_trusted(folder: &Path, address: &str, ca_file: &str) -> bool {
    let arguments = ["-CAfile", ca_file, "-alpn", "h2"];
    let seen = s_client(folder, address, &arguments, "x\n").await;
    seen.stdout.contains("Verify return code: 0 (ok)")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_shows_a_new_certificate_and_keeps_the_old_one_when_the_new_one_is_broken() {
    let (folder, _) = certificates();
    let path = folder.path().to_owned();
    let next = Authority::new("next");
    std::fs::write(path.join("next.pem"), next.pem()).unwrap();
    let backend = Backend::start().await;
    let manifest = manifest(&format!("{SERVER}, reload_interval: 50ms"), &backend);
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &[]).await;
    for receiver in RECEIVERS {
        let address = format!("localhost:{}", port_of(&spanmill, receiver));
        assert!(is_trusted(&path, &address, "ca.pem").await);
    }
    next.write(&path, "server");
    for protocol in ["grpc", "http"] {
        spanmill
            .logged(&format!(
                "receiver otlp: protocols: {protocol}: tls: files have changed; new connections use them"
            ))
            .await;
    }
    for receiver in RECEIVERS {
        let address = format!("localhost:{}", port_of(&spanmill, receiver));
        assert!(is_trusted(&path, &address, "next.pem").await);
        assert!(!is_trusted(&path, &address, "ca.pem").await);
    }
    std::fs::write(path.join("server.pem"), "half of a certifi").unwrap();
    for protocol in ["grpc", "http"] {
        let line = spanmill
            .logged(&format!(
                "receiver otlp: protocols: {protocol}: tls: files have changed and cannot be used"
            ))
            .await;
        assert!(
            line.contains("there is no certificate in PEM format"),
            "{line}"
        );
    }
    for receiver in RECEIVERS {
        let address = format!("localhost:{}", port_of(&spanmill, receiver));
        assert!(is_trusted(&path, &address, "next.pem").await);
    }
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_asked_for_certificates_of_new_authorities() {
    let (folder, _) = certificates();
    let path = folder.path().to_owned();
    std::fs::copy(path.join("ca.pem"), path.join("clients.pem")).unwrap();
    let next = Authority::new("next");
    next.write(&path, "next");
    let backend = Backend::start().await;
    let tls = format!(
        "{SERVER}, client_ca_file: clients.pem, client_ca_file_reload: true, reload_interval: 50ms"
    );
    let manifest = manifest(&tls, &backend);
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &[]).await;
    let address = format!("localhost:{}", port_of(&spanmill, RECEIVERS[1]));
    let asked = async |name: &str| {
        let (cert, key) = (format!("{name}.pem"), format!("{name}-key.pem"));
        let arguments = [
            "-CAfile", "ca.pem", "-alpn", "http/1.1", "-cert", &cert, "-key", &key,
        ];
        let seen = s_client(&path, &address, &arguments, "GET / HTTP/1.0\r\n\r\n").await;
        seen.stdout.contains(" 404 Not Found")
    };
    assert!(asked("client").await);
    assert!(!asked("next").await);
    std::fs::write(path.join("clients.pem"), next.pem()).unwrap();
    spanmill
        .logged("receiver otlp: protocols: http: tls: files have changed; new connections")
        .await;
    assert!(asked("next").await);
    assert!(!asked("client").await);
    spanmill.stop().await;
}

/// A backend's settings: it has the files `server.pem` and its key, and asks for certificates of an authority's.
fn closed(folder: &Path, clients: &Authority) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(clients.pem().as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build();
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server-key.pem")).unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exporter_shows_a_new_certificate_and_trusts_a_new_authority() {
    let (folder, _) = certificates();
    let path = folder.path().to_owned();
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let elsewhere = tempfile::tempdir().unwrap();
    servers.write(elsewhere.path(), "server");
    let backend = Backend::start_tls(closed(elsewhere.path(), &clients)).await;
    let port = backend.address().rsplit_once(':').unwrap().1.to_owned();
    let tls =
        "{ca_file: ca.pem, cert_file: client.pem, key_file: client-key.pem, reload_interval: 50ms}";
    let retry = "{max_elapsed_time: 0, initial_interval: 10ms, max_interval: 10ms}";
    let manifest = format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  otlp: {{endpoint: "localhost:{port}", tls: {tls}, retry_on_failure: {retry}}}
  otlphttp: {{endpoint: "https://localhost:{port}", tls: {tls}, retry_on_failure: {retry}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp, otlphttp]}}
"#
    );
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &[]).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let one = request("shop", vec![span(1, "one", vec![])]);
    sender.send(&one).await.unwrap();
    for exporter in ["otlp", "otlphttp"] {
        let line = spanmill
            .logged(&format!(r#""exporter":"{exporter}""#))
            .await;
        assert!(line.contains("cannot deliver"), "{line}");
    }
    assert_eq!(backend.seen_so_far(), 0);
    std::fs::write(path.join("ca.pem"), servers.pem()).unwrap();
    clients.write(&path, "client");
    // The batch that was waiting goes out, without a restart.
    backend.requests(2).await;
    for exporter in ["otlp", "otlphttp"] {
        spanmill
            .logged(&format!(
                "exporter {exporter}: tls: files have changed; new connections use them"
            ))
            .await;
    }
    spanmill.stop().await;
}
