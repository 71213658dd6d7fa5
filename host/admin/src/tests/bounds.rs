//! Requests that are wrong, too large or cut short, and the end of the service.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

use super::fake::Fake;
use super::{Answer, Server, Stream, within};
use crate::server::MAX_BYTES;
use crate::{AdminClient, ClientError, SwapOptions, Token};

const SWAP: &str = "/v1/plugins/filter%2Fhealth/swap";
const SHADOW: &str = "/v1/plugins/filter%2Fhealth/shadow";
const WASM: &str = "Content-Type: application/wasm";

#[tokio::test]
async fn answers_wrong_requests_with_problems() {
    let server = Server::start(Fake::default(), None).await;
    let missing = server.request("GET", "/v1/nothing", &[], b"").await;
    assert!(missing.problem(404).contains("openapi.yaml"));
    // The `/` of an id must be escaped.
    let path = "/v1/plugins/filter/health";
    let unescaped = server.request("GET", path, &[], b"").await;
    assert!(unescaped.problem(404).contains("%2F"));
    let not_text = server.request("GET", "/v1/plugins/%FF", &[], b"").await;
    assert!(not_text.problem(404).contains("UTF-8"));

    let method = server.request("PUT", "/v1/plugins", &[], b"{}").await;
    assert!(method.problem(405).contains("Allow"));
    assert_eq!(method.header("allow"), Some("GET,HEAD"));
    let method = server.request("PATCH", SHADOW, &[], b"").await;
    method.problem(405);
    let mut allowed: Vec<&str> = method.header("allow").unwrap().split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "GET", "HEAD", "POST"]);

    for path in [SWAP, SHADOW] {
        for headers in [
            &[][..],
            &["Content-Type: application/octet-stream"],
            &["Content-Type: application/json"],
            &[WASM, "Content-Encoding: gzip"],
        ] {
            let answer = server.request("POST", path, headers, b"\0asm").await;
            assert!(answer.problem(415).contains("application/wasm"));
        }
        let empty = server.request("POST", path, &[WASM], b"").await;
        assert!(empty.problem(400).contains("empty"));
    }
    for (path, parameter) in [
        (format!("{SWAP}?probation=many"), "probation"),
        (format!("{SWAP}?probation=-1"), "probation"),
        (format!("{SWAP}?name="), "name"),
        (format!("{SWAP}?name=a%0Ab"), "name"),
        (format!("{SWAP}?name=a&name=b"), "name"),
        (format!("{SWAP}?for=60s"), "for"),
        (format!("{SHADOW}?for=soon"), "for"),
        (format!("{SHADOW}?for=25h"), "for"),
        (format!("{SHADOW}?probation=1"), "probation"),
        (format!("{SHADOW}?save=true"), "save"),
    ] {
        let answer = server.request("POST", &path, &[WASM], b"\0asm").await;
        let detail = answer.problem(400);
        assert!(detail.contains(&format!("`{parameter}`")), "{detail}");
    }
    assert!(server.fake.commands().is_empty());

    let parameters = "Content-Type: Application/WASM; charset=binary";
    let swapped = server.request("POST", SWAP, &[parameters], b"\0asm").await;
    assert_eq!(swapped.status, 200);
    let shadow = server.request("POST", SHADOW, &[WASM], b"\0asm").await;
    assert_eq!(shadow.status, 201);
    assert_eq!(
        server.fake.commands(),
        [
            "swap filter/health upload.wasm 4 None",
            "shadow filter/health upload.wasm 4 60s"
        ]
    );
    server.stop().await;
}

