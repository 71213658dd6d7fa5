//! The new request, before it is written.

/// A resource of the new request.
pub(crate) struct ResourceNode {
    /// The fields of the message around it.
    pub(crate) fields: Vec<u8>,
    pub(crate) scopes: Vec<u32>,
}

/// A scope of the new request.
pub(crate) struct ScopeNode {
    /// The scope of the old one that it is.
    pub(crate) of: u32,
    pub(crate) metrics: Vec<u32>,
    /// Spans or log records.
    pub(crate) items: Vec<u32>,
}

/// A metric of the new request.
pub(crate) struct MetricNode {
    /// The metric of the old one that it is, but for its points.
    pub(crate) of: u32,
    pub(crate) points: Vec<u32>,
}

/// The new request, as numbers of what it is made of.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) resources: Vec<ResourceNode>,
    pub(crate) scopes: Vec<ScopeNode>,
    pub(crate) metrics: Vec<MetricNode>,
}
