//! What the settings of an HTTP server change.

use bytes::Bytes;
use http::{Method, Request, StatusCode};

use super::http::{Answer, JSON, PROTO, gzip, post, send, zlib};
use super::{Recorder, Server, both, request};
use crate::receive::otlp::config::{Cors, HttpServer};
use spanmill_manifest::Secret;
use spanmill_model::Signal;

async fn server_as(change: impl FnOnce(&mut HttpServer)) -> Server {
    let mut config = both("localhost:0");
    change(config.http.as_mut().unwrap());
    Server::start_as(Recorder::new(None), &config).await
}

#[tokio::test]
async fn pages_of_allowed_origins_may_send() {
    let server = server_as(|http| {
        http.cors = Some(Cors {
            allowed_origins: vec!["https://*.shop.example".to_owned()],
            allowed_headers: vec!["traceparent".to_owned()],
            exposed_headers: vec!["x-a".to_owned(), "x-b".to_owned()],
            max_age: 600,
        });
        http.response_headers = vec![
            (
                http::HeaderName::from_static("x-server"),
                Secret::new("mine"),
            ),
            (
                http::HeaderName::from_static("content-type"),
                Secret::new("not/this"),
            ),
        ];
    })
    .await;
    let shop = "https://a.shop.example";
    let ask = |origin: &str, headers: &str| {
        Request::builder()
            .method(Method::OPTIONS)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", headers)
    };
    let get = |answer: &Answer, name: &str| {
        let value = answer.headers.get(name);
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    let wanted = "content-type,traceparent";
    let answer = send(&server, ask(shop, wanted), "/v1/traces", Bytes::new()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(
        get(&answer, "access-control-allow-origin").as_deref(),
        Some(shop)
    );
    assert_eq!(
        get(&answer, "access-control-allow-methods").as_deref(),
        Some("POST")
    );
    assert_eq!(
        get(&answer, "access-control-allow-headers").as_deref(),
        Some(wanted)
    );
    assert_eq!(
        get(&answer, "access-control-allow-credentials").as_deref(),
        Some("true")
    );
    assert_eq!(
        get(&answer, "access-control-max-age").as_deref(),
        Some("600")
    );
    assert_eq!(get(&answer, "x-server").as_deref(), Some("mine"));
    assert!(answer.body.is_empty());
    for asked in [ask("https://other.example", wanted), ask(shop, "x-secret")] {
        let answer = send(&server, asked, "/v1/traces", Bytes::new()).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(get(&answer, "access-control-allow-origin"), None);
    }
    for (origin, allowed) in [(shop, Some(shop)), ("https://other.example", None)] {
        for (body, status) in [("{}", StatusCode::OK), ("[]", StatusCode::BAD_REQUEST)] {
            let post = Request::post("/")
                .header("origin", origin)
                .header("content-type", JSON);
            let answer = send(&server, post, "/v1/traces", body.into()).await;
            assert_eq!(answer.status, status);
            assert_eq!(
                get(&answer, "access-control-allow-origin").as_deref(),
                allowed
            );
            let exposed = allowed.map(|_| "x-a, x-b");
            assert_eq!(
                get(&answer, "access-control-expose-headers").as_deref(),
                exposed
            );
            assert_eq!(get(&answer, "vary").as_deref(), Some("Origin"));
            assert_eq!(get(&answer, "content-type").as_deref(), Some(JSON));
            assert_eq!(get(&answer, "x-server").as_deref(), Some("mine"));
        }
    }
    server.stop().await;
    // Without the section no page may.
    let server = server_as(|_| {}).await;
    let answer = send(&server, ask(shop, wanted), "/v1/traces", Bytes::new()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(get(&answer, "access-control-allow-origin"), None);
    server.stop().await;
}

#[tokio::test]
async fn signals_are_taken_at_the_paths_that_are_set() {
    let server = server_as(|http| {
        *http.paths.get_mut(Signal::Traces) = "/in/spans".to_owned();
        *http.paths.get_mut(Signal::Metrics) = "/in/points".to_owned();
    })
    .await;
    let post = || Request::post("/").header("content-type", JSON);
    let body = || Bytes::from_static(b"{}");
    let answer = send(&server, post(), "/in/spans", body()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = send(&server, post(), "/v1/traces", body()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(
        answer.message(),
        "there is no such path; this takes traces at /in/spans, logs at /v1/logs"
    );
    let answer = send(&server, post(), "/in/points", body()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.message().contains("set OTEL_METRICS_EXPORTER=none"));
    server.stop().await;
}

#[tokio::test]
async fn bodies_are_compressed_in_the_ways_that_are_set() {
    let server =
        server_as(|http| http.compression_algorithms = Some(vec!["gzip".into(), "zlib".into()]))
            .await;
    let body = request("a");
    let cases = [
        ("gzip", gzip(&body), StatusCode::OK),
        ("zlib", zlib(&body), StatusCode::OK),
        ("deflate", zlib(&body), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("", body.to_vec(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ];
    for (encoding, body, status) in cases {
        let answer = post(&server, PROTO, encoding, body).await;
        assert_eq!(answer.status, status, "{encoding}");
    }
    server.stop().await;
}
