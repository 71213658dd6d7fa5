//! The one engine of a process: how code is compiled, where instances live, the clock that ends long calls.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::component::Linker;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cache::{Cache, CacheConfig};
use crate::compile::{Compiler, CompilerConfig, MAX_BYTES};
use crate::error::{LoadError, words};
use crate::imports;
use crate::plugin::Plugin;
use crate::sandbox::call_clock::TICK;
use crate::sandbox::{self, Guest, clock};

/// Instances that may live at once, and so the pool's size. Address space only, until used.
const INSTANCES: u32 = 2000;

/// What a runtime needs from its surroundings.
#[derive(Clone, Debug, Default)]
pub struct RuntimeConfig {
    /// Where compiled plugins are kept; none compiles at each start.
    pub cache: Option<CacheConfig>,
    /// Where they are compiled, and within which limits.
    pub compiler: CompilerConfig,
}

/// Compiles plugins. Cheap to clone; all clones are the same runtime.
#[derive(Clone)]
pub struct Runtime {
    engine: Engine,
    linker: Linker<Guest>,
    cache: Arc<Cache>,
    compiler: Arc<Compiler>,
}

pub(crate) fn engine(pooled: bool) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.concurrency_support(false);
    // A backtrace of a guest says where it stood, and can be had only while a trap is handled.
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(8));
    // And its memory, in which an interpreter says where its script stood. It is not copied: the dump only names it.
    config.coredump_on_trap(true);
    config.max_wasm_stack(512 * 1024);
    if pooled {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(INSTANCES);
        pool.total_core_instances(INSTANCES * 4);
        pool.total_memories(INSTANCES);
        pool.total_tables(INSTANCES * 4);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    Engine::new(&config)
}

impl Runtime {
    /// Sets the engine up and starts its clock, a thread that ends with the last clone.
    pub fn new(config: RuntimeConfig) -> Result<Self, LoadError> {
        let failed = |error: wasmtime::Error| LoadError::Engine(format!("{error:#}"));
        let engine = match engine(true) {
            Ok(engine) => engine,
            // The pool reserves address space, which some limits (ulimit -v) do not allow.
            Err(error) => {
                tracing::warn!(%error, "no pool for plugin instances; they start a little slower");
                self::engine(false).map_err(failed)?
            }
        };
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
        sandbox::link(&mut linker).map_err(failed)?;
        Ok(Runtime {
            engine,
            linker,
            cache: Arc::new(Cache::open(config.cache)),
            compiler: Arc::new(Compiler::new(config.compiler)),
        })
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

    /// Loads a plugin from its bytes; `name` is for messages.
    pub fn load(&self, name: &str, bytes: &[u8]) -> Result<Plugin, LoadError> {
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
        let hash = content_hash(bytes);
        let component = match self.cache.load(&self.engine, &hash) {
            Some(component) => component,
            None => {
                // Told now rather than after seconds of compiling.
                let refused = imports::refused(bytes);
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
                let (component, code) = self.compiler.compile(&self.engine, name, bytes)?;
                self.cache.store(&self.engine, &hash, &code);
                component
            }
        };
        Plugin::new(name, hash, bytes.len(), &component, &self.linker)
    }

    /// Ends the compilation under way, at once; further ones are refused. For the end of the process.
    pub fn stop_compiling(&self) {
        self.compiler.stop();
    }
}

/// The content hash that a plugin's bytes go by.
pub fn content_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