#[tokio::test]
async fn answers_head() {
    let server = Server::start(Fake::default(), None).await;
    let answer = server.request("HEAD", "/v1/plugins", &[], b"").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(answer.body.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn takes_plugins_up_to_a_bound() {
    let server = Server::start(Fake::default(), None).await;
    let mut wasm = vec![0; MAX_BYTES + 1];
    wasm[..4].copy_from_slice(b"\0asm");
    let most = server.request("POST", SWAP, &[WASM], &wasm[..MAX_BYTES]);
    assert_eq!(most.await.status, 200);
    // The answer comes at once, and to a sender that is still writing.
    let more = server.request("POST", SWAP, &[WASM], &wasm).await;
    assert!(more.problem(413).contains("67108864 bytes"));
    assert_eq!(more.header("connection"), Some("close"));
    let host = "Host: localhost";
    let target = format!("POST {SWAP} HTTP/1.1");
    let head = [&target, host, WASM, "Transfer-Encoding: chunked"];
    let mut chunk = format!("{:x}\r\n", wasm.len()).into_bytes();
    chunk.extend_from_slice(&wasm);
    chunk.extend_from_slice(b"\r\n0\r\n\r\n");
    server.raw(&head, &chunk).await.problem(413);
    // So does the answer to what is wrong in another way.
    let path = format!("{SWAP}?probation=many");
    let wrong = server.request("POST", &path, &[WASM], &wasm).await;
    wrong.problem(400);
    let wrong = server.request("POST", SWAP, &[], &wasm).await;
    wrong.problem(415);
    assert_eq!(server.fake.commands().len(), 1);
    server.stop().await;
}

/// A swap that waits for a turn, and the connection that asked for it.
async fn waiting_swap() -> (Server, Stream) {
    let fake = Fake {
        turns: Semaphore::new(0),
        ..Fake::default()
    };
    let server = Server::start(fake, None).await;
    let mut stream = server.connect().await;
    let head = format!(
        "POST {SWAP} HTTP/1.1\r\nHost: localhost\r\n{WASM}\r\nContent-Length: 4\r\n\r\n\0asm"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let begun = server.fake.progress.acquire();
    within(begun).await.unwrap().forget();
    (server, stream)
}

#[tokio::test]
async fn carries_a_swap_out_when_the_client_hangs_up() {
    let (server, stream) = waiting_swap().await;
    drop(stream);
    // The server has seen the end of one connection once it serves the next; give it a few.
    for _ in 0..3 {
        assert_eq!(server.client().plugins().await.unwrap().len(), 2);
    }
    server.fake.turns.add_permits(1);
    let ended = server.fake.progress.acquire();
    within(ended).await.unwrap().forget();
    assert_eq!(
        server.fake.commands(),
        ["swap filter/health upload.wasm 4 None"]
    );
    server.stop().await;
}

#[tokio::test]
async fn answers_what_is_under_way_at_the_end() {
    let (server, mut stream) = waiting_swap().await;
    let idle = server.connect().await;
    server.shutdown.cancel();
    server.fake.turns.add_permits(1);
    let answer = Answer::read(&mut stream).await;
    assert_eq!(answer.status, 200);
    within(server.serving).await.unwrap();
    drop(idle);
}

#[tokio::test]
async fn ends_even_if_a_command_does_not() {
    let (server, stream) = waiting_swap().await;
    let fake = Arc::clone(&server.fake);
    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(fake.commands().is_empty());
    drop(stream);
}

/// A head that does not end, of which nobody can tell yet who it is.
#[tokio::test]
async fn who_only_sits_there_keeps_nobody_out() {
    for token in [None, Some("open-sesame")] {
        let server = Server::start(Fake::default(), token).await;
        let mut connections = Vec::new();
        for _ in 0..200 {
            let mut stream = server.connect().await;
            stream.write_all(b"GET /v1").await.unwrap();
            connections.push(stream);
        }
        let token = token.map(|token| Token::new(token).unwrap());
        let client = AdminClient::new(&server.endpoint, token).unwrap();
        assert_eq!(within(client.plugins()).await.unwrap().len(), 2);
        server.stop().await;
    }
}

/// An upload that has begun, and does not go on.
async fn half_upload(server: &Server, headers: &str) -> Stream {
    let mut stream = server.connect().await;
    let head = format!(
        "POST {SWAP} HTTP/1.1\r\nHost: localhost\r\n{WASM}\r\n{headers}Content-Length: 1000\r\n\r\n\0asm"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn half_uploads_keep_nobody_out() {
    const TOKEN: &str = "open-sesame";
    let shown = format!("Authorization: Bearer {TOKEN}\r\n");
    // From an operator, and from somebody else.
    for headers in [shown.as_str(), ""] {
        let server = Server::start(Fake::default(), Some(TOKEN)).await;
        let mut uploads = Vec::new();
        for _ in 0..100 {
            uploads.push(half_upload(&server, headers).await);
        }
        let client = AdminClient::new(&server.endpoint, Some(Token::new(TOKEN).unwrap())).unwrap();
        assert_eq!(within(client.plugins()).await.unwrap().len(), 2);
        // At the latest when they have paused for too long, there is room for a whole one.
        let wasm = bytes::Bytes::from_static(b"\0asm");
        within(async {
            loop {
                match client
                    .swap("filter/health", "x", wasm.clone(), &SwapOptions::default())
                    .await
                {
                    Ok(_) => break,
                    Err(ClientError::Refused {
                        status: 503,
                        detail,
                    }) => {
                        assert!(detail.contains("4 uploads are under way"), "{detail}");
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        })
        .await;
        drop(uploads);
        server.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_pauses_is_not_waited_for() {
    let server = Server::start(Fake::default(), None).await;
    let mut stream = half_upload(&server, "Connection: close\r\n").await;
    let answer = Answer::read(&mut stream).await;
    assert!(answer.problem(408).contains("paused for 5 s"));
    server.stop().await;
}
