use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

const PROGRAM: &[u8] = b"\x7fELF, and so on";

fn file(name: &str, bytes: &[u8]) -> NewFile {
    NewFile {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
    }
}

/// A program with two files in it.
fn packed() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    fs::write(&path, PROGRAM).unwrap();
    let files = [file("one", &[b'x'; 10_000]), file("none", b"")];
    fs::write(&path, attach(&path, &files).unwrap()).unwrap();
    (folder, path)
}

#[test]
fn a_program_keeps_its_bytes_and_gives_its_files_back() {
    let (_folder, path) = packed();
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.starts_with(PROGRAM));
    assert!(bytes.len() < 2000, "{}", bytes.len());
    let archive = Archive::of_program(&path).unwrap().unwrap();
    assert_eq!(*archive.read("one").unwrap(), [b'x'; 10_000]);
    assert!(archive.read("none").unwrap().is_empty());
    let missing = archive.read("two").unwrap_err();
    assert_eq!(missing.to_string(), "there is no two in it");
}

#[test]
fn another_archive_takes_the_place_of_the_first() {
    let (_folder, path) = packed();
    let again = attach(&path, &[file("two", b"2")]).unwrap();
    fs::write(&path, &again).unwrap();
    let archive = Archive::of_program(&path).unwrap().unwrap();
    let names: Vec<_> = archive.files().iter().map(|file| &file.name).collect();
    assert_eq!(names, ["two"]);
    assert_eq!(program_length(&path).unwrap(), PROGRAM.len() as u64);
}

#[test]
fn a_program_without_an_archive_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    for bytes in [&b""[..], PROGRAM, &[0; 500]] {
        fs::write(&path, bytes).unwrap();
        assert!(Archive::of_program(&path).unwrap().is_none());
    }
    // Not the tests' own either.
    assert!(Archive::of_this_program().unwrap().is_none());
}

#[test]
fn no_damaged_byte_is_given_out() {
    let (_folder, path) = packed();
    let whole = fs::read(&path).unwrap();
    for at in PROGRAM.len()..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let is_whole = match Archive::of_program(&path) {
            // Without its magic it is no archive.
            Ok(None) => at < whole.len() - trailer::LENGTH,
            Err(_) => false,
            Ok(Some(archive)) => {
                let read = |name| archive.read(name).is_ok();
                read("one") && read("none")
            }
        };
        assert!(!is_whole, "byte {at} of {}", whole.len());
    }
}

#[test]
fn what_is_cut_short_within_its_archive_is_refused() {
    let (_folder, path) = packed();
    let whole = fs::read(&path).unwrap();
    // The trailer is there, and what it tells of is not.
    let trailer = whole.len() - trailer::LENGTH;
    fs::write(&path, &whole[trailer..]).unwrap();
    let error = Archive::of_program(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it is damaged: its lengths contradict each other; install it anew"
    );
}

#[test]
fn a_name_stands_for_one_file() {
    let mut program = PROGRAM.to_vec();
    let twice = append(&mut program, &[file("a", b"1"), file("a", b"2")]);
    let why = twice.unwrap_err().to_string();
    assert_eq!(
        why,
        "a cannot be put in: there is another file of that name"
    );
}

#[test]
fn files_that_have_much_in_common_are_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    fs::write(&path, PROGRAM).unwrap();
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let mut noise = std::iter::repeat_with(next);
    let common: Vec<u8> = noise.by_ref().take(80_000).collect();
    let own: Vec<u8> = noise.take(25_000).collect();
    let large = [&common[..], b"and what only this one has"].concat();
    let partly = [&common[..20_000], &own].concat();
    let hardly = [&own[..15_000], &common[..5000]].concat();
    let files = [
        file("one", &common[..70_000]),
        file("large", &large),
        file("two", &common[5000..]),
        file("partly", &partly),
        file("hardly", &hardly),
        file("other", b"nothing of it"),
    ];
    let packed = attach(&path, &files).unwrap();
    assert!(packed.len() < 130_000, "{}", packed.len());
    fs::write(&path, &packed).unwrap();
    let archive = Archive::of_program(&path).unwrap().unwrap();
    let of = |name: &str| archive.files().iter().find(|file| file.name == name);
    for (name, base) in [
        ("one", Some("large")),
        ("partly", Some("large")),
        ("hardly", None),
        ("large", None),
        ("other", None),
    ] {
        assert_eq!(of(name).unwrap().base.as_deref(), base, "{name}");
    }
    for _ in 0..2 {
        for NewFile { name, bytes } in &files {
            assert_eq!(*archive.read(name).unwrap(), **bytes, "{name}");
        }
        archive.forget();
    }
    // Damage of the base is damage of what was compressed with it.
    let at = PROGRAM.len() + usize::try_from(of("large").unwrap().offset).unwrap() + 100;
    let mut damaged = packed;
    damaged[at] ^= 1;
    fs::write(&path, damaged).unwrap();
    let archive = Archive::of_program(&path).unwrap().unwrap();
    let why = archive.read("two").unwrap_err().to_string();
    assert!(why.contains("large is not what was written"), "{why}");
    assert!(archive.read("other").is_ok());
}
