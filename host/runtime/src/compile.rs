//! Compiling what may be hostile: its shape is looked at first, and the compiler runs in a process of its own, which is
//! limited in memory and time and can be ended. Compilers have no such limits: a few megabytes can take them gigabytes.

mod child;
mod process;
mod shape;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::code::Code;
use crate::compiler_config::CompilerConfig;
use crate::error::{LoadError, words};
use crate::settings::compiling_engine;
use crate::target::CodeTarget;
pub use child::compile_child;
use process::{Compiled, Process};

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

    /// Compiles a component for this machine. Returns its code as well, for the cache. `name` is for messages.
    pub(crate) fn compile(
        &self,
        engine: &Engine,
        target: CodeTarget,
        name: &str,
        wasm: &[u8],
    ) -> Result<(Component, Vec<u8>), LoadError> {
        let code = self.code(target, name, wasm)?;
        let component = Code::compiled(&code).load(engine).map_err(|error| {
            LoadError::Engine(format!("compiled code is not usable: {error:#}"))
        })?;
        Ok((component, code))
    }

    /// Compiles a component for any machine, without loading what comes of it.
    pub(crate) fn code(
        &self,
        target: CodeTarget,
        name: &str,
        wasm: &[u8],
    ) -> Result<Vec<u8>, LoadError> {
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
        let Some(program) = &self.config.program else {
            return compiling_engine(target)
                .and_then(|engine| engine.precompile_component(wasm))
                .map_err(|error| not_a_component(format!("{error:#}")));
        };
        match self.process.run(program, &self.config, target, name, wasm) {
            Compiled::Code(code) => Ok(code),
            Compiled::Refused(why) => Err(not_a_component(why)),
            Compiled::Memory => Err(limit(format!(
                "compiling it needs more than {} MiB of memory",
                self.config.memory_mib
            ))),
            Compiled::Time => Err(limit(format!(
                "compiling it takes longer than {:?}",
                self.config.timeout
            ))),
            Compiled::Died(how) => Err(limit(format!("the compiler {how}"))),
            Compiled::Stopped => Err(LoadError::Stopped {
                name: name.to_owned(),
            }),
            Compiled::NotStarted(error) => Err(LoadError::Engine(format!(
                "the compiler's process cannot start: {error}"
            ))),
        }
    }
}
