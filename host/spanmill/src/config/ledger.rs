//! `ledger`: an account of what becomes of spans. A section of our own; without it none is kept.

use spanmill_manifest::{Diagnostics, Section};

/// An account of what becomes of spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// What it may take, in MiB. What is oldest is forgotten.
    pub mib: u64,
}

/// Some two million spans that pass a few plugins.
const DEFAULT_MIB: u64 = 64;

impl LedgerSettings {
    /// What it may take, in bytes.
    pub fn bytes(self) -> u64 {
        self.mib.saturating_mul(1024 * 1024)
    }
}

pub(super) fn ledger(mut section: Section<'_>, out: &mut Diagnostics) -> LedgerSettings {
    let mib = section.positive("mib", DEFAULT_MIB, out);
    section.finish(out);
    LedgerSettings { mib }
}
