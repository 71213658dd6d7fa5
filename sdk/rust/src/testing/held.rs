//! Rows that are held, as the host keeps them.

use std::collections::BTreeMap;

use spanmill_otlp::Request;

/// A row that is held, with what is around it.
#[derive(Clone, Debug)]
pub(super) struct HeldRow {
    pub(super) resource: Vec<u8>,
    pub(super) scope: Vec<u8>,
    pub(super) item: Vec<u8>,
}

/// The rows that are held, by trace.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldRows {
    /// The traces in the order they came.
    pub(super) order: Vec<u128>,
    pub(super) rows: BTreeMap<u128, Vec<HeldRow>>,
}

impl HeldRows {
    /// Takes the rows of a request.
    pub(super) fn take(&mut self, request: &Request) {
        for row in request.rows() {
            let mut held = HeldRow {
                resource: Vec::new(),
                scope: Vec::new(),
                item: row.bytes.to_vec(),
            };
            request.resource_fields(row.resource, &mut held.resource);
            request.scope_fields(row.scope, &mut held.scope);
            if !self.rows.contains_key(&row.trace_id) {
                self.order.push(row.trace_id);
            }
            self.rows.entry(row.trace_id).or_default().push(held);
        }
    }

    /// Takes the rows of a trace out.
    pub(super) fn remove(&mut self, trace_id: u128) -> Vec<HeldRow> {
        self.order.retain(|known| *known != trace_id);
        self.rows.remove(&trace_id).unwrap_or_default()
    }
}
