//! Finds the exceptions of a batch, and what tells them apart.

use spanmill_sdk::{
    ABSENT, AttributeField, Batch, Context, Contract, NarrowField, TextField, Values,
};

use crate::settings::{Dimension, SERVICE_NAME};

const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
const CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

/// What is read to find exceptions.
#[derive(Debug)]
pub(crate) struct Fields {
    event_name: TextField,
    span_name: TextField,
    kind: NarrowField,
    code: NarrowField,
    service: AttributeField,
    /// Each dimension of the span, the event and the resource, and what stands for it where it is nowhere.
    dimensions: Vec<([AttributeField; 3], Dimension)>,
}

/// An exception: the event, and what it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exception {
    pub event: usize,
    pub span: usize,
    pub resource: usize,
    /// The cell of the service's name.
    pub service: (u8, u64),
    /// The text of the span's name; absent: none.
    pub span_name: u32,
    pub kind: &'static str,
    pub code: &'static str,
}

impl Fields {
    pub(crate) fn new(dimensions: &[Dimension], contract: &mut Contract) -> Self {
        let each = |contract: &mut Contract, name: &str| {
            [Context::Span, Context::SpanEvent, Context::Resource]
                .map(|context| contract.read_attribute(context, name))
        };
        Fields {
            event_name: contract.read_text("spanevent.name"),
            span_name: contract.read_text("span.name"),
            kind: contract.read_narrow("span.kind"),
            code: contract.read_narrow("span.status.code"),
            service: contract.read_attribute(Context::Resource, SERVICE_NAME),
            dimensions: dimensions
                .iter()
                .map(|dimension| (each(contract, &dimension.name), dimension.clone()))
                .collect(),
        }
    }

    /// The exceptions of a batch, in order: events of that name, of resources that name their service.
    pub(crate) fn exceptions(&self, batch: &Batch<'_>) -> Vec<Exception> {
        let names = batch.text(self.event_name);
        // A batch mostly has none, and then a look at each text is enough.
        let name =
            (0..batch.texts.len() as u32).find(|text| batch.texts.bytes(*text) == b"exception");
        let Some(name) = name else {
            return Vec::new();
        };
        let (spans, scopes) = (
            batch.parents(Context::SpanEvent),
            batch.parents(Context::Span),
        );
        let resources = batch.parents(Context::Scope);
        let services = batch.attribute(self.service);
        let (kinds, codes) = (batch.narrow(self.kind), batch.narrow(self.code));
        let span_names = batch.text(self.span_name);
        let exception = |event: usize| {
            let span = *spans.get(event)? as usize;
            let resource = *resources.get(*scopes.get(span)? as usize)? as usize;
            let service = services.cell(resource);
            let kind = kinds.get(span).copied().unwrap_or(0) as usize;
            let code = codes.get(span).copied().unwrap_or(0) as usize;
            (service.0 != 0).then_some(Exception {
                event,
                span,
                resource,
                service,
                span_name: span_names.get(span).copied().unwrap_or(ABSENT),
                kind: KINDS.get(kind).copied().unwrap_or(""),
                code: CODES.get(code).copied().unwrap_or(""),
            })
        };
        let is_exception = |event: &usize| names.get(*event) == Some(&name);
        (0..names.len())
            .filter(is_exception)
            .filter_map(exception)
            .collect()
    }

    /// The columns of the dimensions.
    pub(crate) fn dimensions<'a>(&'a self, batch: &'a Batch<'_>) -> Vec<Column<'a>> {
        self.dimensions
            .iter()
            .map(|(fields, dimension)| Column {
                dimension,
                values: fields.map(|field| batch.attribute(field)),
            })
            .collect()
    }
}

/// The values of one dimension.
pub(crate) struct Column<'a> {
    pub dimension: &'a Dimension,
    values: [Values<'a>; 3],
}

impl Column<'_> {
    /// The value of an exception; kind 0: it has none of its own.
    pub(crate) fn cell(&self, exception: &Exception) -> (u8, u64) {
        let [span, event, resource] = &self.values;
        let found = [
            span.cell(exception.span),
            event.cell(exception.event),
            resource.cell(exception.resource),
        ];
        found
            .into_iter()
            .find(|(kind, _)| *kind != 0)
            .unwrap_or((0, 0))
    }
}
