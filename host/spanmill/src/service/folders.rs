//! Where plugins are found, where compiled ones are cached, and the limits on compiling one.

use std::path::PathBuf;

use spanmill_archive::ArchiveError;
use spanmill_distribution::PublicKey;
use spanmill_runtime::{
    CacheConfig, CompilerConfig, LoadError, PluginMemory, Runtime, RuntimeConfig,
};
use thiserror::Error;

use crate::config::parse_duration;
use crate::inside::{Inside, KEYS};
use crate::pipeline::PluginLoader;
use crate::remote::{RemotePlugins, read_keys};

/// A machine with less memory takes its time to compile.
const AMPLE: u64 = 2 * 1024 * 1024 * 1024;

/// A setting in the environment that cannot be used.
#[derive(Debug, Error)]
pub enum FoldersError {
    /// It has another form than it must.
    #[error("{name}={value}: write {form}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// What it was set to.
        value: String,
        /// What it must look like.
        form: &'static str,
    },
    /// What lies inside this executable cannot be used.
    #[error("cannot read what is inside this executable (/proc/self/exe): {0}")]
    Inside(#[from] ArchiveError),
    /// A key that code must be signed with cannot be read.
    #[error("SPANMILL_CODE_KEYS: {0}")]
    Keys(String),
    /// There is neither a compiler nor what it would have made.
    #[error(
        "this executable has no compiler, and no plugins inside: it is a bare runtime, or a bundle that was cut short or has something behind its end; `spanmill bundle` makes a whole one"
    )]
    Bare,
    /// The engine cannot be set up.
    #[error(transparent)]
    Engine(#[from] LoadError),
}

/// Where plugins are found and kept.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// The built-ins, if they are not inside the executable.
    pub plugins: Option<PathBuf>,
    /// What lies inside the executable.
    pub inside: Inside,
    /// Compiled plugins.
    pub cache: Option<CacheConfig>,
    /// Plugins that were fetched, and bundles that were unpacked.
    pub store: Option<PathBuf>,
    /// How plugins are compiled.
    pub compiler: CompilerConfig,
    /// How plugins' memories lie; `None`: as the system allows.
    pub memory: Option<PluginMemory>,
    /// Who may have signed precompiled plugins.
    pub keys: Vec<PublicKey>,
}

impl Folders {
    /// From the environment: `SPANMILL_PLUGINS`, or what is inside the executable, or `plugins` beside it; `SPANMILL_CACHE`, or
    /// `spanmill` in the user's cache folder, of `SPANMILL_CACHE_MIB`; `SPANMILL_STORE`, or `store` in
    /// the cache; `SPANMILL_COMPILE_MEMORY_MIB` and `SPANMILL_COMPILE_TIMEOUT`; `SPANMILL_PLUGIN_MEMORY`; `SPANMILL_CODE_KEYS`, beside
    /// keys inside the executable. For the `spanmill` binary only, which is what compiles.
    pub fn from_environment() -> Result<Self, FoldersError> {
        let set = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let beside = || {
            let executable = std::env::current_exe()
                .and_then(std::fs::canonicalize)
                .ok()?;
            let folder = executable.parent()?;
            let installed = folder.parent()?.join("lib/spanmill/plugins");
            [folder.join("plugins"), installed]
                .into_iter()
                .find(|folder| folder.is_dir())
        };
        let user = || {
            set("XDG_CACHE_HOME")
                .or_else(|| set("HOME").map(|home| home.join(".cache")))
                .map(|cache| cache.join("spanmill"))
        };
        let cache = set("SPANMILL_CACHE").or_else(user);
        let in_cache = || cache.as_ref().map(|cache| cache.join("store"));
        let store = set("SPANMILL_STORE").or_else(in_cache);
        let mut cache = cache.map(CacheConfig::new);
        if let (Some(mib), Some(cache)) = (mib("SPANMILL_CACHE_MIB")?, &mut cache) {
            cache.max_bytes = mib.saturating_mul(1024 * 1024);
        }
        let mut compiler = CompilerConfig {
            program: Some(own_program()),
            is_frugal: crate::memory::available_bytes().is_some_and(|bytes| bytes < AMPLE),
            ..CompilerConfig::default()
        };
        if let Some(mib) = mib("SPANMILL_COMPILE_MEMORY_MIB")? {
            compiler.memory_mib = mib;
        }
        let timeout = setting(
            "SPANMILL_COMPILE_TIMEOUT",
            "a number and a unit, such as 60s",
            |text| {
                parse_duration(text)
                    .ok()
                    .filter(|duration| !duration.is_zero())
            },
        )?;
        compiler.timeout = timeout.unwrap_or(compiler.timeout);
        let inside = Inside::open()?;
        let beside = || if inside.has_plugins() { None } else { beside() };
        let plugins = set("SPANMILL_PLUGINS").or_else(beside);
        if cfg!(not(feature = "compiler")) && plugins.is_none() && !inside.has_plugins() {
            return Err(FoldersError::Bare);
        }
        let memory = setting("SPANMILL_PLUGIN_MEMORY", "guarded or checked", |text| {
            text.parse().ok()
        })?;
        Ok(Folders {
            plugins,
            cache,
            store,
            compiler,
            memory,
            keys: keys(&inside)?,
            inside,
        })
    }

    /// What fetches plugins, and keeps them.
    pub fn remote(&self) -> RemotePlugins {
        let program = self.compiler.program.clone();
        let program = program.unwrap_or_else(own_program);
        RemotePlugins::new(self.store.clone(), program, self.inside.clone())
    }

    /// An engine with this cache and this compiler.
    pub fn runtime(&self) -> Result<Runtime, LoadError> {
        Runtime::new(self.runtime_config())
    }

    /// Its settings.
    pub fn runtime_config(&self) -> RuntimeConfig {
        RuntimeConfig {
            cache: self.cache.clone(),
            compiler: self.compiler.clone(),
            memory: self.memory,
            keys: self.keys.clone(),
        }
    }

    /// A loader over these folders.
    pub fn loader(&self) -> Result<PluginLoader, LoadError> {
        Ok(PluginLoader::new(
            self.runtime()?,
            self.plugins.clone(),
            self.inside.clone(),
            self.remote(),
        ))
    }
}

/// The keys that may have signed precompiled plugins.
fn keys(inside: &Inside) -> Result<Vec<PublicKey>, FoldersError> {
    let mut keys = match inside.text(KEYS)? {
        Some(pem) => PublicKey::all_from_pem(pem.as_bytes()).map_err(|error| {
            FoldersError::Keys(format!("those inside this executable: {error}"))
        })?,
        None => Vec::new(),
    };
    if let Some(paths) = std::env::var_os("SPANMILL_CODE_KEYS").filter(|paths| !paths.is_empty()) {
        let paths: Vec<PathBuf> = std::env::split_paths(&paths).collect();
        keys.extend(read_keys(&paths).map_err(FoldersError::Keys)?);
    }
    Ok(keys)
}

/// The program that runs, also after its file was replaced by another version's.
fn own_program() -> PathBuf {
    match cfg!(target_os = "linux") {
        true => PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe().unwrap_or_else(|_| PathBuf::from("spanmill")),
    }
}

fn setting<T>(
    name: &'static str,
    form: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, FoldersError> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => match parse(&value) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(FoldersError::Setting { name, value, form }),
        },
        _ => Ok(None),
    }
}

fn mib(name: &'static str) -> Result<Option<u64>, FoldersError> {
    let above_zero = |text: &str| text.parse().ok().filter(|mib| *mib > 0);
    setting(name, "a number of MiB above 0, such as 512", above_zero)
}
