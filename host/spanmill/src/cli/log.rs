//! The host's own log: to stderr, as text or JSON.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::LogLevel;
use crate::console::Console;
use clap::ValueEnum;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// The log, whose level a manifest may still set.
pub(super) struct Log {
    filter: reload::Handle<LevelFilter, tracing_subscriber::Registry>,
    given: bool,
    console: Console,
}

impl Log {
    pub(super) fn start(format: LogFormat, level: Option<LevelFilter>) -> std::io::Result<Self> {
        let console = Console::stderr()?;
        let writer = console.clone();
        let (filter, handle) = reload::Layer::new(level.unwrap_or(LevelFilter::INFO));
        let registry = tracing_subscriber::registry().with(filter);
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .with_target(false);
        match format {
            LogFormat::Text => {
                let colour =
                    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
                registry.with(lines.with_ansi(colour)).init();
            }
            LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
        }
        Ok(Log {
            filter: handle,
            given: level.is_some(),
            console,
        })
    }

    /// Where it is written.
    pub(super) fn console(&self) -> Console {
        self.console.clone()
    }

    /// Takes the manifest's level, unless the command line gave one.
    pub(super) fn set_level(&self, level: Option<LogLevel>) {
        let level = match level {
            Some(LogLevel::Debug) => LevelFilter::DEBUG,
            Some(LogLevel::Info) => LevelFilter::INFO,
            Some(LogLevel::Warn) => LevelFilter::WARN,
            Some(LogLevel::Error) => LevelFilter::ERROR,
            None => return,
        };
        if !self.given {
            // Fails only if the subscriber is gone, and then nobody logs.
            let _ = self.filter.modify(|filter| *filter = level);
        }
    }
}
