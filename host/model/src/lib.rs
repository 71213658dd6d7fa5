//! What telemetry is made of, as data: signals, the contexts whose rows they carry and how those nest, the
//! fields that a plugin may name, and the kinds of cells. Without dependencies, so that host and SDKs can share it.
//! Where a field stands on the wire is none of its business.

mod cell;
mod context;
mod field;
mod names;
mod per_context;
mod per_signal;
mod signal;

pub use cell::CellKind;
pub use context::Context;
pub use field::{FIELDS, Field, Shape};
pub use names::{Names, SEVERITIES, SPAN_KINDS, STATUS_CODES, TEMPORALITIES};
pub use per_context::PerContext;
pub use per_signal::PerSignal;
pub use signal::Signal;
