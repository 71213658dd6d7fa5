//! What the benches use of the host, which is otherwise a binary.

pub use crate::config::{Manifest, ManifestSource, OnError, Signal, Source, parse};
pub use crate::export::DebugOutput;
pub use crate::losses::Losses;
pub use crate::metrics::{Recorder, Totals};
pub use crate::pipeline::{
    Bounds, Chain, Exporters, Intake, Origin, Stage, StageInstance, StageOutput, Topology,
    WorkerCount,
};
pub use crate::receive::{Received, RequestIntake};
pub use crate::refusal::Refusal;
pub use crate::service::{Admin, Folders, Service};
pub use spanmill_manifest::ComponentId;
pub use spanmill_net::Spare;
