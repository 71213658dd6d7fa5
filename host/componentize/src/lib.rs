//! Turns a core WebAssembly module into a plugin: a component of the contract.
//!
//! Toolchains such as Go's and C's build core modules, which export the canonical ABI's functions under the names of the
//! contract's (`spanmill:plugin/processor@0.1.0#process`). Which roles and optional interfaces a plugin has follows from those
//! names, so its author needs neither WIT files nor a tool for components. The module may import the contract's `log` and
//! `counters`, and `wasi_snapshot_preview1`, which is answered by an adapter of our own (`preview1.wat`) in which there are no
//! files, clock or chance.

mod adapter;
mod component;
mod error;
mod exports;
mod no_op;
mod world;

pub use component::componentize;
pub use error::Error;
pub use no_op::no_op;
pub use world::World;

/// Whether these bytes are a core module, and not a component or anything else.
pub fn is_core_module(bytes: &[u8]) -> bool {
    bytes.get(..8) == Some(b"\0asm\x01\0\0\0")
}

#[cfg(test)]
mod tests;
