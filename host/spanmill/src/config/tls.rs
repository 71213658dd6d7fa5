//! How an exporter trusts its backend, and how the backend trusts it: the Collector's configtls.

use spanmill_manifest::{Diagnostic, Diagnostics, Secret, Section};
use std::fmt;

use std::path::PathBuf;

use rustls::pki_types::ServerName;

/// TLS settings of an exporter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Plain text, where the endpoint does not say https.
    pub insecure: bool,
    /// Takes any certificate of the backend's for its own.
    pub insecure_skip_verify: bool,
    /// Trusted certificates; the system's if not given.
    pub ca: Option<Pem>,
    /// Trusts the system's certificates beside `ca`.
    pub include_system_ca_certs_pool: bool,
    /// What this side shows to a backend that asks for it.
    pub identity: Option<Identity>,
    /// The name the backend's certificate must carry, if not the endpoint's host.
    pub server_name_override: Option<ServerName<'static>>,
    /// The oldest version to speak.
    pub min_version: Option<TlsVersion>,
    /// The newest version to speak.
    pub max_version: Option<TlsVersion>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, followed by its intermediates.
    pub certificate: Pem,
    /// Its private key.
    pub key: Pem,
}

/// Where PEM text is; shown as a person would name it, without what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pem {
    /// In a file.
    File(PathBuf),
    /// In the manifest, under this key.
    Inline(&'static str, Secret),
}

impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::File(path) => path.display().fmt(f),
            Pem::Inline(key, _) => f.write_str(key),
        }
    }
}

/// A version of TLS. Older ones are broken, and not spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// What `insecure_skip_verify` means, for the manifest's reader and for the log's.
pub(crate) const UNVERIFIED: &str = "the backend's certificate is not verified: anyone between here and the backend can pose as it, \
     and read and change what is sent";

/// Reads `tls`.
pub(crate) fn tls(section: &mut Section<'_>, out: &mut Diagnostics) -> Tls {
    let Some(mut section) = section.section("tls", out) else {
        return Tls::default();
    };
    let insecure = section.flag("insecure", false, out);
    let tls = Tls {
        insecure,
        insecure_skip_verify: skip_verify(&mut section, insecure, out),
        ca: pem(&mut section, "ca_file", "ca_pem", out),
        include_system_ca_certs_pool: section.flag("include_system_ca_certs_pool", false, out),
        identity: identity(&mut section, out),
        server_name_override: server_name(&mut section, out),
        min_version: version(&mut section, "min_version", out),
        max_version: version(&mut section, "max_version", out),
    };
    if let (Some(min), Some(max)) = (tls.min_version, tls.max_version)
        && min > max
        && let Some(node) = section.value("min_version")
    {
        out.push(
            section
                .wrong("min_version", node, "is above max_version")
                .help("lower it, or remove one of the two"),
        );
    }
    for key in ["cipher_suites", "curve_preferences"] {
        section.refuse(
            key,
            "is not supported",
            "remove it: only cipher suites and curves that are safe are used",
            out,
        );
    }
    section.refuse(
        "reload_interval",
        "is not supported: certificates are read at the start",
        "remove it, and restart when they are renewed",
        out,
    );
    section.finish(out);
    tls
}

fn skip_verify(section: &mut Section<'_>, insecure: bool, out: &mut Diagnostics) -> bool {
    let skip = section.flag("insecure_skip_verify", false, out);
    if skip
        && !insecure
        && let Some(entry) = section.entry("insecure_skip_verify")
    {
        let message = format!("{}: insecure_skip_verify: {UNVERIFIED}", section.owner());
        out.push(Diagnostic::warning(entry.key_place, message).help(
            "name the certificate to trust in `ca_file`, or the name that it carries in `server_name_override`",
        ));
    }
    skip
}

/// PEM in a file or in the manifest. An empty text counts as not given, as in the Collector.
fn pem(
    section: &mut Section<'_>,
    file_key: &'static str,
    inline_key: &'static str,
    out: &mut Diagnostics,
) -> Option<Pem> {
    let given = |text: &String| !text.is_empty();
    let file = section.text(file_key, out).filter(given);
    let inline = section.text(inline_key, out).filter(given);
    if file.is_some()
        && inline.is_some()
        // Not at the other key: what stands there may be secret.
        && let Some(node) = section.value(file_key)
    {
        out.push(
            section
                .wrong(
                    file_key,
                    node,
                    format_args!("stands beside {inline_key}, which says the same"),
                )
                .help("remove one of the two"),
        );
    }
    match (file, inline) {
        (Some(path), _) => Some(Pem::File(path.into())),
        (None, Some(text)) => Some(Pem::Inline(inline_key, Secret::new(text))),
        (None, None) => None,
    }
}

fn identity(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<Identity> {
    let certificate = pem(section, "cert_file", "cert_pem", out);
    let key = pem(section, "key_file", "key_pem", out);
    let both = "its file: a certificate and its key go together";
    match (certificate, key) {
        (Some(certificate), Some(key)) => return Some(Identity { certificate, key }),
        (Some(_), None) => out.push(super::endpoint::missing(section, "key_file", both)),
        (None, Some(_)) => out.push(super::endpoint::missing(section, "cert_file", both)),
        (None, None) => {}
    }
    None
}

fn server_name(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<ServerName<'static>> {
    let text = section.text("server_name_override", out)?;
    if text.is_empty() {
        return None;
    }
    let name = ServerName::try_from(text).ok();
    if name.is_none()
        && let Some(node) = section.value("server_name_override")
    {
        out.push(
            section
                .wrong(
                    "server_name_override",
                    node,
                    "this is neither a DNS name nor an IP address",
                )
                .help("write the name alone, like `tempo.example.com`"),
        );
    }
    name
}

fn version(
    section: &mut Section<'_>,
    key: &'static str,
    out: &mut Diagnostics,
) -> Option<TlsVersion> {
    // Not given, as in the Collector.
    if section.value(key)?.raw.is_empty() {
        return None;
    }
    let versions = [("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)];
    section.choice(key, &versions, out)
}
