//! From the manifest's plugins to configured instances, with every complaint as a diagnostic.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spanmill_archive::Embedded;
use spanmill_distribution::{Digest, PublicKey};
use spanmill_runtime::{
    LoadError, Plugin, PluginMemory, Runtime, content_hash, file_hash, is_precompiled,
};

use super::parallel;
use crate::config::{
    ComponentId, Connector, Diagnostic, Diagnostics, Manifest, PluginSpec, PluginUse, Processor,
    Role,
};
use crate::inside::Inside;
use crate::remote::{RemotePlugins, read_keys};
use spanmill_private::read_regular;

mod configure;

pub use configure::LoadedPlugin;
use configure::{at_file, check_signals, configure};

/// The largest plugin file that is read.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Finds plugins and compiles each once.
pub struct PluginLoader {
    runtime: Runtime,
    remote: RemotePlugins,
    folder: Option<PathBuf>,
    inside: Inside,
    /// What each file was when it was last read, and what was loaded from it.
    loaded: BTreeMap<PathBuf, (FileVersion, Plugin)>,
    /// What could not be compiled, by its file and what that was: nobody waits for that twice.
    failed: BTreeMap<PathBuf, (FileVersion, LoadError)>,
    /// Plugins that were swapped in for what the files say.
    swapped: Swapped,
}

/// A plugin's file as it was read.
pub struct PluginFile {
    path: PathBuf,
    content: Content,
    version: FileVersion,
}

/// A plugin's file without what is in it.
pub struct FileId {
    path: PathBuf,
    version: FileVersion,
}

/// What decides whether a file is loaded anew: its bytes, and of a precompiled one, whose signature and code are of no less weight than the
/// component that it was made of, the keys that must have signed it.
#[derive(Clone, PartialEq, Eq)]
struct FileVersion {
    hash: String,
    keys: Vec<PublicKey>,
}

/// What is in a plugin's file.
enum Content {
    /// From inside the executable.
    Inside(Embedded),
    /// From elsewhere; with the keys that must have signed it, if it is precompiled and some are named.
    File(Vec<u8>, Vec<PublicKey>),
}

impl PluginFile {
    /// Reads the file of a component type, which must be the one that the manifest means.
    pub fn read(path: PathBuf, spec: &PluginSpec, inside: &Inside) -> Result<Self, LoadError> {
        let failed = |source: io::Error| LoadError::Read {
            path: path.clone(),
            source: Arc::new(source),
        };
        let content = match inside.read(&path) {
            Some(file) => Content::Inside(file.map_err(failed)?),
            None => {
                let bytes = read_regular(&path, MAX_BYTES).map_err(failed)?;
                let keys = match is_precompiled(&bytes) {
                    true => read_keys(&spec.keys).map_err(|why| failed(io::Error::other(why)))?,
                    false => Vec::new(),
                };
                Content::File(bytes, keys)
            }
        };
        let bytes: &[u8] = match &content {
            Content::Inside(file) => file,
            Content::File(bytes, _) => bytes,
        };
        let hash = content_hash(bytes);
        match &spec.digest {
            Some(expected) if expected.hex() != hash => Err(LoadError::Digest {
                path,
                expected: expected.hex().to_owned(),
                found: hash,
            }),
            _ => Ok(PluginFile {
                version: match &content {
                    Content::File(bytes, keys) if is_precompiled(bytes) => FileVersion {
                        hash: file_hash(bytes),
                        keys: keys.clone(),
                    },
                    _ => FileVersion {
                        hash,
                        keys: Vec::new(),
                    },
                },
                path,
                content,
            }),
        }
    }

    /// Lets go of what is in it, which may be some megabytes.
    pub fn into_id(self) -> FileId {
        FileId {
            path: self.path,
            version: self.version,
        }
    }

    /// Compiles it, or finds it compiled.
    pub fn compile(&self, runtime: &Runtime) -> Result<Plugin, LoadError> {
        let name = self.path.display().to_string();
        match &self.content {
            Content::Inside(file) => runtime.load_embedded(&name, file),
            Content::File(bytes, keys) => runtime.load_signed(&name, bytes, keys),
        }
    }
}

