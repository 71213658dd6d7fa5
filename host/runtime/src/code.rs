//! The one place where native code is loaded. Whoever decides what is in it decides what the process does, so what gets here has
//! come one of four ways, and there is no other:
//!
//! - from a compiler of this very program: [`Code::compiled`];
//! - from the cache that only this user can write to, under its keyed hash: [`Code::cached`];
//! - from inside the executable: [`Code::embedded`];
//! - from a file that a key of the operator's has signed: [`Code::signed`].
//!
//! That it was made for this engine, wasmtime checks.
#![allow(unsafe_code)] // `deserialize` trusts the bytes; see `Code::load`.

use std::borrow::Cow;

use spanmill_archive::Embedded;
use spanmill_keys::PublicKey;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::precompiled::{Header, Precompiled, PrecompiledError};
use crate::target::PluginMemory;

/// Native code that may run.
pub(crate) struct Code<'a>(Cow<'a, [u8]>);

#[cfg(feature = "compiler")]
impl<'a> Code<'a> {
    /// What the compiler has just made: in this process, or in one of this very program that writes it into a pipe, to which nobody
    /// else can write. For `compile.rs` alone.
    pub(crate) fn compiled(code: &'a [u8]) -> Self {
        Code(Cow::Borrowed(code))
    }

    /// A file of the cache, if it is what was written there: it begins with a keyed hash of its name and the rest. The key only
    /// this user can read. `None` for any other bytes.
    pub(crate) fn cached(file: &'a [u8], name: &str, key: &[u8; blake3::KEY_LEN]) -> Option<Self> {
        let (stored, code) = file.split_first_chunk::<{ blake3::OUT_LEN }>()?;
        // `Hash` compares in constant time.
        let is_ours = blake3::Hash::from_bytes(*stored) == cache_hash(name, code, key);
        is_ours.then_some(Code(Cow::Borrowed(code)))
    }
}

/// The hash that a file of the cache begins with.
#[cfg(feature = "compiler")]
pub(crate) fn cache_hash(name: &str, code: &[u8], key: &[u8; blake3::KEY_LEN]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    // With the name: one plugin's code under another's name would be as good as written by a stranger.
    hasher.update(blake3::hash(name.as_bytes()).as_bytes());
    hasher.update(code);
    hasher.finalize()
}

impl<'a> Code<'a> {
    /// A precompiled plugin inside the executable. Whoever can write that decides what runs anyway.
    ///
    /// # Errors
    ///
    /// It does not fit this machine or version.
    pub(crate) fn embedded(
        file: &'a Embedded,
        memory: PluginMemory,
    ) -> Result<(Self, Header), PrecompiledError> {
        Self::of(Precompiled::read(file)?, memory, true)
    }

    /// A precompiled plugin from anywhere, if one of the keys has signed it.
    ///
    /// # Errors
    ///
    /// None has, or it does not fit this machine or version.
    pub(crate) fn signed(
        file: &'a [u8],
        keys: &[PublicKey],
        memory: PluginMemory,
    ) -> Result<(Self, Header), PrecompiledError> {
        let file = Precompiled::read(file)?;
        file.check_signature(keys)?;
        Self::of(file, memory, false)
    }

    fn of(
        file: Precompiled<'a>,
        memory: PluginMemory,
        is_whole: bool,
    ) -> Result<(Self, Header), PrecompiledError> {
        let code = file.code(memory, is_whole)?;
        Ok((Code(code), file.header))
    }
}

impl Code<'_> {
    /// Loads it.
    ///
    /// # Errors
    ///
    /// It was made for another engine.
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the bytes are what a compiler of this program made. Each constructor says how that is known, and this module has
        // all of them. That they are for this version and these settings, wasmtime checks.
        unsafe { Component::deserialize(engine, &self.0) }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Each file of the host, but for tests.
    fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if path.is_dir() {
                sources(&path, found);
            } else if name.ends_with(".rs") && !name.contains("/tests") {
                found.push((name, std::fs::read_to_string(path).unwrap()));
            }
        }
    }

    #[test]
    fn code_is_loaded_here_and_nowhere_else() {
        let host = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut all = Vec::new();
        sources(host, &mut all);
        let files = |what: &[&str]| -> Vec<&str> {
            let has = |text: &str| what.iter().any(|what| text.contains(what));
            let found = all.iter().filter(|(_, text)| has(text));
            found
                .map(|(name, _)| name.rsplit("host/").next().unwrap())
                .collect()
        };
        let loads = [
            concat!("Component::", "deserialize"),
            concat!("Module::", "deserialize"),
            concat!("deserialize", "_file"),
            concat!("deserialize", "_raw"),
            concat!("load_code", "_bytes"),
        ];
        assert_eq!(files(&loads), ["runtime/src/code.rs"]);
        assert_eq!(
            files(&[concat!("Code::", "compiled(")]),
            ["runtime/src/compile.rs"]
        );
        assert_eq!(
            files(&[concat!("Code::", "cached(")]),
            ["runtime/src/cache.rs"]
        );
    }
}
