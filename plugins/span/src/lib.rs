//! The span processor: names spans by their attributes, takes attributes out of names, and sets the status.
//!
//! Settings and meaning are those of the Collector's `span`.

mod extract;
mod join;
mod settings;

use spanmill_matching::Filter;
use spanmill_sdk::{
    ABSENT, Batch, Cell, ConfigError, Context, Contract, Outcome, PluginError, Problems, Processor,
    Signal, TextField, WriteField,
};

use extract::Extract;
use join::Join;
use settings::{Settings, Status};

/// The span processor.
#[derive(Debug)]
pub struct Span {
    filter: Filter,
    join: Option<Join>,
    /// With the names, where they are looked at.
    extract: Option<(TextField, Extract)>,
    name: Option<WriteField>,
    status: Option<SetStatus>,
    /// The name of each span that is not skipped.
    names: Vec<u32>,
}

#[derive(Debug)]
struct SetStatus {
    code: u32,
    message: String,
    writes: [WriteField; 2],
}

impl SetStatus {
    fn new(settings: Status, contract: &mut Contract, problems: &mut Problems) -> Option<Self> {
        let code = match settings.code.as_str() {
            "Unset" => 0,
            "Ok" => 1,
            "Error" => 2,
            _ => {
                problems.push("/status/code", "must be Unset, Ok or Error");
                return None;
            }
        };
        if code != 2 && !settings.description.is_empty() {
            problems.push("/status/description", "is for the code Error only");
        }
        Some(SetStatus {
            code,
            message: settings.description,
            writes: ["span.status.code", "span.status.message"].map(|path| contract.write(path)),
        })
    }

    fn run(&self, rows: usize, skip: &[u8], outcome: &mut Outcome) {
        let message = match self.message.as_str() {
            "" => Cell::Absent,
            message => Cell::Text(outcome.text(message)),
        };
        let values = [Cell::Int(i64::from(self.code)), message];
        for (write, value) in self.writes.into_iter().zip(values) {
            if skip.is_empty() {
                outcome.set_all(write, value);
                continue;
            }
            for (row, _) in (0..rows).zip(skip).filter(|(_, skip)| **skip == 0) {
                outcome.set(write, row as u32, value);
            }
        }
    }
}

impl Processor for Span {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let mut problems = Problems::new();
        settings.check(&mut problems);
        let filter = Filter::new(
            settings.include.as_ref(),
            settings.exclude.as_ref(),
            Signal::Traces,
            contract,
            &mut problems,
        );
        let name = settings.name.unwrap_or_default();
        let keys = name.from_attributes.unwrap_or_default();
        let join = (!keys.is_empty()).then(|| Join::new(&keys, &name.separator, contract));
        let extract = name.to_attributes.map(|settings| {
            let extract = Extract::new(&settings, contract, &mut problems);
            (contract.read_text("span.name"), extract)
        });
        let renames = join.is_some() || extract.as_ref().is_some_and(|(_, it)| it.renames());
        let status = settings
            .status
            .and_then(|status| SetStatus::new(status, contract, &mut problems));
        problems.check()?;
        Ok(Span {
            filter,
            join,
            extract,
            name: renames.then(|| contract.write("span.name")),
            status,
            names: Vec::new(),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let rows = batch.rows(Context::Span);
        if rows == 0 {
            return Ok(());
        }
        let Span {
            filter,
            join,
            extract,
            name,
            status,
            names,
        } = self;
        let skip = filter.skipped(batch);
        names.clear();
        match extract {
            Some((field, _)) => names.extend(batch.text(*field)),
            None => names.resize(rows, ABSENT),
        }
        if let Some(join) = join {
            join.names(batch, outcome, skip, names);
        }
        if let Some((field, extract)) = extract {
            extract.start();
            let before = batch.text(*field);
            for (row, &named) in names.iter().enumerate() {
                if skip.get(row).is_some_and(|&skip| skip != 0) {
                    continue;
                }
                let (named, attributes) = extract.of(batch, outcome, named);
                for &(write, value) in attributes {
                    outcome.set(write, row as u32, Cell::Text(value));
                }
                if let Some(write) = name
                    && before.get(row) != Some(&named)
                {
                    outcome.set(*write, row as u32, Cell::Text(named));
                }
            }
        } else if let Some(write) = name {
            let named = names.iter().enumerate();
            for (row, &named) in named.filter(|(_, named)| **named != ABSENT) {
                outcome.set(*write, row as u32, Cell::Text(named));
            }
        }
        if let Some(status) = status {
            status.run(rows, skip, outcome);
        }
        Ok(())
    }
}

impl spanmill_sdk::About for Span {
    const NAME: &'static str = "span";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(Span, about);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::settings::Settings);
}