/// A file, the digest that it must have, and the keys that must have signed it.
type PluginKey<'m> = (PathBuf, Option<&'m Digest>, &'m [PathBuf]);

/// For each component, the plugin that was swapped in for its file's.
pub type Swapped = BTreeMap<ComponentId, SwappedIn>;

/// A plugin that was swapped in: it counts until the file changes.
#[derive(Clone)]
pub struct SwappedIn {
    plugin: Plugin,
    /// The hash of the file whose place it has taken.
    file_hash: String,
}

impl PluginLoader {
    /// Looks for built-ins in `folder`, or inside the executable, and for plugins that are in no file with `remote`.
    pub fn new(
        runtime: Runtime,
        folder: Option<PathBuf>,
        inside: Inside,
        remote: RemotePlugins,
    ) -> Self {
        PluginLoader {
            runtime,
            remote,
            folder,
            inside,
            loaded: BTreeMap::new(),
            failed: BTreeMap::new(),
            swapped: Swapped::new(),
        }
    }

    /// Where a built-in's file is.
    pub fn built_in_file(&self, kind: &str) -> PathBuf {
        let inside = || self.inside.plugin(kind);
        match &self.folder {
            None => inside().unwrap_or_else(|| Path::new("plugins").join(format!("{kind}.wasm"))),
            Some(folder) => {
                let file = |end: &str| folder.join(format!("{kind}.{end}"));
                let precompiled = file("cwasm");
                match !file("wasm").exists() && precompiled.exists() {
                    true => precompiled,
                    false => file("wasm"),
                }
            }
        }
    }

    /// What lies inside the executable.
    pub fn inside(&self) -> &Inside {
        &self.inside
    }

    /// The file that a component type's plugin is in.
    pub fn file(&self, spec: &PluginSpec) -> PathBuf {
        let named = spec.file.clone();
        named.unwrap_or_else(|| self.built_in_file(&spec.kind))
    }

    /// Loads a plugin without keeping it: its file, unless there is nothing new to keep, and what became of it.
    /// A built-in plugin, for the host's own use.
    ///
    /// # Errors
    ///
    /// If its file cannot be read or compiled.
    pub fn built_in(&self, kind: &str) -> Result<Plugin, LoadError> {
        self.fetch(&PluginSpec::built_in(kind)).1
    }

    fn fetch(&self, spec: &PluginSpec) -> (Option<FileId>, Result<Plugin, LoadError>) {
        let file = match PluginFile::read(self.file(spec), spec, &self.inside) {
            Ok(file) => file,
            Err(error) => return (None, Err(error)),
        };
        match self.known(&file) {
            Some(known) => (None, known),
            None => {
                let loaded = file.compile(&self.runtime);
                (Some(file.into_id()), loaded)
            }
        }
    }

    /// What became of a file that has been compiled before, or could not be.
    pub fn known(&self, file: &PluginFile) -> Option<Result<Plugin, LoadError>> {
        let loaded = self.loaded.get(&file.path);
        if let Some((_, plugin)) = loaded.filter(|(version, _)| *version == file.version) {
            return Some(Ok(plugin.clone()));
        }
        let failed = self.failed.get(&file.path);
        let (_, error) = failed.filter(|(version, _)| *version == file.version)?;
        Some(Err(error.clone()))
    }

    /// Keeps what became of a file.
    pub fn keep(&mut self, file: FileId, loaded: &Result<Plugin, LoadError>) {
        match loaded {
            Ok(plugin) => {
                self.failed.remove(&file.path);
                self.loaded
                    .insert(file.path, (file.version, plugin.clone()));
            }
            // That it was stopped says nothing of it.
            Err(LoadError::Stopped { .. }) => {}
            Err(error) => drop(self.failed.insert(file.path, (file.version, error.clone()))),
        }
    }

    /// What compiles, for plugins that are in no file: that takes a while, so not while the loader is locked.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Lays plugins' memories as the manifest says, unless the environment says it. For a loader that has loaded nothing yet.
    ///
    /// # Errors
    ///
    /// The engine cannot be set up.
    pub fn lay_memories(&mut self, memory: Option<PluginMemory>) -> Result<(), LoadError> {
        match memory {
            Some(memory) => self.runtime.lay_memories(memory),
            None => Ok(()),
        }
    }

