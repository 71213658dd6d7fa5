//! `spanmill plugins`.

use super::manifest::{self, ManifestArgs};
use super::output::{Failure, say};
use crate::components;
use crate::pipeline::{LoadedPlugin, Version};

pub(super) fn plugins(args: &ManifestArgs) -> Result<(), Failure> {
    let (source, mut loader) = args.open()?;
    say("BUILT-IN");
    for plugin in components::built_in_plugins() {
        let (name, kind) = (plugin.name, plugin.kind().name());
        let file = loader.built_in_file(name);
        let inside = loader.inside().size(&file);
        let found = inside.or_else(|| Some(std::fs::metadata(&file).ok()?.len()));
        match found {
            Some(bytes) => say(format_args!(
                "  {name:<24} {kind:<10} {:>6} KiB",
                bytes / 1024
            )),
            // A bundle has those that its manifest uses.
            None if cfg!(not(feature = "compiler")) => {}
            None => say(format_args!(
                "  {name:<24} {kind:<10} missing: {}",
                file.display()
            )),
        }
    }
    let (manifest, loaded) = manifest::load(&source, &mut loader)?;
    say(format_args!("\nCONFIGURED BY {}", manifest.source.name()));
    for plugin in loaded.values() {
        show(plugin);
    }
    Ok(())
}

fn show(loaded: &LoadedPlugin) {
    let version = &loaded.version;
    let hash = version.plugin.hash().get(..12).unwrap_or("");
    say(format_args!(
        "  {:<24} {:<14} {:>6.1} MiB an instance, limit {} MiB, timeout {:?}",
        version.id.as_str(),
        hash,
        loaded.memory_bytes as f64 / (1024.0 * 1024.0),
        version.spec.memory_mib,
        version.spec.timeout,
    ));
    for version in loaded.versions() {
        show_role(version);
    }
}

/// What a component reads, writes and makes in one of its roles.
fn show_role(version: &Version) {
    let list = |paths: &[String]| match paths.len() {
        0 => "nothing".to_owned(),
        _ => paths.join(", "),
    };
    say(format_args!("    reads  {}", list(&version.declared.reads)));
    say(format_args!(
        "    writes {}",
        list(&version.declared.writes)
    ));
    if let Some(stream) = &version.declared.metrics {
        let names: Vec<&str> = stream.instruments.iter().map(|i| i.name.as_str()).collect();
        say(format_args!("    makes  {}", names.join(", ")));
    }
    if let Some(records) = &version.declared.records {
        say(format_args!("    makes  {}", records.signal().items()));
    }
}
