//! Cross-origin requests: what pages of other origins may do, by the Fetch standard
//! (<https://fetch.spec.whatwg.org/#http-cors-protocol>), with the answers of the Collector's confighttp.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Method};

use crate::receive::otlp::config::Cors;

/// What pages may send without asking, and so with asking as well.
const ALWAYS_ALLOWED: [&str; 4] = [
    "accept",
    "accept-language",
    "content-language",
    "content-type",
];
/// What may be sent besides if the manifest names no header.
const ALLOWED_BY_DEFAULT: &str = "x-requested-with";

/// Whether a browser asks what a page may do.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The headers of the answer to that.
pub(super) fn preflight(cors: &Cors, request: &HeaderMap) -> HeaderMap {
    let mut answer = HeaderMap::new();
    answer.insert(
        VARY,
        HeaderValue::from_static(
            "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        ),
    );
    let method = request.get(ACCESS_CONTROL_REQUEST_METHOD);
    let wanted = request.get(ACCESS_CONTROL_REQUEST_HEADERS);
    let (Some(origin), Some(method)) = (allowed_origin(cors, request), method) else {
        return answer;
    };
    if !is_allowed_method(method.as_bytes()) || !wanted.is_none_or(|names| are_allowed(cors, names))
    {
        return answer;
    }
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    answer.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    answer.insert(
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    if let Some(names) = wanted.filter(|names| !names.is_empty()) {
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    if cors.max_age > 0 {
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(cors.max_age));
    }
    answer
}

/// The headers of the answer to a request itself.
pub(super) fn actual(cors: &Cors, method: &Method, request: &HeaderMap) -> HeaderMap {
    let mut answer = HeaderMap::new();
    answer.insert(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = allowed_origin(cors, request) else {
        return answer;
    };
    if !is_allowed_method(method.as_str().as_bytes()) {
        return answer;
    }
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    answer.insert(
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    if let Ok(names) = HeaderValue::try_from(cors.exposed_headers.join(", "))
        && !names.is_empty()
    {
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names);
    }
    answer
}

/// What is said of the request's origin, if it may send.
fn allowed_origin(cors: &Cors, request: &HeaderMap) -> Option<HeaderValue> {
    let origin = request.get(ORIGIN).filter(|origin| !origin.is_empty())?;
    if cors.allowed_origins.iter().any(|allowed| allowed == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    let text = origin.to_str().ok()?.to_lowercase();
    let is_allowed = |allowed: &String| matches(&allowed.to_lowercase(), &text);
    cors.allowed_origins
        .iter()
        .any(is_allowed)
        .then(|| origin.clone())
}

/// Whether a text is what a pattern says, in which the first `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
    }
}

fn is_allowed_method(method: &[u8]) -> bool {
    [&b"POST"[..], b"GET", b"HEAD", b"OPTIONS"].contains(&method)
}

/// Whether all headers that a page wants to send may be sent.
fn are_allowed(cors: &Cors, names: &HeaderValue) -> bool {
    let Ok(names) = names.to_str() else {
        return false;
    };
    let is_allowed = |name: &str| {
        let listed = |allowed: &String| allowed == "*" || allowed.eq_ignore_ascii_case(name);
        ALWAYS_ALLOWED
            .iter()
            .any(|always| always.eq_ignore_ascii_case(name))
            || cors.allowed_headers.iter().any(listed)
            || (cors.allowed_headers.is_empty() && ALLOWED_BY_DEFAULT.eq_ignore_ascii_case(name))
    };
    names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str], headers: &[&str]) -> Cors {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Cors {
            allowed_origins: owned(origins),
            allowed_headers: owned(headers),
            exposed_headers: Vec::new(),
            max_age: 0,
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, HeaderValue::try_from(*value).unwrap())
        });
        pairs.collect()
    }

    fn text(headers: &HeaderMap, name: &str) -> Option<String> {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn origins_with_a_star() {
        let allowed = |patterns: &[&str], origin: &str| {
            let request = headers(&[("origin", origin)]);
            let answer = actual(&cors(patterns, &[]), &Method::POST, &request);
            text(&answer, "access-control-allow-origin")
        };
        let shop = "https://a.shop.example";
        assert_eq!(allowed(&["*"], shop).as_deref(), Some("*"));
        assert_eq!(
            allowed(&["HTTPS://*.shop.example"], shop).as_deref(),
            Some(shop)
        );
        assert_eq!(allowed(&["http://x", shop], shop).as_deref(), Some(shop));
        for patterns in [
            &["https://shop.example"][..],
            &["https://*.shop"],
            &["https://a.shop.example/*"],
            &[],
        ] {
            assert_eq!(allowed(patterns, shop), None, "{patterns:?}");
        }
        // The star must not let start and end overlap.
        assert_eq!(allowed(&["https://a*a.example"], "https://a.example"), None);
        assert_eq!(allowed(&["*"], ""), None);
    }

    #[test]
    fn headers_that_a_page_wants_to_send() {
        let allowed = |listed: &[&str], wanted: &str| {
            let request = headers(&[
                ("origin", "http://a"),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", wanted),
            ]);
            let answer = preflight(&cors(&["http://a"], listed), &request);
            text(&answer, "access-control-allow-headers")
        };
        let known = "content-type, X-Requested-With";
        assert_eq!(allowed(&[], known).as_deref(), Some(known));
        assert_eq!(allowed(&[], "content-type,traceparent"), None);
        assert_eq!(
            allowed(&["TraceParent"], "content-type,traceparent").as_deref(),
            Some("content-type,traceparent")
        );
        assert_eq!(allowed(&["traceparent"], "x-requested-with"), None);
        assert_eq!(
            allowed(&["*"], "anything, else").as_deref(),
            Some("anything, else")
        );
    }

    #[test]
    fn methods_that_are_never_served_are_not_allowed() {
        let request = headers(&[
            ("origin", "http://a"),
            ("access-control-request-method", "DELETE"),
        ]);
        let answer = preflight(&cors(&["*"], &[]), &request);
        assert_eq!(answer.len(), 1);
        assert!(answer.contains_key("vary"));
    }
}
