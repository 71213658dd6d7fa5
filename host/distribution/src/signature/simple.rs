//! The text that cosign 2 signs: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The layer that is such a text.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Where in the layer's descriptor the signature is, in base64.
pub(crate) const ANNOTATION: &str = "dev.cosignproject.cosign/signature";

/// What the text is, in its own words.
const KIND: &str = "cosign container image signature";

#[derive(Serialize, Deserialize)]
struct Payload {
    critical: Critical,
    #[serde(default)]
    optional: Option<serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    r#type: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

/// The text that says of an artifact that it is signed.
pub(super) fn payload(repository: &str, digest: &Digest) -> Vec<u8> {
    let payload = Payload {
        critical: Critical {
            identity: Identity {
                docker_reference: repository.to_owned(),
            },
            image: Image {
                docker_manifest_digest: digest.to_string(),
            },
            r#type: KIND.to_owned(),
        },
        optional: None,
    };
    // Texts alone: nothing in it can fail.
    serde_json::to_vec(&payload).unwrap_or_default()
}

/// Whether the text says it of this artifact.
pub(super) fn names(payload: &[u8], digest: &Digest) -> bool {
    serde_json::from_slice::<Payload>(payload).is_ok_and(|payload| {
        payload.critical.r#type == KIND
            && payload.critical.image.docker_manifest_digest == digest.to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_cosign_s() {
        let digest = Digest::of(b"");
        let text = String::from_utf8(payload("example.com/it", &digest)).unwrap();
        let expected = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"example.com/it"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
        );
        assert_eq!(text, expected);
        assert!(names(text.as_bytes(), &digest));
        assert!(!names(text.as_bytes(), &Digest::of(b"another")));
        let another_kind = text.replace("container image", "whatever");
        assert!(!names(another_kind.as_bytes(), &digest));
        assert!(!names(b"", &digest));
    }
}
