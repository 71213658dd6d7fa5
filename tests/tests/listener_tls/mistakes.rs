//! Certificates and keys that cannot be used: said at the start and by `validate`, with the line of the manifest.

use spanmill_tests::tls::Authority;
use spanmill_tests::{Backend, Output, Spanmill, spanmill};

use super::{SERVER, certificates, manifest};

fn all(output: &Output) -> String {
    format!("{}{}", output.stdout, output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_named_with_its_line() {
    let (folder, authority) = certificates();
    let path = folder.path();
    authority.write(path, "second");
    let sealed =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    std::fs::write(path.join("sealed.pem"), sealed).unwrap();
    let backend = Backend::start().await;
    for (tls, said) in [
        (
            "cert_file: nowhere.pem, key_file: server-key.pem",
            "cannot use nowhere.pem: No such file or directory",
        ),
        (
            "cert_file: server.pem, key_file: second-key.pem",
            "the key in second-key.pem is not that of the certificate in server.pem",
        ),
        (
            "cert_file: server.pem, key_file: sealed.pem",
            "cannot use sealed.pem: its private key is encrypted; store it decrypted",
        ),
        (
            "cert_file: server.pem, key_file: server-key.pem, client_ca_file: sealed.pem",
            "cannot use sealed.pem: there is no certificate in PEM format in it",
        ),
    ] {
        std::fs::write(path.join("m.yaml"), manifest(tls, &backend)).unwrap();
        for command in ["validate", "run"] {
            let ended = spanmill(path, &[command, "--config", "m.yaml"]).await;
            assert_eq!(ended.code, Some(1), "{ended:?}");
            for (protocol, line) in [("grpc", 5), ("http", 6)] {
                let message = format!("error: receiver otlp: protocols: {protocol}: tls: {said}");
                assert!(all(&ended).contains(&message), "{ended:?}");
                assert!(
                    all(&ended).contains(&format!("m.yaml:{line}:")),
                    "{ended:?}"
                );
            }
        }
        // Recordings go through the pipelines on machines that have no certificates.
        std::fs::write(path.join("empty.json"), "{\"resourceSpans\":[]}").unwrap();
        let arguments = ["replay", "--config", "m.yaml", "--input", "empty.json"];
        let ended = spanmill(path, &arguments).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_warned_of() {
    let (folder, authority) = certificates();
    authority.write_expired(folder.path(), "server");
    let backend = Backend::start().await;
    let text = manifest(SERVER, &backend);
    std::fs::write(folder.path().join("m.yaml"), &text).unwrap();
    let said = "the certificate in server.pem expired at 2001-01-01T00:00:00Z";
    let checked = spanmill(folder.path(), &["validate", "--config", "m.yaml"]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(
        all(&checked).contains(&format!("tls: {said}")),
        "{checked:?}"
    );
    assert!(all(&checked).contains("m.yaml:5:"), "{checked:?}");
    let running = Spanmill::start_in(folder, Some(&text), &[]).await;
    running.logged(said).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_with_a_certificate_that_cannot_be_used_is_refused() {
    let (folder, _) = certificates();
    let path = folder.path().to_owned();
    let backend = Backend::start().await;
    let text = manifest(SERVER, &backend);
    let running = Spanmill::start_in(folder, Some(&text), &[]).await;
    let other = Authority::new("other");
    other.write(&path, "other");
    let mixed = "cert_file: other.pem, key_file: server-key.pem";
    std::fs::write(path.join("manifest.yaml"), manifest(mixed, &backend)).unwrap();
    let line = running.logged("is not taken over").await;
    assert!(
        line.contains("the key in server-key.pem is not that of"),
        "{line}"
    );
    let right = "cert_file: other.pem, key_file: other-key.pem";
    std::fs::write(path.join("manifest.yaml"), manifest(right, &backend)).unwrap();
    running.logged("receiver otlp changed").await;
    running.stop().await;
}
