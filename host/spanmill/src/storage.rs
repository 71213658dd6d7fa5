//! What outlives the process: rows that plugins hold, and what the plugins know of them, in directories of `file_storage`
//! extensions.
//!
//! ```text
//! <directory>/spanmill.lock                     held while a process uses the directory
//! <directory>/<pipeline>+<component>/<n>/       a generation: what one run of one pipeline has written
//!     ready                                     there once it has all of the generations named in it
//!     <shard>-<segment>.held                    records, in blocks
//!     <shard>-of-<shards>.state                 the plugin's state
//! ```
//!
//! Rows are written behind: at most [`StorageSettings::interval`] after they came. A trace is forgotten once it was dropped, or
//! delivered to what stands behind the plugin; so what a killed process had under way comes again.

mod checksum;
mod directories;
mod error;
mod generation;
mod journal;
mod record;
mod replay;
mod segment;
mod settings;
#[cfg(test)]
mod tests;

pub use directories::Storages;
pub use error::StorageError;
pub use generation::Generation;
pub use journal::{ShardJournal, ShardWriter};
pub use replay::{PreviousRun, StoredRows, StoredState};
pub use settings::StorageSettings;
