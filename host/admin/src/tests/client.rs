//! Every method of the client, and what its errors say.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::fake::{self, COMPONENT, Fake};
use super::{Server, within};
use crate::{
    AdminClient, ClientError, Control as _, ControlError, Endpoint, ShadowState, SwapOptions, Token,
};

const WASM: Bytes = Bytes::from_static(b"\0asm and more");

#[tokio::test]
async fn reads_what_there_is() {
    let server = Server::start(Fake::default(), None).await;
    let client = server.client();
    assert_eq!(client.plugins().await.unwrap(), server.fake.plugins());
    assert_eq!(client.plugin(COMPONENT).await.unwrap(), fake::status(true));
    assert_eq!(client.status().await.unwrap(), server.fake.status());
    assert_eq!(client.events().await.unwrap(), server.fake.events());
    let trace = client.trace("4BF92F3577b34da6a3ce929d0e0e4736").await;
    assert_eq!(trace.unwrap(), fake::trace_report());
    server.stop().await;
}

#[tokio::test]
async fn gives_commands() {
    let server = Server::start(Fake::default(), Some("open-sesame")).await;
    // As a URL; the tests' other clients use a path or an address alone.
    let endpoint = Endpoint::new(&format!("http://{}/", server.endpoint));
    let token = Token::new("open-sesame").unwrap();
    let client = AdminClient::new(&endpoint, Some(token)).unwrap();
    let all = SwapOptions {
        probation: Some(7),
        allow_more: true,
        save: true,
    };
    let none = SwapOptions::default();
    let swapped = client
        .swap(COMPONENT, "a new & better.wasm", WASM, &all)
        .await;
    assert_eq!(swapped.unwrap(), fake::swap_report());
    let swapped = client.swap(COMPONENT, "ü+%.wasm", WASM, &none).await;
    assert_eq!(swapped.unwrap(), fake::swap_report());
    let minute = Duration::from_secs(60);
    let shadow = client
        .shadow(COMPONENT, "new.wasm", WASM, minute, true)
        .await;
    assert_eq!(shadow.unwrap(), fake::shadow_report(ShadowState::Running));
    let shadow = client.shadow_report(COMPONENT).await;
    assert_eq!(shadow.unwrap(), fake::shadow_report(ShadowState::Running));
    let shadow = client.end_shadow(COMPONENT).await;
    assert_eq!(shadow.unwrap(), fake::shadow_report(ShadowState::Ended));
    let promoted = client.promote(COMPONENT, &all).await;
    assert_eq!(promoted.unwrap(), fake::swap_report());
    assert_eq!(client.reload().await.unwrap(), fake::reload_report());
    assert_eq!(
        server.fake.commands(),
        [
            "swap filter/health a new & better.wasm 13 Some(7) more save",
            "swap filter/health ü+%.wasm 13 None",
            "shadow filter/health new.wasm 13 60s more",
            "shadow_report filter/health",
            "end_shadow filter/health",
            "promote filter/health Some(7) more save",
            "reload",
        ]
    );
    server.stop().await;
}

#[tokio::test]
async fn passes_on_what_the_service_says() {
    let refused = |error, expected_status, expected_detail: &str| match error {
        ClientError::Refused { status, detail } => {
            assert_eq!(status, expected_status);
            assert!(detail.contains(expected_detail), "{detail}");
        }
        other => panic!("{other:?}"),
    };
    let server = Server::start(Fake::default(), None).await;
    let client = server.client();
    let error = client.plugin("filter").await.unwrap_err();
    refused(error, 404, "no plugin runs as component \"filter\"");
    let error = client
        .promote("filter/ other?#", &SwapOptions::default())
        .await
        .unwrap_err();
    refused(error, 404, "filter/ other?#");
    let error = client.trace(&"0".repeat(31)).await.unwrap_err();
    refused(error, 400, "32 hexadecimal digits");
    let error = client.trace(&"7".repeat(32)).await.unwrap_err();
    refused(error, 404, "nothing is known of trace 7777");
    let no_wasm = Bytes::from_static(b"GIF89a");
    let error = client
        .swap(COMPONENT, "x", no_wasm, &SwapOptions::default())
        .await;
    refused(error.unwrap_err(), 422, "no WebAssembly component");
    let blink = Duration::from_millis(5);
    let error = client.shadow(COMPONENT, "x", WASM, blink, false).await;
    refused(error.unwrap_err(), 400, "`for`");
    server.stop().await;

    for (refusal, status) in [
        (ControlError::NotFound("why".to_owned()), 404),
        (ControlError::Conflict("why".to_owned()), 409),
        (ControlError::Invalid("why".to_owned()), 422),
    ] {
        let server = Server::start(Fake::refusing(refusal), None).await;
        refused(server.client().reload().await.unwrap_err(), status, "why");
        server.stop().await;
    }
    let server = Server::start(Fake::refusing(ControlError::ShuttingDown), None).await;
    let error = server
        .client()
        .promote(COMPONENT, &SwapOptions::default())
        .await
        .unwrap_err();
    refused(error, 503, "the service is shutting down");
    server.stop().await;

    let broken = Fake {
        panics: true,
        ..Fake::default()
    };
    let server = Server::start(broken, None).await;
    let error = server.client().reload().await.unwrap_err();
    refused(error, 500, "see its log");
    server.stop().await;
}

