//! Reading a manifest for a command, with its mistakes and warnings shown.

use std::io::Write as _;
use std::path::Path;

use super::{Failure, colour};
use crate::config::{self, ConfigError, Manifest, Source};
use crate::pipeline::PluginLoader;

/// The manifest for a first look.
const DEFAULT: &str = include_str!("../../assets/default.yaml");

/// Loads the manifest, or the built-in one. Warnings go to stderr.
pub(super) fn load(path: Option<&Path>) -> Result<Manifest, Failure> {
    let built_in = PluginLoader::built_in();
    let env = |name: &str| std::env::var(name).ok();
    let loaded = match path {
        Some(path) => config::load(path, &built_in, &env),
        None => {
            let source = Source::new("the built-in manifest", DEFAULT);
            config::parse(source, Path::new("."), &built_in, &env).map_err(ConfigError::Invalid)
        }
    };
    let loaded = loaded.map_err(|error| match error {
        ConfigError::Invalid(diagnostics) => Failure(diagnostics.render(colour())),
        error => error.into(),
    })?;
    if !loaded.warnings.is_empty() {
        let _ = writeln!(
            std::io::stderr(),
            "{}",
            loaded.warnings.render(colour()).trim_end()
        );
    }
    Ok(loaded.manifest)
}
