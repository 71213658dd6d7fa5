//! Keys that sign plugins: ECDSA over P-256, which cosign makes unless told otherwise, and Ed25519.

use std::fmt;

use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    UnparsedPublicKey,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use thiserror::Error;

/// What stands before the point of a P-256 key in its SubjectPublicKeyInfo (RFC 5480).
const P256_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The same of an Ed25519 key (RFC 8410).
const ED25519_PREFIX: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// A key that cannot be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// No public key in PEM.
    #[error("it holds no public key: expected `-----BEGIN PUBLIC KEY-----`, as in cosign.pub")]
    NoPublicKey,
    /// A public key of another kind.
    #[error("it is neither ECDSA over P-256, as cosign makes keys, nor Ed25519")]
    Kind,
    /// No private key in PEM.
    #[error(
        "it holds no private key in PKCS#8: expected `-----BEGIN PRIVATE KEY-----`, as \
         `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` writes it"
    )]
    NoPrivateKey,
    /// A private key as cosign keeps it.
    #[error(
        "it is encrypted by cosign; sign with `cosign sign --key`, or with an unencrypted PKCS#8 key"
    )]
    Encrypted,
}

/// A key that signatures are checked with.
#[derive(Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// ECDSA over P-256 with SHA-256; the point, uncompressed.
    P256(Vec<u8>),
    /// Ed25519.
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// Reads every `-----BEGIN PUBLIC KEY-----` in a file.
    ///
    /// # Errors
    ///
    /// There is none, or one that cannot be used.
    pub fn all_from_pem(pem: &[u8]) -> Result<Vec<Self>, KeyError> {
        let read = SubjectPublicKeyInfoDer::pem_slice_iter(pem).map(|info| {
            let info = info.map_err(|_| KeyError::NoPublicKey)?;
            Self::from_info(&info)
        });
        let keys: Vec<Self> = read.collect::<Result<_, _>>()?;
        match keys.is_empty() {
            true => Err(KeyError::NoPublicKey),
            false => Ok(keys),
        }
    }

    fn from_info(info: &SubjectPublicKeyInfoDer<'_>) -> Result<Self, KeyError> {
        let after = |prefix: &[u8], length: usize| {
            let key = info.as_ref().strip_prefix(prefix)?;
            (key.len() == length).then(|| key.to_vec())
        };
        after(P256_PREFIX, 65)
            .map(PublicKey::P256)
            .or_else(|| after(ED25519_PREFIX, 32).map(PublicKey::Ed25519))
            .ok_or(KeyError::Kind)
    }

    /// Whether the signature is this key's over the message. An ECDSA signature is in ASN.1, as cosign writes it.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            PublicKey::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            PublicKey::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}

/// Its kind and the SHA-256 of its DER, as `openssl pkey -pubin -outform der | sha256sum` has it.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, prefix, key) = match self {
            PublicKey::P256(point) => ("ECDSA P-256", P256_PREFIX, point),
            PublicKey::Ed25519(key) => ("Ed25519", ED25519_PREFIX, key),
        };
        let hash = digest(&SHA256, &[prefix, key].concat());
        write!(f, "{kind}, sha256:")?;
        let mut bytes = hash.as_ref().iter();
        bytes.try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublicKey::P256(_) => "PublicKey::P256",
            PublicKey::Ed25519(_) => "PublicKey::Ed25519",
        })
    }
}

/// A key to sign with.
pub struct SigningKey(Pair);

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Reads `-----BEGIN PRIVATE KEY-----`: PKCS#8, unencrypted.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let is_cosigns = |kind: &str| pem.windows(kind.len()).any(|part| part == kind.as_bytes());
        if is_cosigns("ENCRYPTED SIGSTORE") || is_cosigns("ENCRYPTED COSIGN") {
            return Err(KeyError::Encrypted);
        }
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| KeyError::NoPrivateKey)?;
        let der = key.secret_pkcs8_der();
        let p256 =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &SystemRandom::new());
        match p256 {
            Ok(pair) => Ok(SigningKey(Pair::P256(pair))),
            Err(_) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                .map(|pair| SigningKey(Pair::Ed25519(pair)))
                .map_err(|_| KeyError::Kind),
        }
    }

    /// Signs a message; `None` if the system has no randomness.
    pub fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.0 {
            Pair::P256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .ok()
                .map(|signature| signature.as_ref().to_vec()),
            Pair::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A private and a public key, in PEM.
    fn pem_pair(algorithm: &'static rcgen::SignatureAlgorithm) -> (String, String) {
        let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
        (pair.serialize_pem(), pair.public_key_pem())
    }

    #[test]
    fn what_a_key_signs_is_its_own() {
        let pairs = [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519].map(pem_pair);
        for (private, public) in &pairs {
            let key = SigningKey::from_pem(private.as_bytes()).unwrap();
            let public = PublicKey::all_from_pem(public.as_bytes())
                .unwrap()
                .remove(0);
            let signature = key.sign(b"message").unwrap();
            assert!(public.has_signed(b"message", &signature));
            assert!(!public.has_signed(b"massage", &signature));
            assert!(!public.has_signed(b"message", &signature[1..]));
            assert!(!public.has_signed(b"message", b""));
            for (_, other) in &pairs {
                let other = PublicKey::all_from_pem(other.as_bytes()).unwrap().remove(0);
                assert_eq!(other.has_signed(b"message", &signature), other == public);
            }
        }
    }

    #[test]
    fn a_file_may_hold_several_keys() {
        let pairs = [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519].map(pem_pair);
        let both = format!("{}{}", pairs[0].1, pairs[1].1);
        let keys = PublicKey::all_from_pem(both.as_bytes()).unwrap();
        for (key, (private, _)) in keys.iter().zip(&pairs) {
            let signature = SigningKey::from_pem(private.as_bytes()).unwrap().sign(b"m");
            assert!(key.has_signed(b"m", &signature.unwrap()));
        }
        assert_eq!(keys.len(), 2);
    }

    #[test]
    fn what_openssl_signed_is_accepted() {
        // `openssl dgst -sha256 -sign`, with a key of `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.
        let public = PublicKey::all_from_pem(include_bytes!("../testdata/p256.pub"))
            .unwrap()
            .remove(0);
        let signature = include_bytes!("../testdata/message.sig");
        assert!(public.has_signed(b"message", signature));
    }

    #[test]
    fn other_keys_are_refused_by_name() {
        let rsa = include_bytes!("../testdata/rsa.pub");
        assert!(matches!(PublicKey::all_from_pem(rsa), Err(KeyError::Kind)));
        let not_pem = PublicKey::all_from_pem(b"ssh-ed25519 AAAA");
        assert!(matches!(not_pem, Err(KeyError::NoPublicKey)));
        let public = SigningKey::from_pem(include_bytes!("../testdata/p256.pub"));
        assert!(matches!(public, Err(KeyError::NoPrivateKey)));
        let cosign = b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n";
        assert!(matches!(
            SigningKey::from_pem(cosign),
            Err(KeyError::Encrypted)
        ));
    }
}
