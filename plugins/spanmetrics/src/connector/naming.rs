//! Names series that are measured for the first time.

use spanmill_sdk::{ABSENT, Cell, Emission, SeriesAttribute};

use super::rows::Rows;
use super::state::{CODES, KINDS, Metric, SpanMetrics};
use crate::dimensions::Dimensions;
use crate::globs::Found;
use crate::series::put;
use crate::settings::BUILT_IN;
use crate::words::DEFAULT;

/// The value of a data point's attribute.
enum Value<'a> {
    Cell(Cell),
    Constant(&'a str),
}

impl SpanMetrics {
    /// Names the series of a row.
    #[inline(never)]
    pub(super) fn name(
        &mut self,
        rows: &Rows<'_>,
        metric: Metric,
        row: usize,
        found: &mut Vec<Found>,
        emission: &mut Emission,
    ) {
        let Some(((span, event), resource)) = rows.place(row) else {
            return;
        };
        let scope = rows.scopes[span];
        let globs = &mut self.globs[metric as usize];
        found.clear();
        if !globs.is_empty() {
            rows.find(globs, &mut self.words, (span, event), resource, found);
        }
        let Some((number, service)) = self.resources.rows[resource as usize] else {
            return;
        };
        let shown = rows.scope(self, scope);
        let names = &mut self.names;
        let mut attributes: Vec<SeriesAttribute> = Vec::new();
        let mut add = |name: &str, value: Value<'_>| {
            let name = names.text(name, emission);
            let value = match value {
                Value::Cell(cell) => cell,
                Value::Constant(text) => Cell::Text(names.text(text, emission)),
            };
            put(&mut attributes, name, value);
        };
        let text = |index: u32| match index {
            ABSENT => Value::Constant(""),
            index => Value::Cell(Cell::Text(index)),
        };
        let service = match service {
            (1, index) => text(index as u32),
            _ => Value::Constant(""),
        };
        let built_in = [
            service,
            text(rows.names.get(span).copied().unwrap_or(ABSENT)),
            Value::Constant(KINDS.get(rows.kind(span)).copied().unwrap_or("")),
            Value::Constant(CODES.get(rows.code(span)).copied().unwrap_or("")),
        ];
        for ((name, value), excluded) in BUILT_IN.into_iter().zip(built_in).zip(self.excluded) {
            if !excluded {
                add(name, value);
            }
        }
        if let Some([name, version]) = shown {
            add("span.instrumentation.scope.name", text(name));
            if version != ABSENT {
                add("span.instrumentation.scope.version", text(version));
            }
        }
        if self.sampling_method {
            let method = match rows.is_extrapolated(span) {
                true => "extrapolated",
                false => "counted",
            };
            add("sampling.method", Value::Constant(method));
        }
        let dimensions = match event {
            None => &self.span_dimensions,
            Some(_) => &self.event_dimensions,
        };
        for &dimension in &self.plans[metric as usize] {
            let dim = &dimensions.list[dimension];
            let cell = match Dimensions::own(&rows.columns[dimension], span, event) {
                (0, _) => dimensions.fallback(resource, dimension).0,
                own => own,
            };
            match cell {
                (0, _) => {}
                (DEFAULT, _) => add(
                    &dim.name,
                    Value::Constant(dim.default.as_deref().unwrap_or("")),
                ),
                (kind, bits) => add(&dim.name, Value::Cell(Cell::from_parts(kind, bits))),
            }
        }
        found.sort_by_key(|found| rows.batch.texts.bytes(found.key));
        let (mut named, mut further) = (attributes, Vec::new());
        for found in found.iter() {
            let (kind, bits) = found.cell;
            let name = names.text(rows.batch.texts.get(found.key), emission);
            let value = Cell::from_parts(kind, bits);
            // No two that patterns found have one key.
            match named.iter_mut().find(|(known, _)| *known == name) {
                Some(known) => known.1 = value,
                None => further.push((name, value)),
            }
        }
        named.append(&mut further);
        let list = rows.batch.attributes(self.fields.resource);
        let resource = self
            .resources
            .attributes(resource as usize, number, &list, emission);
        emission.series(&resource, &named);
    }
}
