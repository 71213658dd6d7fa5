//! The page's files: complete, and with nothing in them that a browser would have to fetch or believe from elsewhere.

use std::collections::BTreeSet;

use super::fake::Fake;
use super::{Answer, Server};

async fn load(server: &Server, path: &str) -> (Answer, String) {
    let answer = server.request("GET", path, &[], b"").await;
    assert_eq!(answer.status, 200, "{path}");
    let text = String::from_utf8(answer.body.clone()).unwrap();
    (answer, text)
}

/// What stands between two marks, wherever they do.
fn between<'t>(text: &'t str, begin: &str, end: &str) -> Vec<&'t str> {
    let pieces = text.split(begin).skip(1);
    pieces.filter_map(|piece| piece.split(end).next()).collect()
}

#[tokio::test]
async fn every_file_that_the_page_names_is_there_and_no_other_is_asked_for() {
    let server = Server::start(Fake::default(), Some("a-token")).await;
    let (_, index) = load(&server, "/").await;
    let mut left: Vec<String> = between(&index, "\"/assets/", "\"")
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = left.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let (answer, text) = load(&server, &format!("/assets/{name}")).await;
        let kind = match name.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert_eq!(answer.header("content-type"), Some(kind), "{name}");
        let imports = between(&text, "from \"./", "\"").into_iter();
        left.extend(imports.map(str::to_owned));
        for forbidden in ["https://", "innerHTML", "eval(", "url(", "document.write"] {
            assert!(!text.contains(forbidden), "{forbidden} in {name}");
        }
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
    for forbidden in ["https://", "<style", "style=", "onclick"] {
        assert!(!index.contains(forbidden), "{forbidden}");
    }
    assert_eq!(between(&index, "<script", ">").len(), 1);
    server
        .request("GET", "/assets/other.js", &[], b"")
        .await
        .problem(401);
    server.stop().await;
}

#[tokio::test]
async fn the_files_are_asked_about_each_time_and_trusted_with_nothing_more() {
    let server = Server::start(Fake::default(), None).await;
    for path in ["/", "/assets/app.js"] {
        let (answer, _) = load(&server, path).await;
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "trusted-types 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        let known = format!("If-None-Match: {}", answer.header("etag").unwrap());
        let again = server.request("GET", path, &[&known], b"").await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
        let other = ["If-None-Match: \"0\""];
        let again = server.request("GET", path, &other, b"").await;
        assert_eq!(again.status, 200);
    }
    let (first, second) = (
        load(&server, "/").await,
        load(&server, "/assets/app.js").await,
    );
    assert_ne!(first.0.header("etag"), second.0.header("etag"));
    server.request("POST", "/", &[], b"").await.problem(405);
    server.stop().await;
}
