//! Where a plugin is: a reference to a registry, or an HTTPS address.

use std::fmt;

use http::Uri;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digest;
use crate::reference;

/// Where a plugin is kept, and which one is meant if that is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    place: Place,
    digest: Option<Digest>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    /// `registry/repository:tag`, without a digest.
    Oci(String),
    /// The whole address.
    Https(String),
}

/// The text names no place.
#[derive(Debug, Error)]
pub enum LocationError {
    /// No reference to a registry.
    #[error("`{0}` is no reference; write `registry/name:tag`, or `registry/name:tag@sha256:..`")]
    Reference(String),
    /// A reference without a registry, which Docker would look for on its hub.
    #[error(
        "`{0}` names no registry; write `registry.example.com/name:tag` (`docker.io/..` for Docker Hub)"
    )]
    Registry(String),
    /// A digest of another kind.
    #[error(
        "`{0}` has a digest of a kind that is not checked; write `@sha256:` and 64 hexadecimal digits"
    )]
    Digest(String),
    /// No HTTPS address.
    #[error(
        "`{0}` is no https address; write `https://host/path/plugin.wasm`; without TLS, only this machine is spoken to"
    )]
    Https(String),
    /// An address with a login in it, which messages and lock files would show.
    #[error(
        "an address must not hold a user and a password; keep the plugin in a registry, whose login is `docker login`'s"
    )]
    Login,
}

impl Location {
    /// A reference to a registry. With a digest of its manifest it is pinned; without a tag, `latest` is meant.
    pub fn oci(text: &str) -> Result<Self, LocationError> {
        let text = text.strip_prefix("oci://").unwrap_or(text);
        let wrong = || LocationError::Reference(text.to_owned());
        // As Docker tells them apart.
        let first = text.split('/').next().unwrap_or_default();
        let has_registry = first.contains(['.', ':']) || first == "localhost";
        if !has_registry || !text.contains('/') {
            // What is no reference anyway is told so.
            return Err(match reference::parse(&format!("docker.io/{text}")) {
                Some(_) => LocationError::Registry(text.to_owned()),
                None => wrong(),
            });
        }
        let reference = reference::parse(text).ok_or_else(wrong)?;
        let digest = match reference.digest {
            Some(digest) => Some(
                digest
                    .parse()
                    .map_err(|_| LocationError::Digest(text.to_owned()))?,
            ),
            None => None,
        };
        let (registry, repository) = (reference.registry, &reference.repository);
        let place = match reference.tag {
            Some(tag) => format!("{registry}/{repository}:{tag}"),
            None => format!("{registry}/{repository}"),
        };
        Ok(Location {
            place: Place::Oci(place),
            digest,
        })
    }

    /// An address from which the file itself is read. Plain HTTP is for loopback alone.
    pub fn https(text: &str) -> Result<Self, LocationError> {
        let wrong = || LocationError::Https(text.to_owned());
        let url: Uri = text.parse().map_err(|_| wrong())?;
        if url
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'))
        {
            return Err(LocationError::Login);
        }
        let host = url.host().unwrap_or_default();
        let scheme = url.scheme_str().unwrap_or_default();
        let is_plain = scheme == "http" && is_loopback(host);
        match (scheme == "https" || is_plain) && !host.is_empty() {
            true => Ok(Location {
                place: Place::Https(text.to_owned()),
                digest: None,
            }),
            false => Err(wrong()),
        }
    }

    /// The same place, and the one that has this digest: of the manifest in a registry, of the file behind an address.
    pub fn pinned(&self, digest: Digest) -> Self {
        Location {
            place: self.place.clone(),
            digest: Some(digest),
        }
    }

    /// Which one is meant: the digest of the manifest in a registry, of the file behind an address.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The place without the digest, as lock files have it: `oci:registry/name:tag`, or the address. Of a query, which may be a
    /// secret, a part of its digest.
    pub fn key(&self) -> String {
        match &self.place {
            Place::Oci(place) => format!("oci:{place}"),
            Place::Https(url) => match url.split_once('?') {
                Some((path, query)) => {
                    let digest = Digest::of(query.as_bytes());
                    format!("{path}?{}", digest.hex().get(..16).unwrap_or_default())
                }
                None => url.clone(),
            },
        }
    }

