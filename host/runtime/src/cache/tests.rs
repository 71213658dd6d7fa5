use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

/// The smallest component there is.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

struct Fixture {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl Fixture {
    fn new() -> Self {
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        let fixture = Fixture {
            folder: tempfile::tempdir().unwrap(),
            engine: Engine::new(&config).unwrap(),
        };
        fixture.store("hash");
        fixture
    }

    fn open(&self) -> Cache {
        Cache::open(Some(CacheConfig::new(self.folder.path().to_owned())))
    }

    fn store(&self, hash: &str) {
        let code = self.engine.precompile_component(COMPONENT).unwrap();
        self.open().store(&self.engine, hash, &code);
    }

    fn is_used(&self, hash: &str) -> bool {
        self.open().load(&self.engine, hash).is_some()
    }

    fn file(&self, hash: &str) -> PathBuf {
        self.folder.path().join(name(&self.engine, hash))
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_was_compiled_is_found_again() {
    let fixture = Fixture::new();
    assert!(fixture.is_used("hash"));
    assert!(!fixture.is_used("other"));
}

#[test]
fn one_bit_is_enough_not_to_be_used() {
    let fixture = Fixture::new();
    let path = fixture.file("hash");
    let good = fs::read(&path).unwrap();
    for at in [0, HASH - 1, HASH, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, bad).unwrap();
        assert!(!fixture.is_used("hash"), "byte {at}");
    }
    for length in [0, 1, HASH, good.len() - 1] {
        fs::write(&path, &good[..length]).unwrap();
        assert!(!fixture.is_used("hash"), "{length} bytes");
    }
    fs::write(&path, good).unwrap();
    assert!(fixture.is_used("hash"));
}

#[test]
fn what_others_could_have_written_is_not_used() {
    let fixture = Fixture::new();
    let path = fixture.file("hash");
    mode(&path, 0o666);
    assert!(!fixture.is_used("hash"), "a file that others can write to");
    mode(&path, 0o600);
    mode(fixture.folder.path(), 0o777);
    assert!(
        !fixture.is_used("hash"),
        "a folder that others can write to"
    );
    mode(fixture.folder.path(), 0o700);
    assert!(fixture.is_used("hash"));
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    symlink(&moved, &path).unwrap();
    assert!(!fixture.is_used("hash"), "a link");
    fs::rename(&moved, &path).unwrap();
    let link = elsewhere.path().join("link");
    symlink(fixture.folder.path(), &link).unwrap();
    let linked = Cache::open(Some(CacheConfig::new(link)));
    assert!(
        linked.load(&fixture.engine, "hash").is_none(),
        "a folder behind a link"
    );
}

#[test]
fn code_of_one_plugin_is_not_taken_for_anothers() {
    let fixture = Fixture::new();
    fs::copy(fixture.file("hash"), fixture.file("other")).unwrap();
    assert!(!fixture.is_used("other"));
}

#[test]
fn code_under_another_key_is_not_used() {
    let fixture = Fixture::new();
    let key = fixture.folder.path().join(KEY);
    let good = fs::read(&key).unwrap();
    fs::write(&key, [7; blake3::KEY_LEN]).unwrap();
    assert!(!fixture.is_used("hash"));
    // A key that others could read is no secret, and a broken one none at all: both are replaced.
    for (bad, permissions) in [(&good[..], 0o644), (&good[1..], 0o600), (b"", 0o600)] {
        fs::write(&key, bad).unwrap();
        mode(&key, permissions);
        assert!(!fixture.is_used("hash"), "{permissions:o}");
        assert_ne!(fs::read(&key).unwrap(), good);
        fixture.store("hash");
        assert!(fixture.is_used("hash"));
    }
}

#[test]
fn many_versions_do_not_fill_the_disk() {
    let fixture = Fixture::new();
    let size = fs::metadata(fixture.file("hash")).unwrap().len();
    let cache = Cache::open(Some(CacheConfig {
        max_bytes: size * 10,
        ..CacheConfig::new(fixture.folder.path().to_owned())
    }));
    let code = fixture.engine.precompile_component(COMPONENT).unwrap();
    for number in 0..150 {
        cache.store(&fixture.engine, &number.to_string(), &code);
    }
    let folder = PrivateFolder::open(fixture.folder.path()).unwrap();
    let entries = folder.entries().unwrap();
    let bytes: u64 = entries
        .iter()
        .filter(|e| e.name != KEY)
        .map(|e| e.bytes)
        .sum();
    assert!(bytes <= size * 10 && bytes > size * 5, "{bytes} of {size}");
}
