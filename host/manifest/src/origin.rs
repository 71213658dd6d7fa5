//! Where a manifest comes from: what `--config` and `--set` name, as the Collector has it.
//!
//! A location is a path, or one of `file:PATH`, `env:VARIABLE` and `yaml:TEXT`. Later ones are laid over earlier ones.

use std::path::{Path, PathBuf};

use spanmill_private::{is_too_large, read_regular_text};
use thiserror::Error;

use crate::source::Source;

/// Far larger than any manifest.
pub const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Why there is no manifest.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the manifest {}: {cause}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is larger than any manifest.
    #[error("the manifest {} is larger than {MAX_BYTES} bytes; is it the right file?", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// The environment variable that should hold the manifest is not set.
    #[error(
        "the environment variable {name}, which is to hold the manifest, is not set, or is not UTF-8"
    )]
    Variable {
        /// Its name.
        name: String,
    },
    /// A location of a scheme that is not read.
    #[error(
        "`{scheme}:` is no kind of location for a manifest; give a path, or file:PATH, env:VARIABLE or yaml:TEXT"
    )]
    Scheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// Not a key and a value.
    #[error("`--set {setting}` is not understood; write it as `--set processors.batch.timeout=2s`")]
    Setting {
        /// What was given.
        setting: String,
    },
}

/// Where a manifest comes from.
#[derive(Clone, Debug)]
pub struct ManifestSource {
    locations: Vec<Location>,
    is_default: bool,
}

#[derive(Clone, Debug)]
enum Location {
    /// A file, which may change.
    File(PathBuf),
    /// An environment variable that holds YAML.
    Variable(String),
    /// Text that is always the same; the name is for messages.
    Text { name: String, text: String },
}

impl ManifestSource {
    /// What the command line names: locations, and settings laid over them, `key.key=value`. Without a location, `default`
    /// is what settings are laid over; a pair of a name for messages and a text.
    pub fn from_arguments(
        locations: &[String],
        settings: &[String],
        default: (&str, &str),
    ) -> Result<Self, ConfigError> {
        let mut parsed = Vec::new();
        if locations.is_empty() {
            parsed.push(Location::Text {
                name: default.0.to_owned(),
                text: default.1.to_owned(),
            });
        }
        for location in locations {
            parsed.push(Location::parse(location)?);
        }
        for setting in settings {
            parsed.push(Location::of_setting(setting)?);
        }
        Ok(Self {
            is_default: locations.is_empty(),
            locations: parsed,
        })
    }

    /// Text that is always the same, such as the built-in one; the name is for messages.
    pub fn text(name: &str, text: &str) -> Self {
        Self {
            locations: vec![Location::Text {
                name: name.to_owned(),
                text: text.to_owned(),
            }],
            is_default: false,
        }
    }

    /// Whether no location was named, and so the default is what settings are laid over.
    pub fn is_default(&self) -> bool {
        self.is_default
    }

    /// Reads all as they are now.
    pub fn read(&self) -> Result<Source, ConfigError> {
        let mut whole: Option<Source> = None;
        for location in &self.locations {
            let source = location.read()?;
            match &mut whole {
                Some(whole) => whole.push(source),
                None => whole = Some(source),
            }
        }
        Ok(whole.unwrap_or_else(|| Source::new("manifest", "")))
    }

    /// The file that is all of it; `None` if there is more than one source, or none that is a file.
    pub fn only_file(&self) -> Option<&Path> {
        match self.locations.as_slice() {
            [Location::File(path)] => Some(path),
            _ => None,
        }
    }

    /// Whether nothing but files is in it.
    pub fn is_all_files(&self) -> bool {
        let mut locations = self.locations.iter();
        locations.all(|location| matches!(location, Location::File(_)))
    }

    /// The files, whose change is a reason to read again.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.locations.iter().filter_map(|location| match location {
            Location::File(path) => Some(path),
            _ => None,
        })
    }
}

impl Location {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let is_scheme = |scheme: &str| {
            scheme.len() > 1
                && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'))
        };
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
            _ => ("file", text),
        };
        match scheme {
            "file" => Ok(Location::File(PathBuf::from(rest))),
            "env" => Ok(Location::Variable(rest.to_owned())),
            "yaml" => Ok(Location::Text {
                name: "yaml".to_owned(),
                text: rest.to_owned(),
            }),
            // A file may well have a colon in its name.
            _ if Path::new(text).exists() => Ok(Location::File(PathBuf::from(text))),
            _ => Err(ConfigError::Scheme {
                scheme: scheme.to_owned(),
            }),
        }
    }

    fn of_setting(setting: &str) -> Result<Self, ConfigError> {
        let (keys, value) = setting
            .split_once('=')
            .filter(|(keys, _)| !keys.trim().is_empty())
            .ok_or_else(|| ConfigError::Setting {
                setting: setting.to_owned(),
            })?;
        Ok(Location::Text {
            name: format!("--set {}", keys.trim()),
            text: format!("{}: {}", keys.trim().replace('.', "::"), value.trim()),
        })
    }

    fn read(&self) -> Result<Source, ConfigError> {
        match self {
            Location::File(path) => {
                let folder = path.parent().unwrap_or(Path::new(""));
                Ok(read_file(path)?.in_folder(folder))
            }
            Location::Variable(name) => {
                let text = std::env::var(name)
                    .map_err(|_| ConfigError::Variable { name: name.clone() })?;
                if text.len() as u64 > MAX_BYTES {
                    let path = PathBuf::from(format!("env:{name}"));
                    return Err(ConfigError::TooLarge { path });
                }
                Ok(Source::new(format!("env:{name}"), text))
            }
            Location::Text { name, text } => Ok(Source::new(name.clone(), text.clone())),
        }
    }
}

/// Reads a manifest's text from a file.
fn read_file(path: &Path) -> Result<Source, ConfigError> {
    let text = read_regular_text(path, MAX_BYTES).map_err(|cause| {
        let path = path.to_owned();
        if is_too_large(&cause) {
            ConfigError::TooLarge { path }
        } else {
            ConfigError::Read { path, cause }
        }
    })?;
    Ok(Source::new(path.display().to_string(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_read() {
        let Err(error) = read_file(Path::new("/nowhere/spanmill.yaml")) else {
            panic!()
        };
        assert!(
            error
                .to_string()
                .starts_with("cannot read the manifest /nowhere/spanmill.yaml:")
        );
    }

    #[test]
    fn only_regular_files_of_a_manifests_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path| read_file(path).unwrap_err().to_string();
        let link = folder.path().join("link.yaml");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        assert!(refused(&link).ends_with("it is a device, not a file"));
        assert!(refused(folder.path()).ends_with("it is a folder, not a file"));
        let large = folder.path().join("large.yaml");
        let file = std::fs::File::create(&large).unwrap();
        file.set_len(1 << 33).unwrap();
        assert!(refused(&large).ends_with("is larger than 4194304 bytes; is it the right file?"));
    }
}