    /// Whether it is a registry's, and no address.
    pub fn is_registry(&self) -> bool {
        matches!(self.place, Place::Oci(_))
    }

    /// What the plugin is called there: the last part of its repository, or of the address's path.
    pub fn name(&self) -> &str {
        let path = match &self.place {
            Place::Oci(place) => place.as_str(),
            Place::Https(url) => url.split(['?', '#']).next().unwrap_or_default(),
        };
        let last = path.rsplit('/').next().unwrap_or_default();
        match &self.place {
            Place::Oci(_) => last.split(':').next().unwrap_or_default(),
            Place::Https(_) => last.strip_suffix(".wasm").unwrap_or(last),
        }
    }

    /// The reference to the registry; `None` for an address.
    #[cfg(feature = "client")]
    pub(crate) fn reference(&self) -> Option<oci_client::Reference> {
        let Place::Oci(place) = &self.place else {
            return None;
        };
        let reference: oci_client::Reference = place.parse().ok()?;
        Some(match &self.digest {
            Some(digest) => reference.clone_with_digest(digest.to_string()),
            None => reference,
        })
    }

    /// The address; `None` for a registry's.
    #[cfg(feature = "client")]
    pub(crate) fn url(&self) -> Option<&str> {
        match &self.place {
            Place::Https(url) => Some(url),
            Place::Oci(_) => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, &self.digest) {
            (Place::Oci(place), Some(digest)) => write!(f, "{place}@{digest}"),
            (Place::Oci(place), None) => f.write_str(place),
            (Place::Https(url), _) => match url.split_once('?') {
                Some((path, _)) => write!(f, "{path}?.."),
                None => f.write_str(url),
            },
        }
    }
}

/// Whether a host, with or without a port, is this machine: Docker speaks plain HTTP to it, and so does this.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_name_their_registry() {
        let digest = Digest::of(b"");
        for (text, place, pinned) in [
            ("ghcr.io/team/filter:1.2", "ghcr.io/team/filter:1.2", false),
            ("ghcr.io/team/filter", "ghcr.io/team/filter:latest", false),
            ("oci://localhost:5000/f:1", "localhost:5000/f:1", false),
            (&format!("ghcr.io/f:1@{digest}"), "ghcr.io/f:1", true),
            (&format!("ghcr.io/f@{digest}"), "ghcr.io/f", true),
        ] {
            let location = Location::oci(text).unwrap();
            assert_eq!(location.key(), format!("oci:{place}"));
            assert_eq!(location.digest(), pinned.then_some(&digest));
            let again = Location::oci(&location.to_string()).unwrap();
            assert_eq!(again, location);
        }
        for wrong in ["", "filter", "team/filter:1", "ghcr.io/Filter", "ghcr.io/"] {
            assert!(Location::oci(wrong).is_err(), "{wrong}");
        }
        let sha512 = format!("ghcr.io/f@sha512:{}", "a".repeat(128));
        assert!(matches!(
            Location::oci(&sha512),
            Err(LocationError::Digest(_))
        ));
    }

    #[test]
    fn addresses_are_encrypted_except_on_this_machine() {
        for text in [
            "https://example.com/f.wasm",
            "http://127.0.0.1:8080/f.wasm",
            "http://localhost/f.wasm",
            "http://[::1]:80/f.wasm",
        ] {
            assert_eq!(Location::https(text).unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "f.wasm",
            "http://example.com/f.wasm",
            "file:///f.wasm",
            "https://amy:secret@example.com/f.wasm",
        ] {
            let refused = Location::https(wrong).unwrap_err().to_string();
            assert!(!refused.contains("secret"), "{wrong}");
        }
    }

    #[test]
    fn a_query_is_not_shown() {
        let one = Location::https("https://example.com/a/f.wasm?token=secret").unwrap();
        let other = Location::https("https://example.com/a/f.wasm?token=other").unwrap();
        assert_eq!(one.to_string(), "https://example.com/a/f.wasm?..");
        assert!(!one.key().contains("secret"));
        assert_ne!(one.key(), other.key());
        assert_eq!(one.name(), "f");
        assert_eq!(Location::oci("example.com/team/it:1").unwrap().name(), "it");
    }
}
