//! OpenTelemetry's consistent probability sampling: rejection thresholds, and the trace states that carry them.

pub mod threshold;
pub mod trace_state;
