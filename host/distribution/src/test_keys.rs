//! Keys for tests.

use spanmill_keys::{PublicKey, SigningKey};

/// A new pair of keys.
pub(crate) fn pair() -> (SigningKey, PublicKey) {
    let pair = rcgen::KeyPair::generate().unwrap();
    let public = PublicKey::all_from_pem(pair.public_key_pem().as_bytes());
    (
        SigningKey::from_pem(pair.serialize_pem().as_bytes()).unwrap(),
        public.unwrap().remove(0),
    )
}
