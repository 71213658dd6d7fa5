//! OTLP exporters against servers that speak TLS.

mod certificates;

use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use tempfile::TempDir;

use self::certificates::{Authority, Certified, Shape};
use super::server::Server;
use super::{nowhere, payload, started, try_start};
use crate::export::{BuildError, EnqueueError};

const KINDS: [&str; 2] = ["otlp", "otlphttp"];

/// PEM files of a test's.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Files(tempfile::tempdir().unwrap())
    }

    /// Writes a file, and returns its path.
    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

fn settings(endpoint: &str, tls: &str) -> String {
    format!(
        "{{endpoint: '{endpoint}', tls: {{{tls}}}, retry_on_failure: {{enabled: false}}, sending_queue: {{enabled: false}}}}"
    )
}

/// Sends a batch to a server by either exporter.
async fn send(kind: &str, server: &Server, tls: &str) -> Result<(), EnqueueError> {
    let endpoint = format!("https://localhost:{}", server.address.port());
    let exporter = started(kind, &settings(&endpoint, tls), nowhere()).await;
    exporter.enqueue(payload()).await
}

/// What is said when a batch cannot be sent.
async fn refusal(kind: &str, server: &Server, tls: &str) -> String {
    let refused = send(kind, server, tls).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused}");
    assert!(server.seen().is_empty());
    refused.to_string()
}

/// Why an exporter does not start.
async fn mistake(kind: &str, tls: &str) -> BuildError {
    match try_start(kind, &settings("https://a:1", tls), nowhere()).await {
        Err(error) => error,
        Ok(_) => panic!("{kind} with {tls} has started"),
    }
}

/// Serves a certificate to everybody.
fn open(server: &Certified) -> ServerConfig {
    with_versions(server, rustls::ALL_VERSIONS)
}

fn with_versions(
    server: &Certified,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(server.chain(), server.key())
        .unwrap()
}

/// Serves a certificate to those that have one of an authority's.
fn closed(server: &Certified, authority: &Authority) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.der()).unwrap();
    let clients =
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build();
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.unwrap())
        .with_single_cert(server.chain(), server.key())
        .unwrap()
}

