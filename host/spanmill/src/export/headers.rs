//! Headers of the user's own.

use http::{HeaderMap, HeaderName, HeaderValue};

use spanmill_manifest::Secret;

/// The headers to send with every request. Their values are marked sensitive, so no log of hyper's shows them.
pub(super) fn headers(settings: &[(HeaderName, Secret)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in settings {
        // The configuration was checked: it always is one.
        if let Ok(mut value) = HeaderValue::try_from(value.reveal()) {
            value.set_sensitive(true);
            headers.append(name.clone(), value);
        }
    }
    headers
}
