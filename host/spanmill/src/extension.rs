//! Extensions: what a service offers beside its pipelines.

pub(crate) mod component;
mod go_duration;
pub(crate) mod health_check;
