//! Signatures as cosign makes them with a key, and whether one is by a key that is trusted.
//!
//! Of an artifact in a registry, cosign 2 signs a text that names the manifest's digest ("simple signing"), cosign 3 an in-toto
//! statement in a Sigstore bundle. Of a file, `cosign sign-blob` and `openssl dgst -sign` sign the bytes. Certificates and
//! transparency logs play no part: the keys in the manifest are what is trusted.

mod bundle;
mod simple;
mod subject;

use serde::{Deserialize, Serialize};

use crate::base64_bytes;
use crate::digest::Digest;
use crate::error::DistributionError;
pub(crate) use bundle::ARTIFACT_TYPE as BUNDLE_TYPE;
pub(crate) use simple::{ANNOTATION as SIGNATURE_ANNOTATION, MEDIA_TYPE as SIMPLE_SIGNING};
use spanmill_keys::{PublicKey, SigningKey};
pub(crate) use subject::Subject;

/// The most signatures of a plugin that are looked at.
pub(crate) const MAX_SIGNATURES: usize = 32;

/// A signature, which may be by anyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signature {
    /// Of a text that names a manifest's digest.
    Simple {
        /// The text, JSON.
        #[serde(with = "base64_bytes")]
        payload: Vec<u8>,
        /// The signature of the text.
        #[serde(with = "base64_bytes")]
        signature: Vec<u8>,
    },
    /// Of a file's bytes.
    Detached(#[serde(with = "base64_bytes")] Vec<u8>),
    /// A Sigstore bundle, JSON: of a file's bytes, or of a statement that names a digest.
    Bundle(#[serde(with = "base64_bytes")] Vec<u8>),
}

impl Signature {
    /// Signs an artifact as cosign 2 does. `repository` is where it is kept, for people. `None` if the system has no
    /// randomness.
    pub(crate) fn of_manifest(key: &SigningKey, repository: &str, digest: &Digest) -> Option<Self> {
        let payload = simple::payload(repository, digest);
        let signature = key.sign(&payload)?;
        Some(Signature::Simple { payload, signature })
    }

    /// A file with a signature, as `cosign sign-blob` (base64) or `openssl dgst -sign` writes it.
    pub fn detached(file: &[u8]) -> Self {
        use base64::Engine as _;
        // Some tools break lines.
        let text: Vec<u8> = file
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        let decoded = base64::engine::general_purpose::STANDARD.decode(&text);
        Signature::Detached(decoded.unwrap_or_else(|_| file.to_vec()))
    }

    fn is_by(&self, key: &PublicKey, subject: Subject<'_>) -> bool {
        match (self, subject) {
            (Signature::Simple { payload, signature }, Subject::Manifest(digest)) => {
                key.has_signed(payload, signature) && simple::names(payload, digest)
            }
            (Signature::Detached(signature), Subject::File(bytes)) => {
                key.has_signed(bytes, signature)
            }
            (Signature::Bundle(json), subject) => bundle::is_by(json, key, subject),
            _ => false,
        }
    }
}

/// Whether one of the keys has made one of the signatures.
///
/// # Errors
///
/// Why not, for a message.
pub(crate) fn check(
    subject: Subject<'_>,
    signatures: &[Signature],
    keys: &[PublicKey],
) -> Result<(), String> {
    let considered = signatures.iter().take(MAX_SIGNATURES);
    let mut pairs = considered.flat_map(|signature| keys.iter().map(move |key| (signature, key)));
    if pairs.any(|(signature, key)| signature.is_by(key, subject)) {
        return Ok(());
    }
    Err(match signatures.len() {
        0 => "it has none at all".to_owned(),
        1 => "its one signature is by another key, or of something else".to_owned(),
        some => format!("its {some} signatures are by other keys, or of something else"),
    })
}

/// Whether a file of the user's own is signed: its bytes, what lies beside it, and the keys that are trusted.
///
/// # Errors
///
/// Why it is not.
pub fn check_file(
    location: &str,
    bytes: &[u8],
    signatures: &[Signature],
    keys: &[PublicKey],
) -> Result<(), DistributionError> {
    let checked = check(Subject::File(bytes), signatures, keys);
    checked.map_err(|why| DistributionError::NotSigned {
        location: location.to_owned(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_keys::pair;

    #[test]
    fn only_a_trusted_key_s_signature_of_the_very_artifact_counts() {
        let ((ours, our_key), (theirs, their_key)) = (pair(), pair());
        let (digest, other) = (Digest::of(b"it"), Digest::of(b"another"));
        let sign = |key, digest| Signature::of_manifest(key, "example.com/it", digest).unwrap();
        let subject = Subject::Manifest(&digest);
        let keys = [our_key];
        assert_eq!(check(subject, &[sign(&ours, &digest)], &keys), Ok(()));
        let mixed = [sign(&theirs, &digest), sign(&ours, &digest)];
        assert_eq!(check(subject, &mixed, &keys), Ok(()));
        let both = [their_key, keys[0].clone()];
        assert_eq!(check(subject, &[sign(&theirs, &digest)], &both), Ok(()));
        for (signatures, why) in [
            (vec![], "none at all"),
            (vec![sign(&theirs, &digest)], "by another key"),
            (vec![sign(&ours, &other)], "of something else"),
            (
                vec![sign(&theirs, &digest), sign(&ours, &other)],
                "2 signatures",
            ),
        ] {
            let refused = check(subject, &signatures, &keys).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        assert!(check(subject, &[sign(&ours, &digest)], &[]).is_err());
    }

    #[test]
    fn a_signature_of_a_file_says_nothing_of_a_manifest() {
        let (key, public) = pair();
        let digest = Digest::of(b"bytes");
        let keys = [public];
        let detached = [Signature::Detached(key.sign(b"bytes").unwrap())];
        assert_eq!(check(Subject::File(b"bytes"), &detached, &keys), Ok(()));
        // As cosign writes it, and as `base64` does.
        use base64::Engine as _;
        let raw = key.sign(b"bytes").unwrap();
        let mut text = base64::engine::general_purpose::STANDARD.encode(&raw);
        for break_at in [None, Some(40)] {
            if let Some(at) = break_at {
                text.insert(at, '\n');
            }
            let detached = [Signature::detached(format!("{text}\n").as_bytes())];
            assert_eq!(check(Subject::File(b"bytes"), &detached, &keys), Ok(()));
        }
        assert!(check(Subject::File(b"bits"), &detached, &keys).is_err());
        assert!(check(Subject::Manifest(&digest), &detached, &keys).is_err());
        let of_manifest = [Signature::of_manifest(&key, "r", &digest).unwrap()];
        assert!(check(Subject::File(b"bytes"), &of_manifest, &keys).is_err());
    }
}
