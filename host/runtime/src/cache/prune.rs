//! Which compiled plugins stay in the cache: the ones used lately, up to a size.

use std::io;
use std::time::{Duration, SystemTime};

use spanmill_private::{Entry, PrivateFolder};

use crate::cache_config::CacheConfig;

/// How the files of compiled plugins end. Others are left alone.
pub(super) const EXTENSION: &str = ".cwasm";

/// A file still being written after so long was left by a process that ended.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Removes what is too old or too much; returns how many files.
pub(super) fn prune(
    folder: &PrivateFolder,
    config: &CacheConfig,
    now: SystemTime,
) -> io::Result<usize> {
    let gone = superfluous(folder.entries()?, config, now);
    for name in &gone {
        folder.remove(name)?;
    }
    Ok(gone.len())
}

fn superfluous(entries: Vec<Entry>, config: &CacheConfig, now: SystemTime) -> Vec<String> {
    // A file from the future has been used just now.
    let age = |entry: &Entry| now.duration_since(entry.modified).unwrap_or_default();
    let mut gone = Vec::new();
    let mut code = Vec::new();
    for entry in entries {
        if entry.is_unfinished() {
            if age(&entry) > ABANDONED {
                gone.push(entry.name);
            }
        } else if entry.name.ends_with(EXTENSION) {
            code.push(entry);
        }
    }
    code.sort_by_key(age);
    let mut bytes = 0u64;
    for entry in code {
        bytes = bytes.saturating_add(entry.bytes);
        if bytes > config.max_bytes || age(&entry) > config.max_age {
            gone.push(entry.name);
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, bytes: u64, days: u64) -> Entry {
        Entry {
            name: name.to_owned(),
            bytes,
            modified: now() - Duration::from_secs(days * 24 * 3600),
        }
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000)
    }

    #[test]
    fn the_oldest_go_first_and_others_files_stay() {
        let config = CacheConfig {
            max_bytes: 100,
            ..CacheConfig::new("cache".into())
        };
        let entries = vec![
            entry("old.cwasm", 30, 3),
            entry("new.cwasm", 50, 0),
            entry("older.cwasm", 30, 4),
            entry("ancient.cwasm", 1, 31),
            entry("key", 1000, 400),
            entry("notes.txt", 1000, 400),
            entry(".new.cwasm.1.0.part", 1000, 0),
            entry(".old.cwasm.1.0.part", 1000, 1),
        ];
        let mut gone = superfluous(entries, &config, now());
        gone.sort_unstable();
        assert_eq!(
            gone,
            [".old.cwasm.1.0.part", "ancient.cwasm", "older.cwasm"]
        );
    }
}
