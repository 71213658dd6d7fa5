//! What the process that speaks to servers is asked, and what it answers: one line of JSON, then the plugin's bytes.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde::{Deserialize, Serialize};

use crate::base64_bytes;
use crate::digest::Digest;
use crate::limits::MAX_PLUGIN;
use crate::location::Location;
use crate::signature::Signature;

/// The longest line: a manifest and signatures.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// What is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchRequest {
    /// Where it is. Without a digest, what is there now.
    pub location: Location,
    /// Whether signatures are wanted as well.
    pub signatures: bool,
}

/// A plugin as it came from a server. Nothing of it has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Of a registry's artifact, its manifest.
    pub manifest: Option<Vec<u8>>,
    /// The component.
    pub wasm: Vec<u8>,
    /// The signatures that lie beside it.
    pub signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    #[serde(with = "base64_bytes")]
    manifest: Vec<u8>,
    signatures: Vec<Signature>,
    bytes: u64,
}

impl Fetched {
    /// What pins it: the digest of its manifest, or of the file if there is none.
    pub fn digest(&self) -> Digest {
        Digest::of(self.manifest.as_deref().unwrap_or(&self.wasm))
    }

    /// Writes it for [`Fetched::read`].
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        let head = Head {
            manifest: self.manifest.clone().unwrap_or_default(),
            signatures: self.signatures.clone(),
            bytes: u64::try_from(self.wasm.len()).unwrap_or(u64::MAX),
        };
        serde_json::to_writer(&mut to, &head)?;
        to.write_all(b"\n")?;
        to.write_all(&self.wasm)?;
        to.flush()
    }

    /// Reads what [`Fetched::write`] wrote; of whatever comes, no more than a plugin and a line.
    pub fn read(from: impl Read) -> io::Result<Self> {
        let mut from = BufReader::new(from.take(MAX_PLUGIN.saturating_add(MAX_LINE)));
        let mut line = Vec::new();
        (&mut from).take(MAX_LINE).read_until(b'\n', &mut line)?;
        let head: Head = serde_json::from_slice(&line)?;
        if head.bytes > MAX_PLUGIN {
            return Err(io::Error::other("the plugin is too large"));
        }
        let mut wasm = Vec::new();
        from.take(head.bytes).read_to_end(&mut wasm)?;
        if u64::try_from(wasm.len()).ok() != Some(head.bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Fetched {
            manifest: (!head.manifest.is_empty()).then_some(head.manifest),
            wasm,
            signatures: head.signatures,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_less_or_larger() {
        for manifest in [None, Some(b"{}".to_vec())] {
            let fetched = Fetched {
                manifest,
                wasm: b"\0asm".to_vec(),
                signatures: vec![Signature::Detached(b"signature".to_vec())],
            };
            let mut written = Vec::new();
            fetched.write(&mut written).unwrap();
            assert_eq!(Fetched::read(written.as_slice()).unwrap(), fetched);
            for short in 0..written.len() {
                assert!(Fetched::read(&written[..short]).is_err(), "{short} bytes");
            }
        }
        let large = format!(
            "{{\"manifest\": \"\", \"signatures\": [], \"bytes\": {}}}\n",
            MAX_PLUGIN + 1
        );
        assert!(Fetched::read(large.as_bytes()).is_err());
    }
}
