//! Makes metrics and log records of the exceptions that spans have recorded, as the OpenTelemetry Collector's `exceptions`
//! connector does. Which of the two follows from the pipelines that the component stands between.

mod exceptions;
mod logs;
mod metrics;
mod settings;

pub use logs::ExceptionLogs;
pub use metrics::ExceptionMetrics;
pub use settings::Settings;

impl spanmill_sdk::About for ExceptionMetrics {
    const NAME: &'static str = "exceptions";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Makes metrics and log records of the exceptions in spans";
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_connector!(ExceptionMetrics, about);
spanmill_sdk::register_record_connector!(ExceptionLogs);
