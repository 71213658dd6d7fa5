//! Requests that a web page may have had somebody's browser make. One that shows a token is known to come from who has it; what
//! is answered without one must not be answered to the page of another site, nor to one whose name leads here all of a sudden
//! (DNS rebinding).

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{HOST, HeaderName, ORIGIN};
use http::uri::Authority;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a request comes from no browser, or from a page that was opened here.
pub(super) fn is_own(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).map(|host| host.to_str());
    let Ok(host) = host.transpose() else {
        return false;
    };
    let site = headers.get(SEC_FETCH_SITE);
    let is_of_another = site.is_some_and(|site| site == "cross-site" || site == "same-site");
    let is_from_here = headers.get(ORIGIN).is_none_or(|origin| {
        let origin = origin.to_str().ok().and_then(|text| text.split_once("://"));
        let origin = origin.map(|(_, authority)| authority);
        origin
            .zip(host)
            .is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
    });
    !is_of_another && is_from_here && host.is_none_or(is_unmistakable)
}

/// Whether nobody else can have a name lead here: an address, `localhost`, or a name without a dot, which no registry sells.
fn is_unmistakable(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || name.to_ascii_lowercase().ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn own(headers: &[(&'static str, &'static str)]) -> bool {
        let pairs = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        is_own(&pairs.collect())
    }

    #[test]
    fn pages_of_other_sites_are_told_from_ours() {
        for headers in [
            &[][..],
            &[("host", "localhost")],
            &[("host", "127.0.0.1:4319")],
            &[("host", "[::1]:4319")],
            &[("host", "spanmill:4319")],
            &[("host", "a.localhost:4319")],
            &[
                ("host", "127.0.0.1:4319"),
                ("origin", "http://127.0.0.1:4319"),
            ],
            &[("host", "127.0.0.1"), ("sec-fetch-site", "same-origin")],
            &[("host", "127.0.0.1"), ("sec-fetch-site", "none")],
        ] {
            assert!(own(headers), "{headers:?}");
        }
        for headers in [
            &[("host", "evil.example")][..],
            &[
                ("host", "evil.example:4319"),
                ("origin", "http://evil.example:4319"),
            ],
            &[("host", "127.0.0.1.evil.example")],
            &[("host", "a b")],
            &[
                ("host", "127.0.0.1:4319"),
                ("origin", "http://evil.example"),
            ],
            &[
                ("host", "127.0.0.1:4319"),
                ("origin", "http://127.0.0.1:8080"),
            ],
            &[("host", "127.0.0.1:4319"), ("origin", "null")],
            &[("origin", "http://evil.example")],
            &[("host", "127.0.0.1"), ("sec-fetch-site", "cross-site")],
            &[("host", "localhost:1"), ("sec-fetch-site", "same-site")],
        ] {
            assert!(!own(headers), "{headers:?}");
        }
    }
}
