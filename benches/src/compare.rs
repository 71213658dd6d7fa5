//! Spanmill, the Collector and a null proxy under the same load: a generator, a sink that counts, and what is
//! measured in between.

pub mod batches;
pub mod check;
pub mod contestants;
pub mod endpoints;
pub mod fields;
pub mod load;
pub mod manifest;
pub mod measure;
pub mod metrics;
pub mod numbers;
pub mod plan;
pub mod plot;
pub mod report;
pub mod results;
pub mod sink;
