//! Compiling ahead of time, for other machines.

use sha2::{Digest as _, Sha256};
use spanmill_keys::SigningKey;

use crate::cache::Cache;
use crate::compile::Compiler;
use crate::engine::RuntimeConfig;
use crate::error::{LoadError, words};
use crate::imports;
use crate::precompiled::write::{Packing, write};
use crate::settings::compiling_engine;
use crate::target::{CodeTarget, Machine, PluginMemory};

/// Compiles a component, or finds it compiled, for machines, each for the given kinds of memory, into the bytes of a file; signed if there is a key. `name`
/// is for messages.
///
/// # Errors
///
/// It is no component, imports what nobody has, or is not compiled within the limits.
pub fn precompile(
    config: &RuntimeConfig,
    name: &str,
    wasm: &[u8],
    machines: &[Machine],
    memories: &[PluginMemory],
    packing: Packing,
    key: Option<&SigningKey>,
) -> Result<Vec<u8>, LoadError> {
    let refused = imports::refused(wasm);
    if !refused.is_empty() {
        return Err(LoadError::Imports {
            name: name.to_owned(),
            imports: words(&refused.join(", ")),
        });
    }
    let digest = Sha256::digest(wasm);
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let compiler = Compiler::new(config.compiler.clone());
    let cache = Cache::open(config.cache.clone());
    let failed = |error: String| LoadError::Engine(error);
    let mut code = Vec::new();
    for &machine in machines {
        for &memory in memories {
            let target = CodeTarget {
                machine: Some(machine),
                memory,
            };
            let engine = compiling_engine(target).map_err(|error| failed(format!("{error:#}")))?;
            let compiled = match cache.code(&engine, &hash) {
                Some(compiled) => compiled,
                None => {
                    let compiled = compiler.code(target, name, wasm)?;
                    cache.store(&engine, &hash, &compiled);
                    compiled
                }
            };
            code.push((machine, memory, compiled));
        }
    }
    write(&hash, wasm.len(), &code, packing, key).map_err(|error| failed(error.to_string()))
}
