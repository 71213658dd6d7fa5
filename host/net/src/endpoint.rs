//! Addresses: where to listen, and what to connect to.

use std::fmt::Display;

use spanmill_manifest::{Diagnostic, Diagnostics, Section};
use thiserror::Error;

/// Reads `endpoint` as `host:port` to listen on.
pub fn listen(section: &mut Section<'_>, default: &str, out: &mut Diagnostics) -> String {
    let Some(endpoint) = section.text("endpoint", out) else {
        return default.to_owned();
    };
    if let Err(why) = host_port(&endpoint) {
        if let Some(node) = section.value("endpoint") {
            out.push(
                section
                    .wrong("endpoint", node, why)
                    .help(format!("write host and port, like `{default}`")),
            );
        }
        return default.to_owned();
    }
    // As in Go: no host means every address.
    match endpoint.strip_prefix(':') {
        Some(port) => format!("[::]:{port}"),
        None => endpoint,
    }
}

/// Reads the gRPC address of an exporter; what comes back is a URI, and whether to speak TLS.
pub fn grpc(section: &mut Section<'_>, insecure: bool, out: &mut Diagnostics) -> (String, bool) {
    let nothing = ("http://localhost:4317".to_owned(), false);
    let Some(endpoint) = required(section, "host and port, like `tempo:4317`", out) else {
        return nothing;
    };
    let target = endpoint
        .strip_prefix("dns:///")
        .or_else(|| endpoint.strip_prefix("dns:"))
        .or_else(|| endpoint.strip_prefix("passthrough:///"))
        .unwrap_or(&endpoint);
    let (tls, rest, scheme) = match target.split_once("://") {
        Some(("http", rest)) => (false, rest, true),
        Some(("https", rest)) => (true, rest, true),
        Some(_) => {
            complain(
                section,
                "this scheme is not known",
                "use http:// or https://, or host and port alone",
                out,
            );
            return nothing;
        }
        None => (!insecure, target, false),
    };
    let authority = rest.trim_end_matches('/');
    let checked = match host_port(authority) {
        Err(AddressError::NoPort) if scheme => host_port(&format!("{authority}:443")),
        other => other,
    };
    if let Err(why) = checked {
        complain(section, why, "write host and port, like `tempo:4317`", out);
        return nothing;
    }
    let scheme = if tls { "https" } else { "http" };
    let uri = format!("{scheme}://{authority}");
    let host = uri.parse::<http::Uri>();
    if !host.is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty())) {
        let why = "this is no host that can be connected to";
        complain(section, why, "write host and port, like `tempo:4317`", out);
        return nothing;
    }
    (uri, tls)
}

/// Checks that a text is an http or https URL with a host.
pub fn url(section: &mut Section<'_>, key: &'static str, out: &mut Diagnostics) -> Option<String> {
    let text = section.text(key, out)?;
    let valid = text.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    if valid {
        return Some(text);
    }
    if let Some(node) = section.value(key) {
        out.push(
            section
                .wrong(key, node, "this is not an http or https URL")
                .help("write it with its scheme, like `http://localhost:4318`"),
        );
    }
    None
}

/// Whether a URL says https.
pub fn is_secure(url: &str) -> bool {
    let uri = url.parse::<http::Uri>();
    uri.is_ok_and(|uri| uri.scheme() == Some(&http::uri::Scheme::HTTPS))
}

/// Reads `endpoint`, which must be there.
fn required(section: &mut Section<'_>, like: &str, out: &mut Diagnostics) -> Option<String> {
    let there = section.value("endpoint").is_some();
    let endpoint = section.text("endpoint", out);
    if !there {
        out.push(missing(section, "endpoint", like));
    }
    endpoint
}

/// A key that must be there is not.
pub fn missing(section: &Section<'_>, key: &str, like: &str) -> Diagnostic {
    Diagnostic::error(
        section.place(),
        format!("{}: {key} is missing", section.owner()),
    )
    .help(format!("add `{key}:` with {like}"))
}

fn complain(section: &mut Section<'_>, why: impl Display, help: &str, out: &mut Diagnostics) {
    if let Some(node) = section.value("endpoint") {
        out.push(section.wrong("endpoint", node, why).help(help));
    }
}

/// Why a text is no `host:port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum AddressError {
    #[error("this is a URL, where host and port are asked for")]
    Url,
    #[error("an IPv6 address stands in brackets before its port")]
    NoBrackets,
    #[error("the host has characters that no host has")]
    Host,
    #[error("the port is missing")]
    NoPort,
    #[error("the port is not a number up to 65535")]
    Port,
}

/// Checks `host:port`; an empty host is fine.
fn host_port(text: &str) -> Result<(), AddressError> {
    if text.contains("://") {
        return Err(AddressError::Url);
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, _)) if host.contains(':') && !host.ends_with(']') => {
            return Err(AddressError::NoBrackets);
        }
        Some((_, port)) if port.ends_with(']') => return Err(AddressError::NoPort),
        Some(parts) => parts,
        None => return Err(AddressError::NoPort),
    };
    if host.contains(|c: char| c.is_whitespace() || c == '/') {
        return Err(AddressError::Host);
    }
    if port.is_empty() {
        return Err(AddressError::NoPort);
    }
    port.parse::<u16>()
        .map(|_| ())
        .map_err(|_| AddressError::Port)
}
