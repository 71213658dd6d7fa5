//! The page for browsers: files that the binary holds. They say nothing of the service; what the page shows, it asks the API.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, StatusCode};

/// Nothing but the files here and the API; nothing inline, nothing made of text, nothing in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// A file of the page.
struct File {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

macro_rules! file {
    ($path:literal, $name:literal, $content_type:literal) => {
        File {
            path: $path,
            content_type: $content_type,
            text: include_str!(concat!("../../page/", $name)),
        }
    };
}

static FILES: &[File] = &[
    file!("/", "index.html", "text/html; charset=utf-8"),
    file!("/assets/style.css", "style.css", "text/css; charset=utf-8"),
    file!("/assets/icon.svg", "icon.svg", "image/svg+xml"),
    file!("/assets/app.js", "app.js", "text/javascript; charset=utf-8"),
    file!("/assets/api.js", "api.js", "text/javascript; charset=utf-8"),
    file!("/assets/dom.js", "dom.js", "text/javascript; charset=utf-8"),
    file!(
        "/assets/format.js",
        "format.js",
        "text/javascript; charset=utf-8"
    ),
    file!(
        "/assets/overview.js",
        "overview.js",
        "text/javascript; charset=utf-8"
    ),
    file!(
        "/assets/plugins.js",
        "plugins.js",
        "text/javascript; charset=utf-8"
    ),
    file!("/assets/tap.js", "tap.js", "text/javascript; charset=utf-8"),
    file!(
        "/assets/manifest.js",
        "manifest.js",
        "text/javascript; charset=utf-8"
    ),
];

/// Whether a path is one of the page's files.
pub(super) fn has(path: &str) -> bool {
    FILES.iter().any(|file| file.path == path)
}

/// Adds the files to what is served.
pub(super) fn add<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    FILES.iter().fold(router, |router, file| {
        router.route(
            file.path,
            get(move |headers: HeaderMap| async move { file.answer(&headers) }),
        )
    })
}

impl File {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let tag = self.tag();
        let fixed: [(HeaderName, &'static str); 6] = [
            // Kept, and asked about each time: another version may answer tomorrow.
            (CACHE_CONTROL, "no-cache"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (X_FRAME_OPTIONS, "DENY"),
            (REFERRER_POLICY, "no-referrer"),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                "same-origin",
            ),
        ];
        let is_known = headers
            .get(IF_NONE_MATCH)
            .and_then(|known| known.to_str().ok())
            .is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
        let mut response = match is_known {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => ([(CONTENT_TYPE, self.content_type)], self.text).into_response(),
        };
        for (name, value) in fixed {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }

    /// Another text has another: FNV-1a.
    fn tag(&self) -> String {
        let hash = self
            .text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        format!("\"{hash:016x}\"")
    }
}
