use std::cell::Cell;
use std::collections::BTreeMap;

use super::*;
use crate::artifact::artifact;
use crate::signature::Signature;
use crate::test_keys::pair;
use spanmill_keys::SigningKey;

const WASM: &[u8] = b"\0asm\x0d\0\x01\0wasm";
const EVIL: &[u8] = b"\0asm\x0d\0\x01\0evil";
const FILE: &[u8] = b"\0asm\x0d\0\x01\0file";

fn in_registry(wasm: &[u8], signed_by: &[&SigningKey]) -> Fetched {
    let manifest = artifact(wasm, &[], &[], BTreeMap::new()).unwrap().manifest;
    let digest = Digest::of(&manifest);
    let sign = |key: &&SigningKey| Signature::of_manifest(key, "example.com/it", &digest).unwrap();
    Fetched {
        manifest: Some(manifest),
        wasm: wasm.to_vec(),
        signatures: signed_by.iter().map(sign).collect(),
    }
}

/// A server, and how often it was asked.
struct Server {
    answer: Option<Fetched>,
    asked: Cell<usize>,
}

impl Server {
    fn new(answer: Option<Fetched>) -> Self {
        let asked = Cell::new(0);
        Server { answer, asked }
    }

    fn fetch(&self) -> impl Fn(&FetchRequest) -> Result<Fetched, DistributionError> {
        |request| {
            self.asked.set(self.asked.get() + 1);
            let mut answer = self.answer.clone().ok_or(DistributionError::Server {
                location: request.location.to_string(),
                why: "offline".to_owned(),
            })?;
            if !request.signatures {
                answer.signatures.clear();
            }
            Ok(answer)
        }
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    (folder, store)
}

#[test]
fn a_plugin_is_fetched_once_and_then_there_offline() {
    let (_folder, store) = store();
    let address = Location::https("https://example.com/it.wasm").unwrap();
    let file = Fetched {
        manifest: None,
        wasm: FILE.to_vec(),
        signatures: Vec::new(),
    };
    let reference = Location::oci("example.com/it:1").unwrap();
    for (location, fetched) in [(address, file), (reference, in_registry(WASM, &[]))] {
        let location = location.pinned(fetched.digest());
        let wasm = fetched.wasm.clone();
        let online = Server::new(Some(fetched));
        let stored = store.obtain(&location, &[], &online.fetch()).unwrap();
        assert_eq!(std::fs::read(&stored.path).unwrap(), wasm);
        assert_eq!(stored.digest, Digest::of(&wasm));
        let offline = Server::new(None);
        assert_eq!(
            store.obtain(&location, &[], &offline.fetch()).unwrap(),
            stored
        );
        assert_eq!((online.asked.get(), offline.asked.get()), (1, 0));
        // A file that was changed is no longer what is meant.
        std::fs::write(&stored.path, b"changed").unwrap();
        assert!(store.obtain(&location, &[], &offline.fetch()).is_err());
        assert_eq!(
            store.obtain(&location, &[], &online.fetch()).unwrap(),
            stored
        );
        assert_eq!(std::fs::read(&stored.path).unwrap(), wasm);
    }
}

#[test]
fn what_is_not_pinned_or_something_else_is_not_taken() {
    let (_folder, store) = store();
    let reference = Location::oci("example.com/it:1").unwrap();
    let server = Server::new(Some(in_registry(WASM, &[])));
    let unpinned = store.obtain(&reference, &[], &server.fetch());
    assert!(matches!(unpinned, Err(DistributionError::NotPinned { .. })));
    assert_eq!(server.asked.get(), 0);
    let stored = store.take(&reference, &[], &server.fetch()).unwrap();
    assert_eq!(stored.pin, server.answer.as_ref().unwrap().digest());
    let pinned = reference.pinned(Digest::of(b"another manifest"));
    let other = store.obtain(&pinned, &[], &server.fetch());
    assert!(matches!(other, Err(DistributionError::Digest { .. })));
    let text = Server::new(Some(in_registry(b"<html>", &[])));
    let refused = store.take(&reference, &[], &text.fetch());
    assert!(matches!(refused, Err(DistributionError::NoPlugin { .. })));
    // A registry that sends another component than its manifest names.
    let mut swapped = in_registry(WASM, &[]);
    swapped.wasm = EVIL.to_vec();
    let pinned = reference.pinned(swapped.digest());
    let server = Server::new(Some(swapped));
    let (_other_folder, empty) = self::store();
    let refused = empty.obtain(&pinned, &[], &server.fetch());
    assert!(matches!(refused, Err(DistributionError::Digest { .. })));
}

#[test]
fn with_keys_only_what_one_of_them_signed_is_taken_and_nothing_else_is_kept() {
    let ((ours, our_key), (theirs, their_key)) = (pair(), pair());
    let reference = Location::oci("example.com/it:1").unwrap();
    for (signed_by, keys, is_taken) in [
        (vec![], vec![our_key.clone()], false),
        (vec![&theirs], vec![our_key.clone()], false),
        (vec![&ours], vec![our_key.clone()], true),
        (vec![&theirs, &ours], vec![our_key.clone()], true),
        (
            vec![&theirs],
            vec![our_key.clone(), their_key.clone()],
            true,
        ),
    ] {
        let (_folder, store) = store();
        let fetched = in_registry(WASM, &signed_by);
        let location = reference.pinned(fetched.digest());
        let server = Server::new(Some(fetched));
        let taken = store.obtain(&location, &keys, &server.fetch());
        assert_eq!(taken.is_ok(), is_taken, "{taken:?}");
        let kept = store.folder.entries().unwrap();
        assert_eq!(kept.is_empty(), !is_taken);
        // Offline, the signature is there as well, and is checked again.
        let offline = Server::new(None);
        assert_eq!(
            store.obtain(&location, &keys, &offline.fetch()).is_ok(),
            is_taken
        );
        let other = [pair().1];
        assert!(store.obtain(&location, &other, &offline.fetch()).is_err());
    }
}

#[test]
fn a_signature_that_came_later_is_found() {
    let (key, public) = pair();
    let (_folder, store) = store();
    let unsigned = Server::new(Some(in_registry(WASM, &[])));
    let signed = in_registry(WASM, &[&key]);
    let digest = unsigned.answer.as_ref().unwrap().digest();
    let signature = Signature::of_manifest(&key, "example.com/it", &digest).unwrap();
    let location = Location::oci("example.com/it:1").unwrap().pinned(digest);
    store.obtain(&location, &[], &unsigned.fetch()).unwrap();
    let keys = [public];
    assert!(store.obtain(&location, &keys, &unsigned.fetch()).is_err());
    let signed = Server::new(Some(Fetched {
        manifest: unsigned.answer.clone().unwrap().manifest,
        signatures: vec![signature],
        ..signed
    }));
    store.obtain(&location, &keys, &signed.fetch()).unwrap();
    store.obtain(&location, &keys, &unsigned.fetch()).unwrap();
    assert_eq!(unsigned.asked.get(), 2, "it is here by now");
}

#[test]
fn the_files_of_a_plugin_are_all_that_another_store_needs() {
    let (key, public) = pair();
    let (_folder, store) = store();
    let fetched = in_registry(WASM, &[&key]);
    let location = Location::oci("example.com/it:1").unwrap();
    let location = location.pinned(fetched.digest());
    let server = Server::new(Some(fetched));
    let keys = [public];
    let stored = store.obtain(&location, &keys, &server.fetch()).unwrap();
    let (_other_folder, other) = self::store();
    for (name, bytes) in store.files(&stored.pin, &stored.digest).unwrap() {
        other.folder.write(&name, &bytes).unwrap();
    }
    let offline = Server::new(None);
    let there = other.obtain(&location, &keys, &offline.fetch()).unwrap();
    assert_eq!(there.digest, stored.digest);
}
