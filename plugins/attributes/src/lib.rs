//! The attributes processor: changes the attributes of spans.
//!
//! Actions and the filters `include` and `exclude` are those of the Collector's `attributes`.

mod matcher;
mod settings;

use spanmill_actions::Actions;
use spanmill_sdk::{
    Batch, ConfigError, Context, Contract, Outcome, PluginError, Problems, Processor,
};

use matcher::Matcher;
use settings::Settings;

/// The attributes processor.
#[derive(Debug)]
pub struct Attributes {
    actions: Actions,
    include: Option<Matcher>,
    exclude: Option<Matcher>,
    skip: Vec<u8>,
}

impl Processor for Attributes {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let mut problems = Problems::new();
        let mut matcher = |properties: &Option<settings::Match>, path| {
            properties
                .as_ref()
                .map(|properties| Matcher::new(properties, path, contract, &mut problems))
        };
        let include = matcher(&settings.include, "/include");
        let exclude = matcher(&settings.exclude, "/exclude");
        let filtered = include.is_some() || exclude.is_some();
        let configs = settings.actions.unwrap_or_default();
        let actions = Actions::new(
            &configs,
            "/actions",
            Context::Span,
            filtered,
            contract,
            &mut problems,
        );
        problems.check()?;
        Ok(Attributes {
            actions,
            include,
            exclude,
            skip: Vec::new(),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let Attributes {
            actions,
            include,
            exclude,
            skip,
        } = self;
        skip.clear();
        if include.is_some() || exclude.is_some() {
            skip.resize(batch.rows(Context::Span), 0);
        }
        if let Some(include) = include {
            for (skip, &included) in skip.iter_mut().zip(include.mask(batch)) {
                *skip = 1 - included;
            }
        }
        if let Some(exclude) = exclude {
            for (skip, &excluded) in skip.iter_mut().zip(exclude.mask(batch)) {
                *skip |= excluded;
            }
        }
        actions.run(batch, outcome, skip);
        Ok(())
    }
}

spanmill_sdk::register_processor!(Attributes);
