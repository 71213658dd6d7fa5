//! Drops the spans of some routes.

use serde::Deserialize;
use spanmill_sdk::{
    About, AttributeField, Batch, ConfigError, Context, Contract, Outcome, PluginError, Problems,
    Processor,
};

/// The kind of a cell that is a text.
const TEXT: u8 = 1;

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
    /// For each distinct text of the batch, whether it is one of the routes.
    is_dropped: Vec<bool>,
}

impl Processor for DropRoutes {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let mut problems = Problems::new();
        for (place, route) in settings.routes.iter().enumerate() {
            if route.is_empty() {
                problems.push(
                    format!("/routes/{place}"),
                    "must not be empty; take the line out",
                );
            }
        }
        problems.check()?;
        Ok(DropRoutes {
            routes: settings.routes,
            route: contract.read_attribute(Context::Span, "http.route"),
            is_dropped: Vec::new(),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        // Looks at each text once, however many spans have it.
        self.is_dropped.clear();
        let texts = (0..batch.texts.len()).map(|text| batch.texts.get(text as u32));
        let is_dropped = texts.map(|text| self.routes.iter().any(|route| route == text));
        self.is_dropped.extend(is_dropped);
        let routes = batch.attribute(self.route);
        for row in 0..batch.rows(Context::Span) {
            if let (TEXT, text) = routes.cell(row)
                && self.is_dropped.get(text as usize) == Some(&true)
            {
                outcome.drop_row(Context::Span, row);
            }
        }
        Ok(())
    }
}

impl About for DropRoutes {
    const NAME: &'static str = "drop_routes";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Drops the spans of some routes";
    const SETTINGS_SCHEMA: &'static str = r#"{
  "type": "object",
  "properties": {"routes": {"type": "array", "items": {"type": "string", "minLength": 1}}},
  "required": ["routes"],
  "additionalProperties": false
}"#;
}

spanmill_sdk::register_processor!(DropRoutes, about);

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
        let mut kit = Kit::<DropRoutes>::new(json!({"routes": ["/healthz"]})).unwrap();
        assert_eq!(kit.run(&spans).span_names(), ["order", "worker"]);
    }

    #[test]
    fn an_empty_route_is_a_mistake() {
        let error = Kit::<DropRoutes>::new(json!({"routes": ["/a", ""]}))
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "/routes/1: must not be empty; take the line out"
        );
    }
}
