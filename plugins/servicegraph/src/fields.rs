//! What is read of spans, as texts' numbers.

use spanmill_sdk::{
    AttributeField, Batch, Context, Contract, NarrowField, TraceIdField, Value, Values, WideField,
};
use spanmill_series::TextIds;

use crate::settings::Settings;

/// The fields that are read.
#[derive(Debug)]
pub(crate) struct Fields {
    service: AttributeField,
    trace_id: TraceIdField,
    span_id: WideField,
    parent_span_id: WideField,
    kind: NarrowField,
    code: NarrowField,
    start: WideField,
    end: WideField,
    dimensions: Vec<Either>,
    databases: Vec<Either>,
    peers: Vec<AttributeField>,
}

/// An attribute of the resource, else of the span.
#[derive(Debug)]
struct Either {
    resource: AttributeField,
    span: AttributeField,
}

impl Either {
    fn new(name: &str, contract: &mut Contract) -> Self {
        Either {
            resource: contract.read_attribute(Context::Resource, name),
            span: contract.read_attribute(Context::Span, name),
        }
    }

    fn columns<'a>(&self, batch: &Batch<'a>) -> [Values<'a>; 2] {
        [self.resource, self.span].map(|field| batch.attribute(field))
    }
}

impl Fields {
    pub(crate) fn new(settings: &Settings, contract: &mut Contract) -> Self {
        let mut each = |names: &[String]| -> Vec<Either> {
            names.iter().map(|it| Either::new(it, contract)).collect()
        };
        let (dimensions, databases) = (
            each(&settings.dimensions),
            each(&settings.database_name_attributes),
        );
        let peers = settings.virtual_node_peer_attributes.iter();
        Fields {
            dimensions,
            databases,
            peers: peers
                .map(|name| contract.read_attribute(Context::Span, name))
                .collect(),
            service: contract.read_attribute(Context::Resource, "service.name"),
            trace_id: contract.read_trace_id("span.trace_id"),
            span_id: contract.read_wide("span.span_id"),
            parent_span_id: contract.read_wide("span.parent_span_id"),
            kind: contract.read_narrow("span.kind"),
            code: contract.read_narrow("span.status.code"),
            start: contract.read_wide("span.start_time_unix_nano"),
            end: contract.read_wide("span.end_time_unix_nano"),
        }
    }

    /// The columns of the batch at hand.
    pub(crate) fn columns<'a>(&self, batch: &'a Batch<'a>) -> Columns<'a> {
        let each = |list: &[Either]| list.iter().map(|it| it.columns(batch)).collect();
        let peers = self.peers.iter();
        Columns {
            batch,
            scopes: batch.parents(Context::Span),
            resources: batch.parents(Context::Scope),
            services: batch.attribute(self.service),
            trace_ids: batch.trace_ids(self.trace_id).as_chunks().0,
            span_ids: batch.wide(self.span_id),
            parent_span_ids: batch.wide(self.parent_span_id),
            kinds: batch.narrow(self.kind),
            codes: batch.narrow(self.code),
            starts: batch.wide(self.start),
            ends: batch.wide(self.end),
            dimensions: each(&self.dimensions),
            databases: each(&self.databases),
            peers: peers.map(|&field| batch.attribute(field)).collect(),
        }
    }
}

/// What there is of spans in a batch.
pub(crate) struct Columns<'a> {
    batch: &'a Batch<'a>,
    scopes: &'a [u32],
    resources: &'a [u32],
    services: Values<'a>,
    trace_ids: &'a [[u64; 2]],
    span_ids: &'a [u64],
    parent_span_ids: &'a [u64],
    pub kinds: &'a [u32],
    codes: &'a [u32],
    starts: &'a [u64],
    ends: &'a [u64],
    dimensions: Vec<[Values<'a>; 2]>,
    databases: Vec<[Values<'a>; 2]>,
    peers: Vec<Values<'a>>,
}

impl Columns<'_> {
    /// The resource row of a span.
    pub(crate) fn resource(&self, span: usize) -> Option<usize> {
        let scope = *self.scopes.get(span)? as usize;
        self.resources.get(scope).map(|&row| row as usize)
    }

    /// The service of each resource; `None` where it has none. 0: its name is empty.
    pub(crate) fn services(&self, texts: &mut TextIds) -> Vec<Option<u32>> {
        (0..self.batch.rows(Context::Resource))
            .map(|row| name(texts, self.batch, self.services.cell(row)))
            .collect()
    }

    pub(crate) fn trace_id(&self, span: usize) -> u128 {
        let [high, low] = self.trace_ids.get(span).copied().unwrap_or_default();
        u128::from(high) << 64 | u128::from(low)
    }

    pub(crate) fn span_id(&self, span: usize) -> u64 {
        self.span_ids.get(span).copied().unwrap_or(0)
    }

    pub(crate) fn parent_span_id(&self, span: usize) -> u64 {
        self.parent_span_ids.get(span).copied().unwrap_or(0)
    }

    /// How long a span took; one that ends before it starts took no time.
    pub(crate) fn duration(&self, span: usize) -> u64 {
        let time = |times: &[u64]| times.get(span).copied().unwrap_or(0);
        time(self.ends).saturating_sub(time(self.starts))
    }

    /// Whether a span's status is an error.
    pub(crate) fn has_failed(&self, span: usize) -> bool {
        self.codes.get(span) == Some(&2)
    }

    /// The values of the dimensions that a span has.
    pub(crate) fn dimensions(
        &self,
        texts: &mut TextIds,
        resource: usize,
        span: usize,
        mut each: impl FnMut(usize, u32),
    ) {
        for (dimension, [resources, spans]) in self.dimensions.iter().enumerate() {
            let cells = [resources.cell(resource), spans.cell(span)];
            if let Some(cell) = cells.into_iter().find(|(kind, _)| *kind != 0) {
                each(dimension, text(texts, self.batch, cell));
            }
        }
    }

    /// The name of the database that a span asks; 0: it is empty.
    pub(crate) fn database(
        &self,
        texts: &mut TextIds,
        resource: usize,
        span: usize,
    ) -> Option<u32> {
        let cells = self.databases.iter().flat_map(|[resources, spans]| {
            [resources.cell(resource), spans.cell(span)].into_iter()
        });
        let cell = cells.into_iter().find(|(kind, _)| *kind != 0)?;
        name(texts, self.batch, cell)
    }

    /// The first peer attribute that a span has: which one, and its value; 0: it is empty.
    pub(crate) fn peer(&self, texts: &mut TextIds, span: usize) -> Option<(u32, u32)> {
        let cells = self.peers.iter().map(|values| values.cell(span));
        let (attribute, cell) = (0..).zip(cells).find(|(_, (kind, _))| *kind != 0)?;
        Some((attribute, name(texts, self.batch, cell)?))
    }
}

/// The number of the text that a value is written as.
fn text(texts: &mut TextIds, batch: &Batch<'_>, (kind, bits): (u8, u64)) -> u32 {
    match kind {
        1 => texts.id(batch, bits as u32),
        _ => {
            let value = Value::from_cell(kind, bits, &batch.texts);
            texts.intern(value.to_text().as_bytes())
        }
    }
}

/// The same, for names: 0 for the empty one; `None`: there is no value.
fn name(texts: &mut TextIds, batch: &Batch<'_>, cell: (u8, u64)) -> Option<u32> {
    if cell.0 == 0 {
        return None;
    }
    let id = text(texts, batch, cell);
    Some(if texts.text(id).is_empty() { 0 } else { id })
}
