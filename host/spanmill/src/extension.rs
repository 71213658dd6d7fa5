//! Extensions: what a service offers beside its pipelines.

pub(crate) mod component;
pub(crate) mod file_storage;
mod go_duration;
pub(crate) mod health_check;
