//! Spanmill's host: receivers, pipelines and exporters around sandboxed plugins.
//! Modules stand in the order in which a batch meets them.

pub mod config;
pub mod receive;

pub mod pipeline;

pub mod metrics;

pub mod export;

mod files;
mod gathered;
mod otlp_json;

pub mod service;

pub mod cli;
