//! The metrics transform processor: renames and scales metrics, changes their labels, and adds up points over labels.
//!
//! Settings and meaning are those of the Collector's `metricstransform`; see the README for what cannot be done here.

mod aggregate;
mod columns;
mod compile;
mod group;
mod metric;
mod rules;
mod run;
mod settings;

use spanmill_sdk::{
    Batch, ConfigError, Contract, Counter, Level, Outcome, PluginError, Problems, Processor, Signal,
};

use columns::{Columns, Read};
use group::Equal;
use metric::Metric;
use rules::{Names, Transform};
use run::{Around, Refused};
use settings::Settings;

/// The metrics transform processor.
#[derive(Debug)]
pub struct MetricsTransform {
    transforms: Vec<Transform>,
    names: Names,
    columns: Columns,
    equal: Equal,
    not_transformed: Counter,
}

impl Processor for MetricsTransform {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let mut problems = Problems::new();
        let mut names = Names::default();
        let settings = settings.transforms.unwrap_or_default();
        if settings.is_empty() {
            problems.push("/transforms", "needs one at least");
        }
        let transforms = compile::transforms(&settings, &mut names, &mut problems);
        problems.check()?;
        contract.take([Signal::Metrics]);
        Ok(MetricsTransform {
            columns: Columns::new(&transforms, &names, contract),
            equal: Equal::new(&names.texts),
            transforms,
            names,
            not_transformed: contract.counter("metrics_not_transformed"),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let MetricsTransform {
            transforms,
            names,
            columns,
            equal,
            not_transformed,
        } = self;
        for transform in &mut *transforms {
            transform.start(batch);
        }
        equal.start(batch);
        let mut around = Around {
            batch,
            constants: &names.texts,
            equal,
        };
        let mut read = Read::new(batch, columns, names);
        let mut refused = 0;
        for (row, &name) in read.names().iter().enumerate() {
            let is_meant = |it: &mut Transform| it.include.is_met_by_sent(batch, name);
            if !transforms.iter_mut().any(is_meant) {
                continue;
            }
            let mut metric = read.metric(row);
            for (place, transform) in transforms.iter_mut().enumerate() {
                let had_points = !metric.points.is_empty();
                refused += u64::from(!step(place, transform, &mut metric, &mut around));
                // A metric that has lost its points is gone.
                if had_points && metric.points.is_empty() {
                    break;
                }
            }
            read.write(row, &metric, &names.texts, outcome);
        }
        if refused > 0 {
            not_transformed.add(refused);
        }
        Ok(())
    }
}

/// Applies a transform to a metric, if it is for it; false if it could not be applied whole.
fn step(
    place: usize,
    transform: &mut Transform,
    metric: &mut Metric,
    around: &mut Around<'_>,
) -> bool {
    if !run::is_for(transform, metric, around) {
        return true;
    }
    // What can only be done half is not done.
    let may_fail = metric.kind == metric::Kind::Histogram && transform.changes_values();
    let before = may_fail.then(|| metric.clone());
    let (why, what) = match run::apply(transform, metric, around) {
        Ok(()) => return true,
        Err(Refused::Partly(why)) => (why, "operations from that one on are left out for them"),
        Err(Refused::Whole(why)) => {
            if let Some(before) = before {
                *metric = before;
            }
            (why, "it is left out for them")
        }
    };
    if !std::mem::replace(&mut transform.said, true) {
        let message =
            format!("transform {place} is not for all metrics that it names: {why}; {what}");
        spanmill_sdk::log(Level::Warn, &message);
    }
    false
}

impl spanmill_sdk::About for MetricsTransform {
    const NAME: &'static str = "metricstransform";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(MetricsTransform, about);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::settings::Settings, "transforms");
}
