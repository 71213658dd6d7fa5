//! Compiling what may be hostile: its shape is looked at first, and the compiler runs in a process of its own, which is
//! limited in memory and time and can be ended. Compilers have no such limits: a few megabytes can take them gigabytes.
#![allow(unsafe_code)] // `deserialize` is unsafe: it trusts the bytes. See `compile`.

mod child;
mod config;
mod process;
mod shape;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::{LoadError, words};
pub use child::compile_child;
pub use config::CompilerConfig;
use process::{Compiled, Process};
pub(crate) use shape::MAX_BYTES;

/// Compiles one plugin at a time.
pub(crate) struct Compiler {
    config: CompilerConfig,
    process: Process,
}

impl Compiler {
    pub(crate) fn new(config: CompilerConfig) -> Self {
        Compiler {
            config,
            process: Process::default(),
        }
    }

    /// Ends the compilation under way; further ones are refused.
    pub(crate) fn stop(&self) {
        self.process.stop();
    }

    /// Compiles a component. Returns its code as well, for the cache. `name` is for messages.
    pub(crate) fn compile(
        &self,
        engine: &Engine,
        name: &str,
        wasm: &[u8],
    ) -> Result<(Component, Vec<u8>), LoadError> {
        let not_a_component = |why: String| LoadError::NotAComponent {
            name: name.to_owned(),
            why: words(&why),
        };
        shape::check(wasm).map_err(|error| match error {
            shape::Error::Broken(why) => not_a_component(why),
            shape::Error::TooComplex(why) => LoadError::TooComplex {
                name: name.to_owned(),
                why,
            },
        })?;
        let limit = |why: String| LoadError::CompileLimit {
            name: name.to_owned(),
            why,
        };
        let code = match &self.config.program {
            None => engine
                .precompile_component(wasm)
                .map_err(|error| not_a_component(format!("{error:#}")))?,
            Some(program) => match self.process.run(program, &self.config, name, wasm) {
                Compiled::Code(code) => code,
                Compiled::Refused(why) => return Err(not_a_component(why)),
                Compiled::Memory => {
                    return Err(limit(format!(
                        "compiling it needs more than {} MiB of memory",
                        self.config.memory_mib
                    )));
                }
                Compiled::Time => {
                    return Err(limit(format!(
                        "compiling it takes longer than {:?}",
                        self.config.timeout
                    )));
                }
                Compiled::Died(how) => return Err(limit(format!("the compiler {how}"))),
                Compiled::Stopped => {
                    return Err(LoadError::Stopped {
                        name: name.to_owned(),
                    });
                }
                Compiled::NotStarted(error) => {
                    return Err(LoadError::Engine(format!(
                        "the compiler's process cannot start: {error}"
                    )));
                }
            },
        };
        // SAFETY: the code comes from this engine, or by a pipe from a process of this very program, which nobody else
        // can write to. That it was made for this engine, wasmtime checks.
        let component = unsafe { Component::deserialize(engine, &code) }.map_err(|error| {
            LoadError::Engine(format!("compiled code is not usable: {error:#}"))
        })?;
        Ok((component, code))
    }
}
