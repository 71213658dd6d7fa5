//! The settings of TLS: the Collector's configtls.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::ServerName;
use spanmill_manifest::{Anchor, Diagnostic, Diagnostics, Secret, Section};

use crate::endpoint;

/// How a client trusts a server, and how the server trusts it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// Plain text, where the endpoint does not say https.
    pub insecure: bool,
    /// Takes any certificate of the server's for its own.
    pub insecure_skip_verify: bool,
    /// Trusted certificates; the system's if not given.
    pub ca: Option<Pem>,
    /// Trusts the system's certificates beside `ca`.
    pub include_system_ca_certs_pool: bool,
    /// What this side shows to a server that asks for it.
    pub identity: Option<Identity>,
    /// The name the server's certificate must carry, if not the endpoint's host.
    pub server_name_override: Option<ServerName<'static>>,
    /// The versions to speak.
    pub versions: TlsVersions,
    /// How often to look whether the files have changed.
    pub reload_interval: Option<Duration>,
}

/// What a server shows, and which clients it trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// What it shows.
    pub identity: Identity,
    /// Certificates of authorities: clients must have one that they signed. `None`: clients need none.
    pub client_ca: Option<Pem>,
    /// Trusts the system's certificates beside `client_ca`.
    pub include_system_ca_certs_pool: bool,
    /// The versions to speak.
    pub versions: TlsVersions,
    /// How often to look whether the files have changed.
    pub reload_interval: Option<Duration>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, followed by its intermediates.
    pub certificate: Pem,
    /// Its private key.
    pub key: Pem,
}

/// PEM text; shown as a person would name it, without what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pem {
    /// Where the text is.
    pub source: PemSource,
    /// Where the setting stands in the manifest.
    pub anchor: Anchor,
}

/// Where PEM text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PemSource {
    /// In a file.
    File(PathBuf),
    /// In the manifest, under this key.
    Inline(&'static str, Secret),
}

impl Pem {
    /// A file that no manifest names.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Pem {
            source: PemSource::File(path.into()),
            anchor: Anchor::default(),
        }
    }
}

impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            PemSource::File(path) => path.display().fmt(f),
            PemSource::Inline(key, _) => f.write_str(key),
        }
    }
}

/// The versions of TLS to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsVersions {
    /// The oldest; 1.2 if not given.
    pub min: Option<TlsVersion>,
    /// The newest; 1.3 if not given.
    pub max: Option<TlsVersion>,
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
pub const UNVERIFIED: &str = "the backend's certificate is not verified: anyone between here and the backend can pose as it, \
     and read and change what is sent";

/// Reads `tls` of a client.
pub fn client(section: &mut Section<'_>, out: &mut Diagnostics) -> ClientTls {
    let Some(mut section) = section.section("tls", out) else {
        return ClientTls::default();
    };
    let insecure = section.flag("insecure", false, out);
    let tls = ClientTls {
        insecure,
        insecure_skip_verify: skip_verify(&mut section, insecure, out),
        ca: pem(&mut section, "ca_file", "ca_pem", out),
        include_system_ca_certs_pool: section.flag("include_system_ca_certs_pool", false, out),
        identity: identity(&mut section, out),
        server_name_override: server_name(&mut section, out),
        versions: versions(&mut section, out),
        reload_interval: section.optional_duration("reload_interval", out),
    };
    refuse_shared(&mut section, out);
    section.finish(out);
    tls
}

/// Reads `tls` of a server; `None` if it is not there, or wrong.
pub fn server(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<ServerTls> {
    let mut section = section.section("tls", out)?;
    let identity = identity(&mut section, out);
    if identity.is_none()
        && !["cert_file", "cert_pem", "key_file", "key_pem"]
            .iter()
            .any(|key| section.value(key).is_some())
    {
        let like = "the file of the server's certificate, and `key_file:` with that of its key";
        out.push(endpoint::missing(&section, "cert_file", like));
    }
    let client_ca = section
        .text("client_ca_file", out)
        .filter(|path| !path.is_empty());
    let client_ca = client_ca.map(|path| Pem {
        source: PemSource::File(path.into()),
        anchor: Anchor(section.entry("client_ca_file").map(|entry| entry.key_place)),
    });
    for key in ["ca_file", "ca_pem"] {
        if let Some(entry) = section.entry(key) {
            let message = format!(
                "{}: {key} is ignored: a server trusts nobody by it, as in the Collector",
                section.owner()
            );
            out.push(Diagnostic::warning(entry.key_place, message).help(
                "name the authorities that clients need a certificate of in `client_ca_file`",
            ));
        }
    }
    // Files are read again whenever they change.
    let _ = section.flag("client_ca_file_reload", false, out);
    let include_system_ca_certs_pool = section.flag("include_system_ca_certs_pool", false, out);
    let versions = versions(&mut section, out);
    let reload_interval = section.optional_duration("reload_interval", out);
    refuse_shared(&mut section, out);
    section.finish(out);
    Some(ServerTls {
        identity: identity?,
        client_ca,
        include_system_ca_certs_pool,
        versions,
        reload_interval,
    })
}

/// Keys of both sides that are not supported.
fn refuse_shared(section: &mut Section<'_>, out: &mut Diagnostics) {
    for key in ["cipher_suites", "curve_preferences"] {
        section.refuse(
            key,
            "is not supported",
            "remove it: only cipher suites and curves that are safe are used",
            out,
        );
    }
    section.refuse(
        "tpm",
        "is not supported",
        "remove it, and name the key in `key_file`",
        out,
    );
}

fn versions(section: &mut Section<'_>, out: &mut Diagnostics) -> TlsVersions {
    let versions = TlsVersions {
        min: version(section, "min_version", out),
        max: version(section, "max_version", out),
    };
    if let (Some(min), Some(max)) = (versions.min, versions.max)
        && min > max
        && let Some(node) = section.value("min_version")
    {
        out.push(
            section
                .wrong("min_version", node, "is above max_version")
                .help("lower it, or remove one of the two"),
        );
    }
    versions
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
    let (key, source) = match (file, inline) {
        (Some(path), _) => (file_key, PemSource::File(path.into())),
        (None, Some(text)) => (inline_key, PemSource::Inline(inline_key, Secret::new(text))),
        (None, None) => return None,
    };
    // The key's place, not the value's, which may be secret.
    let anchor = Anchor(section.entry(key).map(|entry| entry.key_place));
    Some(Pem { source, anchor })
}

fn identity(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<Identity> {
    let certificate = pem(section, "cert_file", "cert_pem", out);
    let key = pem(section, "key_file", "key_pem", out);
    let both = "its file: a certificate and its key go together";
    match (certificate, key) {
        (Some(certificate), Some(key)) => return Some(Identity { certificate, key }),
        (Some(_), None) => out.push(endpoint::missing(section, "key_file", both)),
        (None, Some(_)) => out.push(endpoint::missing(section, "cert_file", both)),
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
