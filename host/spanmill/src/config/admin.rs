//! `admin`: where the running service can be looked at and changed. A section of our own.

use std::net::IpAddr;

use spanmill_admin::Token;

use super::Secret;
use super::diagnostics::{Diagnostic, Diagnostics};
use super::endpoint;
use super::walk::Section;

/// The admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Whether it is served at all.
    pub enabled: bool,
    /// `host:port`; nothing: the default, or what the command line says.
    pub endpoint: Option<String>,
    /// What a request must carry; needed where others than this machine can reach the endpoint.
    pub token: Option<Secret>,
}

pub(super) fn admin(mut section: Section<'_>, out: &mut Diagnostics) -> Admin {
    let place = section.place();
    let named = section.value("endpoint").map(|node| node.place);
    let endpoint = named.map(|_| endpoint::listen(&mut section, "127.0.0.1:4319", out));
    if let Some(entry) = section.entry("token")
        && entry.value.is_null()
    {
        let message = format!("{}: token is empty", section.owner());
        out.push(
            Diagnostic::error(entry.value.place, message)
                .help("set the variable that it names, or remove it: without a token, whoever reaches the endpoint is let in"),
        );
    }
    if let Some(node) = section.value("token")
        && let Some(token) = section.text("token", out)
        && let Err(why) = Token::new(token)
    {
        out.push(section.wrong("token", node, why));
    }
    let admin = Admin {
        enabled: section.flag("enabled", true, out),
        endpoint,
        token: section.text("token", out).map(Secret::new),
    };
    let is_elsewhere = |endpoint: &String| {
        let host = endpoint.rsplit_once(':').map_or("", |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(address) => !address.is_loopback(),
            Err(_) => host != "localhost",
        }
    };
    if admin.enabled && admin.token.is_none() && admin.endpoint.as_ref().is_some_and(is_elsewhere) {
        let message = format!(
            "{}: others than this machine can reach the endpoint, and there is no token",
            section.owner()
        );
        out.push(
            Diagnostic::error(named.unwrap_or(place), message)
                .help("add `token: ${env:SPANMILL_ADMIN_TOKEN}`, or listen on 127.0.0.1"),
        );
    }
    section.finish(out);
    admin
}
