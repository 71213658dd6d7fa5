//! Sends spans, log records and metrics to pipelines by OTTL conditions, as the OpenTelemetry Collector's `routing`
//! connector does.

mod request;
mod routing;
mod settings;

pub use routing::Routing;
pub use settings::Settings;

impl spanmill_sdk::About for Routing {
    const NAME: &'static str = "routing";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Sends telemetry to pipelines by OTTL conditions";
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_router!(Routing, about);
