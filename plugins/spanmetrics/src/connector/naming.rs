//! Gives groups of rows their series, and names those that are seen for the first time.

use spanmill_sdk::{ABSENT, Attributes, Batch, Cell, Emission, SeriesAttribute};

use super::{BASE, CODES, KINDS, SpanMetrics};
use crate::dimensions::DEFAULT;
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
        key: &mut Vec<u64>,
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
        let texts = &mut self.texts;
        // A value by what it holds, so that it is the same in every batch.
        let mut lasting = |(kind, bits): (u8, u64)| match kind {
            1 | 5 | 6 | 7 => u64::from(texts.id(batch, bits as u32)),
            _ => bits,
        };
        let shown = |excluded: bool, cell: (u8, u64)| if excluded { (0, 0) } else { cell };
        let by_service = shown(self.excluded[0], service);
        let by_name = shown(self.excluded[1], (1, u64::from(point.name)));
        key.clear();
        key.push(u64::from(number) << 32 | lasting(by_name));
        key.push(
            u64::from(by_service.0) << 24
                | u64::from(point.kind) << 16
                | u64::from(point.code) << 8
                | u64::from(point.adjusted),
        );
        key.push(lasting(by_service));
        let scope = self.fields.scope.map(|(name, version)| {
            [name, version].map(|field| match point.scope.checked_sub(1) {
                Some(row) => batch.text(field).get(row).copied().unwrap_or(ABSENT),
                None => ABSENT,
            })
        });
        if let Some([name, version]) = scope {
            let shown = u64::from(point.scope > 0) << 63;
            key.push(
                shown | lasting((1, u64::from(name))) << 32 | lasting((1, u64::from(version))),
            );
        }
        let words = &words[BASE..];
        for &dimension in plan {
            let cell = dimensions.cell(words, dimension);
            key.push(u64::from(cell.0));
            key.push(lasting(cell));
        }
        let scope = scope.filter(|_| point.scope > 0);
        // Metrics with other dimensions have series of their own.
        let same = metric == Metric::Duration && self.calls_plan == self.duration_plan;
        let table = if same { Metric::Calls } else { metric };
        let (series, is_new) = self.tables[table as usize].find(key, self.series);
        if !is_new {
            return series;
        }
        self.series += 1;
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
        series
    }
}

/// How many words the key of a series has: resource and name; service, kind, code and sampling; scope; dimensions.
pub(super) fn width(scope: bool, dimensions: usize) -> usize {
    3 + usize::from(scope) + 2 * dimensions
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
