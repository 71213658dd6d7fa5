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