    /// What makes files of plugins that are elsewhere: that takes a while as well.
    pub fn remote(&self) -> &RemotePlugins {
        &self.remote
    }

    /// Keeps a plugin in the place of what the components' files say, until those change. Returns what was kept before.
    pub fn swap_in(
        &mut self,
        manifest: &Manifest,
        ids: &[ComponentId],
        plugin: &Plugin,
    ) -> Swapped {
        let before = self.swapped.clone();
        for id in ids {
            let Some((used, _)) = used(manifest, id) else {
                continue;
            };
            let file_hash = self.loaded.get(&self.file(&used.spec));
            let file_hash = file_hash.map(|(_, plugin)| plugin.hash());
            if file_hash == Some(plugin.hash()) {
                self.swapped.remove(id);
                continue;
            }
            let swapped_in = SwappedIn {
                plugin: plugin.clone(),
                file_hash: file_hash.unwrap_or_default().to_owned(),
            };
            self.swapped.insert(id.clone(), swapped_in);
        }
        before
    }

    /// Goes back to what was kept before, for these components.
    pub fn swap_back(&mut self, ids: &[ComponentId], before: &Swapped) {
        for id in ids {
            match before.get(id) {
                Some(swapped_in) => self.swapped.insert(id.clone(), swapped_in.clone()),
                None => self.swapped.remove(id),
            };
        }
    }

    /// Forgets what was swapped in for files that have changed since: now that a manifest has been taken over, those count.
    pub fn forget_replaced(&mut self, manifest: &Manifest) {
        let mut swapped = std::mem::take(&mut self.swapped);
        swapped.retain(|id, swapped| {
            let file = used(manifest, id).map(|(used, _)| self.file(&used.spec));
            let loaded = file.and_then(|file| self.loaded.get(&file));
            loaded.is_some_and(|(_, loaded)| loaded.hash() == swapped.file_hash)
        });
        self.swapped = swapped;
    }

    /// The components that run another plugin than their file's.
    pub fn swapped(&self) -> impl Iterator<Item = &ComponentId> {
        self.swapped.keys()
    }

    /// Configures a plugin for some components of the manifest, as if it were what their files say.
    pub fn configure_as(
        &self,
        manifest: &Manifest,
        ids: &[ComponentId],
        plugin: &Plugin,
    ) -> Result<BTreeMap<ComponentId, LoadedPlugin>, Diagnostics> {
        let mut out = Diagnostics::new(Arc::clone(&manifest.source));
        let mut loaded = BTreeMap::new();
        for id in ids {
            let Some((used, role)) = used(manifest, id) else {
                continue;
            };
            match configure(manifest, id, used, role, plugin.clone()) {
                Ok(one) => {
                    check_signals(manifest, &one, &mut out);
                    loaded.insert(id.clone(), one);
                }
                Err(problems) => problems.into_iter().for_each(|problem| out.push(problem)),
            }
        }
        if out.has_errors() {
            Err(out)
        } else {
            Ok(loaded)
        }
    }

