//! A file's bytes, with the proof of where they come from.

use std::ops::Deref;
use std::sync::Arc;

/// Bytes that were read from the archive of the program that runs, and are what was written there. Nothing else makes one, so
/// whoever is given one knows that its code is as trustworthy as the program.
#[derive(Debug)]
pub struct Embedded(Arc<Vec<u8>>);

impl Embedded {
    pub(crate) fn new(bytes: Arc<Vec<u8>>) -> Self {
        Embedded(bytes)
    }

    /// The bytes, of which nothing is known any more.
    pub fn into_bytes(self) -> Vec<u8> {
        Arc::unwrap_or_clone(self.0)
    }
}

impl Deref for Embedded {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
