//! Drops the spans of some routes: a processor in twenty lines.

use serde::Deserialize;
use spanmill_sdk::{
    AttributeField, Batch, ConfigError, Context, Contract, Outcome, PluginError, Processor, Value,
};

/// The component's section of the manifest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    routes: Vec<String>,
}

/// The plugin.
pub struct DropRoutes {
    routes: Vec<String>,
    route: AttributeField,
}

impl Processor for DropRoutes {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let route = contract.read_attribute(Context::Span, "http.route");
        Ok(DropRoutes {
            routes: settings.routes,
            route,
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let routes = batch.attribute(self.route);
        for row in 0..batch.rows(Context::Span) {
            if let Value::Text(route) = routes.get(row, &batch.texts)
                && self.routes.iter().any(|dropped| dropped == route)
            {
                outcome.drop_row(Context::Span, row);
            }
        }
        Ok(())
    }
}

spanmill_sdk::register_processor!(DropRoutes);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use spanmill_sdk::testing::{Kit, Span, Spans};

    use super::DropRoutes;

    #[test]
    fn spans_of_the_routes_are_dropped_and_others_stay() {
        let spans = Spans::of([
            Span::new("probe").attr("http.route", "/healthz"),
            Span::new("order").attr("http.route", "/orders"),
            Span::new("worker"),
        ]);
        let out = Kit::<DropRoutes>::new(json!({"routes": ["/healthz"]}))
            .unwrap()
            .run(&spans);
        assert_eq!(out.span_names(), ["order", "worker"]);
    }
}
