//! Gives groups of rows their series, and names those that are seen for the first time.

use spanmill_sdk::{ABSENT, Attributes, Batch, Cell, Emission, SeriesAttribute};

use super::{BASE, CODES, KINDS, SpanMetrics};
use crate::dimensions::DEFAULT;
use crate::resources::{push_cell, push_text};
use crate::series::put;
use crate::settings::BUILT_IN;

impl SpanMetrics {
    /// The series of a group; named if it is not known yet.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn name_series(
        &mut self,
        batch: &Batch<'_>,
        list: &Attributes<'_>,
        group: usize,
        key: &mut Vec<u8>,
        metric: Metric,
        emission: &mut Emission,
    ) -> u32 {
        let (words, dimensions) = match metric {
            Metric::Events => (self.event_groups.key(group), &self.event_dimensions),
            _ => (self.span_groups.key(group), &self.span_dimensions),
        };
        let every: Vec<usize>;
        let plan = match metric {
            Metric::Calls => &self.calls_plan,
            Metric::Duration => &self.duration_plan,
            Metric::Events => {
                every = (0..dimensions.list.len()).collect();
                &every
            }
        };
        let point = Point::new(words);
        let Some(Some((number, service))) = self.resources.rows.get(point.resource).copied() else {
            return 0;
        };
        key.clear();
        // Metrics with other dimensions have series of their own.
        key.push(
            if self.calls_plan == self.duration_plan && metric == Metric::Duration {
                0
            } else {
                metric as u8
            },
        );
        key.extend(number.to_le_bytes());
        push_cell(key, batch, if self.excluded[0] { (0, 0) } else { service });
        push_text(
            key,
            batch
                .texts
                .bytes(if self.excluded[1] { ABSENT } else { point.name }),
        );
        key.extend([point.kind, point.code, u8::from(point.adjusted)]);
        let scope = self
            .fields
            .scope
            .filter(|_| point.scope > 0)
            .map(|(name, version)| {
                let row = point.scope - 1;
                [name, version].map(|field| batch.text(field).get(row).copied().unwrap_or(ABSENT))
            });
        for text in scope.into_iter().flatten() {
            push_text(key, batch.texts.bytes(text));
        }
        let words = &words[BASE..];
        for &dimension in plan {
            push_cell(key, batch, dimensions.cell(words, dimension));
        }
        if let Some(&known) = self.series.get(key.as_slice()) {
            return known;
        }
        let attributes = {
            let names = &mut self.names;
            let mut attributes: Vec<SeriesAttribute> = Vec::new();
            let mut constant =
                |attributes: &mut Vec<_>, name: &str, value: Value<'_>, emission: &mut Emission| {
                    let name = names.text(name, emission);
                    let value = match value {
                        Value::Cell(cell) => cell,
                        Value::Constant(text) => Cell::Text(names.text(text, emission)),
                    };
                    put(attributes, name, value);
                };
            let text = |index: u32| match index {
                ABSENT => Value::Constant(""),
                index => Value::Cell(Cell::Text(index)),
            };
            let service = if service.0 == 1 {
                Value::Cell(Cell::Text(service.1 as u32))
            } else {
                Value::Constant("")
            };
            let kind = KINDS.get(usize::from(point.kind)).copied().unwrap_or("");
            let code = CODES.get(usize::from(point.code)).copied().unwrap_or("");
            let built_in = [
                service,
                text(point.name),
                Value::Constant(kind),
                Value::Constant(code),
            ];
            for ((name, value), _) in BUILT_IN
                .into_iter()
                .zip(built_in)
                .zip(self.excluded)
                .filter(|(_, excluded)| !excluded)
            {
                constant(&mut attributes, name, value, emission);
            }
            if let Some([name, version]) = scope {
                constant(
                    &mut attributes,
                    "span.instrumentation.scope.name",
                    text(name),
                    emission,
                );
                if version != ABSENT {
                    constant(
                        &mut attributes,
                        "span.instrumentation.scope.version",
                        text(version),
                        emission,
                    );
                }
            }
            if self.sampling_method {
                let method = if point.adjusted {
                    "extrapolated"
                } else {
                    "counted"
                };
                constant(
                    &mut attributes,
                    "sampling.method",
                    Value::Constant(method),
                    emission,
                );
            }
            for &dimension in plan {
                let dim = &dimensions.list[dimension];
                let value = match dimensions.cell(words, dimension) {
                    (0, _) => continue,
                    (DEFAULT, _) => Value::Constant(dim.default.as_deref().unwrap_or("")),
                    (kind, bits) => Value::Cell(Cell::from_parts(kind, bits)),
                };
                constant(&mut attributes, &dim.name, value, emission);
            }
            attributes
        };
        let resource = self
            .resources
            .attributes(point.resource, number, list, emission);
        emission.series(&resource, &attributes);
        let series = self.series.len() as u32;
        self.series.insert(key.clone(), series);
        series
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Calls = 0,
    Duration = 1,
    Events = 2,
}

/// The value of a data point's attribute.
enum Value<'a> {
    Cell(Cell),
    Constant(&'a str),
}

/// What the first words of a key say.
struct Point {
    resource: usize,
    name: u32,
    /// The scope's row and 1; 0: not shown.
    scope: usize,
    adjusted: bool,
    kind: u8,
    code: u8,
}

impl Point {
    fn new(words: &[u64]) -> Self {
        let (first, second) = (words[0], words[1]);
        Point {
            resource: (first >> 32) as usize,
            name: first as u32,
            scope: (second >> 32) as usize,
            adjusted: second >> 16 & 1 == 1,
            kind: (second >> 8) as u8,
            code: second as u8,
        }
    }
}
