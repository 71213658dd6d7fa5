use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_made_is_for_this_user_only() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/b");
    let folder = PrivateFolder::open(&path).unwrap();
    folder.write("file", b"one").unwrap();
    folder.write("file", b"another").unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&path), mode(&path.join("file"))), (0o700, 0o600));
    assert_eq!(folder.read_secret("file", 7).unwrap(), b"another");
    let names: Vec<String> = folder
        .entries()
        .unwrap()
        .into_iter()
        .map(|e| e.name)
        .collect();
    assert_eq!(names, ["file"], "nothing unfinished is left");
}

#[test]
fn a_folder_that_others_could_write_to_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("folder");
    std::fs::create_dir(&path).unwrap();
    for bad in [0o720, 0o702, 0o777, 0o1777] {
        mode(&path, bad);
        let error = PrivateFolder::open(&path).unwrap_err().to_string();
        assert!(error.contains("others can write"), "{error}");
    }
    mode(&path, 0o755);
    PrivateFolder::open(&path).unwrap();
    let link = parent.path().join("link");
    symlink(&path, &link).unwrap();
    for link in [link.clone(), link.join(""), link.join(".")] {
        let error = PrivateFolder::open(&link).unwrap_err().to_string();
        assert!(
            error.contains("symbolic link"),
            "{}: {error}",
            link.display()
        );
    }
    std::fs::write(parent.path().join("file"), "").unwrap();
    PrivateFolder::open(&parent.path().join("file")).unwrap_err();
}

#[test]
fn a_file_that_others_could_have_written_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let folder = PrivateFolder::open(parent.path()).unwrap();
    folder.write("file", b"text").unwrap();
    let path = parent.path().join("file");
    for bad in [0o620, 0o602, 0o666] {
        mode(&path, bad);
        let error = folder.read("file", 10).unwrap_err().to_string();
        assert!(error.contains("others can write"), "{error}");
    }
    mode(&path, 0o644);
    assert_eq!(folder.read("file", 10).unwrap(), b"text");
    let error = folder.read_secret("file", 10).unwrap_err().to_string();
    assert!(error.contains("others can read"), "{error}");
    symlink("file", parent.path().join("link")).unwrap();
    folder.read("link", 10).unwrap_err();
    for name in ["../file", "/etc/passwd", "a/b", "..", ".", "", "file/"] {
        let error = folder.read(name, 10).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name}");
    }
}

#[test]
fn another_users_files_are_refused() {
    for (own, owner, mode, part) in [
        (1000, 1001, 0o600, "user 1001 owns it"),
        (0, 1000, 0o700, "user 1000 owns it"),
        (1000, 1000, 0o660, "others can write"),
        (1000, 0, 0o646, "others can write"),
    ] {
        let error = checked(own, owner, mode).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    checked(1000, 1000, 0o644).unwrap();
    checked(1000, 0, 0o755).unwrap();
}

#[test]
fn the_first_of_a_name_stays() {
    let parent = tempfile::tempdir().unwrap();
    let folder = PrivateFolder::open(parent.path()).unwrap();
    assert!(folder.write_new("key", b"first").unwrap());
    assert!(!folder.write_new("key", b"second").unwrap());
    assert_eq!(folder.read_secret("key", 10).unwrap(), b"first");
    assert_eq!(folder.entries().unwrap().len(), 1);
    folder.remove("key").unwrap();
    folder.remove("key").unwrap();
    assert!(folder.entries().unwrap().is_empty());
}

/// Whoever puts another folder in its place changes nothing for who holds the handle.
#[test]
fn the_handle_stays_with_the_folder() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("folder");
    let folder = PrivateFolder::open(&path).unwrap();
    folder.write("file", b"ours").unwrap();
    std::fs::rename(&path, parent.path().join("away")).unwrap();
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("file"), "theirs").unwrap();
    assert_eq!(folder.read("file", 10).unwrap(), b"ours");
}

#[test]
fn touching_makes_it_recent() {
    let parent = tempfile::tempdir().unwrap();
    let folder = PrivateFolder::open(parent.path()).unwrap();
    folder.write("file", b"text").unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let file = std::fs::File::options()
        .write(true)
        .open(parent.path().join("file"))
        .unwrap();
    file.set_modified(old).unwrap();
    assert_eq!(folder.entries().unwrap()[0].modified, old);
    folder.touch("file").unwrap();
    assert!(folder.entries().unwrap()[0].modified > old + Duration::from_secs(1_000_000));
}
