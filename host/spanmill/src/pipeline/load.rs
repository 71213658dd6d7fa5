//! From the manifest's plugins to configured instances, with every complaint as a diagnostic.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spanmill_otlp::{ContractError, StageContract};
use spanmill_runtime::{ConfigureError, Declared, Kind, Limits, LoadError, Plugin, Runtime, Slot};

use crate::config::{
    Allow, BuiltIn, ComponentId, Diagnostic, Diagnostics, Manifest, PluginSpec, PluginUse,
    Processor, Role,
};

/// The plugins that come with the host.
pub const BUILT_IN_PROCESSORS: [&str; 5] = [
    "attributes",
    "filter",
    "probabilistic_sampler",
    "redaction",
    "resource",
];
/// The connectors that come with the host.
pub const BUILT_IN_CONNECTORS: [&str; 1] = ["spanmetrics"];

/// Finds plugins and compiles each once.
pub struct PluginLoader {
    runtime: Runtime,
    folder: Option<PathBuf>,
    loaded: BTreeMap<PathBuf, Plugin>,
}

/// A plugin that took its settings.
pub struct LoadedPlugin {
    /// The component's id.
    pub id: ComponentId,
    /// The compiled plugin.
    pub plugin: Plugin,
    /// What it declared.
    pub declared: Declared,
    /// What it declared about fields, checked.
    pub contract: StageContract,
    /// Memory of one instance after it was configured, in bytes.
    pub memory_bytes: usize,
    /// The manifest's word on it.
    pub spec: PluginSpec,
    settings: String,
    first: Option<Slot>,
}

impl PluginLoader {
    /// Looks for built-ins in `folder`.
    pub fn new(runtime: Runtime, folder: Option<PathBuf>) -> Self {
        PluginLoader {
            runtime,
            folder,
            loaded: BTreeMap::new(),
        }
    }

    /// The component types of the built-ins.
    pub fn built_in() -> BuiltIn {
        BuiltIn {
            processors: BUILT_IN_PROCESSORS
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
            connectors: BUILT_IN_CONNECTORS
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
        }
    }

    /// Where a built-in's file is.
    pub fn built_in_file(&self, kind: &str) -> PathBuf {
        self.folder
            .as_deref()
            .unwrap_or(Path::new("plugins"))
            .join(format!("{kind}.wasm"))
    }

    /// Loads the plugin of a component type, compiling it if that was not done before.
    pub fn load(&mut self, spec: &PluginSpec) -> Result<Plugin, LoadError> {
        let path = spec
            .file
            .clone()
            .unwrap_or_else(|| self.built_in_file(&spec.kind));
        if let Some(plugin) = self.loaded.get(&path) {
            return Ok(plugin.clone());
        }
        let plugin = self.runtime.load_file(&path)?;
        self.loaded.insert(path, plugin.clone());
        Ok(plugin)
    }

    /// Loads and configures every plugin that the manifest uses. All complaints at once.
    pub fn load_all(
        &mut self,
        manifest: &Manifest,
    ) -> Result<BTreeMap<ComponentId, LoadedPlugin>, Diagnostics> {
        let mut out = Diagnostics::new(Arc::clone(&manifest.source));
        let mut loaded = BTreeMap::new();
        let processors = manifest
            .processors
            .iter()
            .filter_map(|(id, processor)| match processor {
                Processor::Plugin(plugin) => Some((id, &**plugin, Role::Processor)),
                _ => None,
            });
        let connectors = manifest
            .connectors
            .iter()
            .map(|(id, plugin)| (id, plugin, Role::Connector));
        for (id, plugin, role) in processors.chain(connectors) {
            match self.configure(id, plugin, role) {
                Ok(one) => drop(loaded.insert(id.clone(), one)),
                Err(problems) => problems.into_iter().for_each(|problem| out.push(problem)),
            }
        }
        if out.has_errors() {
            Err(out)
        } else {
            Ok(loaded)
        }
    }