    /// Loads and configures every plugin that the manifest uses, several at a time. All complaints at once.
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
            .filter_map(|(id, connector)| Some((id, connector.plugin()?, Role::Connector)));
        let components = processors.chain(connectors);
        // Why the others are missing has been said.
        let components: Vec<_> = components
            .filter(|(_, used, _)| !used.spec.is_missing())
            .collect();
        let specs = components.iter().map(|(_, used, _)| &used.spec);
        let plugins = self.load_each(specs);
        let configured = parallel::map(&components, |(id, used, role)| {
            let plugin = plugins.get(&self.key(&used.spec)).cloned();
            let plugin = plugin.unwrap_or_else(|| self.fetch(&used.spec).1);
            let found = self.plugin_of(id, used, *role, plugin)?;
            configure(manifest, id, used, *role, found)
        });
        for ((id, ..), configured) in components.into_iter().zip(configured) {
            match configured {
                Ok(one) => {
                    check_signals(manifest, &one, &mut out);
                    loaded.insert(id.clone(), one);
                }
                Err(problems) => problems.into_iter().for_each(|problem| out.push(problem)),
            }
        }
        if out.has_errors() {
            Err(out)
        } else {
            Ok(loaded)
        }
    }

    /// What of a plugin's place in the manifest decides what is loaded.
    fn key<'m>(&self, spec: &'m PluginSpec) -> PluginKey<'m> {
        (self.file(spec), spec.digest.as_ref(), &spec.keys)
    }

    /// What to do about a built-in that is not there.
    fn no_built_in(&self, kind: &str) -> String {
        match cfg!(feature = "compiler") {
            true => "the built-in plugins are looked for inside the executable and in `plugins` beside it; run `make build`, or set SPANMILL_PLUGINS".to_owned(),
            false => format!(
                "this executable holds the plugins of its own manifest; `spanmill bundle --with {kind}` makes one that holds this one as well"
            ),
        }
    }

    /// Loads plugins, each once, and keeps them.
    fn load_each<'m>(
        &mut self,
        specs: impl Iterator<Item = &'m PluginSpec>,
    ) -> BTreeMap<PluginKey<'m>, Result<Plugin, LoadError>> {
        let different: BTreeMap<_, _> = specs.map(|spec| (self.key(spec), spec)).collect();
        let (keys, specs): (Vec<_>, Vec<_>) = different.into_iter().unzip();
        let fetched = parallel::map(&specs, |spec| self.fetch(spec));
        self.inside.forget();
        let mut plugins = BTreeMap::new();
        for (key, (file, loaded)) in keys.into_iter().zip(fetched) {
            if let Some(file) = file {
                self.keep(file, &loaded);
            }
            plugins.insert(key, loaded);
        }
        plugins
    }

    /// The plugin of a component: what its file says, or what was swapped in since.
    fn plugin_of(
        &self,
        id: &ComponentId,
        used: &PluginUse,
        role: Role,
        loaded: Result<Plugin, LoadError>,
    ) -> Result<Plugin, Vec<Diagnostic>> {
        let spec = &used.spec;
        let at_file = |message| at_file(id, used, role, message);
        let plugin = loaded.map_err(|error| {
            let diagnostic = at_file(error.to_string());
            vec![match (&error, &spec.file) {
                (LoadError::Read { .. }, None) => diagnostic.help(self.no_built_in(&spec.kind)),
                (LoadError::Read { .. }, Some(_)) => {
                    diagnostic.help("paths are relative to the manifest's folder; build the plugin first")
                }
                (LoadError::Digest { .. }, _) => diagnostic.help(
                    "put the right file in its place; or, if this is the one that is meant, its digest into the manifest",
                ),
                (LoadError::NotAComponent { .. }, _) => diagnostic.help(
                    "name the .wasm file that a build for wasm32-wasip2 makes; `spanmill inspect` shows what a file is",
                ),
                (LoadError::NoInterface { .. }, _) => diagnostic.help(
                    "a Rust plugin exports one of them by `register_processor!`, `register_connector!` and their like; others are built against this host's wit/",
                ),
                _ => diagnostic,
            }]
        })?;
        let swapped = self.swapped.get(id);
        let swapped = swapped.filter(|swapped| swapped.file_hash == plugin.hash());
        Ok(swapped.map_or(plugin, |swapped| swapped.plugin.clone()))
    }
}

/// What the manifest says of each plugin in it.
pub fn plugins_of(manifest: &Manifest) -> impl Iterator<Item = &PluginSpec> {
    let processors = manifest.processors.values();
    let processors = processors.filter_map(|processor| match processor {
        Processor::Plugin(plugin) => Some(&plugin.spec),
        _ => None,
    });
    let connectors = manifest.connectors.values().filter_map(Connector::plugin);
    processors.chain(connectors.map(|plugin| &plugin.spec))
}

/// A component of the manifest that is a plugin.
pub fn used<'m>(manifest: &'m Manifest, id: &ComponentId) -> Option<(&'m PluginUse, Role)> {
    if let Some(Processor::Plugin(plugin)) = manifest.processors.get(id) {
        return Some((plugin, Role::Processor));
    }
    let connector = manifest.connectors.get(id)?.plugin()?;
    Some((connector, Role::Connector))
}
