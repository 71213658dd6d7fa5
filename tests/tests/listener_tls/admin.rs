//! The admin API over TLS, and the commands that speak to it.

use spanmill_tests::tls::{Authority, s_client};
use spanmill_tests::{Spanmill, admin_token, post, spanmill_with};

use super::{SERVER, certificates};

const TOKEN: &str = "5d41402abc4b2a76b9719d911017c592";

fn manifest(tls: &str, token: &str) -> String {
    format!(
        r#"
admin: {{endpoint: "127.0.0.1:0", tls: {{{tls}}}{token}}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  nop:
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [nop]}}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_speak_tls_to_it() {
    let (folder, _) = certificates();
    let path = folder.path().to_owned();
    std::fs::write(path.join("other.pem"), Authority::new("other").pem()).unwrap();
    let text = manifest(SERVER, &format!(", token: {TOKEN}"));
    let running = Spanmill::start_with(folder, Some(&text), &[], &[("SPANMILL_ADMIN", "")]).await;
    let address = running.address("admin https");
    let port = address.port();
    let endpoint = format!("https://localhost:{port}");
    let status = async |more: &[&str], environment: &[(&str, &str)]| {
        let arguments = [&["status", "--admin", &endpoint], more].concat();
        let all = [&[("SPANMILL_ADMIN_TOKEN", TOKEN)], environment].concat();
        spanmill_with(&path, &arguments, &all).await
    };
    for (more, environment) in [
        (&["--admin-ca", "ca.pem"][..], &[][..]),
        (&[], &[("SPANMILL_ADMIN_CA", "ca.pem")]),
        // The service's own certificate will do as well.
        (&["--admin-ca", "server.pem"], &[]),
    ] {
        let seen = status(more, environment).await;
        assert_eq!(seen.code, Some(0), "{seen:?}");
        assert!(seen.stdout.contains("nop"), "{seen:?}");
    }
    let seen = status(&["--admin-ca", "other.pem"], &[]).await;
    assert_eq!(seen.code, Some(1), "{seen:?}");
    assert!(
        seen.stderr.contains("name its authority's certificate"),
        "{seen:?}"
    );
    assert!(seen.stderr.contains("--admin-ca"), "{seen:?}");
    let seen = status(&["--admin-ca", "nowhere.pem"], &[]).await;
    assert!(seen.stderr.contains("cannot use nowhere.pem"), "{seen:?}");

    let plain = format!("127.0.0.1:{port}");
    let arguments = ["status", "--admin", &plain];
    let seen = spanmill_with(&path, &arguments, &[("SPANMILL_ADMIN_TOKEN", TOKEN)]).await;
    assert!(
        seen.stderr
            .contains("takes TLS only; write https:// before it"),
        "{seen:?}"
    );
    let reply = post(address, "application/json", "{}").await;
    assert_eq!(reply.status, 400, "{reply:?}");
    let seen = s_client(
        &path,
        &format!("localhost:{port}"),
        &["-CAfile", "ca.pem", "-alpn", "h2,http/1.1"],
        "GET /v1/status HTTP/1.0\r\nHost: localhost\r\n\r\n",
    )
    .await;
    assert!(seen.stdout.contains("ALPN protocol: http/1.1"), "{seen:?}");
    assert!(seen.stdout.contains("401 Unauthorized"), "{seen:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_for_certificates_and_its_own_user_needs_no_token() {
    let (folder, _) = certificates();
    let path = folder.path().to_owned();
    let text = manifest(&format!("{SERVER}, client_ca_file: ca.pem"), "");
    let running = Spanmill::start_with(folder, Some(&text), &[], &[("SPANMILL_ADMIN", "")]).await;
    let address = running.address("admin https");
    assert!(!admin_token(address).is_empty());
    let endpoint = format!("https://{address}");
    let trust = [
        "plugin",
        "status",
        "--admin",
        &endpoint,
        "--admin-ca",
        "ca.pem",
    ];
    let ours = [
        "--admin-cert",
        "client.pem",
        "--admin-key",
        "client-key.pem",
    ];
    let seen = spanmill_with(&path, &[&trust[..], &ours].concat(), &[]).await;
    assert_eq!(seen.code, Some(0), "{seen:?}");
    let seen = spanmill_with(&path, &trust, &[]).await;
    assert_eq!(seen.code, Some(1), "{seen:?}");
    assert!(
        seen.stderr.contains("--admin-cert and --admin-key"),
        "{seen:?}"
    );
    let half = [&trust[..], &["--admin-cert", "client.pem"]].concat();
    let seen = spanmill_with(&path, &half, &[]).await;
    assert!(
        seen.stderr
            .contains("a certificate and its key go together"),
        "{seen:?}"
    );
    running
        .logged("admin API: a TLS handshake failed: the client shows no certificate")
        .await;
    running.stop().await;
}
