//! Who is let in, and where the server may listen.

use std::os::unix::fs::PermissionsExt as _;

use super::Server;
use super::fake::Fake;
use crate::{AdminConfig, AdminServer, BindError, Endpoint, InvalidToken, Token};

const TOKEN: &str = "3vFq-8Zt_x";

#[tokio::test]
async fn wants_the_token_if_there_is_one() {
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
        let server = Server::start(Fake::default(), Some(TOKEN)).await;
        // Paths that are not there as well: a stranger learns nothing of them.
        for path in ["/v1/plugins", "/v1/reload", "/nowhere"] {
            let answer = server.request("GET", path, headers, b"").await;
            answer.problem(401);
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        assert!(server.fake.commands().is_empty());
        server.stop().await;
    }
    let server = Server::start(Fake::default(), Some(TOKEN)).await;
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
async fn who_tries_tokens_is_slowed_down() {
    let server = Server::start(Fake::default(), Some(TOKEN)).await;
    let good = format!("Authorization: Bearer {TOKEN}");
    let wrong = "Authorization: Bearer wrong";
    let mut statuses = Vec::new();
    for _ in 0..30 {
        let answer = server.request("GET", "/v1/plugins", &[wrong], b"").await;
        statuses.push(answer.status.as_u16());
        if answer.status == 429 {
            assert!(answer.problem(429).contains("too many wrong tokens"));
            let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=6).contains(&seconds), "{seconds}");
        }
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert!(statuses.contains(&429), "{statuses:?}");
    // It ends, for who knows the token.
    super::within(async {
        while server
            .request("GET", "/v1/plugins", &[&good], b"")
            .await
            .status
            != 200
        {}
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_socket_is_its_owners() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let config = AdminConfig {
        endpoint: Endpoint::Socket(path.clone()),
        token: None,
        tls: None,
    };
    // One that nobody listens on any more is replaced.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = AdminServer::bind(&config).await.unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(server.made_token().is_none());
    assert_eq!(server.address(), None);
    let error = AdminServer::bind(&config).await.unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }), "{error:?}");
    drop(server);
    assert!(!path.exists());
    // A file that is none of ours stays.
    std::fs::write(&path, "text").unwrap();
    AdminServer::bind(&config).await.unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), b"text");
    for path in ["admin.sock", "", "/nowhere/admin.sock"] {
        let endpoint = Endpoint::new(&format!("unix:{path}"));
        let token = None;
        AdminServer::bind(&AdminConfig {
            endpoint,
            token,
            tls: None,
        })
        .await
        .unwrap_err();
    }
}

#[tokio::test]
async fn listens_for_others_only_with_a_token() {
    for endpoint in ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0"] {
        let mut config = AdminConfig {
            endpoint: Endpoint::new(endpoint),
            token: None,
            tls: None,
        };
        let error = AdminServer::bind(&config).await.unwrap_err();
        assert!(matches!(error, BindError::Exposed { .. }), "{error:?}");
        let message = error.to_string();
        assert!(
            message.contains("no token is set; set one, or listen on 127.0.0.1 or a Unix socket")
        );
        config.token = Some(Token::new(TOKEN).unwrap());
        // The system may have no IPv6.
        if let Err(error) = AdminServer::bind(&config).await {
            assert!(matches!(error, BindError::Other { .. }), "{error:?}");
        }
    }
    for endpoint in ["127.0.0.1:0", "127.1.2.3:0", "localhost:0"] {
        let config = AdminConfig {
            endpoint: Endpoint::new(endpoint),
            token: None,
            tls: None,
        };
        let server = AdminServer::bind(&config).await.unwrap();
        assert_ne!(server.address().unwrap().port(), 0);
        // Whoever else is on this machine must not get in either.
        let again = AdminServer::bind(&config).await.unwrap();
        assert_ne!(server.made_token().unwrap(), again.made_token().unwrap());
        assert_eq!(server.made_token().unwrap().reveal().len(), 64);
    }
}

#[tokio::test]
async fn says_why_it_cannot_listen() {
    let bind = async |endpoint: String| {
        let config = AdminConfig {
            endpoint: Endpoint::new(&endpoint),
            token: None,
            tls: None,
        };
        AdminServer::bind(&config).await
    };
    let first = bind("127.0.0.1:0".to_owned()).await.unwrap();
    let error = bind(first.endpoint().to_string()).await.unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("port 0 takes a free one"));
    for endpoint in ["127.0.0.1", "no-such-host.invalid:0", "127.0.0.1:x"] {
        let error = bind(endpoint.to_owned()).await.unwrap_err();
        assert!(matches!(error, BindError::Other { .. }), "{error:?}");
        assert!(error.to_string().contains("or host:port"));
    }
}

#[test]
fn endpoints() {
    for (text, path) in [
        ("unix:/run/a.sock", "/run/a.sock"),
        ("unix:///run/a.sock", "/run/a.sock"),
    ] {
        let endpoint = Endpoint::new(text);
        assert_eq!(endpoint, Endpoint::Socket(path.into()));
        assert_eq!(endpoint.to_string(), "unix:/run/a.sock");
    }
    let address = Endpoint::new("localhost:4319");
    assert_eq!(address, Endpoint::Address("localhost:4319".to_owned()));
    assert_eq!(address.to_string(), "localhost:4319");
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