#[tokio::test]
async fn says_that_nothing_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let client = AdminClient::new(&Endpoint::new(&address), None).unwrap();
    let error = client.plugins().await.unwrap_err();
    let gone = Endpoint::new("unix:/nowhere/admin.sock");
    let nobody = AdminClient::new(&gone, None).unwrap();
    let missing = nobody.plugins().await.unwrap_err().to_string();
    assert!(
        missing.starts_with("nothing listens at unix:/nowhere/admin.sock"),
        "{missing}"
    );
    assert_eq!(
        error.to_string(),
        format!(
            "nothing listens at {address}; is `spanmill run` running, and with which admin endpoint? name it with --admin or SPANMILL_ADMIN"
        )
    );
}

#[tokio::test]
async fn says_that_a_token_is_wanted() {
    let server = Server::start(Fake::default(), Some("open-sesame")).await;
    let error = server.client().plugins().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} wants a token; set SPANMILL_ADMIN_TOKEN to the one that `spanmill run` was started with, or run this as its user, who needs none",
            server.endpoint
        )
    );
    let with = |token: &str| {
        let token = Token::new(token).unwrap();
        AdminClient::new(&server.endpoint, Some(token)).unwrap()
    };
    let error = with("open-barley").plugins().await.unwrap_err();
    assert!(error.to_string().contains("does not take this token"));
    // An upload is read on, so that its sender gets to see the answer.
    let large = Bytes::from(vec![0; 8 * 1024 * 1024]);
    let error = with("open-barley")
        .swap(COMPONENT, "x", large, &SwapOptions::default())
        .await;
    assert!(matches!(
        error.unwrap_err(),
        ClientError::Unauthorized { shown: true, .. }
    ));
    assert_eq!(with("open-sesame").plugins().await.unwrap().len(), 2);
    assert!(!format!("{:?}", with("open-sesame")).contains("sesame"));
    server.stop().await;
}

#[tokio::test]
async fn does_not_wait_for_ever() {
    let stuck = Fake {
        turns: tokio::sync::Semaphore::new(0),
        ..Fake::default()
    };
    let server = Server::start(stuck, None).await;
    let client = server.client().with_timeout(Duration::from_millis(200));
    let error = client
        .swap(COMPONENT, "x", WASM, &SwapOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error:?}");
    server.fake.turns.add_permits(1);
    server.stop().await;
}

#[tokio::test]
async fn knows_when_another_server_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        for answer in [
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n[]",
        ] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert_ne!(stream.read(&mut request).await.unwrap(), 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let client = AdminClient::new(&Endpoint::new(&address), None).unwrap();
    let error = client.plugins().await.unwrap_err();
    assert!(error.to_string().contains("does something else listen"));
    let error = client.plugins().await.unwrap_err();
    assert!(matches!(error, ClientError::Unexpected { status: 200, .. }));
    let error = client.plugins().await.unwrap_err();
    assert!(matches!(error, ClientError::Broken { .. }), "{error:?}");
    within(serving).await.unwrap();
}

#[test]
fn refuses_endpoints_it_cannot_use() {
    let error = AdminClient::new(&Endpoint::new("localhost"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`localhost` is no admin endpoint; give it as unix:/path, as host:port, such as 127.0.0.1:4319, or as https://host:port"
    );
}
