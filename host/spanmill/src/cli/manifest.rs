//! Reading a manifest for a command, with its mistakes and warnings shown.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use super::{Failure, colour};
use crate::config::{self, ComponentId, Manifest};
use crate::pipeline::{LoadedPlugin, PluginLoader};
use crate::service::ManifestSource;

/// The manifest for a first look.
const DEFAULT: &str = include_str!("../../assets/default.yaml");

/// A manifest and its plugins, configured.
pub(super) type Configured = (Manifest, BTreeMap<ComponentId, LoadedPlugin>);

/// Where the manifest comes from: the file, or the built-in one.
pub(super) fn from(path: Option<&Path>) -> ManifestSource {
    match path {
        Some(path) => ManifestSource::File(path.to_owned()),
        None => ManifestSource::Text {
            name: "the built-in manifest",
            text: DEFAULT,
        },
    }
}

/// Loads the manifest, or the built-in one, and configures its plugins. Every mistake is shown at once, whether the
/// host or a plugin found it. Warnings go to stderr.
pub(super) fn load(path: Option<&Path>, loader: &mut PluginLoader) -> Result<Configured, Failure> {
    let env = |name: &str| std::env::var(name).ok();
    let from = from(path);
    let (manifest, mut found) =
        config::examine(from.read()?, from.folder(), &PluginLoader::built_in(), &env);
    if let Some(manifest) = manifest {
        match loader.load_all(&manifest) {
            Ok(plugins) if !found.has_errors() => {
                if !found.is_empty() {
                    let _ = writeln!(std::io::stderr(), "{}", found.render(colour()).trim_end());
                }
                return Ok((manifest, plugins));
            }
            Ok(_) => {}
            Err(problems) => problems
                .iter()
                .for_each(|problem| found.push(problem.clone())),
        }
    }
    Err(Failure(found.render(colour())))
}
