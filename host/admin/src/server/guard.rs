//! Who is let in. With a token, whoever shows it. Without one the API listens on this machine only, and whoever runs
//! here is trusted; but not the web pages that their browsers show, which can reach local ports as well.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{AUTHORIZATION, HOST, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri};

use super::bind::is_local;
use super::upload;
use crate::config::Token;
use crate::problem::Problem;

/// Lets a request through or answers in its place. The answer to a stranger does not depend on what they ask for.
pub(super) async fn guard(
    State(token): State<Arc<Option<Token>>>,
    request: Request,
    next: Next,
) -> Response {
    let verdict = match token.as_ref() {
        Some(token) => check_token(token, request.headers()),
        None => check_browser(request.uri(), request.headers()),
    };
    let Err(problem) = verdict else {
        return next.run(request).await;
    };
    upload::discard(request.into_body());
    let unauthorized = problem.status == StatusCode::UNAUTHORIZED.as_u16();
    let mut response = problem.into_response();
    if unauthorized {
        let challenge = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn check_token(token: &Token, headers: &HeaderMap) -> Result<(), Problem> {
    let unauthorized = |detail| Err(Problem::new(StatusCode::UNAUTHORIZED, detail));
    let Some(shown) = headers.get(AUTHORIZATION) else {
        return unauthorized(
            "a token is needed; send it as `Authorization: Bearer` followed by the token",
        );
    };
    match shown.as_bytes().split_at_checked(b"Bearer ".len()) {
        Some((scheme, shown))
            if scheme.eq_ignore_ascii_case(b"Bearer ") && token.is(shown.trim_ascii()) =>
        {
            Ok(())
        }
        _ => unauthorized("the token is not the one that the service was started with"),
    }
}

/// A page's requests carry an `Origin`, at least those that could change anything; and a page whose host name was made
/// to point at this machine, to count as of the same origin, still has that name in `Host`.
fn check_browser(uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let forbidden = |detail| Err(Problem::new(StatusCode::FORBIDDEN, detail));
    if headers.contains_key(ORIGIN) {
        return forbidden(
            "web pages may not use the admin API; requests with an Origin header are refused",
        );
    }
    let mut hosts = headers.get_all(HOST).iter();
    let named_locally = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(is_local_host),
        _ => false,
    };
    // `GET http://host/path` names a host as well.
    let target_is_local = uri
        .authority()
        .is_none_or(|authority| is_local_host(authority.as_str()));
    if !named_locally || !target_is_local {
        return forbidden(
            "the Host header does not name this machine; without a token the admin API is used as 127.0.0.1, [::1] or localhost",
        );
    }
    Ok(())
}

/// Whether this is `localhost` or a loopback address, with a port or without.
fn is_local_host(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    if host.contains('@') {
        return false;
    }
    let host = authority.host();
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(is_local)
}

#[cfg(test)]
mod tests {
    use super::is_local_host;

    #[test]
    fn local_hosts() {
        for host in [
            "localhost",
            "LocalHost:4319",
            "127.0.0.1",
            "127.0.0.1:4319",
            "127.8.9.10:1",
            "[::1]",
            "[::1]:4319",
        ] {
            assert!(is_local_host(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com:4319",
            "127.0.0.1.example.com",
            "localhost@example.com",
            "example.com@localhost",
            "0.0.0.0:4319",
            "10.0.0.1",
            "[::]:4319",
            "[2001:db8::1]",
            "localhost/x",
        ] {
            assert!(!is_local_host(host), "{host}");
        }
    }
}
