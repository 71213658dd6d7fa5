//! References to registries as Docker and OCI write them: `registry/repository:tag@digest`.

/// The longest name of a repository.
const MAX_REPOSITORY: usize = 255;
/// The longest tag.
const MAX_TAG: usize = 128;
/// The shortest digest, in hexadecimal digits.
const MIN_DIGEST: usize = 32;

/// What a reference says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reference<'t> {
    /// The registry's host, with its port if that is said.
    pub(crate) registry: &'t str,
    /// The repository's name there.
    pub(crate) repository: String,
    /// The tag; `latest` if nothing says which one is meant.
    pub(crate) tag: Option<&'t str>,
    /// The digest with its kind, `sha256:..`.
    pub(crate) digest: Option<&'t str>,
}

/// Reads a reference that names its registry; `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<Reference<'_>> {
    let (registry, rest) = text.split_once('/')?;
    let (rest, digest) = match rest.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (rest, None),
    };
    let (repository, tag) = match rest.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (rest, None),
    };
    let is_right = is_registry(registry)
        && repository.split('/').all(is_part)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest);
    if !is_right {
        return None;
    }
    // Docker's own hub is called in two ways, and has its official images in a folder that may be left out.
    let registry = match registry {
        "index.docker.io" => "docker.io",
        other => other,
    };
    let repository = match registry {
        "docker.io" if !repository.contains('/') => format!("library/{repository}"),
        _ => repository.to_owned(),
    };
    (repository.len() <= MAX_REPOSITORY).then_some(Reference {
        registry,
        repository,
        tag: tag.or(digest.is_none().then_some("latest")),
        digest,
    })
}

/// A host of letters, digits, dots and, within its labels, dashes; and a port if there is one.
fn is_registry(text: &str) -> bool {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(is_inner)
    };
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

/// A part of a repository's name: small letters and digits, with a dot, one or two underscores or any dashes between them.
fn is_part(text: &str) -> bool {
    let is_plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    let is_separator = |between: &str| {
        matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
    };
    text.starts_with(is_plain) && text.ends_with(is_plain) && text.split(is_plain).all(is_separator)
}

fn is_tag(text: &str) -> bool {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let is_inner = |char: char| is_word(char) || matches!(char, '.' | '-');
    text.len() <= MAX_TAG && text.starts_with(is_word) && text.chars().all(is_inner)
}

/// A digest of any kind, as long as its kind wants it.
fn is_digest(text: &str) -> bool {
    let Some((kind, digits)) = text.split_once(':') else {
        return false;
    };
    let length = match kind {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    digits.len() == length.max(MIN_DIGEST) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        let sha512 = format!("sha512:{}", "a".repeat(128));
        let with_digest = format!("localhost:5000/a/b_c@{sha512}");
        for (text, registry, repository, tag, digest) in [
            (
                "ghcr.io/team/filter:1.2-rc.1",
                "ghcr.io",
                "team/filter",
                Some("1.2-rc.1"),
                None,
            ),
            (
                "ghcr.io/a--b/c__d.e",
                "ghcr.io",
                "a--b/c__d.e",
                Some("latest"),
                None,
            ),
            (
                with_digest.as_str(),
                "localhost:5000",
                "a/b_c",
                None,
                Some(sha512.as_str()),
            ),
            (
                "index.docker.io/nginx",
                "docker.io",
                "library/nginx",
                Some("latest"),
                None,
            ),
        ] {
            let expected = Reference {
                registry,
                repository: repository.to_owned(),
                tag,
                digest,
            };
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    /// The one that speaks to registries reads them the same way.
    #[cfg(feature = "client")]
    #[test]
    fn what_is_no_reference_is_none_for_the_client_either() {
        let (good, bad) = ("a".repeat(64), "a".repeat(63));
        let long = format!("ghcr.io/{}", "a".repeat(256));
        let tag = format!("ghcr.io/a:{}", "t".repeat(129));
        let mut texts: Vec<String> = Vec::new();
        for registry in [
            "ghcr.io", "a-b.c:80", "-a.b", "a-.b", "a..b", "a:", "a:b", "A.b", "a_b", "", "[::1]",
        ] {
            for repository in [
                "a", "a/b", "a.b", "a..b", "a___b", "a__b", "a---b", "-a", "a-", "A", "a//b", "",
                "a._b", "ä",
            ] {
                for tag in ["", ":1", ":", ":-1", ":_a", ":a/b", ":ä", ":a:b"] {
                    texts.push(format!("{registry}/{repository}{tag}"));
                }
            }
        }
        for digest in [
            &format!("sha256:{good}"),
            &format!("sha256:{bad}"),
            "md5:aa",
            "sha256:",
            "sha256",
            "",
        ] {
            texts.push(format!("ghcr.io/a@{digest}"));
            texts.push(format!("ghcr.io/a:1@{digest}"));
        }
        texts.extend([long, tag]);
        for text in texts {
            let ours = parse(&text);
            let theirs: Option<oci_client::Reference> = text.parse().ok();
            // They take a text without a registry for one of Docker's hub.
            let first = text.split('/').next().unwrap_or_default();
            let theirs = theirs.filter(|_| first.contains(['.', ':']) || first == "localhost");
            let ours = ours.filter(|_| first.contains(['.', ':']) || first == "localhost");
            let ours = ours.map(|of| {
                (
                    of.registry.to_owned(),
                    of.repository,
                    of.tag.map(str::to_owned),
                    of.digest.map(str::to_owned),
                )
            });
            let theirs = theirs.map(|of| {
                let (tag, digest) = (of.tag().map(str::to_owned), of.digest().map(str::to_owned));
                (
                    of.registry().to_owned(),
                    of.repository().to_owned(),
                    tag,
                    digest,
                )
            });
            // `\w` of theirs has all letters, which no registry takes.
            if text.is_ascii() {
                assert_eq!(ours, theirs, "{text}");
            }
        }
    }
}
