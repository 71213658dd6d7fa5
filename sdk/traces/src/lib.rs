//! What plugins that hold traces know of them: a few words each, in a table by trace id ([`Traces`]), and decisions that are
//! remembered after their traces have left ([`DecisionCache`]). The spans themselves are held in the host.

mod cache;
mod counter;
mod mixer;
mod saved;
mod table;

pub use cache::DecisionCache;
pub use counter::counter_named;
pub use mixer::Mixer;
pub use saved::{end, log_unknown, put, take};
pub use table::{Phase, TOGETHER, Traces, Tracked};
