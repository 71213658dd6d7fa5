//! Sigstore bundles, which cosign 3 writes: of them, the signature with a key. https://docs.sigstore.dev/about/bundle/

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::subject::Subject;
use crate::digest::Digest;
use spanmill_keys::PublicKey;

/// What a bundle beside an artifact in a registry is called, without its version.
pub(crate) const ARTIFACT_TYPE: &str = "application/vnd.dev.sigstore.bundle";

/// The statement that cosign signs of an artifact.
const STATEMENT: &str = "application/vnd.in-toto+json";
const PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    message_signature: Option<MessageSignature>,
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize)]
struct MessageSignature {
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    subject: Vec<StatementSubject>,
    predicate_type: String,
}

#[derive(Deserialize)]
struct StatementSubject {
    digest: StatementDigest,
}

#[derive(Deserialize)]
struct StatementDigest {
    sha256: Option<String>,
}

/// Whether the bundle is a signature of the subject by the key.
pub(super) fn is_by(json: &[u8], key: &PublicKey, subject: Subject<'_>) -> bool {
    let Ok(bundle) = serde_json::from_slice::<Bundle>(json) else {
        return false;
    };
    match (bundle.message_signature, bundle.dsse_envelope, subject) {
        (Some(signed), None, Subject::File(bytes)) => STANDARD
            .decode(signed.signature)
            .is_ok_and(|signature| key.has_signed(bytes, &signature)),
        (None, Some(envelope), Subject::Manifest(digest)) => {
            is_statement_of(&envelope, key, digest)
        }
        (None, Some(envelope), Subject::File(bytes)) => {
            is_statement_of(&envelope, key, &Digest::of(bytes))
        }
        _ => false,
    }
}

fn is_statement_of(envelope: &Envelope, key: &PublicKey, digest: &Digest) -> bool {
    let Ok(payload) = STANDARD.decode(&envelope.payload) else {
        return false;
    };
    let signed = pre_authentication(&envelope.payload_type, &payload);
    let mut signatures = envelope.signatures.iter();
    let is_signed = signatures.any(|signature| {
        let signature = STANDARD.decode(&signature.sig);
        signature.is_ok_and(|signature| key.has_signed(&signed, &signature))
    });
    is_signed
        && envelope.payload_type == STATEMENT
        && serde_json::from_slice::<Statement>(&payload).is_ok_and(|statement| {
            let mut subjects = statement.subject.iter();
            statement.predicate_type == PREDICATE
                && subjects.any(|subject| subject.digest.sha256.as_deref() == Some(digest.hex()))
        })
}

/// What is signed of an envelope: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
fn pre_authentication(kind: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_keys::pair;
    use spanmill_keys::SigningKey;

    fn statement(key: &SigningKey, digest: &Digest, predicate: &str) -> Vec<u8> {
        let payload = serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": digest.hex()}}],
            "predicateType": predicate,
            "predicate": {},
        });
        let payload = payload.to_string().into_bytes();
        let signature = key.sign(&pre_authentication(STATEMENT, &payload)).unwrap();
        let bundle = serde_json::json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "dsseEnvelope": {
                "payload": STANDARD.encode(payload),
                "payloadType": STATEMENT,
                "signatures": [{"sig": STANDARD.encode(signature)}],
            },
        });
        bundle.to_string().into_bytes()
    }

    #[test]
    fn a_statement_is_of_one_artifact_and_one_purpose() {
        let ((key, public), (_, other)) = (pair(), pair());
        let digest = Digest::of(b"bytes");
        let signed = statement(&key, &digest, PREDICATE);
        assert!(is_by(&signed, &public, Subject::Manifest(&digest)));
        assert!(is_by(&signed, &public, Subject::File(b"bytes")));
        assert!(!is_by(&signed, &other, Subject::Manifest(&digest)));
        assert!(!is_by(&signed, &public, Subject::File(b"others")));
        // Such as a provenance, which anyone's build may make.
        let of_another_kind = statement(&key, &digest, "https://slsa.dev/provenance/v1");
        assert!(!is_by(
            &of_another_kind,
            &public,
            Subject::Manifest(&digest)
        ));
    }

    #[test]
    fn a_message_s_signature_is_of_its_bytes() {
        let (key, public) = pair();
        let bundle = serde_json::json!({
            "messageSignature": {"signature": STANDARD.encode(key.sign(b"bytes").unwrap())},
        });
        let bundle = bundle.to_string().into_bytes();
        assert!(is_by(&bundle, &public, Subject::File(b"bytes")));
        assert!(!is_by(&bundle, &public, Subject::File(b"others")));
        assert!(!is_by(
            &bundle,
            &public,
            Subject::Manifest(&Digest::of(b"bytes"))
        ));
        for broken in [
            &b""[..],
            b"{}",
            b"[]",
            br#"{"messageSignature": {"signature": "?"}}"#,
        ] {
            assert!(!is_by(broken, &public, Subject::File(b"bytes")));
        }
    }
}
