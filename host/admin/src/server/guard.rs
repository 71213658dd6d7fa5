//! Who is let in: to a Unix socket, whom it belongs to (`connections.rs` asks the system who connects); to an address,
//! whoever shows the token. Without one, anybody may look at the overview and load the page that shows it. The page of another
//! site in somebody's browser, which can reach local ports as well, is answered neither, nor on a socket that is led to a port.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, StatusCode};
use spanmill_net::Seat;

use super::strangers::Strangers;
use super::{browser, page, upload};
use crate::config::Token;
use crate::overview::Access;
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

/// What anybody may read besides the page's files.
pub(super) const OVERVIEW: &str = "/v1/overview";

/// Lets a request through, with the [`Access`] that it has, or answers in its place. Beyond what anybody may read, the answer to
/// a stranger does not depend on what they ask for.
pub(super) async fn guard(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Response {
    let access = match (request.extensions().get::<From>(), &guard.token) {
        (Some(From::Owner), _) => owner(&request),
        (Some(From::Address(from)), Some(token)) => guard.access(token, *from, &request),
        // Neither happens: an address has a token, and every connection says where it comes from.
        _ => Err(Refusal::Nobody),
    };
    let mut response = match access {
        Ok(access) => {
            // Those that only look cannot keep an operator from a seat.
            let seat = request.extensions().get::<Seat>().cloned();
            let seat = seat.filter(|_| access == Access::Full);
            let _busy = seat.as_ref().map(Seat::busy);
            request.extensions_mut().insert(access);
            next.run(request).await
        }
        Err(refusal) => {
            upload::discard(request.into_body());
            refusal.into_response()
        }
    };
    let headers = response.headers_mut();
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Whether a request only loads the page, which any link may lead to.
fn loads_page(request: &Request) -> bool {
    is_read(request) && page::has(request.uri().path())
}

fn is_read(request: &Request) -> bool {
    request.method() == Method::GET || request.method() == Method::HEAD
}

/// What the owner of a socket may do, unless it is led to a port and a browser is misused to reach it.
fn owner(request: &Request) -> Result<Access, Refusal> {
    match loads_page(request) || browser::is_own(request.headers()) {
        true => Ok(Access::Full),
        false => Err(Refusal::OtherSite),
    }
}

impl Guard {
    /// What a request from an address may do.
    fn access(&self, token: &Token, from: IpAddr, request: &Request) -> Result<Access, Refusal> {
        let now = Instant::now();
        let Some(shown) = request.headers().get(AUTHORIZATION) else {
            let is_overview = is_read(request) && request.uri().path() == OVERVIEW;
            if loads_page(request) || is_overview && browser::is_own(request.headers()) {
                return Ok(Access::Overview);
            }
            // No guess, so none is used up.
            self.strangers.without_token(from, now);
            return Err(Refusal::NoToken);
        };
        self.strangers
            .may_try(from, now)
            .map_err(Refusal::TooOften)?;
        match shown.as_bytes().split_at_checked(b"Bearer ".len()) {
            Some((scheme, shown))
                if scheme.eq_ignore_ascii_case(b"Bearer ") && token.is(shown.trim_ascii()) =>
            {
                Ok(Access::Full)
            }
            _ => {
                self.strangers.failed(from, now);
                Err(Refusal::WrongToken)
            }
        }
    }
}

/// Why a request is not let in.
enum Refusal {
    NoToken,
    WrongToken,
    /// Wrong tokens; how long to wait.
    TooOften(Duration),
    OtherSite,
    Nobody,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, detail) = match self {
            Refusal::NoToken => (
                StatusCode::UNAUTHORIZED,
                "a token is needed; send it as `Authorization: Bearer` followed by the token",
            ),
            Refusal::WrongToken => (
                StatusCode::UNAUTHORIZED,
                "the token is not the one that the service was started with",
            ),
            Refusal::Nobody => (
                StatusCode::UNAUTHORIZED,
                "there is no way to let anybody in",
            ),
            Refusal::TooOften(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "too many wrong tokens came from this address; try again later",
            ),
            Refusal::OtherSite => (
                StatusCode::FORBIDDEN,
                "this looks like a request that a page of another site made; `Host` must be an address, `localhost` or a name without a dot, and `Origin` the same",
            ),
        };
        let mut response = Problem::new(status, detail).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Refusal::TooOften(wait) = self {
            let seconds = wait.as_secs().saturating_add(1);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
