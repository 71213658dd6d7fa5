//! `admin`: where the running service can be looked at and changed. A section of our own.

use std::net::IpAddr;

use spanmill_admin::Token;

use spanmill_net::endpoint;
use spanmill_net::tls::{self, ServerTls};

use spanmill_manifest::{Diagnostic, Diagnostics, Node, Secret, Section, Value};

/// The admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Whether it is served at all.
    pub enabled: bool,
    /// `unix:/path` or `host:port`; `None`: the default, or what the command line says.
    pub endpoint: Option<String>,
    /// What a request to an address must carry; required if other machines can reach it.
    pub token: Option<Secret>,
    /// TLS on an address; `None`: plain text.
    pub tls: Option<ServerTls>,
    /// Which telemetry may be looked at.
    pub tap: TapRights,
}

/// Which passing telemetry the admin API shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TapRights {
    /// Where a pipeline has a `redaction` processor, what is behind it.
    #[default]
    Redacted,
    /// Any.
    All,
    /// None.
    Nothing,
}

const TAP: &[(&str, TapRights)] = &[
    ("redacted", TapRights::Redacted),
    ("all", TapRights::All),
    ("none", TapRights::Nothing),
];

/// How the endpoint of a Unix socket begins.
const UNIX: &str = "unix:";

fn socket(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => text.strip_prefix(UNIX),
        _ => None,
    }
}

pub(super) fn admin(mut section: Section<'_>, out: &mut Diagnostics) -> Admin {
    let place = section.place();
    let named = section.value("endpoint").map(|node| node.place);
    let socket = section.value("endpoint").and_then(socket);
    let endpoint = match socket {
        Some(path) => {
            // Read, so that it counts as known.
            let given = section.text("endpoint", out);
            if let Some(node) = section.value("endpoint")
                && !path.starts_with('/')
            {
                out.push(
                    section
                        .wrong("endpoint", node, "the path of a socket begins with a slash")
                        .help("write it like `unix:/run/spanmill/admin.sock`"),
                );
            }
            given
        }
        None => named.map(|_| endpoint::listen(&mut section, "127.0.0.1:4319", out)),
    };
    if let Some(entry) = section.entry("token")
        && entry.value.is_null()
    {
        let message = format!("{}: token is empty", section.owner());
        out.push(
            Diagnostic::error(entry.value.place, message)
                .help("set the variable that it names, or remove it: without a token, anyone who reaches the endpoint is let in"),
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
        tls: tls::settings::server(&mut section, out),
        tap: section.choice("tap", TAP, out).unwrap_or_default(),
    };
    let is_elsewhere = |endpoint: &String| {
        if endpoint.starts_with(UNIX) {
            return false;
        }
        let host = endpoint.rsplit_once(':').map_or("", |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(address) => !address.is_loopback(),
            Err(_) => host != "localhost",
        }
    };
    if admin.enabled && admin.token.is_none() && admin.endpoint.as_ref().is_some_and(is_elsewhere) {
        let message = format!(
            "{}: other machines can reach the endpoint, and there is no token",
            section.owner()
        );
        out.push(Diagnostic::error(named.unwrap_or(place), message).help(
            "add `token: ${env:SPANMILL_ADMIN_TOKEN}`, or listen on 127.0.0.1 or a Unix socket",
        ));
    }
    if let Some(entry) = section.entry("tls")
        && admin
            .endpoint
            .as_ref()
            .is_none_or(|endpoint| endpoint.starts_with(UNIX))
    {
        let message = format!(
            "{}: tls: a Unix socket needs none, and has none",
            section.owner()
        );
        out.push(
            Diagnostic::warning(entry.key_place, message)
                .help("remove it, or listen on an address: `endpoint: localhost:4319`"),
        );
    }
    section.finish(out);
    admin
}
