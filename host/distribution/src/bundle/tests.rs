use super::*;
use crate::test_keys::pair;

fn file(path: &str, bytes: &[u8]) -> BundleFile {
    BundleFile {
        path: path.to_owned(),
        bytes: bytes.into(),
    }
}

fn bundle() -> Bundle {
    Bundle {
        manifests: vec![file("gateway.yaml", b"a: 1"), file("site.yaml", b"a: 2")],
        files: vec![
            file("plugins/one.wasm", b"\0asm one"),
            // The same bytes as another.
            file("plugins/two.wasm", b"\0asm one"),
            file("store/spanmill.lock", b""),
        ],
    }
}

const NAME: &str = "edge.bundle";

fn open(bytes: &[u8], keys: &[PublicKey]) -> Result<(Bundle, Digest), DistributionError> {
    Bundle::open(Path::new(NAME), bytes, keys)
}

#[test]
fn what_is_packed_is_there_again_and_packing_is_reproducible() {
    let (packed, digest) = bundle().pack(None).unwrap();
    assert_eq!(open(&packed, &[]).unwrap(), (bundle(), digest.clone()));
    assert_eq!(bundle().pack(None).unwrap(), (packed, digest));
}

#[test]
fn a_bundle_is_signed_as_a_whole() {
    let ((key, public), (_, other)) = (pair(), pair());
    let (signed, digest) = bundle().pack(Some(&key)).unwrap();
    let (unsigned, same) = bundle().pack(None).unwrap();
    assert_eq!(
        digest, same,
        "a signature changes nothing of what is signed"
    );
    open(&signed, &[]).unwrap();
    open(&signed, &[other.clone(), public.clone()]).unwrap();
    for (bytes, keys) in [(&signed, [other]), (&unsigned, [public.clone()])] {
        let refused = open(bytes, &keys).unwrap_err();
        assert!(matches!(refused, DistributionError::NotSigned { .. }));
    }
    // Another content under the same signature.
    let mut other = bundle();
    other.files[0].bytes = b"\0asm evil".as_slice().into();
    let (mut forged, _) = other.pack(Some(&pair().0)).unwrap();
    assert!(open(&forged, std::slice::from_ref(&public)).is_err());
    // A bit anywhere in what counts is noticed.
    let at = forged.windows(4).position(|part| part == b"evil").unwrap();
    forged[at] ^= 1;
    let damaged = open(&forged, &[]).unwrap_err().to_string();
    assert!(
        damaged.contains("damaged") && damaged.contains(NAME),
        "{damaged}"
    );
}

#[test]
fn a_path_cannot_lead_out_of_the_bundle() {
    for path in [
        "",
        "a\u{1b}[2J",
        "/etc/passwd",
        "../x.wasm",
        "a/../../x.wasm",
        "./x",
        "a\\b",
    ] {
        let mut bad = bundle();
        bad.files.push(file(path, b""));
        assert!(bad.pack(None).is_err(), "{path}");
        // Packed by somebody who did not look.
        let (packed, _) = layout::pack(&bad, None).unwrap();
        assert!(open(&packed, &[]).is_err(), "{path}");
    }
    let mut twice = bundle();
    twice.files.push(file("gateway.yaml", b""));
    assert!(twice.pack(None).is_err());
    let (packed, _) = layout::pack(&twice, None).unwrap();
    assert!(open(&packed, &[]).is_err());
}

#[test]
fn what_is_no_bundle_is_told_and_nothing_of_it_panics() {
    let (packed, _) = bundle().pack(Some(&pair().0)).unwrap();
    assert!(open(b"", &[]).is_err());
    assert!(open(b"\0asm", &[]).is_err());
    for length in (0..packed.len()).step_by(97) {
        let _ = open(&packed[..length], &[]);
        let mut changed = packed.clone();
        changed[length] ^= 0xff;
        let _ = open(&changed, &[]);
    }
    let (empty, _) = layout::pack(&Bundle::default(), None).unwrap();
    let refused = open(&empty, &[]).unwrap_err().to_string();
    assert!(refused.contains("no manifest"), "{refused}");
}

#[test]
fn a_bundle_unfolds_to_no_more_than_it_holds() {
    // One large blob under many paths, which somebody packed who means no good.
    let large = vec![0; 1024 * 1024];
    let mut many = bundle();
    let large: std::sync::Arc<[u8]> = large.into();
    let named = |number: usize| BundleFile {
        path: number.to_string(),
        bytes: large.clone(),
    };
    many.files = (0..100).map(named).collect();
    let (packed, _) = layout::pack(&many, Some(&pair().0)).unwrap();
    assert!(packed.len() < 2 * 1024 * 1024);
    let (opened, _) = open(&packed, &[]).unwrap();
    let first = &opened.files[0].bytes;
    assert!(
        opened
            .files
            .iter()
            .all(|file| std::sync::Arc::ptr_eq(&file.bytes, first))
    );
}
