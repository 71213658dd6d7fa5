//! Spanmill's host: receivers, pipelines and exporters around sandboxed plugins.
//! Modules stand in the order in which a batch meets them. All of it is private to the binary, but for what the benches
//! measure.

mod config;
mod connect;
mod receive;

mod pipeline;
mod remote;

mod process;

mod metrics;

mod export;

mod clock;
mod component;
mod components;

mod console;
mod control_groups;
mod extension;
mod health;
mod inside;
mod ledger;
mod losses;
mod machine;
mod memory;
mod metadata;
mod otlp_json;
mod processors;
mod received;
mod refusal;
mod storage;
mod tracer;

use spanmill_faults::{episode, panics};

mod service;
mod telemetry;

pub mod bench;
pub mod cli;
