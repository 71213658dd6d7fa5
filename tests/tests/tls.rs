//! TLS to backends, by the real binary.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use spanmill_tests::{Backend, GrpcSender, Spanmill, request, span, spanmill, spanmill_with};
use tempfile::TempDir;

/// Certificates and keys: an authority's, a backend's for `localhost`, and a client's.
struct Certificates {
    authority: CertifiedIssuer<'static, KeyPair>,
    backend: (rcgen::Certificate, KeyPair),
}

impl Certificates {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let key = KeyPair::generate().unwrap();
        let backend = named("localhost").signed_by(&key, &authority).unwrap();
        Certificates {
            authority,
            backend: (backend, key),
        }
    }

    /// Writes `ca.pem`, and `cert.pem` and `key.pem` for this side, signed by the same authority.
    fn write(&self, folder: &Path) {
        let key = KeyPair::generate().unwrap();
        let cert = named("spanmill").signed_by(&key, &self.authority).unwrap();
        std::fs::write(folder.join("ca.pem"), self.authority.pem()).unwrap();
        std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    }

    /// A backend for clients that have one of the authority's certificates.
    async fn closed(&self) -> Backend {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        Backend::start_tls(served(&self.backend, Some(roots))).await
    }

    /// A backend for everybody.
    async fn open(&self) -> Backend {
        Backend::start_tls(served(&self.backend, None)).await
    }
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

fn served(
    (cert, key): &(rcgen::Certificate, KeyPair),
    clients: Option<RootCertStore>,
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(clients.build().unwrap())
        }
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    builder
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap()
}

/// A pipeline into one backend by both exporters.
fn manifest(backend: &Backend, tls: &str) -> String {
    let port = backend.address().rsplit_once(':').unwrap().1.to_owned();
    format!(
        r#"
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:0"}}
exporters:
  otlp:
    endpoint: localhost:{port}
    tls: {{{tls}}}
    retry_on_failure: {{max_elapsed_time: 0, initial_interval: 10ms, max_interval: 10ms}}
  otlphttp:
    endpoint: https://localhost:{port}
    tls: {{{tls}}}
    retry_on_failure: {{max_elapsed_time: 0, initial_interval: 10ms, max_interval: 10ms}}
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [otlp, otlphttp]
"#
    )
}

async fn send(spanmill: &Spanmill) {
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let one = request("shop", vec![span(1, "one", vec![])]);
    sender.send(&one).await.unwrap();
}

/// Runs the manifest, and has a span come by each exporter.
async fn delivers(folder: TempDir, backend: &Backend, tls: &str, environment: &[(&str, &str)]) {
    let manifest = manifest(backend, tls);
    let before = backend.taken().len();
    let spanmill = Spanmill::start_with(folder, Some(&manifest), &[], environment).await;
    send(&spanmill).await;
    let got = backend.requests(before + 2).await;
    let over_http = got[before..].iter().filter(|one| one.path == "/v1/traces");
    assert_eq!((got.len() - before, over_http.count()), (2, 1));
    let ended = spanmill.stop().await;
    assert!(!ended.log.join("\n").contains("WARN"), "{:?}", ended.log);
}

