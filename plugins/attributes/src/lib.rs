//! The attributes processor: changes the attributes of spans, log records and data points.
//!
//! Actions and the filters `include` and `exclude` are those of the Collector's `attributes`.

mod settings;

use spanmill_actions::Actions;
use spanmill_matching::{Filter, Match};
use spanmill_sdk::{
    Batch, ConfigError, Contract, Outcome, PluginError, Problems, Processor, Signal,
};

use settings::Settings;

/// The attributes processor.
#[derive(Debug)]
pub struct Attributes {
    /// One of each signal that the settings have a meaning for.
    rules: Vec<Rules>,
}

/// What is done to the items of one signal.
#[derive(Debug)]
struct Rules {
    signal: Signal,
    actions: Actions,
    filter: Filter,
}

/// The signals that both filters have a meaning for.
fn signals(settings: &Settings, problems: &mut Problems) -> Vec<Signal> {
    let mut signals = Signal::ALL.to_vec();
    let mut known = true;
    for (filter, path) in [
        (&settings.include, "/include"),
        (&settings.exclude, "/exclude"),
    ] {
        match filter.as_ref().map(Match::signals) {
            None => {}
            Some(Ok(of)) => signals.retain(|signal| of.contains(signal)),
            Some(Err(why)) => {
                problems.push(path, why);
                known = false;
            }
        }
    }
    if signals.is_empty() && known {
        problems.push(
            "/exclude",
            "has a meaning for other signals than include; use a component for each",
        );
    }
    match signals.is_empty() || !known {
        false => signals,
        // For the other mistakes, which are reported too.
        true => vec![Signal::Traces],
    }
}

impl Processor for Attributes {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let mut problems = Problems::new();
        let signals = signals(&settings, &mut problems);
        let configs = settings.actions.unwrap_or_default();
        let mut rules = Vec::new();
        for (place, &signal) in signals.iter().enumerate() {
            // What is wrong is wrong for every signal: it is reported once.
            let mut repeated = Problems::new();
            let problems = if place == 0 {
                &mut problems
            } else {
                &mut repeated
            };
            let filter = Filter::new(
                settings.include.as_ref(),
                settings.exclude.as_ref(),
                signal,
                contract,
                problems,
            );
            let actions = Actions::new(
                &configs,
                "/actions",
                signal.item(),
                filter.narrows(),
                contract,
                problems,
            );
            rules.push(Rules {
                signal,
                actions,
                filter,
            });
        }
        problems.check()?;
        contract.take(signals);
        Ok(Attributes { rules })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let mut rules = self.rules.iter_mut();
        if let Some(rules) = rules.find(|rules| rules.signal == batch.signal) {
            rules
                .actions
                .run(batch, outcome, rules.filter.skipped(batch));
        }
        Ok(())
    }
}

impl spanmill_sdk::About for Attributes {
    const NAME: &'static str = "attributes";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(Attributes, about);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::settings::Settings);
}
