//! `spanmill inspect`.

use std::path::Path;

use spanmill_distribution::MAX_PLUGIN;
use spanmill_private::read_regular;
use spanmill_runtime::{ConfigureError, Limits, Plugin, Role, Slot, producers};

use super::output::{Failure, say};
use super::role::role;
use super::settings;
use crate::service::Folders;

pub(super) fn inspect(
    file: Option<&Path>,
    settings: Option<&str>,
    pipelines: &[String],
) -> Result<(), Failure> {
    let folders = Folders::from_environment()?;
    let Some(file) = file else {
        return contents(&folders);
    };
    let runtime = folders.runtime()?;
    let inside = file.to_str().and_then(|kind| folders.inside.plugin(kind));
    let inside = inside.filter(|_| !file.exists());
    let (plugin, wasm) = match inside.as_ref().and_then(|path| folders.inside.read(path)) {
        Some(found) => {
            let found = found?;
            let plugin = runtime.load_embedded(&file.display().to_string(), &found)?;
            (plugin, found.into_bytes())
        }
        None => (runtime.load_file(file)?, read_regular(file, MAX_PLUGIN)?),
    };
    let file = inside.as_deref().unwrap_or(file);
    let kinds: Vec<_> = plugin.kinds().iter().map(|kind| kind.name()).collect();
    say(format_args!("file      {}", file.display()));
    say(format_args!("kind      {}", kinds.join(", ")));
    let interfaces: Vec<_> = plugin.interfaces().collect();
    say(format_args!("contract  {}", interfaces.join(", ")));
    say(format_args!("size      {} KiB", plugin.size() / 1024));
    say(format_args!("sha256    {}", plugin.hash()));
    let made = producers(&wasm);
    for (what, notes) in [("languages", made.languages), ("made with", made.tools)] {
        if !notes.is_empty() {
            say(format_args!("{what} {}", notes.join(", ")));
        }
    }
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
    let optional = [
        ("state", plugin.has_state()),
        ("ticker", plugin.has_ticker()),
        ("reasons", plugin.has_reasons()),
        ("grouper", plugin.has_grouper()),
    ];
    for (name, _) in optional.iter().filter(|(_, is_exported)| *is_exported) {
        say(format_args!("{name:<9} exported"));
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
    let settings = &settings::of_option(settings)?;
    for &kind in plugin.kinds() {
        let Some(role) = role(kind, pipelines)? else {
            say(
                "\nWhat it does as a router depends on its pipelines: name some with --pipelines traces/a,traces/b.",
            );
            continue;
        };
        if plugin.kinds().len() > 1 {
            say(format_args!("\nas a {kind}"));
        }
        declarations(&plugin, role, settings)?;
    }
    Ok(())
}

/// Shows what lies inside this executable.
fn contents(folders: &Folders) -> Result<(), Failure> {
    let compiler = match cfg!(feature = "compiler") {
        true => "with a compiler",
        false => "without a compiler",
    };
    say(format_args!(
        "spanmill {} for {}-{}, {compiler}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS
    ));
    #[cfg(not(feature = "compiler"))]
    say(crate::inside::RUNTIME_MARK);
    if folders.inside.files().is_empty() {
        say("nothing inside");
    }
    for file in folders.inside.files() {
        say(format_args!(
            "  {:<36} {:>6} KiB, {:>6} KiB stored",
            file.name,
            file.size / 1024,
            file.stored / 1024
        ));
    }
    for key in &folders.keys {
        say(format_args!("  trusts code signed by {key}"));
    }
    Ok(())
}

/// Shows what a plugin declares in a role.
fn declarations(plugin: &Plugin, role: Role, settings: &str) -> Result<(), Failure> {
    let slot = Slot::in_role(plugin, role, "inspect", settings, Limits::default());
    let slot = slot.map_err(|error| match error {
        ConfigureError::Settings(problems) => {
            let lines = problems.iter().map(|problem| match problem.path.as_str() {
                "" => format!("error: settings: {}", problem.message),
                path => format!("error: settings{path}: {}", problem.message),
            });
            Failure(lines.collect::<Vec<_>>().join("\n"))
        }
        error => error.into(),
    })?;
    let declared = slot.declared();
    let signals = declared.signals.iter().map(|signal| signal.name());
    let signals: Vec<_> = signals.collect();
    say(format_args!("takes     {}", signals.join(", ")));
    if slot.may_hold() {
        say("holds     spans and log records, until it decides on their traces");
    }
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
    if let Some(plan) = &declared.records {
        say(format_args!("makes     {}", plan.signal().items()));
        for path in plan.fields() {
            say(format_args!("  {path}"));
        }
    }
    say(format_args!(
        "memory    {} KiB after configure",
        slot.memory_bytes() / 1024
    ));
    Ok(())
}