#[tokio::test]
async fn an_authority_is_trusted_by_file_or_text() {
    let authority = Authority::new();
    let server = Server::start_tls(open(&authority.sign(Shape::Server))).await;
    let chained = Server::start_tls(open(&authority.intermediate().sign(Shape::Server))).await;
    let files = Files::new();
    // A bundle, as they mostly come.
    let bundle = Authority::new().pem() + &authority.pem();
    let by_file = format!("ca_file: '{}'", files.write("ca.pem", &bundle));
    let by_text = format!("ca_pem: \"{}\"", bundle.replace('\n', "\\n"));
    let other = files.write("other.pem", Authority::new().pem());
    let by_other = format!("ca_file: '{other}'");
    for kind in KINDS {
        for server in [&server, &chained] {
            for trust in [&by_file, &by_text] {
                send(kind, server, trust).await.unwrap();
                assert_eq!(server.seen().len(), 1);
            }
            let said = refusal(kind, server, &by_other).await;
            assert!(
                said.contains("signed by nobody that is trusted here"),
                "{said}"
            );
            assert!(said.contains("`tls: {ca_file: ...}`"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_backends_own_certificate_is_trusted_whatever_it_calls_itself() {
    let authority = Authority::new();
    for own in [
        Certified::self_signed(Shape::Server),
        Certified::self_signed(Shape::ServerAndAuthority),
        // Its authority is not known here.
        authority.sign(Shape::Server),
    ] {
        let files = Files::new();
        let server = Server::start_tls(open(&own)).await;
        let trust = format!("ca_file: '{}'", files.write("own.pem", own.pem()));
        let another = Certified::self_signed(Shape::ServerAndAuthority);
        let other = format!("ca_file: '{}'", files.write("other.pem", another.pem()));
        for kind in KINDS {
            send(kind, &server, &trust).await.unwrap();
            assert_eq!(server.seen().len(), 1);
            // It is still for the names in it alone.
            let elsewhere = format!("{trust}, server_name_override: elsewhere");
            let said = refusal(kind, &server, &elsewhere).await;
            assert!(said.contains("not for `elsewhere`, but for"), "{said}");
            // Of the same subject, but another key.
            let said = refusal(kind, &server, &other).await;
            assert!(said.contains("cannot reach the backend"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_stolen_certificate_is_of_no_use_without_its_key() {
    let own = Certified::self_signed(Shape::ServerAndAuthority);
    let thief = own.with_key_of(&Certified::self_signed(Shape::Server));
    let server = Server::start_tls(thief).await;
    let files = Files::new();
    let trust = format!("ca_file: '{}'", files.write("own.pem", own.pem()));
    for kind in KINDS {
        for tls in [trust.as_str(), "insecure_skip_verify: true"] {
            let said = refusal(kind, &server, tls).await;
            assert!(
                said.contains("a signature of the backend's is wrong"),
                "{said}"
            );
        }
    }
}

#[tokio::test]
async fn names_must_match_or_be_given() {
    let own = Certified::self_signed(Shape::NamedElsewhere);
    let server = Server::start_tls(open(&own)).await;
    let files = Files::new();
    let trust = format!("ca_file: '{}'", files.write("own.pem", own.pem()));
    for kind in KINDS {
        let said = refusal(kind, &server, &trust).await;
        assert!(
            said.contains("is not for `localhost`, but for DnsName(\"tempo.internal\")"),
            "{said}"
        );
        assert!(
            said.contains("`tls: {server_name_override: ...}`"),
            "{said}"
        );
        let named = format!("{trust}, server_name_override: tempo.internal");
        send(kind, &server, &named).await.unwrap();
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn an_address_is_a_name_too() {
    let own = Certified::self_signed(Shape::ServerAndAuthority);
    let server = Server::start_tls(open(&own)).await;
    let files = Files::new();
    let trust = format!("ca_file: '{}'", files.write("own.pem", own.pem()));
    for kind in KINDS {
        let endpoint = format!("https://{}", server.address);
        let exporter = started(kind, &settings(&endpoint, &trust), nowhere()).await;
        exporter.enqueue(payload()).await.unwrap();
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn certificates_out_of_their_time_are_refused() {
    let authority = Authority::new();
    let files = Files::new();
    for (shape, why) in [
        (Shape::Expired, "expired at 2001-01-01T00:00:00Z; renew it"),
        (Shape::ExpiredAuthority, "expired at 2001-01-01T00:00:00Z"),
        (Shape::NotYet, "is not valid before 4000-01-01T00:00:00Z"),
    ] {
        for certified in [authority.sign(shape), Certified::self_signed(shape)] {
            let server = Server::start_tls(open(&certified)).await;
            let named = authority.pem() + &certified.pem();
            let trust = format!("ca_file: '{}'", files.write("ca.pem", named));
            for kind in KINDS {
                let said = refusal(kind, &server, &trust).await;
                assert!(said.contains(why), "{said}");
            }
        }
    }
}

#[tokio::test]
async fn insecure_skip_verify_takes_any_certificate() {
    for shape in [
        Shape::Expired,
        Shape::NamedElsewhere,
        Shape::ServerAndAuthority,
    ] {
        let server = Server::start_tls(open(&Certified::self_signed(shape))).await;
        for kind in KINDS {
            send(kind, &server, "insecure_skip_verify: true")
                .await
                .unwrap();
            assert_eq!(server.seen().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_backend_may_ask_for_a_certificate() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let server = closed(&authority.sign(Shape::Server), &clients);
    let server = Server::start_tls(server).await;
    let files = Files::new();
    let trust = format!("ca_file: '{}'", files.write("ca.pem", authority.pem()));
    let (ours, stranger) = (clients.sign(Shape::Client), authority.sign(Shape::Client));
    let cert = files.write("cert.pem", ours.pem());
    let key = files.write("key.pem", ours.key_pem());
    let inline = format!(
        "cert_pem: \"{}\", key_pem: \"{}\"",
        ours.pem().replace('\n', "\\n"),
        ours.key_pem().replace('\n', "\\n")
    );
    let wrong = format!(
        "cert_file: '{}', key_file: '{}'",
        files.write("stranger.pem", stranger.pem()),
        files.write("strangers-key.pem", stranger.key_pem())
    );
    for kind in KINDS {
        for ours in [&format!("cert_file: '{cert}', key_file: '{key}'"), &inline] {
            send(kind, &server, &format!("{trust}, {ours}"))
                .await
                .unwrap();
            assert_eq!(server.seen().len(), 1);
        }
        for version in ["1.2", "1.3"] {
            let only = format!("{trust}, min_version: '{version}', max_version: '{version}'");
            let said = refusal(kind, &server, &only).await;
            assert!(
                said.contains("the backend asks for a certificate"),
                "{version}: {said}"
            );
            assert!(
                said.contains("`tls: {cert_file: ..., key_file: ...}`"),
                "{said}"
            );
            let said = refusal(kind, &server, &format!("{only}, {wrong}")).await;
            assert!(
                said.contains("the backend refuses this side's certificate"),
                "{said}"
            );
        }
    }
}

#[tokio::test]
async fn versions_can_be_chosen() {
    let own = Certified::self_signed(Shape::Server);
    let files = Files::new();
    let trust = format!("ca_file: '{}'", files.write("own.pem", own.pem()));
    for (spoken, other, server) in [
        ("1.2", "min_version: '1.3'", &version::TLS12),
        ("1.3", "max_version: '1.2'", &version::TLS13),
    ] {
        let server = Server::start_tls(with_versions(&own, &[server])).await;
        for kind in KINDS {
            let only = format!("{trust}, min_version: '{spoken}', max_version: '{spoken}'");
            send(kind, &server, &only).await.unwrap();
            assert_eq!(server.seen().len(), 1);
            let said = refusal(kind, &server, &format!("{trust}, {other}")).await;
            assert!(
                said.contains("check `min_version` and `max_version`"),
                "{said}"
            );
        }
    }
}

#[tokio::test]
async fn a_backend_in_plain_text_is_told_apart() {
    let server = Server::start().await;
    for kind in KINDS {
        let said = refusal(kind, &server, "insecure_skip_verify: true").await;
        assert!(said.contains("does not answer in TLS"), "{said}");
        assert!(said.contains("http://"), "{said}");
    }
}

#[tokio::test]
async fn without_tls_its_files_are_not_asked_for() {
    let server = Server::start().await;
    let endpoint = format!("http://{}", server.address);
    for kind in KINDS {
        let settings = settings(&endpoint, "ca_file: /nowhere/ca.pem");
        let exporter = started(kind, &settings, nowhere()).await;
        exporter.enqueue(payload()).await.unwrap();
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn files_are_checked_at_the_start() {
    let files = Files::new();
    let own = Certified::self_signed(Shape::Client);
    let empty = files.write("empty.pem", "");
    let certificate = files.write("cert.pem", own.pem());
    let sealed = files.write(
        "sealed.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let none = "there is no certificate in PEM format in it";
    let no_key = "there is no private key in PEM format in it";
    for (tls, said) in [
        (
            format!("ca_file: '{empty}'"),
            format!("tls: cannot use {empty}: {none}"),
        ),
        (
            "ca_pem: secret".to_owned(),
            format!("tls: cannot use ca_pem: {none}"),
        ),
        (
            format!("ca_file: '{empty}', insecure_skip_verify: true"),
            format!("tls: cannot use {empty}: {none}"),
        ),
        (
            "ca_file: /nowhere/ca.pem".to_owned(),
            "tls: cannot use /nowhere/ca.pem: No such file or directory (os error 2)".to_owned(),
        ),
        (
            format!("cert_file: '{certificate}', key_file: '{certificate}'"),
            format!("tls: cannot use {certificate}: {no_key}"),
        ),
        (
            format!("cert_file: '{certificate}', key_pem: secret"),
            format!("tls: cannot use key_pem: {no_key}"),
        ),
        (
            format!("cert_file: '{certificate}', key_file: '{sealed}'"),
            format!(
                "tls: cannot use {sealed}: its private key is encrypted; store it decrypted, as `openssl pkey` writes it"
            ),
        ),
    ] {
        for kind in KINDS {
            // Those of the system are not needed, and may not be there.
            let tls = match tls.contains("ca_") {
                true => tls.clone(),
                false => format!("ca_file: '{certificate}', {tls}"),
            };
            let error = mistake(kind, &tls).await;
            assert_eq!(error.to_string(), format!("exporter {kind}: {said}"));
        }
    }
}

#[tokio::test]
async fn a_key_that_is_not_the_certificates_is_named() {
    let files = Files::new();
    let (one, two) = (
        Certified::self_signed(Shape::Client),
        Certified::self_signed(Shape::Client),
    );
    let certificate = files.write("cert.pem", one.pem());
    let key = files.write("key.pem", two.key_pem());
    let tls = format!("ca_file: '{certificate}', cert_file: '{certificate}', key_file: '{key}'");
    for kind in KINDS {
        assert_eq!(
            mistake(kind, &tls).await.to_string(),
            format!(
                "exporter {kind}: tls: the key in {key} is not that of the certificate in {certificate}; \
                 name the two that belong together"
            )
        );
    }
}
