//! Metrics read from a batch's columns, and what has changed of them written.

use spanmill_sdk::{
    AttributeField, Attributes, Batch, Cell, CellField, Cells, Context, Contract, ListField,
    NarrowField, Outcome, TextField, Values, WideField, WriteField,
};

use crate::metric::{Datum, Kind, Label, Metric, NEW, POOL, Point};
use crate::rules::{Names, Operation, Transform};

/// The fields that the settings need.
#[derive(Debug)]
pub(crate) struct Columns {
    name: TextField,
    new_name: Option<WriteField>,
    kind: Option<NarrowField>,
    temporality: Option<NarrowField>,
    value: Option<(CellField, WriteField)>,
    start: Option<(WideField, WriteField)>,
    time: Option<WideField>,
    labels: Labels,
}

#[derive(Debug)]
enum Labels {
    /// By number of their key.
    ByKey(Vec<(AttributeField, Option<WriteField>)>),
    List {
        read: ListField,
        write: WriteField,
        /// By pool index of a key: 0 not looked up, else 1 + its number, or the index itself, marked.
        known: Vec<u32>,
    },
}

impl Columns {
    pub(crate) fn new(transforms: &[Transform], names: &Names, contract: &mut Contract) -> Self {
        let renames = transforms.iter().any(|it| !it.new_name.is_empty());
        let aggregates = transforms.iter().any(Transform::aggregates);
        let changes_values = transforms.iter().any(Transform::changes_values);
        let labels = match aggregates {
            true => Labels::List {
                read: contract.read_attributes(Context::DataPoint),
                write: contract.write_attributes(Context::DataPoint),
                known: Vec::new(),
            },
            false => {
                let changed: Vec<u32> = transforms.iter().flat_map(changed_labels).collect();
                let keys = (0..).zip(&names.labels).map(|(number, key)| {
                    let read = contract.read_attribute(Context::DataPoint, key);
                    let write = changed.contains(&number);
                    let write = write.then(|| contract.write_attribute(Context::DataPoint, key));
                    (read, write)
                });
                Labels::ByKey(keys.collect())
            }
        };
        Columns {
            name: contract.read_text("metric.name"),
            new_name: renames.then(|| contract.write("metric.name")),
            kind: changes_values.then(|| contract.read_narrow("metric.type")),
            temporality: aggregates.then(|| contract.read_narrow("metric.aggregation_temporality")),
            value: changes_values.then(|| {
                let read = contract.read_cells("datapoint.value");
                (read, contract.write("datapoint.value"))
            }),
            start: aggregates.then(|| {
                let path = "datapoint.start_time_unix_nano";
                (contract.read_wide(path), contract.write(path))
            }),
            time: aggregates.then(|| contract.read_wide("datapoint.time_unix_nano")),
            labels,
        }
    }
}

/// The labels that a transform may change, without aggregating.
fn changed_labels(transform: &Transform) -> Vec<u32> {
    let mut changed = Vec::new();
    for operation in &transform.operations {
        match operation {
            Operation::AddLabel { label, .. } => changed.push(*label),
            Operation::UpdateLabel {
                label, new_label, ..
            } => changed.extend(std::iter::once(*label).chain(*new_label)),
            _ => {}
        }
    }
    changed
}

/// The columns of a batch.
pub(crate) struct Read<'a> {
    batch: &'a Batch<'a>,
    columns: &'a mut Columns,
    keys: &'a [String],
    names: &'a [u32],
    /// For each metric, the row of its first point, and one more for the end.
    firsts: Vec<u32>,
    by_key: Vec<Values<'a>>,
    list: Attributes<'a>,
    /// The settings' texts and keys that are among the outcome's texts.
    written: Vec<Option<u32>>,
    written_keys: Vec<Option<u32>>,
}

impl<'a> Read<'a> {
    pub(crate) fn new(batch: &'a Batch<'a>, columns: &'a mut Columns, names: &'a Names) -> Self {
        let metrics = batch.rows(Context::Metric);
        let mut firsts = vec![0; metrics + 1];
        for &metric in batch.parents(Context::DataPoint) {
            if let Some(count) = firsts.get_mut(metric as usize + 1) {
                *count += 1;
            }
        }
        for metric in 0..metrics {
            firsts[metric + 1] += firsts[metric];
        }
        let mut by_key = Vec::new();
        let mut list = Attributes::default();
        match &mut columns.labels {
            Labels::ByKey(fields) => {
                by_key.extend(fields.iter().map(|(read, _)| batch.attribute(*read)));
            }
            Labels::List { read, known, .. } => {
                list = batch.attributes(*read);
                known.clear();
                known.resize(batch.texts.len(), 0);
            }
        }
        Read {
            batch,
            names: batch.text(columns.name),
            columns,
            keys: &names.labels,
            firsts,
            by_key,
            list,
            written: vec![None; names.texts.len()],
            written_keys: vec![None; names.labels.len()],
        }
    }

