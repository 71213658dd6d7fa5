//! The probabilistic sampler: keeps a share of all traces, chosen by a hash of the trace id.
//!
//! Decisions and the trace state of kept spans are those of the Collector's `probabilistic_sampler` in its
//! mode `hash_seed`, bit for bit, so that several layers of either agree.

mod hash;
mod priority;
mod sampler;
mod settings;
mod trace_state;

pub use sampler::ProbabilisticSampler;

spanmill_sdk::register_processor!(ProbabilisticSampler);
