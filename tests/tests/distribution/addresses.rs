//! Plugins behind an address, and servers that mean no good.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Desk, files, filter};

/// A server of files, and of worse: what begins with `HTTP/` is sent as it is, and then zeros without an end.
async fn serve(files: BTreeMap<&'static str, Vec<u8>>) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((connection, _)) = listener.accept().await {
            connections.spawn(answer(connection, files.clone()));
        }
    });
    (address, server)
}

async fn answer(mut connection: TcpStream, files: BTreeMap<&'static str, Vec<u8>>) {
    let mut asked = Vec::new();
    while !asked.windows(4).any(|part| part == b"\r\n\r\n") {
        if connection.read_buf(&mut asked).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let asked = String::from_utf8(asked).unwrap();
    let path = asked.split(' ').nth(1).unwrap().trim_start_matches('/');
    match files.get(path) {
        Some(endless) if endless.starts_with(b"HTTP/") => {
            let zeros = vec![0; 64 * 1024];
            let mut sent = connection.write_all(endless).await;
            while sent.is_ok() {
                sent = connection.write_all(&zeros).await;
            }
        }
        Some(file) => {
            let length = file.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            // Whoever asked may be gone.
            let _ = connection
                .write_all(&[head.as_bytes(), file].concat())
                .await;
        }
        None => {
            let head = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = connection.write_all(head).await;
        }
    }
}

#[tokio::test]
async fn a_plugin_behind_an_address_is_pinned_signed_and_run() {
    let desk = Desk::new().await;
    let wasm = filter("address");
    desk.write("mine.wasm", &wasm);
    desk.keys("ours");
    desk.sign("mine.wasm", "sig");
    let (address, server) = serve(BTreeMap::from([
        ("mine.wasm", wasm.clone()),
        ("mine.wasm?token=secret", wasm.clone()),
        ("signed.wasm", wasm.clone()),
        ("signed.wasm.sig", desk.read("sig")),
    ]))
    .await;
    let pull = ["plugin", "pull", "--config", "manifest.yaml"];

    let url = format!("http://{address}/mine.wasm");
    desk.manifest(&format!("{{https: \"{url}\"}}"));
    assert!(desk.invalid().await.contains("is not pinned"));
    let pulled = desk.told(&pull).await;
    assert!(pulled.contains(&url), "{pulled}");
    desk.valid().await;
    desk.manifest(&format!(
        "{{https: \"{url}\", digest: \"sha256:{}\"}}",
        "0".repeat(64)
    ));
    let refused = desk.invalid().await;
    assert!(refused.contains("is not what is pinned"), "{refused}");

    desk.manifest(&format!("{{https: \"{url}\", keys: [ours.pub]}}"));
    let refused = desk.invalid().await;
    assert!(refused.contains("it has none at all"), "{refused}");
    let url = format!("http://{address}/signed.wasm");
    desk.manifest(&format!("{{https: \"{url}\", keys: [ours.pub]}}"));
    desk.told(&pull).await;
    // What is in a query is nobody else's business.
    let url = format!("http://{address}/mine.wasm?token=secret");
    let pulled = desk
        .command(&["plugin", "pull", &url, "--output", "query.wasm"])
        .await;
    assert_eq!(pulled.code, Some(0), "{}", pulled.stderr);
    let told = [pulled.stdout, pulled.stderr].concat();
    assert!(!told.contains("secret"), "{told}");
    drop(server);
    let spanmill = desk.run_manifest().await;
    desk.filters(&spanmill).await;
    spanmill.stop().await;
}

#[tokio::test]
async fn what_a_server_sends_without_an_end_takes_nothing_down() {
    let endless = |head: &str| format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").into_bytes();
    let (address, _server) = serve(BTreeMap::from([
        ("endless.wasm", endless("Content-Type: application/wasm")),
        // To a registry's client: the answer to whether it is one, and a manifest.
        ("v2/", endless("Content-Type: application/json")),
        (
            "v2/endless/manifests/1.0",
            endless("Content-Type: application/vnd.oci.image.manifest.v1+json"),
        ),
        (
            "v2/huge/manifests/1.0",
            endless("Content-Length: 99999999999999"),
        ),
    ]))
    .await;
    let desk = Desk::new().await;
    let address = address.to_string();
    for (location, why) in [
        (format!("http://{address}/endless.wasm"), "it has more than"),
        (format!("{address}/endless:1.0"), "sends more than is read"),
        (format!("{address}/huge:1.0"), "sends more than is read"),
        (format!("http://{address}/missing.wasm"), "404"),
        (format!("{address}/missing:1.0"), "is not there"),
    ] {
        let refused = desk.refused(&["plugin", "pull", &location]).await;
        assert!(
            refused.contains(&location) && refused.contains(why),
            "{location}: {refused}"
        );
    }
    assert!(files(&desk.path("fetched")).is_empty());

    // A service that runs goes on, and says why.
    desk.write("mine.wasm", filter("goes on"));
    desk.manifest("{file: mine.wasm}");
    let spanmill = desk.run_manifest().await;
    let pin = format!("@sha256:{}", "0".repeat(64));
    desk.manifest(&format!("{{oci: \"{address}/endless:1.0{pin}\"}}"));
    let told = spanmill
        .logged("is not taken over; what ran goes on running")
        .await;
    assert!(told.contains("endless:1.0@sha256:"), "{told}");
    desk.filters(&spanmill).await;
    assert!(
        spanmill.peak_kib() < 512 * 1024,
        "{} KiB",
        spanmill.peak_kib()
    );
    spanmill.stop().await;
}
