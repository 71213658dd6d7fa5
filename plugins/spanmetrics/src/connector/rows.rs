//! What of a span tells series apart, but for the dimensions: columns that are at hand while rows are walked over.

use spanmill_sdk::{Batch, Context};

use super::{BASE, Buffers, CODES, KINDS, SpanMetrics};
use crate::resources::Resources;

/// The columns of a batch's spans; empty where a built-in attribute is left out.
pub(super) struct SpanRows<'a> {
    /// The resource of each scope.
    scopes: &'a [u32],
    names: &'a [u32],
    kinds: &'a [u32],
    codes: &'a [u32],
    sampling_method: bool,
}

impl<'a> SpanRows<'a> {
    pub fn new(plugin: &SpanMetrics, batch: &Batch<'a>) -> Self {
        let shown = |excluded: bool, column: &'a [u32]| if excluded { &[][..] } else { column };
        let fields = &plugin.fields;
        SpanRows {
            scopes: batch.parents(Context::Scope),
            names: shown(plugin.excluded[1], batch.text(fields.name)),
            kinds: shown(plugin.excluded[2], batch.narrow(fields.kind)),
            codes: shown(plugin.excluded[3], batch.narrow(fields.code)),
            sampling_method: plugin.sampling_method,
        }
    }

    /// The row of a scope's resource, if it is measured.
    pub fn resource(&self, resources: &Resources, scope: u32) -> Option<u32> {
        let resource = *self.scopes.get(scope as usize)?;
        matches!(resources.rows.get(resource as usize), Some(Some(_))).then_some(resource)
    }

    /// The words that every key of a span starts with.
    #[inline]
    pub fn base(&self, buffers: &Buffers, resource: u32, scope: u32, span: usize) -> [u64; BASE] {
        let at = |column: &[u32]| column.get(span).copied().unwrap_or(0);
        let adjusted =
            self.sampling_method && buffers.counts.get(span).is_some_and(|&count| count > 0);
        let shown = buffers.shown.get(scope as usize) == Some(&true);
        let scope = if shown { u64::from(scope) + 1 } else { 0 };
        let kind = at(self.kinds).min(KINDS.len() as u32);
        let code = at(self.codes).min(CODES.len() as u32);
        [
            u64::from(resource) << 32 | u64::from(at(self.names)),
            scope << 32 | u64::from(adjusted) << 16 | u64::from(kind) << 8 | u64::from(code),
        ]
    }
}
