//! The plugin in the SDK's test kit, which is the host's own code around it.

mod decisions;
mod fingerprints;
mod goals;
mod handover;
mod limits;
mod overload;
mod property;
mod reasons;
mod settings;
mod support;
