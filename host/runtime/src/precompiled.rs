//! Plugins that were compiled ahead of time: a file with the code for one or more machines, and what it was made of.
//!
//! `magic | header length | signature length | header | signature | code...`, lengths in four bytes, little-endian. The header, JSON,
//! has the hash of each piece of code, and the signature is of the header. What is read here is not trusted yet; [`code`](crate::code)
//! decides what runs.

#[cfg(feature = "compiler")]
pub(crate) mod write;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use spanmill_keys::PublicKey;

use crate::target::{Machine, PluginMemory};

/// What such a file begins with; the digit is the format's version.
const MAGIC: &[u8; 8] = b"\0smcode1";
/// The most bytes of a header and of a signature.
const MAX_HEADER: usize = 64 * 1024;
/// The most code of one machine.
const MAX_CODE: u64 = 256 * 1024 * 1024;
/// What is signed begins with it, so that no other signature of the same key counts.
const CONTEXT: &[u8] = b"spanmill precompiled plugin\n";

/// What the compiler's settings are, beside the machine and the memory. Code of other settings does not run.
pub(crate) fn engine() -> String {
    crate::settings::SETTINGS.to_owned()
}

/// The version of this host.
pub(crate) const HOST: &str = env!("CARGO_PKG_VERSION");

/// What a file says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The version of the host that made it.
    pub(crate) host: String,
    /// The settings of its compiler.
    pub(crate) engine: String,
    /// SHA-256 of the component, in hexadecimal.
    pub(crate) wasm: String,
    /// The component's bytes.
    pub(crate) wasm_bytes: usize,
    /// The code, in the order of the file.
    pub(crate) code: Vec<CodeInfo>,
}

/// Code for a machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CodeInfo {
    pub(crate) machine: Machine,
    pub(crate) memory: PluginMemory,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// Its bytes as they are stored.
    pub(crate) stored: usize,
    /// BLAKE3 of the stored bytes.
    pub(crate) hash: [u8; blake3::OUT_LEN],
}

/// Why a precompiled plugin does not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrecompiledError {
    /// Its bytes are not those that were written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It was made by another version of the host.
    #[error(
        "it was made by spanmill {made_by} ({engine}), and this is {HOST} ({}); compile it anew with this version",
        crate::settings::SETTINGS
    )]
    Outdated {
        /// Which one.
        made_by: String,
        /// With which compiler.
        engine: String,
    },
    /// Its format is another version's.
    #[error("its format is that of another version of spanmill; compile it anew with this version")]
    Format,
    /// It is for other machines.
    #[error("it is for {has}, and this machine takes {wants}; compile it for that target")]
    Machine {
        /// What it is for.
        has: String,
        /// What would run here.
        wants: String,
    },
    /// It is for other memory.
    #[error(
        "its code is for {has} memory, and plugins have {wants} memory here, by `limits.plugin_memory`, SPANMILL_PLUGIN_MEMORY or a limit on addresses \
         such as `ulimit -v`: compile it, or make the bundle, with `--memory {wants}` as well"
    )]
    Memory {
        /// What it is for.
        has: String,
        /// What would run here.
        wants: PluginMemory,
    },
    /// It is not signed.
    #[error(
        "it is native code and carries no signature; `spanmill plugin compile --key` makes one"
    )]
    Unsigned,
    /// It is signed, and nothing says by whom it should be.
    #[error(
        "it is native code, and no key is named that must have signed it; SPANMILL_CODE_KEYS names the files of public keys"
    )]
    NoKey,
    /// It is signed by somebody else.
    #[error("it is native code, and none of the keys that are trusted has signed it")]
    OtherKey,
    /// The engine does not take it.
    #[error("the engine refuses it: {0}")]
    Engine(String),
}

impl PrecompiledError {
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        PrecompiledError::Damaged(what.into())
    }
}

/// Whether bytes are a precompiled plugin rather than WebAssembly.
pub fn is_precompiled(bytes: &[u8]) -> bool {
    // Of any version: those that are not read are refused by name.
    bytes.get(..MAGIC.len() - 1) == MAGIC.get(..MAGIC.len() - 1)
}

/// A file as it was read. Nothing of it is trusted.
pub(crate) struct Precompiled<'a> {
    pub(crate) header: Header,
    signed: &'a [u8],
    signature: &'a [u8],
    code: &'a [u8],
}

