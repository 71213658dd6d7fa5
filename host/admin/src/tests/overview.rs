//! What is shown without a token, to whom, and what is not.

use super::Server;
use super::fake::Fake;

const TOKEN: &str = "3vFq-8Zt_x";
const OVERVIEW: &str = "/v1/overview";

#[tokio::test]
async fn without_a_token_rates_and_health_are_shown_and_nothing_else() {
    let server = Server::start(Fake::default(), Some(TOKEN)).await;
    let answer = server.request("GET", OVERVIEW, &[], b"").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let overview = answer.json();
    assert_eq!(overview["access"], "overview");
    assert_eq!(overview["plugins"][0]["items_dropped"], 100);
    assert_eq!(overview["receivers"][0]["accepted"], 7);
    assert_eq!(overview["exporters"][0]["queue"]["capacity"], 1000);
    assert_eq!(overview["pipelines"][0]["processors"][0]["kind"], "plugin");
    // Neither addresses, nor files, nor what plugins count of telemetry.
    let text = String::from_utf8(answer.body.clone()).unwrap();
    for hidden in ["tempo", "10.0.0.7", ".wasm", "9f86d0", "spans.matched"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    for (method, path) in [
        ("POST", OVERVIEW),
        ("DELETE", OVERVIEW),
        ("POST", "/"),
        ("GET", "/v1/overview/"),
        ("GET", "/v1/manifest"),
        ("GET", "/v1/plugins"),
        ("GET", "/v1/tap"),
        ("GET", "/v1/events"),
        ("POST", "/v1/reload"),
        ("POST", "/v1/plugins/filter%2Fhealth/promote"),
    ] {
        server.request(method, path, &[], b"").await.problem(401);
    }
    assert!(server.fake.commands().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_token_shows_that_there_is_more_and_a_wrong_one_shows_nothing() {
    let server = Server::start(Fake::default(), Some(TOKEN)).await;
    let good = format!("Authorization: Bearer {TOKEN}");
    let answer = server.request("GET", OVERVIEW, &[&good], b"").await;
    assert_eq!(answer.json()["access"], "full");
    let answer = server.request("GET", "/v1/manifest", &[&good], b"").await;
    assert_eq!(answer.json()["texts"][0]["text"], "admin: {token: ***}");
    // It is a guess, here as anywhere.
    let wrong = "Authorization: Bearer wrong";
    for _ in 0..10 {
        let answer = server.request("GET", OVERVIEW, &[wrong], b"").await;
        answer.problem(401);
    }
    let answer = server.request("GET", OVERVIEW, &[wrong], b"").await;
    answer.problem(429);
    let answer = server.request("GET", OVERVIEW, &[], b"").await;
    assert_eq!(answer.status, 200);
    server.stop().await;
    // A socket is its owner's.
    let server = Server::start(Fake::default(), None).await;
    let answer = server.request("GET", OVERVIEW, &[], b"").await;
    assert_eq!(answer.json()["access"], "full");
    server.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_are_shown_nothing() {
    let others = [
        &["Host: localhost", "Origin: http://evil.example"][..],
        &["Host: localhost", "Origin: null"],
        &["Host: localhost", "Sec-Fetch-Site: cross-site"],
        &["Host: localhost:1", "Sec-Fetch-Site: same-site"],
        &["Host: evil.example"],
        &["Host: evil.example", "Origin: http://evil.example"],
    ];
    for token in [Some(TOKEN), None] {
        let server = Server::start(Fake::default(), token).await;
        let refused = if token.is_some() { 401 } else { 403 };
        for headers in others {
            for target in ["GET /v1/overview", "GET /v1/plugins", "POST /v1/reload"] {
                let target = format!("{target} HTTP/1.1");
                let mut head = vec![target.as_str(), "Content-Length: 0"];
                head.extend_from_slice(headers);
                server.raw(&head, b"").await.problem(refused);
            }
            // A link may lead to the page itself, which says nothing of the service.
            let mut head = vec!["GET / HTTP/1.1"];
            head.extend_from_slice(headers);
            assert_eq!(server.raw(&head, b"").await.status, 200);
        }
        assert!(server.fake.commands().is_empty());
        server.stop().await;
    }
    // The page that was opened here.
    let server = Server::start(Fake::default(), None).await;
    let head = [
        "POST /v1/reload HTTP/1.1",
        "Content-Length: 0",
        "Host: 127.0.0.1:8080",
        "Origin: http://127.0.0.1:8080",
        "Sec-Fetch-Site: same-origin",
    ];
    assert_eq!(server.raw(&head, b"").await.status, 200);
    assert_eq!(server.fake.commands(), ["reload"]);
    server.stop().await;
}
