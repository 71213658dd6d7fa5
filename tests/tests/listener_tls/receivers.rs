//! The `otlp` receiver, seen by OpenSSL.

use spanmill_tests::tls::{Authority, s_client};
use spanmill_tests::{Backend, GrpcSender, Spanmill, post, request, span, within};

use super::{RECEIVERS, SERVER, certificates, manifest, port_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_trusts_the_authority_is_let_in_by_the_protocols_that_are_served() {
    let (folder, authority) = certificates();
    let path = folder.path().to_owned();
    // A chain: the client knows the root alone.
    let intermediate = authority.intermediate("intermediate");
    intermediate.write(&path, "server");
    let leaf = std::fs::read_to_string(path.join("server.pem")).unwrap();
    std::fs::write(path.join("server.pem"), leaf + &intermediate.pem()).unwrap();
    std::fs::write(path.join("other.pem"), Authority::new("other").pem()).unwrap();
    let backend = Backend::start().await;
    let manifest = manifest(SERVER, &backend);
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &[]).await;
    for (receiver, offered, chosen) in [
        (RECEIVERS[0], "h2,http/1.1", "h2"),
        (RECEIVERS[1], "h2,http/1.1", "h2"),
        (RECEIVERS[1], "http/1.1", "http/1.1"),
    ] {
        let address = format!("localhost:{}", port_of(&spanmill, receiver));
        let trust = ["-CAfile", "ca.pem", "-alpn", offered];
        let hello = "GET / HTTP/1.0\r\n\r\n";
        let seen = s_client(&path, &address, &trust, hello).await;
        let all = format!("{}{}", seen.stdout, seen.stderr);
        assert!(all.contains("Verify return code: 0 (ok)"), "{all}");
        assert!(all.contains(&format!("ALPN protocol: {chosen}")), "{all}");
        // Without ALPN it is the port that says which protocol it is.
        let trust = ["-CAfile", "ca.pem"];
        let seen = s_client(&path, &address, &trust, hello).await;
        assert!(seen.stdout.contains("Verify return code: 0"), "{seen:?}");

        let wrong = ["-CAfile", "other.pem", "-alpn", offered];
        let seen = s_client(&path, &address, &wrong, hello).await;
        assert_eq!(seen.code, Some(1), "{seen:?}");
    }
    let line = spanmill.logged("a TLS handshake failed").await;
    for text in [
        "receiver otlp",
        "UnknownCA",
        "127.0.0.1:",
        "trust the authority",
    ] {
        assert!(line.contains(text), "{line}");
    }
    // A port that serves HTTP/2 alone has nothing to offer to a client that does not speak it.
    let address = format!("localhost:{}", port_of(&spanmill, RECEIVERS[0]));
    let seen = s_client(
        &path,
        &address,
        &["-CAfile", "ca.pem", "-alpn", "http/1.1"],
        "",
    )
    .await;
    assert!(seen.stderr.contains("no application protocol"), "{seen:?}");
    spanmill.logged("none of the protocols").await;
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_plain_text_is_told_so() {
    let (folder, _) = certificates();
    let backend = Backend::start().await;
    let manifest = manifest(SERVER, &backend);
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &[]).await;
    let reply = post(spanmill.address(RECEIVERS[1]), "application/json", "{}").await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.text(), "This port takes TLS only; use https.\n");
    // A client that hears of it before it has sent its request knows only that the connection was closed, or that it
    // cannot be used: it tries again.
    within("a client that is told why", async {
        loop {
            let sender = GrpcSender::connect(spanmill.address(RECEIVERS[0])).await;
            let sent = request("shop", vec![span(1, "one", vec![])]);
            let refused = format!("{:?}", sender.send(&sent).await.unwrap_err());
            if refused.contains("INADEQUATE_SECURITY") {
                break;
            }
            let too_early = ["connection closed", "connection was not ready"];
            assert!(too_early.iter().any(|it| refused.contains(it)), "{refused}");
        }
    })
    .await;
    // Said once, however many there are.
    for _ in 0..5 {
        post(spanmill.address(RECEIVERS[1]), "application/json", "{}").await;
    }
    let log = spanmill.stop().await.log;
    let said = |line: &&String| line.contains("the client speaks plain text");
    assert_eq!(log.iter().filter(said).count(), 2, "{log:?}");
    assert_eq!(backend.seen_so_far(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_have_limits() {
    let backend = Backend::start().await;
    for (limit, spoken, refused) in [
        ("max_version: '1.2'", "-tls1_2", "-tls1_3"),
        ("min_version: '1.3'", "-tls1_3", "-tls1_2"),
    ] {
        let (folder, _) = certificates();
        let path = folder.path().to_owned();
        let manifest = manifest(&format!("{SERVER}, {limit}"), &backend);
        let spanmill = Spanmill::start_in(folder, Some(&manifest), &[]).await;
        for receiver in RECEIVERS {
            let address = format!("localhost:{}", port_of(&spanmill, receiver));
            for version in [spoken, refused] {
                let arguments = [version, "-CAfile", "ca.pem", "-alpn", "h2"];
                let seen = s_client(&path, &address, &arguments, "x\n").await;
                let all = format!("{}{}", seen.stdout, seen.stderr);
                let is_spoken = all.contains("ALPN protocol: h2");
                assert_eq!(is_spoken, version == spoken, "{version}: {all}");
            }
        }
        spanmill
            .logged("check `min_version` and `max_version`")
            .await;
        spanmill.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_show_a_certificate_where_it_is_asked_for() {
    let (folder, _) = certificates();
    let path = folder.path().to_owned();
    let strangers = Authority::new("strangers");
    strangers.write(&path, "stranger");
    let backend = Backend::start().await;
    let tls = format!("{SERVER}, client_ca_file: ca.pem");
    let manifest = manifest(&tls, &backend);
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &[]).await;
    let trust = ["-CAfile", "ca.pem", "-alpn", "http/1.1"];
    let address = format!("localhost:{}", port_of(&spanmill, RECEIVERS[1]));
    let get = "GET / HTTP/1.0\r\n\r\n";
    let ours = ["-cert", "client.pem", "-key", "client-key.pem"];
    let seen = s_client(&path, &address, &[&trust[..], &ours].concat(), get).await;
    assert!(seen.stdout.contains(" 404 Not Found"), "{seen:?}");
    let wrong = ["-cert", "stranger.pem", "-key", "stranger-key.pem"];
    for (shown, why) in [
        (
            &[][..],
            "the client shows no certificate, and `client_ca_file` asks for one",
        ),
        (
            &wrong,
            "the client's certificate is signed by nobody in `client_ca_file`",
        ),
    ] {
        let seen = s_client(&path, &address, &[&trust[..], shown].concat(), get).await;
        assert!(!seen.stdout.contains(" 404 Not Found"), "{seen:?}");
        let line = spanmill.logged(why).await;
        assert!(line.contains("receiver otlp"), "{line}");
    }
    spanmill.stop().await;
}
