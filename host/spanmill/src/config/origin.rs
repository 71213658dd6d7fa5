//! Where a manifest comes from: what `--config` and `--set` name, as the Collector has it.
//!
//! A location is a path, or one of `file:PATH`, `env:VARIABLE` and `yaml:TEXT`. Later ones are laid over earlier ones.

use std::path::{Path, PathBuf};

use super::{ConfigError, MAX_BYTES, Source};
use crate::files;

/// Where a manifest comes from.
#[derive(Clone, Debug)]
pub struct ManifestSource {
    locations: Vec<Location>,
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
        Ok(Self { locations: parsed })
    }

    /// Text that is always the same, such as the built-in one; the name is for messages.
    pub fn text(name: &str, text: &str) -> Self {
        Self {
            locations: vec![Location::Text {
                name: name.to_owned(),
                text: text.to_owned(),
            }],
        }
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
pub(super) fn read_file(path: &Path) -> Result<Source, ConfigError> {
    let text = files::read_regular_text(path, MAX_BYTES).map_err(|cause| {
        let path = path.to_owned();
        if files::is_too_large(&cause) {
            ConfigError::TooLarge { path }
        } else {
            ConfigError::Read { path, cause }
        }
    })?;
    Ok(Source::new(path.display().to_string(), text))
}
