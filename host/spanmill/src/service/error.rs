//! Why a service does not start or change.

use thiserror::Error;

use crate::export;
use crate::pipeline;
use spanmill_net::BindError;

/// Why a service did not start, or did not change.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// An exporter cannot start.
    #[error(transparent)]
    Exporter(#[from] export::BuildError),
    /// The pipelines cannot be built.
    #[error(transparent)]
    Pipelines(#[from] pipeline::BuildError),
    /// What runs cannot be replaced.
    #[error(transparent)]
    Change(#[from] pipeline::ChangeError),
    /// A change before this one has failed its trial while this one was prepared.
    #[error("the change before was rolled back at this moment; try again")]
    RolledBack,
}
