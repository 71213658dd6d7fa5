//! `spanmill plugin compile`: a plugin for machines without a compiler.

use std::path::PathBuf;

use clap::Args;
use spanmill_distribution::{MAX_PLUGIN, SigningKey};
use spanmill_private::{read_regular, replace};
use spanmill_runtime::{Machine, Packing, PluginMemory, precompile};

use super::files::{check_output, signing_key, unreadable, unwritable};
use super::output::{Failure, say, warn};
use crate::service::Folders;

/// What is compiled, and for which machines.
#[derive(Args, Debug)]
pub(super) struct CompileArgs {
    /// The component.
    file: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    /// The precompiled plugin.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// A private key in PEM (PKCS#8, ECDSA over P-256 or Ed25519) to sign it with. What is not signed runs nowhere.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// What code is made for.
#[derive(Args, Debug)]
pub(super) struct TargetArgs {
    /// The machines: x86_64-linux, x86_64-v3-linux (with AVX2), aarch64-linux.
    #[arg(long, value_name = "TARGETS", value_delimiter = ',', required = true)]
    target: Vec<Machine>,
    /// How plugins' memories may lie there: guarded, which takes 4 GiB of addresses each, and checked, for machines that have not as
    /// many (`ulimit -v`); each is code of its own. If not given, as a bundle's manifest says (`limits: plugin_memory:`), or guarded.
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    memory: Vec<PluginMemory>,
}

impl TargetArgs {
    /// The machines, each once.
    pub(super) fn machines(&self) -> Vec<Machine> {
        let all = Machine::ALL.into_iter();
        all.filter(|machine| self.target.contains(machine))
            .collect()
    }

    /// How memories may lie, each way once; `default` if nothing is said.
    fn memories(&self, default: Option<PluginMemory>) -> Vec<PluginMemory> {
        let default = default.unwrap_or(PluginMemory::Guarded);
        let is_wanted = |memory: &PluginMemory| match self.memory.is_empty() {
            true => *memory == default,
            false => self.memory.contains(memory),
        };
        PluginMemory::ALL.into_iter().filter(is_wanted).collect()
    }

    /// Compiles a component for all of it; `memory` is how memories lie if the arguments do not say it.
    pub(super) fn compile(
        &self,
        folders: &Folders,
        name: &str,
        wasm: &[u8],
        memory: Option<PluginMemory>,
        packing: Packing,
        key: Option<&SigningKey>,
    ) -> Result<Vec<u8>, Failure> {
        Ok(precompile(
            &folders.runtime_config(),
            name,
            wasm,
            &self.machines(),
            &self.memories(memory),
            packing,
            key,
        )?)
    }
}

pub(super) fn compile(args: &CompileArgs) -> Result<(), Failure> {
    let inputs = [args.file.as_path()].into_iter();
    check_output(&args.output, inputs.chain(args.key.as_deref()))?;
    let key = args.key.as_deref().map(signing_key).transpose()?;
    let wasm = read_regular(&args.file, MAX_PLUGIN);
    let wasm = wasm.map_err(|error| unreadable(&args.file, &error))?;
    let folders = Folders::from_environment()?;
    let name = args.file.display().to_string();
    let file = args.target.compile(
        &folders,
        &name,
        &wasm,
        None,
        Packing::Compressed,
        key.as_ref(),
    )?;
    replace(&args.output, &file).map_err(|error| unwritable(&args.output, &error))?;
    if key.is_none() {
        warn("it is not signed: it runs only inside an executable, after `spanmill bundle`");
    }
    say(format_args!(
        "{}: {} KiB",
        args.output.display(),
        file.len() / 1024
    ));
    Ok(())
}
