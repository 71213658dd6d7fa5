//! Spanmill's host: receivers, pipelines and exporters around sandboxed plugins.
//! Modules stand in the order in which a batch meets them.

pub mod bench;
mod component;
mod components;
pub mod config;
pub mod receive;

pub mod pipeline;

pub mod process;

pub mod metrics;

pub mod export;

pub mod console;
mod episode;

mod gathered;
pub mod losses;
pub mod memory;
mod otlp_json;
pub mod panics;
pub mod refusal;

pub mod service;

pub mod cli;