fn with(certificates: &Certificates) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    certificates.write(folder.path());
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_is_trusted_by_its_authority_or_its_own_certificate() {
    let certificates = Certificates::new();
    let backend = certificates.open().await;
    let ca = certificates.authority.pem();
    delivers(with(&certificates), &backend, "ca_file: ca.pem", &[]).await;
    let environment = [("CA", ca.as_str())];
    delivers(
        with(&certificates),
        &backend,
        "ca_pem: '${env:CA}'",
        &environment,
    )
    .await;

    // As `openssl req -x509` makes them: an authority's.
    let mut params = named("localhost");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let own = (params.self_signed(&key).unwrap(), key);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.pem"), own.0.pem()).unwrap();
    let backend = Backend::start_tls(served(&own, None)).await;
    delivers(folder, &backend, "ca_file: own.pem", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_systems_certificates_are_trusted_where_that_is_asked_for() {
    let (certificates, others) = (Certificates::new(), Certificates::new());
    let backend = certificates.open().await;
    let system = tempfile::tempdir().unwrap();
    certificates.write(system.path());
    let system = system.path().join("ca.pem").display().to_string();
    let environment = [("SSL_CERT_FILE", system.as_str())];
    delivers(with(&others), &backend, "", &environment).await;
    let both = "ca_file: ca.pem, include_system_ca_certs_pool: true";
    delivers(with(&others), &backend, both, &environment).await;

    let manifest = manifest(&backend, "ca_file: ca.pem");
    let spanmill = Spanmill::start_with(with(&others), Some(&manifest), &[], &environment).await;
    send(&spanmill).await;
    spanmill
        .logged("a signature of the backend's is wrong")
        .await;
    // What the two before have sent.
    assert_eq!(backend.seen_so_far(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_is_refused_until_it_is_given() {
    let certificates = Certificates::new();
    let key = KeyPair::generate().unwrap();
    let elsewhere = named("tempo.internal")
        .signed_by(&key, &certificates.authority)
        .unwrap();
    let backend = Backend::start_tls(served(&(elsewhere, key), None)).await;
    let tls = "ca_file: ca.pem";
    let wrong = manifest(&backend, tls);
    let spanmill = Spanmill::start_in(with(&certificates), Some(&wrong), &[]).await;
    send(&spanmill).await;
    for exporter in ["otlp", "otlphttp"] {
        let line = spanmill
            .logged(&format!(r#""exporter":"{exporter}""#))
            .await;
        assert!(
            line.contains("certificate is not for `localhost`"),
            "{line}"
        );
        assert!(line.contains("server_name_override"), "{line}");
    }
    assert_eq!(backend.seen_so_far(), 0);
    drop(spanmill);
    let named = format!("{tls}, server_name_override: tempo.internal");
    delivers(with(&certificates), &backend, &named, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn insecure_skip_verify_is_warned_of() {
    let certificates = Certificates::new();
    let backend = certificates.open().await;
    let folder = tempfile::tempdir().unwrap();
    let text = manifest(&backend, "insecure_skip_verify: true");
    std::fs::write(folder.path().join("m.yaml"), &text).unwrap();
    let checked = spanmill(folder.path(), &["validate", "--config", "m.yaml"]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let spanmill = Spanmill::start_in(folder, Some(&text), &[]).await;
    send(&spanmill).await;
    backend.requests(2).await;
    let log = spanmill.stop().await.log;
    for exporter in ["otlp", "otlphttp"] {
        let risk = format!(
            "exporter {exporter}: tls: insecure_skip_verify: the backend's certificate is not verified: anyone"
        );
        let said = format!("{}{}", checked.stdout, checked.stderr);
        assert_eq!(said.matches(&risk).count(), 1, "{said}");
        let logged = |line: &&String| line.contains("\"WARN\"") && line.contains(&risk);
        assert_eq!(log.iter().filter(logged).count(), 1, "{log:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_asks_for_a_certificate_gets_it() {
    let certificates = Certificates::new();
    let backend = certificates.closed().await;
    let trust = "ca_file: ca.pem";
    let without = manifest(&backend, trust);
    let spanmill = Spanmill::start_in(with(&certificates), Some(&without), &[]).await;
    send(&spanmill).await;
    for exporter in ["otlp", "otlphttp"] {
        let line = spanmill
            .logged(&format!(r#""exporter":"{exporter}""#))
            .await;
        assert!(
            line.contains("the backend asks for a certificate"),
            "{line}"
        );
    }
    assert_eq!(backend.seen_so_far(), 0);
    drop(spanmill);

    let ours = format!("{trust}, cert_file: cert.pem, key_file: key.pem");
    delivers(with(&certificates), &backend, &ours, &[]).await;
    let folder = with(&certificates);
    let key = std::fs::read_to_string(folder.path().join("key.pem")).unwrap();
    let ours = format!("{trust}, cert_file: cert.pem, key_pem: '${{env:KEY}}'");
    delivers(folder, &backend, &ours, &[("KEY", &key)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_certificate_ends_the_start() {
    let certificates = Certificates::new();
    let backend = certificates.open().await;
    let folder = with(&certificates);
    let stranger = KeyPair::generate().unwrap().serialize_pem();
    std::fs::write(folder.path().join("key.pem"), &stranger).unwrap();
    for (key, named) in [
        ("key_file: key.pem", "key.pem"),
        ("key_pem: '${env:KEY}'", "key_pem"),
    ] {
        let tls = format!("ca_file: ca.pem, cert_file: cert.pem, {key}");
        std::fs::write(folder.path().join("m.yaml"), manifest(&backend, &tls)).unwrap();
        let arguments = ["run", "--config", "m.yaml"];
        let ended = spanmill_with(folder.path(), &arguments, &[("KEY", &stranger)]).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let why = format!("the key in {named} is not that of the certificate in cert.pem");
        assert!(ended.stderr.contains(&why), "{}", ended.stderr);
        // Not a line of it.
        let secret = stranger.lines().nth(1).unwrap();
        assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
    }
}
