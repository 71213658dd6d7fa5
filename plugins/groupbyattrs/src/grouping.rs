//! Which rows go together, and what is taken off them.

use std::collections::HashMap;

use spanmill_sdk::{
    AttributeField, Batch, Cell, ConfigError, Contract, Counter, Grouper, Groups, Outcome,
    PluginError, Processor, Signal, WriteField,
};

use crate::settings::Settings;

/// The processor.
#[derive(Debug)]
pub struct GroupByAttrs {
    keys: Vec<String>,
    signals: [OfSignal; 3],
    groups: Groups,
}

/// What is looked at, and counted, in batches of a signal.
#[derive(Debug)]
struct OfSignal {
    signal: Signal,
    /// The attribute of each key, to be read and taken off.
    attributes: Vec<(AttributeField, WriteField)>,
    grouped: Counter,
    non_grouped: Counter,
}

/// The values of one row: kind and bits for each key. Equal texts have equal bits in a batch.
type Cells = Vec<(u8, u64)>;

/// The kind of a value that is not there.
const ABSENT: u8 = 0;

impl OfSignal {
    fn new(
        signal: Signal,
        keys: &[String],
        contract: &mut Contract,
        [grouped, non_grouped]: [&'static str; 2],
    ) -> Self {
        let attributes = keys.iter().map(|key| {
            let item = signal.item();
            let read = contract.read_attribute(item, key);
            (read, contract.write_attribute(item, key))
        });
        OfSignal {
            signal,
            attributes: attributes.collect(),
            grouped: contract.counter(grouped),
            non_grouped: contract.counter(non_grouped),
        }
    }

    /// The group of each row that has one of the attributes.
    fn groups(&self, keys: &[String], batch: &Batch<'_>) -> Groups {
        let mut groups = Groups::new(batch);
        let columns = self.attributes.iter();
        let columns: Vec<_> = columns.map(|(read, _)| batch.attribute(*read)).collect();
        let mut names: Vec<u32> = Vec::new();
        let mut known: HashMap<Cells, u32> = HashMap::new();
        let mut cells: Cells = vec![(ABSENT, 0); keys.len()];
        // The row before, and its group: neighbours go together.
        let mut last: (Cells, u32) = (cells.clone(), 0);
        let rows = batch.rows(self.signal.item());
        let mut grouped = 0;
        for row in 0..rows {
            for (cell, column) in cells.iter_mut().zip(&columns) {
                *cell = column.cell(row);
            }
            if cells.iter().all(|(kind, _)| *kind == ABSENT) {
                continue;
            }
            grouped += 1;
            if cells != last.0 {
                let group = match known.get(&cells) {
                    Some(group) => *group,
                    None => {
                        if names.is_empty() {
                            names.extend(keys.iter().map(|key| groups.text(key)));
                        }
                        let entries = names.iter().zip(&cells);
                        let entries = entries.filter(|(_, (kind, _))| *kind != ABSENT);
                        let group = groups.add(
                            entries
                                .map(|(key, (kind, bits))| (*key, Cell::from_parts(*kind, *bits))),
                        );
                        known.insert(cells.clone(), group);
                        group
                    }
                };
                last.0.clone_from(&cells);
                last.1 = group;
            }
            groups.put(row, last.1);
        }
        let non_grouped = (rows - grouped) as u64;
        for (counter, count) in [
            (self.grouped, grouped as u64),
            (self.non_grouped, non_grouped),
        ] {
            if count > 0 {
                counter.add(count);
            }
        }
        groups
    }

    /// Takes the attributes off the rows that have them.
    fn take_off(&self, batch: &Batch<'_>, outcome: &mut Outcome) {
        let rows = batch.rows(self.signal.item());
        for (read, write) in &self.attributes {
            let column = batch.attribute(*read);
            let has = |row: &usize| column.cell(*row).0 != ABSENT;
            match (0..rows).filter(has).count() {
                0 => {}
                all if all == rows => outcome.set_all(*write, Cell::Absent),
                _ => {
                    let some = (0..rows).filter(has);
                    some.for_each(|row| outcome.set(*write, row as u32, Cell::Absent));
                }
            }
        }
    }
}

impl Processor for GroupByAttrs {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        contract.take([Signal::Traces, Signal::Logs, Signal::Metrics]);
        contract.write_attributes(spanmill_sdk::Context::Resource);
        let keys = settings.keys();
        let names = [
            (
                Signal::Traces,
                [
                    "processor_groupbyattrs_num_grouped_spans",
                    "processor_groupbyattrs_num_non_grouped_spans",
                ],
            ),
            (
                Signal::Logs,
                [
                    "processor_groupbyattrs_num_grouped_logs",
                    "processor_groupbyattrs_num_non_grouped_logs",
                ],
            ),
            (
                Signal::Metrics,
                [
                    "processor_groupbyattrs_num_grouped_metrics",
                    "processor_groupbyattrs_num_non_grouped_metrics",
                ],
            ),
        ];
        let signals = names.map(|(signal, names)| OfSignal::new(signal, &keys, contract, names));
        Ok(GroupByAttrs {
            keys,
            signals,
            groups: Groups::default(),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        self.groups = Groups::default();
        if let Some(of) = self.signals.iter().find(|of| of.signal == batch.signal) {
            self.groups = of.groups(&self.keys, batch);
            of.take_off(batch, outcome);
        }
        Ok(())
    }
}

impl Grouper for GroupByAttrs {
    fn group(&mut self) -> Groups {
        std::mem::take(&mut self.groups)
    }
}
