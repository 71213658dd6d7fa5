//! Rules as they are written become rules that pick a sampler.

mod compile;
mod rule;
mod sampler;

pub(crate) use self::compile::compile;
pub(crate) use self::rule::{Rules, Sampler};
