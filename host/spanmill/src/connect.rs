//! Connectors that the host implements. Those that look at what they are given are plugins.

use spanmill_manifest::{Diagnostics, Section};

use crate::component::{ALL_SIGNALS, Component};

/// A connector as the table of components has it.
pub(crate) type ConnectorComponent = Component<HostConnector>;

/// A connector that the host implements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostConnector {
    /// Passes on whatever it is given.
    Forward,
}

pub(crate) static FORWARD: ConnectorComponent = Component {
    name: "forward",
    aliases: &[],
    signals: ALL_SIGNALS,
    read,
};

/// It has no settings.
fn read(section: Section<'_>, out: &mut Diagnostics) -> HostConnector {
    section.finish(out);
    HostConnector::Forward
}
