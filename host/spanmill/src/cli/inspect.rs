//! `spanmill inspect`.

use std::path::Path;

use spanmill_runtime::{ConfigureError, Limits, Slot};

use super::{Failure, say};
use crate::service::Folders;

pub(super) fn inspect(file: &Path, settings: Option<&str>) -> Result<(), Failure> {
    let runtime = Folders::from_environment()?.runtime()?;
    let plugin = runtime.load_file(file)?;
    let kinds: Vec<_> = plugin.kinds().iter().map(|kind| kind.name()).collect();
    say(format_args!("file      {}", file.display()));
    say(format_args!("kind      {}", kinds.join(", ")));
    let interfaces: Vec<_> = plugin.interfaces().collect();
    say(format_args!("contract  {}", interfaces.join(", ")));
    say(format_args!("size      {} KiB", plugin.size() / 1024));
    say(format_args!("sha256    {}", plugin.hash()));
    if let Some(about) = plugin.about()? {
        say(format_args!("name      {} {}", about.name, about.version));
        say(format_args!("about     {}", about.summary));
        if !about.settings_schema.is_empty() {
            say("settings");
            let schema: serde_json::Value = serde_json::from_str(&about.settings_schema)
                .map_err(|error| Failure(format!("error: settings-schema: {error}")))?;
            say(format_args!("{schema:#}"));
        }
    }
    if plugin.has_ticker() {
        say("ticker    exported; this version does not call it, and refuses verdict 2 (hold)");
    }
    say("imports");
    for import in plugin.imports() {
        let granted = match import.starts_with("wasi:") {
            true => "nothing behind it",
            false => "granted",
        };
        say(format_args!("  {import:<44} {granted}"));
    }
    let Some(settings) = settings else {
        say(
            "\nWhat it reads and writes depends on its settings: give some with --settings '{...}'.",
        );
        return Ok(());
    };
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(settings)
        .map_err(|error| Failure(format!("error: --settings is no JSON object: {error}")))?;
    let slot =
        Slot::new(&plugin, "inspect", settings, Limits::default()).map_err(
            |error| match error {
                ConfigureError::Settings(problems) => {
                    let lines = problems.iter().map(|problem| match problem.path.as_str() {
                        "" => format!("error: settings: {}", problem.message),
                        path => format!("error: settings{path}: {}", problem.message),
                    });
                    Failure(lines.collect::<Vec<_>>().join("\n"))
                }
                error => error.into(),
            },
        )?;
    let declared = slot.declared();
    let signals = declared.signals.iter().map(|signal| signal.name());
    let signals: Vec<_> = signals.collect();
    say(format_args!("takes     {}", signals.join(", ")));
    for (what, paths) in [("reads", &declared.reads), ("writes", &declared.writes)] {
        say(what);
        paths.iter().for_each(|path| say(format_args!("  {path}")));
    }
    if let Some(stream) = &declared.metrics {
        say("metrics");
        for instrument in &stream.instruments {
            say(format_args!("  {} [{}]", instrument.name, instrument.unit));
        }
    }
    say(format_args!(
        "memory    {} KiB after configure",
        slot.memory_bytes() / 1024
    ));
    Ok(())
}
