//! The manifest that runs, as operators are shown it.

use serde::{Deserialize, Serialize};

/// The manifest that runs, and what is doubtful about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestReport {
    /// Its texts, in the order in which later ones are laid over earlier ones.
    pub texts: Vec<ManifestText>,
    /// What is doubtful about it, in the order of the texts.
    pub warnings: Vec<ManifestWarning>,
}

/// A text of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestText {
    /// Its name, usually the file's path.
    pub name: String,
    /// The text as it was read, with `***` in the place of what looks like a secret.
    pub text: String,
}

/// Something that may not do what its author expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestWarning {
    /// What it is.
    pub message: String,
    /// What to do about it.
    pub help: Vec<String>,
    /// Where it is; none if it is about no place.
    pub place: Option<ManifestPlace>,
}

/// A place in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPlace {
    /// The text's name.
    pub text: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, in characters, from 1; before secrets were masked.
    pub column: u64,
}
