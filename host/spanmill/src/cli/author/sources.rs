//! The files that a plugin is built from, as `plugin.yaml` names them.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use notify::RecursiveMode;

/// What tools make, and is no source.
const MADE: [&str; 6] = [
    "target",
    "node_modules",
    "__pycache__",
    ".venv",
    "build",
    "dist",
];

/// Files, folders and patterns such as `*.js`.
#[derive(Debug)]
pub(super) struct Sources(Vec<PathBuf>);

impl Sources {
    /// Those that `plugin.yaml` names, in a folder.
    ///
    /// # Errors
    ///
    /// The name that is no pattern: a `*` may stand in the last part alone, and once.
    pub(super) fn new(folder: &Path, names: &[String]) -> Result<Self, String> {
        let is_wrong = |name: &&String| {
            let (above, last) = name.rsplit_once('/').unwrap_or(("", name));
            above.contains('*') || last.matches('*').count() > 1
        };
        match names.iter().find(is_wrong) {
            Some(wrong) => Err(wrong.clone()),
            None => Ok(Sources(
                names.iter().map(|name| folder.join(name)).collect(),
            )),
        }
    }

    /// With absolute paths, as events name them.
    pub(super) fn absolute(&self) -> std::io::Result<Self> {
        let paths = self.0.iter().map(std::path::absolute);
        paths.collect::<Result<_, _>>().map(Sources)
    }

    /// The folders in which something may change.
    pub(super) fn watched(&self) -> impl Iterator<Item = (&Path, RecursiveMode)> {
        self.0
            .iter()
            .map(|path| match (path.is_dir(), path.parent()) {
                (true, _) | (_, None) => (path.as_path(), RecursiveMode::Recursive),
                // The folder rather than the file: most editors put another file in its place.
                (false, Some(folder)) => (folder, RecursiveMode::NonRecursive),
            })
    }

    /// Whether a file is a source, and not one that editors or tools leave beside sources.
    pub(super) fn contain(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with('~') || name.starts_with('.') {
            return false;
        }
        self.0.iter().any(|source| match pattern(source) {
            Some((folder, start, end)) => {
                path.parent() == Some(folder)
                    && name.len() >= start.len().saturating_add(end.len())
                    && name.starts_with(&*start)
                    && name.ends_with(&*end)
                    && !is_test(&name)
            }
            None => path
                .strip_prefix(source)
                .is_ok_and(|inside| !inside.iter().any(is_made)),
        })
    }

    /// A source that has changed since a component was built.
    pub(super) fn changed_since(&self, built: SystemTime) -> Option<PathBuf> {
        let mut left: Vec<PathBuf> = Vec::new();
        for source in &self.0 {
            match pattern(source) {
                Some((folder, ..)) => {
                    left.extend(entries(folder).filter(|path| !path.is_dir() && self.contain(path)))
                }
                None => left.push(source.clone()),
            }
        }
        while let Some(path) = left.pop() {
            if path.is_dir() {
                let all = entries(&path);
                left.extend(all.filter(|path| !path.iter().next_back().is_some_and(is_made)));
            } else if self.contain(&path) && modified(&path).is_some_and(|at| at > built) {
                return Some(path);
            }
        }
        None
    }
}

impl std::fmt::Display for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, path) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{}", path.display())?;
        }
        Ok(())
    }
}

/// When a file was written.
pub(super) fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path)
        .and_then(|file| file.modified())
        .ok()
}

/// A pattern's folder, and how names in it begin and end.
fn pattern(source: &Path) -> Option<(&Path, String, String)> {
    let last = source.file_name()?.to_string_lossy();
    let (start, end) = last.split_once('*')?;
    Some((source.parent()?, start.to_owned(), end.to_owned()))
}

fn is_made(part: &std::ffi::OsStr) -> bool {
    MADE.iter().any(|made| part == *made)
}

/// Whether a file has a plugin's own tests, as in `drop_routes.test.js`, `test_drop_routes.py` and `drop_routes_test.go`.
fn is_test(name: &str) -> bool {
    name.split(['.', '_']).any(|word| word == "test")
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
    all.map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sources(folder: &str, names: &[&str]) -> Sources {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Sources::new(Path::new(folder), &names).unwrap()
    }

    #[test]
    fn files_folders_and_patterns() {
        let sources = sources("/my", &["*.js", "wit", "Cargo.toml", "lib/part_*.js"]);
        for (path, expected) in [
            ("/my/filter.js", true),
            ("/my/filter.test.js", false),
            ("/my/.filter.js", false),
            ("/my/filter.js~", false),
            ("/my/filter.ts", false),
            ("/my/build/filter.js", false),
            ("/my/wit/deps/a.wit", true),
            ("/my/wit/node_modules/a.wit", false),
            ("/my/Cargo.toml", true),
            ("/my/lib/part_one.js", true),
            ("/my/lib/other.js", false),
        ] {
            assert_eq!(sources.contain(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn a_pattern_has_one_star_in_its_last_part() {
        for wrong in ["*/a.js", "**/a.js", "a*b*.js"] {
            assert!(Sources::new(Path::new("."), &[wrong.to_owned()]).is_err());
        }
    }

    #[test]
    fn what_has_changed_since_a_build() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("wit/build")).unwrap();
        let built = SystemTime::now();
        let write = |name: &str, seconds: u64| {
            let file = std::fs::File::create(at(name)).unwrap();
            file.set_modified(built + Duration::from_secs(seconds))
                .unwrap();
        };
        let names = ["*.js".to_owned(), "wit".to_owned(), "not_there".to_owned()];
        let sources = Sources::new(folder.path(), &names).unwrap();
        for (name, seconds) in [
            ("a.js", 0),
            ("wit/a.wit", 0),
            ("a.test.js", 5),
            ("b.ts", 5),
            ("wit/build/a", 5),
        ] {
            write(name, seconds);
        }
        assert_eq!(sources.changed_since(built), None);
        write("wit/a.wit", 1);
        assert_eq!(sources.changed_since(built), Some(at("wit/a.wit")));
        write("wit/a.wit", 0);
        write("a.js", 1);
        assert_eq!(sources.changed_since(built), Some(at("a.js")));
    }
}
