//! The one engine of a process: how code is compiled, where instances live, the clock that ends long calls.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use spanmill_archive::Embedded;
use spanmill_keys::PublicKey;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

#[cfg(feature = "compiler")]
use crate::cache::Cache;
use crate::cache_config::CacheConfig;
use crate::code::Code;
#[cfg(feature = "compiler")]
use crate::compile::Compiler;
use crate::compiler_config::CompilerConfig;
use crate::error::{LoadError, words};
use crate::plugin::Plugin;
use crate::precompiled::{Header, Precompiled, PrecompiledError, is_precompiled};
use crate::sandbox::call_clock::TICK;
use crate::sandbox::{self, Guest, clock};
use crate::settings::{self, MAX_BYTES};
#[cfg(feature = "compiler")]
use crate::target::CodeTarget;
use crate::target::PluginMemory;

/// What a runtime needs from its surroundings.
#[derive(Clone, Debug, Default)]
pub struct RuntimeConfig {
    /// Where compiled plugins are kept; none compiles at each start. Not used without a compiler.
    pub cache: Option<CacheConfig>,
    /// Where they are compiled, and within which limits. Not used without a compiler.
    pub compiler: CompilerConfig,
    /// How plugins' memories lie; `None`: as the system allows.
    pub memory: Option<PluginMemory>,
    /// Who may have signed precompiled plugins that come from outside the executable.
    pub keys: Vec<PublicKey>,
}

/// Compiles plugins. Cheap to clone; all clones are the same runtime.
#[derive(Clone)]
pub struct Runtime {
    engine: Engine,
    linker: Linker<Guest>,
    memory: PluginMemory,
    /// Whether its configuration says how memories lie.
    is_memory_set: bool,
    keys: Arc<[PublicKey]>,
    #[cfg(feature = "compiler")]
    cache: Arc<Cache>,
    #[cfg(feature = "compiler")]
    compiler: Arc<Compiler>,
}

/// An engine, whose clock runs in a thread that ends with its last clone, and what plugins may import there.
fn set_up(memory: PluginMemory) -> Result<(Engine, Linker<Guest>), LoadError> {
    let failed = |error: wasmtime::Error| LoadError::Engine(format!("{error:#}"));
    let engine = Engine::new(&settings::config(memory)).map_err(failed)?;
    let weak = engine.weak();
    std::thread::Builder::new()
        .name("plugin-clock".to_owned())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })
        .map_err(|error| LoadError::Engine(error.to_string()))?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker).map_err(failed)?;
    clock::refuse_waiting(&mut linker).map_err(failed)?;
    sandbox::io::link(&mut linker).map_err(failed)?;
    sandbox::link(&mut linker).map_err(failed)?;
    Ok((engine, linker))
}

impl Runtime {
    /// Sets the engine up and starts its clock, a thread that ends with the last clone.
    pub fn new(config: RuntimeConfig) -> Result<Self, LoadError> {
        let is_memory_set = config.memory.is_some();
        let memory = config.memory.unwrap_or_else(PluginMemory::of_this_process);
        let (engine, linker) = set_up(memory)?;
        Ok(Runtime {
            engine,
            linker,
            memory,
            is_memory_set,
            keys: config.keys.into(),
            #[cfg(feature = "compiler")]
            cache: Arc::new(Cache::open(config.cache)),
            #[cfg(feature = "compiler")]
            compiler: Arc::new(Compiler::new(config.compiler)),
        })
    }

    /// Lays plugins' memories as a manifest wishes, unless [`RuntimeConfig::memory`] has said how. For a runtime that has loaded nothing
    /// yet: what is loaded stays with the engine of before.
    ///
    /// # Errors
    ///
    /// The engine cannot be set up.
    pub fn lay_memories(&mut self, memory: PluginMemory) -> Result<(), LoadError> {
        if !self.is_memory_set && memory != self.memory {
            (self.engine, self.linker) = set_up(memory)?;
            self.memory = memory;
        }
        Ok(())
    }

    /// How plugins' memories lie.
    pub fn memory(&self) -> PluginMemory {
        self.memory
    }

    /// Loads a plugin from a file. Compiles it unless that was done before, which takes seconds for a
    /// large one: never on the data path.
    pub fn load_file(&self, path: &Path) -> Result<Plugin, LoadError> {
        let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
        let bytes =
            spanmill_private::read_regular(path, most).map_err(|source| LoadError::Read {
                path: path.to_owned(),
                source: Arc::new(source),
            })?;
        self.load(&path.display().to_string(), &bytes)
    }

