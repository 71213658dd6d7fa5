//! Who is let in: to a Unix socket, whom it belongs to (`connections.rs` asks the system who connects); to an address,
//! whoever shows the token. A web page in somebody's browser, which can reach local ports as well, has neither.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use spanmill_net::Seat;

use super::strangers::Strangers;
use super::upload;
use crate::config::Token;
use crate::problem::Problem;

/// Where a request comes from.
#[derive(Clone)]
pub(super) enum From {
    /// A socket that asked the system who it is.
    Owner,
    /// An address.
    Address(IpAddr),
}

/// What the guard knows.
#[derive(Clone)]
pub(super) struct Guard {
    pub token: Option<Token>,
    pub strangers: Arc<Strangers>,
}

/// Lets a request through or answers in its place. The answer to a stranger does not depend on what they ask for.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let refusal = match (request.extensions().get::<From>(), &guard.token) {
        (Some(From::Owner), _) => None,
        (Some(From::Address(from)), Some(token)) => guard.refusal(token, *from, request.headers()),
        // Neither happens: an address has a token, and every connection says where it comes from.
        _ => Some(unauthorized("there is no way to let anybody in")),
    };
    match refusal {
        None => {
            let seat = request.extensions().get::<Seat>().cloned();
            let _busy = seat.as_ref().map(Seat::busy);
            next.run(request).await
        }
        Some(response) => {
            upload::discard(request.into_body());
            response
        }
    }
}

impl Guard {
    /// The answer to a request that is not let in.
    fn refusal(&self, token: &Token, from: IpAddr, headers: &HeaderMap) -> Option<Response> {
        let now = Instant::now();
        let Some(shown) = headers.get(AUTHORIZATION) else {
            // No guess, so none is used up.
            self.strangers.without_token(from, now);
            return Some(unauthorized(
                "a token is needed; send it as `Authorization: Bearer` followed by the token",
            ));
        };
        if let Err(wait) = self.strangers.may_try(from, now) {
            return Some(too_often(wait));
        }
        match shown.as_bytes().split_at_checked(b"Bearer ".len()) {
            Some((scheme, shown))
                if scheme.eq_ignore_ascii_case(b"Bearer ") && token.is(shown.trim_ascii()) =>
            {
                None
            }
            _ => {
                self.strangers.failed(from, now);
                Some(unauthorized(
                    "the token is not the one that the service was started with",
                ))
            }
        }
    }
}

fn unauthorized(detail: &str) -> Response {
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    let challenge = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

fn too_often(wait: Duration) -> Response {
    let detail = "too many wrong tokens came from this address; try again later";
    let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).into_response();
    let seconds = wait.as_secs().saturating_add(1);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}
