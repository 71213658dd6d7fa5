//! The operations that were seen, and how they are written down.

use std::collections::BTreeSet;

/// Operations, by a hash of the service and the name: names may be long, and what is remembered stays small. Of 50,000
/// operations, two have the same hash with a probability of one to ten billion.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Known(BTreeSet<u64>);

impl Known {
    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether an operation was seen.
    pub fn contains(&self, service: &str, operation: &str) -> bool {
        self.0.contains(&hash(service, operation))
    }

    /// Notes that an operation was seen.
    pub fn insert(&mut self, service: &str, operation: &str) {
        self.0.insert(hash(service, operation));
    }

    /// The hashes, in order, 8 bytes each, the lowest first.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|hash| hash.to_le_bytes()).collect()
    }

    /// Reads what [`Known::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (hashes, []) = bytes.as_chunks() else {
            return None;
        };
        let hashes = hashes.iter().map(|hash| u64::from_le_bytes(*hash));
        Some(Known(hashes.collect()))
    }
}

/// FNV-1a. The hashes of the standard library may differ from one version of Rust to the next, and the state would be lost.
fn hash(service: &str, operation: &str) -> u64 {
    // 0xff is in no text, so it tells where the service ends.
    let bytes = service.bytes().chain([0xff]).chain(operation.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