    /// Loads a plugin from its bytes, WebAssembly or precompiled and signed; `name` is for messages.
    pub fn load(&self, name: &str, bytes: &[u8]) -> Result<Plugin, LoadError> {
        self.load_signed(name, bytes, &[])
    }

    /// As [`Runtime::load`]; if keys are given, it is one of these that must have signed it if it is precompiled.
    pub fn load_signed(
        &self,
        name: &str,
        bytes: &[u8],
        keys: &[PublicKey],
    ) -> Result<Plugin, LoadError> {
        if is_precompiled(bytes) {
            let keys = if keys.is_empty() { &self.keys } else { keys };
            let code = Code::signed(bytes, keys, self.memory);
            return self.precompiled(name, code);
        }
        // Only binaries: the text format is for tests of wasm, and a component starts with layer 1.
        match bytes.get(..8) {
            Some(b"\0asm\x01\0\0\0") => {
                return Err(LoadError::CoreModule {
                    name: name.to_owned(),
                });
            }
            Some(header) if header.starts_with(b"\0asm") => {}
            _ => {
                return Err(LoadError::NotAComponent {
                    name: name.to_owned(),
                    why: "it does not start as WebAssembly does".to_owned(),
                });
            }
        }
        let hash = file_hash(bytes);
        let component = self.component(name, bytes, &hash)?;
        Plugin::new(name, hash, bytes.len(), &component, &self.linker)
    }

    /// Loads a plugin that lies inside the executable, precompiled or not.
    pub fn load_embedded(&self, name: &str, file: &Embedded) -> Result<Plugin, LoadError> {
        match is_precompiled(file) {
            true => self.precompiled(name, Code::embedded(file, self.memory)),
            false => self.load(name, file),
        }
    }

    fn precompiled(
        &self,
        name: &str,
        code: Result<(Code<'_>, Header), PrecompiledError>,
    ) -> Result<Plugin, LoadError> {
        let refused = |why| LoadError::Precompiled {
            name: name.to_owned(),
            why,
        };
        let (code, header) = code.map_err(refused)?;
        let component = code.load(&self.engine);
        drop(code);
        let component = component
            .map_err(|error| refused(PrecompiledError::Engine(words(&format!("{error:#}")))))?;
        Plugin::new(
            name,
            header.wasm,
            header.wasm_bytes,
            &component,
            &self.linker,
        )
    }

    #[cfg(not(feature = "compiler"))]
    fn component(&self, name: &str, _: &[u8], _: &str) -> Result<Component, LoadError> {
        Err(LoadError::NoCompiler {
            name: name.to_owned(),
        })
    }

    #[cfg(feature = "compiler")]
    fn component(&self, name: &str, bytes: &[u8], hash: &str) -> Result<Component, LoadError> {
        if let Some(component) = self.cache.load(&self.engine, hash) {
            return Ok(component);
        }
        // Told now rather than after seconds of compiling.
        let refused = crate::imports::refused(bytes);
        if !refused.is_empty() {
            return Err(LoadError::Imports {
                name: name.to_owned(),
                imports: words(&refused.join(", ")),
            });
        }
        match self.cache.is_open() {
            true => tracing::info!(plugin = name, "compiling; later starts find it done"),
            false => tracing::info!(plugin = name, "compiling"),
        }
        let target = CodeTarget {
            machine: None,
            memory: self.memory,
        };
        let (component, code) = self.compiler.compile(&self.engine, target, name, bytes)?;
        self.cache.store(&self.engine, hash, &code);
        Ok(component)
    }

    /// Ends the compilation under way, at once; further ones are refused. For the end of the process.
    pub fn stop_compiling(&self) {
        #[cfg(feature = "compiler")]
        self.compiler.stop();
    }
}

/// The content hash that a plugin goes by: of the component, also where it was precompiled. What a precompiled file says of itself
/// is to be believed once it has been loaded.
pub fn content_hash(bytes: &[u8]) -> String {
    let file = is_precompiled(bytes).then(|| Precompiled::read(bytes));
    match file {
        Some(Ok(file)) => file.header.wasm,
        _ => file_hash(bytes),
    }
}

/// SHA-256 of a file's bytes, in hexadecimal.
pub fn file_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
