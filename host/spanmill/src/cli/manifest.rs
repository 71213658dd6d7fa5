//! Reading a manifest for a command, with its mistakes and warnings shown.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use clap::Args;

use super::output::{Failure, colour};
use crate::config::{self, ComponentId, Diagnostics, Manifest, ManifestSource};
use crate::pipeline::{LoadedPlugin, PluginLoader};

/// The manifest for a first look.
const DEFAULT: &str = include_str!("../../assets/default.yaml");

/// A manifest and its plugins, configured.
pub(super) type Configured = (Manifest, BTreeMap<ComponentId, LoadedPlugin>);

/// What says where the manifest is.
#[derive(Args, Debug)]
pub(super) struct ManifestArgs {
    /// The manifest: a path, `file:PATH`, `env:VARIABLE` or `yaml:TEXT`. Given more than once, later ones are laid over earlier
    /// ones: mappings key by key, anything else as a whole. Without one, a built-in pipeline for a first look.
    #[arg(long, value_name = "LOCATION")]
    config: Vec<String>,
    /// One setting, laid over the manifest: `--set processors.batch.timeout=2s`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl ManifestArgs {
    /// Whether nothing was said.
    pub(super) fn is_default(&self) -> bool {
        self.config.is_empty()
    }

    /// Where the manifest comes from.
    pub(super) fn source(&self) -> Result<ManifestSource, Failure> {
        let default = ("the built-in manifest", DEFAULT);
        Ok(ManifestSource::from_arguments(
            &self.config,
            &self.set,
            default,
        )?)
    }
}

/// Loads the manifest and configures its plugins. Every mistake is shown at once, whether the host or a plugin found it.
/// Warnings go to stderr.
pub(super) fn load(
    from: &ManifestSource,
    loader: &mut PluginLoader,
) -> Result<Configured, Failure> {
    configure(from, loader, |_, _| {})
}

/// As [`load`], for a manifest that runs here: the certificates that it names must be there and fit.
pub(super) fn load_to_run(
    from: &ManifestSource,
    loader: &mut PluginLoader,
) -> Result<Configured, Failure> {
    configure(from, loader, |manifest, found| {
        config::check_files(manifest, None, found);
    })
}

fn configure(
    from: &ManifestSource,
    loader: &mut PluginLoader,
    check: impl Fn(&Manifest, &mut Diagnostics),
) -> Result<Configured, Failure> {
    let env = |name: &str| std::env::var(name).ok();
    let (manifest, mut found) = config::examine(from.read()?, Path::new("."), &env);
    if let Some(manifest) = manifest {
        check(&manifest, &mut found);
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
