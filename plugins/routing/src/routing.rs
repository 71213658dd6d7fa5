//! Tries the routes one after the other, and follows each row to its pipelines.

use spanmill_ottl::Conditions;
use spanmill_sdk::{
    Batch, ConfigError, Context, Contract, PipelineSet, Pipelines, PluginError, Problems, Router,
    Routes, Signal,
};

use crate::request::RequestCondition;
use crate::settings::Settings;

/// The routing connector.
#[derive(Debug)]
pub struct Routing {
    routes: Vec<Route>,
    default: PipelineSet,
    /// What is routed: the deepest context that a route asks about.
    context: Context,
    rows: Rows,
}

#[derive(Debug)]
struct Route {
    context: Context,
    takes: Takes,
    pipelines: PipelineSet,
    is_copy: bool,
}

/// What a route takes.
#[derive(Debug)]
enum Takes {
    Everything,
    Rows(Box<Conditions>),
    Requests(RequestCondition),
}

/// The rows that are routed, of the batch at hand.
#[derive(Debug, Default)]
struct Rows {
    /// Where each goes so far.
    sets: Vec<PipelineSet>,
    /// 1: a route has moved it, and later ones do not see it.
    moved: Vec<u8>,
}

impl Router for Routing {
    type Config = Settings;

    fn configure(
        settings: Settings,
        pipelines: &Pipelines,
        contract: &mut Contract,
    ) -> Result<Self, ConfigError> {
        let mut problems = Problems::new();
        let default = settings.default_set(pipelines, &mut problems);
        // As in the Collector, where nothing is said.
        let error_mode = settings
            .error_mode
            .unwrap_or(spanmill_ottl::ErrorMode::Propagate);
        let mut routes = Vec::new();
        for route in settings.routes(pipelines, &mut problems) {
            let takes = match &route.condition {
                None => Takes::Everything,
                Some(text) if route.is_of_request => match RequestCondition::new(text, contract) {
                    Ok(condition) => Takes::Requests(condition),
                    Err(why) => {
                        problems.push(route.path.clone(), why);
                        continue;
                    }
                },
                Some(text) => {
                    let mut conditions = Conditions::new(route.context, error_mode);
                    if let Err(mut error) = conditions.add(text, contract) {
                        error.position.column += route.column;
                        problems.push(route.path.clone(), error.to_string());
                    }
                    Takes::Rows(Box::new(conditions))
                }
            };
            routes.push(Route {
                context: route.context,
                takes,
                pipelines: route.pipelines,
                is_copy: route.is_copy,
            });
        }
        problems.check()?;
        let contexts = routes.iter().map(|route| route.context);
        Ok(Routing {
            context: contexts.max().unwrap_or(Context::Resource),
            routes,
            default,
            rows: Rows::default(),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, routes: &mut Routes) -> Result<(), PluginError> {
        let context = self.context;
        self.rows.start(batch.rows(context));
        for route in &mut self.routes {
            let Route {
                pipelines, is_copy, ..
            } = *route;
            match &mut route.takes {
                Takes::Everything => self.rows.route(pipelines, is_copy, |_| true),
                Takes::Requests(condition) => {
                    let holds = condition.holds(batch);
                    self.rows.route(pipelines, is_copy, |_| holds);
                }
                Takes::Rows(conditions) => {
                    // What was moved is not asked about.
                    let skip = match route.context == context {
                        true => self.rows.moved.clone(),
                        false => self.rows.moved_above(batch, context, route.context),
                    };
                    let holds = conditions
                        .evaluate(batch, &skip)
                        .map_err(|error| PluginError::Batch(error.to_string()))?;
                    let at = |row| above(batch, context, route.context, row);
                    self.rows.route(pipelines, is_copy, |row| {
                        at(row).is_some_and(|row| holds.get(row) == Some(&1))
                    });
                }
            }
        }
        let default = self.default;
        // What was only copied is left over for the default.
        let sets = self.rows.sets.iter().zip(&self.rows.moved);
        let sets = sets.map(|(set, moved)| if *moved == 1 { *set } else { set.with(default) });
        routes.send_each(context, sets);
        Ok(())
    }
}

/// The row of a context that a row of a deeper one, or of the same, belongs to.
fn above(batch: &Batch<'_>, from: Context, to: Context, row: usize) -> Option<usize> {
    let (mut context, mut row) = (from, row);
    while context != to {
        row = *batch.parents(context).get(row)? as usize;
        context = context.parent()?;
    }
    Some(row)
}

impl Rows {
    fn start(&mut self, rows: usize) {
        self.sets.clear();
        self.sets.resize(rows, PipelineSet::NONE);
        self.moved.clear();
        self.moved.resize(rows, 0);
    }

    /// Sends the rows for which a route holds to its pipelines.
    fn route(&mut self, to: PipelineSet, is_copy: bool, holds: impl Fn(usize) -> bool) {
        let rows = self.sets.iter_mut().zip(&mut self.moved);
        for (row, (set, moved)) in rows.enumerate() {
            if *moved == 0 && holds(row) {
                *set = set.with(to);
                *moved = u8::from(!is_copy);
            }
        }
    }

    /// For each row of a context above, 1 if all rows below it were moved.
    fn moved_above(&self, batch: &Batch<'_>, from: Context, to: Context) -> Vec<u8> {
        let mut all = vec![1; batch.rows(to)];
        for (row, moved) in self.moved.iter().enumerate() {
            if let Some(slot) = above(batch, from, to, row).and_then(|row| all.get_mut(row)) {
                *slot &= moved;
            }
        }
        all
    }
}

/// Data points stand deeper than their metrics; spans and log records below resources.
const _: () = assert!(matches!(
    Signal::Metrics.own(),
    [Context::Metric, Context::DataPoint]
));