impl<'a> Precompiled<'a> {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It is damaged, or of another version of the format.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, PrecompiledError> {
        let short = || PrecompiledError::damaged("it ends too early");
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(short)?;
        match magic == MAGIC {
            true => {}
            false if is_precompiled(bytes) => return Err(PrecompiledError::Format),
            false => return Err(PrecompiledError::damaged("it does not begin as it should")),
        }
        let (header, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let (signature, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let length = |bytes: &[u8; 4]| {
            let length = usize::try_from(u32::from_le_bytes(*bytes)).ok();
            length.filter(|length| *length <= MAX_HEADER)
        };
        let header = length(header).ok_or_else(short)?;
        let signature = length(signature).ok_or_else(short)?;
        let (signed, rest) = rest.split_at_checked(header).ok_or_else(short)?;
        let (signature, code) = rest.split_at_checked(signature).ok_or_else(short)?;
        let header: Header = serde_json::from_slice(signed)
            .map_err(|error| PrecompiledError::damaged(format!("its header: {error}")))?;
        if header.code.is_empty() {
            return Err(PrecompiledError::damaged("it has no code"));
        }
        if header.code.iter().any(|info| info.bytes > MAX_CODE) {
            return Err(PrecompiledError::damaged(format!(
                "its header says that there are more than {MAX_CODE} bytes of code"
            )));
        }
        let stored = header.code.iter().map(|info| info.stored);
        let stored = stored.fold(0, usize::saturating_add);
        if stored < code.len() {
            return Err(PrecompiledError::damaged(
                "there is something behind its code",
            ));
        }
        Ok(Precompiled {
            header,
            signed,
            signature,
            code,
        })
    }

    /// Checks that one of the keys has signed it.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(crate) fn check_signature(&self, keys: &[PublicKey]) -> Result<(), PrecompiledError> {
        if self.signature.is_empty() {
            return Err(PrecompiledError::Unsigned);
        }
        if keys.is_empty() {
            return Err(PrecompiledError::NoKey);
        }
        let message = message(self.signed);
        let mut keys = keys.iter();
        match keys.any(|key| key.has_signed(&message, self.signature)) {
            true => Ok(()),
            false => Err(PrecompiledError::OtherKey),
        }
    }

    /// The code for this machine. Where the whole file is known to be what was written, its hash need not be asked again.
    ///
    /// # Errors
    ///
    /// There is none, it is of another version, or damaged.
    pub(crate) fn code(
        &self,
        memory: PluginMemory,
        is_whole: bool,
    ) -> Result<Cow<'a, [u8]>, PrecompiledError> {
        let header = &self.header;
        if header.host != HOST || header.engine != engine() {
            return Err(PrecompiledError::Outdated {
                made_by: header.host.clone(),
                engine: header.engine.clone(),
            });
        }
        let runs = |info: &&CodeInfo| info.machine.is_this();
        let here: Vec<_> = header.code.iter().filter(runs).collect();
        if here.is_empty() {
            let has = names(header.code.iter().map(|info| info.machine.name()));
            let wants = Machine::ALL.into_iter().filter(|machine| machine.is_this());
            let wants = names(wants.map(Machine::name)).replace(", ", " or ");
            return Err(PrecompiledError::Machine { has, wants });
        }
        let fitting = here.iter().filter(|info| info.memory == memory);
        // The one that asks for most.
        let order = |info: &&&CodeInfo| {
            let mut all = Machine::ALL.into_iter();
            all.position(|machine| machine == info.machine)
        };
        let Some(info) = fitting.min_by_key(order) else {
            return Err(PrecompiledError::Memory {
                has: names(here.iter().map(|info| info.memory.name())),
                wants: memory,
            });
        };
        self.piece(info, is_whole)
    }

    fn piece(&self, wanted: &CodeInfo, is_whole: bool) -> Result<Cow<'a, [u8]>, PrecompiledError> {
        let damaged = |what: &str| PrecompiledError::damaged(what);
        let before = self.header.code.iter();
        let before = before.take_while(|info| !std::ptr::eq(*info, wanted));
        let offset = before.fold(0, |sum: usize, info| sum.saturating_add(info.stored));
        let stored = self
            .code
            .get(offset..)
            .and_then(|rest| rest.get(..wanted.stored));
        let stored = stored.ok_or_else(|| damaged("it ends too early"))?;
        if !is_whole && blake3::hash(stored) != blake3::Hash::from_bytes(wanted.hash) {
            return Err(damaged("its code is not what was written"));
        }
        // At most `MAX_CODE`.
        let bytes = usize::try_from(wanted.bytes).unwrap_or(0);
        // Code that is as long as it is stored is not compressed.
        if bytes == stored.len() {
            return Ok(Cow::Borrowed(stored));
        }
        let code = zstd::bulk::decompress(stored, bytes);
        let code =
            code.map_err(|error| damaged(&format!("its code cannot be unpacked: {error}")))?;
        match code.len() == bytes {
            true => Ok(Cow::Owned(code)),
            false => Err(damaged("its code is not as long as its header says")),
        }
    }
}

/// What a key signs.
fn message(header: &[u8]) -> Vec<u8> {
    [CONTEXT, header].concat()
}

fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let mut all: Vec<&str> = all.collect();
    all.dedup();
    all.join(", ")
}

#[cfg(test)]
#[cfg(feature = "compiler")]
mod tests;
