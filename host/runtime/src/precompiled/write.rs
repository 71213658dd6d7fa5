//! Writing a precompiled plugin.

use std::io;

use spanmill_keys::SigningKey;

use super::{CodeInfo, HOST, Header, MAGIC, engine, message};
use crate::target::{Machine, PluginMemory};

/// Bytes before the header.
const PREFIX: usize = 16;
/// How the code of a file is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Compressed.
    Compressed,
    /// As it is, for a place that compresses whole files.
    Plain,
}

/// How much code is compressed: once here, and read at each start, which takes the same time at any level.
const LEVEL: i32 = 19;

/// The bytes of a file: code for each machine, of a component of that hash and length, signed if there is a key.
///
/// # Errors
///
/// There is no memory to compress in, or no randomness to sign with.
pub(crate) fn write(
    wasm: &str,
    wasm_bytes: usize,
    code: &[(Machine, PluginMemory, Vec<u8>)],
    packing: Packing,
    key: Option<&SigningKey>,
) -> io::Result<Vec<u8>> {
    let mut header = Header {
        host: HOST.to_owned(),
        engine: engine(),
        wasm: wasm.to_owned(),
        wasm_bytes,
        code: Vec::new(),
    };
    let mut all = Vec::new();
    for (machine, memory, bytes) in code {
        let stored = match packing {
            Packing::Compressed => zstd::bulk::compress(bytes, LEVEL)?,
            Packing::Plain => bytes.clone(),
        };
        header.code.push(CodeInfo {
            machine: *machine,
            memory: *memory,
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            stored: stored.len(),
            hash: *blake3::hash(&stored).as_bytes(),
        });
        all.extend_from_slice(&stored);
    }
    let header = serde_json::to_vec(&header).map_err(io::Error::other)?;
    let signature = match key {
        Some(key) => {
            let signature = key.sign(&message(&header));
            signature
                .ok_or_else(|| io::Error::other("the system has no randomness to sign with"))?
        }
        None => Vec::new(),
    };
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let parts = [header.len(), signature.len(), all.len()];
    let mut file = Vec::with_capacity(parts.iter().sum::<usize>().saturating_add(PREFIX));
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&length(&header));
    file.extend_from_slice(&length(&signature));
    file.extend_from_slice(&header);
    file.extend_from_slice(&signature);
    file.extend_from_slice(&all);
    Ok(file)
}