    fn configure(
        &mut self,
        id: &ComponentId,
        used: &PluginUse,
        role: Role,
    ) -> Result<LoadedPlugin, Vec<Diagnostic>> {
        let spec = &used.spec;
        let owner = format!("{} {id}", role.name());
        let at_file = |message: String| {
            let place = spec.file_place.unwrap_or(used.place);
            Diagnostic::error(place, format!("{owner}: {message}"))
        };
        let plugin = self.load(spec).map_err(|error| {
            let diagnostic = at_file(error.to_string());
            vec![match (&error, &spec.file) {
                (LoadError::Read { .. }, None) => diagnostic.help(
                    "the built-in plugins are looked for in `plugins` beside the executable; run `make build`, or set SPANMILL_PLUGINS",
                ),
                (LoadError::Read { .. }, Some(_)) => {
                    diagnostic.help("paths are relative to the manifest's folder; build the plugin first")
                }
                (LoadError::NotAComponent { .. }, _) => diagnostic.help(
                    "name the .wasm file that a build for wasm32-wasip2 makes; `spanmill inspect` shows what a file is",
                ),
                (LoadError::NoInterface { .. }, _) => diagnostic.help(
                    "a Rust plugin exports one of them by `register_processor!` or `register_connector!`; others are built against this host's wit/",
                ),
                _ => diagnostic,
            }]
        })?;
        let fits = matches!(
            (plugin.kind(), role),
            (Kind::Processor, Role::Processor) | (Kind::Connector, Role::Connector)
        );
        if !fits {
            let is = match plugin.kind() {
                Kind::Processor => "processor",
                Kind::Connector => "connector",
            };
            return Err(vec![
                at_file(format!("the plugin is a {is}")).help(format!("name it under `{is}s:`")),
            ]);
        }
        let settings = used.settings.json().to_string();
        let limits = limits(spec);
        let slot =
            Slot::new(&plugin, id.as_str(), &settings, limits).map_err(|error| match error {
                ConfigureError::Settings(problems) => problems
                    .iter()
                    .map(|problem| used.settings.problem(&problem.path, &problem.message))
                    .collect(),
                error => vec![at_file(error.to_string())],
            })?;
        let declared = slot.declared().clone();
        let contract =
            StageContract::parse(&declared.reads, &declared.writes).map_err(|error| {
                vec![at_file(format!(
                    "the plugin declares what it may not: {error}"
                ))]
            })?;
        if let Some(allow) = &spec.allow {
            self::allow(allow, &contract).map_err(|why| {
                let place = spec.place.unwrap_or(used.place);
                vec![Diagnostic::error(place, format!("{owner}: {why}"))]
            })?;
        }
        Ok(LoadedPlugin {
            id: id.clone(),
            plugin,
            declared,
            contract,
            memory_bytes: slot.memory_bytes(),
            spec: spec.clone(),
            settings,
            first: Some(slot),
        })
    }
}

fn limits(spec: &PluginSpec) -> Limits {
    Limits {
        memory_mib: spec.memory_mib,
        timeout: spec.timeout,
        ..Limits::default()
    }
}

/// Fails if a plugin declares more than the manifest allows; says by what.
fn allow(allow: &Allow, contract: &StageContract) -> Result<(), String> {
    let granted = StageContract::parse(&allow.reads, &[])
        .and_then(|reads| Ok((reads, StageContract::parse(&[], &allow.writes)?)))
        .map_err(|error: ContractError| format!("allow: {error}"))?;
    let beyond = |declared: &[spanmill_otlp::Path], granted: &[spanmill_otlp::Path]| {
        let beyond = declared
            .iter()
            .filter(|path| !granted.iter().any(|grant| grant.covers(path)));
        beyond
            .map(|path| format!("`{path}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let reads = beyond(&contract.reads, &granted.0.reads);
    let writes = beyond(&contract.writes, &granted.1.writes);
    match (reads.is_empty(), writes.is_empty()) {
        (true, true) => Ok(()),
        (false, true) => Err(format!(
            "the plugin reads {reads}, which `allow.reads` does not grant"
        )),
        (true, false) => Err(format!(
            "the plugin writes {writes}, which `allow.writes` does not grant"
        )),
        (false, false) => Err(format!(
            "the plugin reads {reads} and writes {writes}, which `allow` does not grant"
        )),
    }
}

impl LoadedPlugin {
    /// One more instance; the first call hands out the one that was configured at load.
    pub fn instantiate(&mut self) -> Result<Slot, ConfigureError> {
        match self.first.take() {
            Some(slot) => Ok(slot),
            None => Slot::new(
                &self.plugin,
                self.id.as_str(),
                &self.settings,
                limits(&self.spec),
            ),
        }
    }
}
