//! Where plugins are found, and where compiled ones are kept.

use std::path::PathBuf;

use spanmill_runtime::{LoadError, Runtime, RuntimeConfig};

use crate::pipeline::PluginLoader;

/// Where plugins are found and kept.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// The built-ins.
    pub plugins: Option<PathBuf>,
    /// Compiled plugins.
    pub cache: Option<PathBuf>,
}

impl Folders {
    /// From the environment: `SPANMILL_PLUGINS`, or `plugins` beside the executable; `SPANMILL_CACHE`, or
    /// `spanmill` in the user's cache folder.
    pub fn from_environment() -> Self {
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
        Folders {
            plugins: set("SPANMILL_PLUGINS").or_else(beside),
            cache: set("SPANMILL_CACHE").or_else(user),
        }
    }

    /// A loader over these folders.
    pub fn loader(&self) -> Result<PluginLoader, LoadError> {
        let runtime = Runtime::new(RuntimeConfig {
            cache: self.cache.clone(),
        })?;
        Ok(PluginLoader::new(runtime, self.plugins.clone()))
    }
}
