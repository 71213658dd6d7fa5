//! Reading a manifest for a command, with its mistakes and warnings shown.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use clap::Args;

#[cfg(feature = "fetch")]
use super::bundle::BundleArgs;
use super::output::{Failure, colour};
use crate::config::{self, ComponentId, Diagnostics, Manifest, ManifestSource};
use crate::inside::MANIFEST;
use crate::pipeline::{LoadedPlugin, PluginLoader};
use crate::remote::Access;
use crate::service::{Folders, FoldersError};

/// The manifest for a first look.
const DEFAULT: &str = include_str!("../../assets/default.yaml");

/// A manifest and its plugins, configured.
pub(super) type Configured = (Manifest, BTreeMap<ComponentId, LoadedPlugin>);

/// What says where the manifest is.
#[derive(Args, Debug)]
pub(super) struct ConfigArgs {
    /// The manifest: a path, `file:PATH`, `env:VARIABLE` or `yaml:TEXT`. Given more than once, later ones are laid over earlier
    /// ones: mappings key by key, anything else as a whole.
    #[arg(long, value_name = "LOCATION")]
    config: Vec<String>,
    /// One setting, laid over the manifest: `--set processors.batch.timeout=2s`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl ConfigArgs {
    /// Where the manifest comes from.
    pub(super) fn source(&self) -> Result<ManifestSource, Failure> {
        self.source_or(&[], ("the built-in manifest", DEFAULT))
    }

    /// The same, if nothing but settings is given, of `others`; and without those, of a default.
    fn source_or(
        &self,
        others: &[String],
        default: (&str, &str),
    ) -> Result<ManifestSource, Failure> {
        let locations = match self.config.as_slice() {
            [] => others,
            locations => locations,
        };
        Ok(ManifestSource::from_arguments(
            locations, &self.set, default,
        )?)
    }
}

/// What is to run: a manifest, or a bundle. Without either, a built-in pipeline for a first look.
#[derive(Args, Debug)]
pub(super) struct ManifestArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[cfg(feature = "fetch")]
    #[command(flatten)]
    bundle: BundleArgs,
}

impl ManifestArgs {
    /// Another manifest, with the same settings laid over it.
    pub(super) fn another(&self, location: &str) -> Result<ManifestSource, Failure> {
        let other = ConfigArgs {
            config: vec![location.to_owned()],
            set: self.config.set.clone(),
        };
        other.source()
    }

    /// Whether nothing was said.
    pub(super) fn is_default(&self) -> bool {
        #[cfg(feature = "fetch")]
        if self.bundle.is_given() {
            return false;
        }
        self.config.config.is_empty()
    }

    /// Where the manifest comes from, and what loads its plugins.
    pub(super) fn open(&self) -> Result<(ManifestSource, PluginLoader), Failure> {
        let folders = Folders::from_environment()?;
        #[cfg(feature = "fetch")]
        let (folders, manifests) = self.bundle.unpack(folders)?;
        #[cfg(not(feature = "fetch"))]
        let manifests = Vec::new();
        let own = folders.inside.text(MANIFEST).map_err(FoldersError::from)?;
        let default = match &own {
            Some(own) => ("the manifest in this executable", own.as_str()),
            None => ("the built-in manifest", DEFAULT),
        };
        let source = self.config.source_or(&manifests, default)?;
        Ok((source, folders.loader()?))
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

/// As [`load`], with what the command changes in the manifest before plugins are configured.
pub(super) fn load_changed(
    from: &ManifestSource,
    loader: &mut PluginLoader,
    change: impl Fn(&mut Manifest),
) -> Result<Configured, Failure> {
    configure(from, loader, |manifest, _| change(manifest))
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
    check: impl Fn(&mut Manifest, &mut Diagnostics),
) -> Result<Configured, Failure> {
    let env = |name: &str| std::env::var(name).ok();
    let (manifest, mut found) = config::examine(from.read()?, Path::new("."), &env);
    if let Some(mut manifest) = manifest {
        check(&mut manifest, &mut found);
        let remote = loader.remote();
        remote.resolve(&mut manifest, from, Access::Online, &mut found);
        loader.lay_memories(manifest.limits.plugin_memory)?;
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