    /// The name of each metric.
    pub(crate) fn names(&self) -> &'a [u32] {
        self.names
    }

    fn points(&self, metric: usize) -> std::ops::Range<u32> {
        match (self.firsts.get(metric), self.firsts.get(metric + 1)) {
            (Some(&first), Some(&end)) => first..end,
            _ => 0..0,
        }
    }

    fn narrow(&self, field: Option<NarrowField>, metric: usize) -> u32 {
        let values = field.map_or(&[][..], |field| self.batch.narrow(field));
        values.get(metric).copied().unwrap_or(0)
    }

    fn wide(&self, field: Option<WideField>, row: u32) -> u64 {
        let values = field.map_or(&[][..], |field| self.batch.wide(field));
        values.get(row as usize).copied().unwrap_or(0)
    }

    fn value(&self, row: u32) -> Cell {
        let values = self.columns.value.map(|(read, _)| self.batch.cells(read));
        let (kind, bits) = values.map_or((0, 0), |values: Cells<'_>| values.cell(row as usize));
        Cell::from_parts(kind, bits)
    }

    /// A metric as it was sent.
    pub(crate) fn metric(&mut self, metric: usize) -> Metric {
        let name = self.names.get(metric).copied();
        let rows = self.points(metric);
        Metric {
            name: self.batch.texts.get(name.unwrap_or(u32::MAX)).to_owned(),
            sent_name: name,
            kind: Kind::of(self.narrow(self.columns.kind, metric)),
            is_delta: self.narrow(self.columns.temporality, metric) == 1,
            points: rows.map(|row| self.point(row)).collect(),
        }
    }

    fn point(&mut self, row: u32) -> Point {
        let mut labels = Vec::new();
        for (key, values) in (0..).zip(&self.by_key) {
            let (kind, bits) = values.cell(row as usize);
            if kind != 0 {
                let value = Datum::Sent(kind, bits);
                let entry = NEW;
                labels.push(Label { key, value, entry });
            }
        }
        let list = self.list;
        for entry in list.entries(row as usize) {
            let Some(&key) = list.keys.get(entry) else {
                break;
            };
            let (kind, bits) = list.values.cell(entry);
            labels.push(Label {
                key: self.key(key),
                value: Datum::Sent(kind, bits),
                entry: entry as u32,
            });
        }
        Point {
            row,
            labels,
            value: self.value(row),
            start: self.wide(self.columns.start.map(|(read, _)| read), row),
            time: self.wide(self.columns.time, row),
        }
    }

    /// The number of a key of a list.
    fn key(&mut self, key: u32) -> u32 {
        let Labels::List { known, .. } = &mut self.columns.labels else {
            return POOL | key;
        };
        let Some(known) = known.get_mut(key as usize) else {
            return POOL | key;
        };
        if *known == 0 {
            let name = self.batch.texts.get(key);
            let number = self.keys.iter().position(|known| known == name);
            *known = number.map_or(POOL | key, |number| number as u32 + 1);
        }
        match *known & POOL {
            0 => *known - 1,
            _ => *known,
        }
    }

    /// Writes what has changed of a metric.
    pub(crate) fn write(
        &mut self,
        row: usize,
        metric: &Metric,
        texts: &[String],
        outcome: &mut Outcome,
    ) {
        if let (Some(write), None) = (self.columns.new_name, metric.sent_name) {
            let name = outcome.text(&metric.name);
            outcome.set(write, row as u32, Cell::Text(name));
        }
        let mut points = metric.points.iter().peekable();
        for row in self.points(row) {
            match points.next_if(|point| point.row == row) {
                Some(point) => self.write_point(point, texts, outcome),
                None => outcome.drop_row(Context::DataPoint, row as usize),
            }
        }
    }

    fn write_point(&mut self, point: &Point, texts: &[String], outcome: &mut Outcome) {
        let row = point.row;
        if let Some((_, write)) = self.columns.value
            && self.value(row).into_parts() != point.value.into_parts()
        {
            outcome.set(write, row, point.value);
        }
        if let Some((read, write)) = self.columns.start
            && self.wide(Some(read), row) != point.start
        {
            outcome.set(write, row, Cell::Int(point.start as i64));
        }
        let list_write = match &self.columns.labels {
            Labels::List { write, .. } => *write,
            Labels::ByKey(fields) => {
                let fields = (0..).zip(fields).zip(&self.by_key);
                for ((key, (_, write)), before) in fields {
                    let (kind, bits) = before.cell(row as usize);
                    let now = point.label(key).unwrap_or(Datum::Sent(0, 0));
                    if let Some(write) = write
                        && now != Datum::Sent(kind, bits)
                    {
                        let cell = cell(now, texts, &mut self.written, outcome);
                        outcome.set(*write, row, cell);
                    }
                }
                return;
            }
        };
        for entry in self.list.entries(row as usize) {
            let (kind, bits) = self.list.values.cell(entry);
            let mut labels = point.labels.iter();
            match labels.find(|label| label.entry == entry as u32) {
                None => outcome.remove_entry(list_write, entry as u32),
                Some(label) if label.value == Datum::Sent(kind, bits) => {}
                Some(label) => {
                    let cell = cell(label.value, texts, &mut self.written, outcome);
                    outcome.set_entry(list_write, entry as u32, cell);
                }
            }
        }
        for label in point.labels.iter().filter(|label| label.entry == NEW) {
            let (Some(key), Some(written)) = (
                self.keys.get(label.key as usize),
                self.written_keys.get_mut(label.key as usize),
            ) else {
                continue;
            };
            let key = *written.get_or_insert_with(|| outcome.text(key));
            let cell = cell(label.value, texts, &mut self.written, outcome);
            outcome.append(list_write, row, key, cell);
        }
    }
}

/// A value as it is written; a text of the settings is written once.
fn cell(
    value: Datum,
    texts: &[String],
    written: &mut [Option<u32>],
    outcome: &mut Outcome,
) -> Cell {
    match value {
        Datum::Sent(kind, bits) => Cell::from_parts(kind, bits),
        Datum::Constant(number) => {
            match (texts.get(number as usize), written.get_mut(number as usize)) {
                (Some(text), Some(written)) => {
                    Cell::Text(*written.get_or_insert_with(|| outcome.text(text)))
                }
                _ => Cell::Absent,
            }
        }
    }
}
