//! What a release of the contract has promised is still there: see `wit/README.md`, "Versions".
//!
//! Comments may become better. An interface that was released stays as it was, to the last case and field; new
//! interfaces and worlds may come. Paths of fields that were documented stay, and what could be written can be written.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The text of a package without comments and layout, cut into its interfaces and worlds.
fn definitions(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for text in texts(folder) {
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(str::split_whitespace)
            .collect();
        let code = code.join(" ");
        let mut rest = code.as_str();
        // Behind the package's name.
        if let Some((_, behind)) = rest.split_once("; ") {
            rest = behind;
        }
        while let Some(open) = rest.find('{') {
            let mut depth = 0;
            let end = rest.char_indices().find_map(|(at, character)| {
                depth += i32::from(character == '{') - i32::from(character == '}');
                (character == '}' && depth == 0).then_some(at + 1)
            });
            let end = end.expect("an interface ends");
            let name = rest[..open].trim().to_owned();
            let twice = found.insert(name.clone(), rest[open..end].to_owned());
            assert!(twice.is_none(), "{name} is there twice");
            rest = &rest[end..];
        }
    }
    found
}

fn texts(folder: &Path) -> Vec<String> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wit"))
        .collect();
    files.sort();
    let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    files.iter().map(read).collect()
}

/// The rows of the tables in comments that name fields, without layout.
fn fields(folder: &Path) -> Vec<String> {
    let texts = texts(folder);
    let rows = texts.iter().flat_map(|text| text.lines());
    let rows = rows.filter_map(|line| line.trim().strip_prefix("/// | `"));
    rows.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

fn releases() -> Vec<PathBuf> {
    let released = std::fs::read_dir(wit().join("released")).unwrap();
    let mut folders: Vec<_> = released.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    folders
}

/// Whether what one release has is in another text of its track, and what is not.
fn missing(released: &Path, now: &Path) -> Vec<String> {
    let current = definitions(now);
    let mut missing: Vec<String> = definitions(released)
        .into_iter()
        .filter(|(name, body)| current.get(name) != Some(body))
        .map(|(name, _)| name)
        .collect();
    let known = fields(now);
    missing.extend(fields(released).into_iter().filter(|row| {
        // A field may become writable, and what it says may become clearer; its path and kind stay.
        let first = |row: &str| row.split('|').next().map(str::to_owned);
        !known.iter().any(|known| first(known) == first(row))
    }));
    missing
}

#[test]
fn what_was_released_is_still_there() {
    for released in releases() {
        let missing = missing(&released, &wit());
        assert!(
            missing.is_empty(),
            "the contract no longer has what {} promised: {missing:?}",
            released.display()
        );
    }
}

#[test]
fn a_case_a_field_a_function_or_a_path_less_or_more_is_found() {
    for (from, to, what) in [
        (
            "enum signal { traces, logs, metrics }",
            "enum signal { traces, logs, metrics, profiles }",
            "interface telemetry",
        ),
        (
            "narrow(list<u32>),",
            "narrow(list<u64>),",
            "interface telemetry",
        ),
        (
            "| `span.kind`, `span.status.code`",
            "| `span.kind`",
            "`span.kind`",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(wit()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "wit") {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.replace(from, to);
                std::fs::write(folder.path().join(path.file_name().unwrap()), text).unwrap();
            }
        }
        let missing = missing(&wit(), folder.path());
        assert!(
            missing
                .iter()
                .any(|one| one.contains(what.trim_matches('`'))),
            "{from}: {missing:?}"
        );
    }
}
