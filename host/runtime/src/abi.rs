//! The released tracks of the contract, a module each. A host serves every track it has a module for.

pub mod v0_1;
