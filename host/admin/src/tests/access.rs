//! Who is let in, and where the server may listen.

use super::Server;
use super::fake::Fake;
use crate::{AdminConfig, AdminServer, BindError, InvalidToken, Token};

const TOKEN: &str = "3vFq-8Zt_x";

#[tokio::test]
async fn wants_the_token_if_there_is_one() {
    let server = Server::start(Fake::default(), Some(TOKEN)).await;
    for headers in [
        &[][..],
        &["Authorization: Bearer"],
        &["Authorization: Bearer "],
        &["Authorization: Bearer 3vFq-8Zt_"],
        &["Authorization: Bearer 3vFq-8Zt_xx"],
        &["Authorization: Bearer 3vFq-8Zt_X"],
        &["Authorization: Basic 3vFq-8Zt_x"],
        &["Authorization: 3vFq-8Zt_x"],
    ] {
        // Paths that are not there as well: a stranger learns nothing of them.
        for path in ["/v1/plugins", "/v1/reload", "/nowhere"] {
            let answer = server.request("GET", path, headers, b"").await;
            answer.problem(401);
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    // What a stranger uploads is read on and thrown away, so that they get to see the answer.
    let upload = vec![0; 16 * 1024 * 1024];
    let path = "/v1/plugins/filter/swap";
    let answer = server.request("POST", path, &[], &upload).await;
    answer.problem(401);
    for scheme in ["Bearer", "bearer"] {
        let header = format!("Authorization: {scheme} {TOKEN}");
        let answer = server.request("GET", "/v1/plugins", &[&header], b"").await;
        assert_eq!(answer.status, 200);
        // A web page does not know the token; whoever does may come from anywhere.
        let head = [
            "GET /v1/plugins HTTP/1.1",
            "Host: spanmill.example.com",
            &header,
        ];
        assert_eq!(server.raw(&head, b"").await.status, 200);
    }
    assert!(server.fake.commands().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn refuses_web_pages() {
    let server = Server::start(Fake::default(), None).await;
    let port = server.address.port();
    for host in [
        "Host: evil.example.com".to_owned(),
        format!("Host: evil.example.com:{port}"),
        format!("Host: localhost.example.com:{port}"),
        format!("Host: 10.0.0.1:{port}"),
        "Host:".to_owned(),
        "X-Host: none".to_owned(),
        "Host: localhost\r\nHost: evil.example.com".to_owned(),
    ] {
        let head = ["POST /v1/reload HTTP/1.1", &host, "Content-Length: 0"];
        let answer = server.raw(&head, b"").await;
        let detail = answer.problem(403);
        assert!(detail.contains("Host"), "{detail}");
    }
    let head = [
        "POST http://evil.example.com/v1/reload HTTP/1.1",
        "Host: localhost",
    ];
    server.raw(&head, b"").await.problem(403);
    for origin in [
        "Origin: https://evil.example.com".to_owned(),
        "Origin: null".to_owned(),
        format!("Origin: http://127.0.0.1:{port}"),
    ] {
        let answer = server.request("POST", "/v1/reload", &[&origin], b"").await;
        let detail = answer.problem(403);
        assert!(detail.contains("Origin"), "{detail}");
        let answer = server
            .request("OPTIONS", "/v1/reload", &[&origin], b"")
            .await;
        answer.problem(403);
    }
    assert!(server.fake.commands().is_empty());

    for host in [
        "Host: localhost".to_owned(),
        format!("Host: LOCALHOST:{port}"),
        format!("Host: 127.0.0.1:{port}"),
        format!("Host: [::1]:{port}"),
    ] {
        let head = ["POST /v1/reload HTTP/1.1", &host, "Content-Length: 0"];
        assert_eq!(server.raw(&head, b"").await.status, 200, "{host}");
    }
    server.stop().await;
}

#[tokio::test]
async fn listens_for_others_only_with_a_token() {
    for endpoint in ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0"] {
        let mut config = AdminConfig {
            endpoint: endpoint.to_owned(),
            token: None,
        };
        let error = AdminServer::bind(&config).await.unwrap_err();
        assert!(matches!(error, BindError::Exposed { .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("no token is set; set one, or listen on 127.0.0.1"));
        config.token = Some(Token::new(TOKEN).unwrap());
        // The system may have no IPv6.
        if let Err(error) = AdminServer::bind(&config).await {
            assert!(matches!(error, BindError::Other { .. }), "{error:?}");
        }
    }
    for endpoint in ["127.0.0.1:0", "127.1.2.3:0", "localhost:0"] {
        let config = AdminConfig {
            endpoint: endpoint.to_owned(),
            token: None,
        };
        let server = AdminServer::bind(&config).await.unwrap();
        assert_ne!(server.address().port(), 0);
    }
}

#[tokio::test]
async fn says_why_it_cannot_listen() {
    let bind = async |endpoint: String| {
        let config = AdminConfig {
            endpoint,
            token: None,
        };
        AdminServer::bind(&config).await
    };
    let first = bind("127.0.0.1:0".to_owned()).await.unwrap();
    let error = bind(first.address().to_string()).await.unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("port 0 takes a free one"));
    for endpoint in ["127.0.0.1", "no-such-host.invalid:0", "127.0.0.1:x"] {
        let error = bind(endpoint.to_owned()).await.unwrap_err();
        assert!(matches!(error, BindError::Other { .. }), "{error:?}");
        assert!(error.to_string().contains("must be host:port"));
    }
    assert_eq!(AdminConfig::default().endpoint, "127.0.0.1:4319");
}

#[test]
fn tokens() {
    assert_eq!(Token::new("").unwrap_err(), InvalidToken::Empty);
    for text in ["a b", "abc\n", "naïve", "a\r\nHost: x"] {
        assert_eq!(Token::new(text).unwrap_err(), InvalidToken::Character);
    }
    let token: Token = TOKEN.parse().unwrap();
    assert_eq!(format!("{token:?}"), "Token");
    assert_eq!(token, Token::new(TOKEN).unwrap());
    assert_ne!(token, Token::new("other").unwrap());
}
