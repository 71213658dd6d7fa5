//! Plugins as sandboxed WebAssembly components: compiled once, within limits, or ahead of time, cached on disk, called with
//! columns, limited in time and memory. The only crate that names wasmtime; nothing of wasmtime's shows in its API.
//!
//! [`Runtime`] compiles components into [`Plugin`]s; a [`Slot`] holds one instance of a plugin for one worker
//! and replaces it after a fault. Nothing is compiled on the data path, and nothing a guest does panics.

mod abi;
mod about;
#[cfg(feature = "compiler")]
mod ahead;
#[cfg(feature = "compiler")]
mod cache;
mod cache_config;
mod code;
#[cfg(feature = "compiler")]
mod compile;
mod compiler_config;
mod contract;
mod describe;
mod engine;
mod error;
mod health;
mod imports;
mod instance;
#[cfg(feature = "native")]
#[doc(hidden)]
pub mod native;
mod place;
mod plugin;
mod precompiled;
mod producers;
mod role;
mod sandbox;
mod settings;
mod slot;
mod target;

pub use abi::v0_1::answer::{
    AppliedRules, AttributeLists, Decision, Decisions, Declared, Emission, Instrument,
    InstrumentKind, MetricStream, Recording, Sharding, Temporality,
};
pub use about::About;
#[cfg(feature = "compiler")]
pub use ahead::precompile;
pub use cache_config::CacheConfig;
#[cfg(feature = "compiler")]
pub use compile::compile_child;
pub use compiler_config::CompilerConfig;
pub use engine::{Runtime, RuntimeConfig, content_hash, file_hash};
pub use error::{ConfigureError, Fault, LoadError, Problem};
pub use health::Health;
pub use instance::{Answer, Limits, Snapshot};
pub use plugin::Plugin;
#[cfg(feature = "compiler")]
pub use precompiled::write::Packing;
pub use precompiled::{PrecompiledError, is_precompiled};
pub use producers::{Producers, producers};
pub use role::{Kind, Role};
pub use slot::{Slot, Tries};
pub use target::{CodeTarget, Machine, PluginMemory};
