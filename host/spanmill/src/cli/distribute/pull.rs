//! `spanmill plugin pull`: one plugin into a file, or those of a manifest into the store, pinned in its lock file.

use std::path::{Path, PathBuf};

use clap::Args;
use spanmill_distribution::{Location, LockFile};
use spanmill_private::{read_regular, replace};

use crate::cli::files::{unreadable, unwritable};
use crate::cli::manifest::ConfigArgs;
use crate::cli::output::{Failure, colour, say};
use crate::config::{self, PluginSpec};
use crate::pipeline::plugins_of;
use crate::remote::{RemotePlugins, lock_file, read_keys};
use crate::service::Folders;

/// What is pulled.
#[derive(Args, Debug)]
pub(in crate::cli) struct PullArgs {
    /// Where the plugin is: `registry/name:tag`, with `@sha256:..` if a certain one is meant, or an https address.
    #[arg(
        required_unless_present = "config",
        conflicts_with_all = ["config", "set"]
    )]
    location: Option<String>,
    /// The file that the plugin is put into; if not given, it is named as the plugin is.
    #[arg(long, short, value_name = "FILE", conflicts_with = "config")]
    output: Option<PathBuf>,
    /// A public key in PEM, such as cosign.pub. Given once or more, one of them must have signed the plugin.
    #[arg(long = "key", value_name = "FILE", conflicts_with = "config")]
    keys: Vec<PathBuf>,
    #[command(flatten)]
    manifest: ConfigArgs,
    /// Pin what tags and addresses mean now, in place of what they were pinned to.
    #[arg(long, conflicts_with = "location")]
    update: bool,
}

pub(in crate::cli) fn pull(args: &PullArgs) -> Result<(), Failure> {
    let remote = Folders::from_environment()?.remote();
    match &args.location {
        Some(text) => {
            let is_address = text.starts_with("https://") || text.starts_with("http://");
            let location = match is_address {
                true => Location::https(text)?,
                false => Location::oci(text)?,
            };
            pull_one(&location, args, &remote)
        }
        None => pull_all(args, &remote),
    }
}

fn pull_one(location: &Location, args: &PullArgs, remote: &RemotePlugins) -> Result<(), Failure> {
    let keys = read_keys(&args.keys).map_err(|why| Failure(format!("error: {why}")))?;
    let fetch = |request: &_| remote.fetch(request);
    let stored = remote.store()?.take(location, &keys, &fetch)?;
    let file = args.output.clone().unwrap_or_else(|| file_name(location));
    let wasm = read_regular(&stored.path, spanmill_distribution::MAX_PLUGIN)
        .map_err(|error| unreadable(&stored.path, &error))?;
    replace(&file, &wasm).map_err(|error| unwritable(&file, &error))?;
    say(format_args!(
        "{}: {} bytes of {}",
        file.display(),
        wasm.len(),
        location.pinned(stored.pin)
    ));
    say(format_args!("its digest is {}", stored.digest));
    Ok(())
}

/// A file of the plugin's name.
fn file_name(location: &Location) -> PathBuf {
    match location.name() {
        "" => PathBuf::from("plugin.wasm"),
        name => PathBuf::from(format!("{name}.wasm")),
    }
}

fn pull_all(args: &PullArgs, remote: &RemotePlugins) -> Result<(), Failure> {
    let source = args.manifest.source()?;
    let env = |name: &str| std::env::var(name).ok();
    let (manifest, mut found) = config::examine(source.read()?, Path::new("."), &env);
    let Some(manifest) = manifest.filter(|_| !found.has_errors()) else {
        return Err(Failure(found.render(colour())));
    };
    let mut specs: Vec<&PluginSpec> = plugins_of(&manifest).collect();
    specs.sort_by_key(|spec| &spec.kind);
    specs.dedup_by_key(|spec| &spec.kind);
    let path = source.files().next().map(|file| lock_file(file));
    let mut lock = match &path {
        Some(path) => LockFile::read(path)?,
        None => LockFile::default(),
    };
    let before = lock.clone();
    let mut is_pinned = false;
    for spec in specs {
        let Some(location) = &spec.location else {
            continue;
        };
        let pinned = match args.update {
            true => location.clone(),
            false => lock.pinned(location),
        };
        let stored = match remote.pull(spec, &pinned) {
            Ok(stored) => stored,
            Err(problem) => {
                found.push(*problem);
                continue;
            }
        };
        say(format_args!(
            "{:<24} {}",
            spec.kind,
            location.pinned(stored.pin.clone())
        ));
        if location.digest().is_none() {
            lock.lock(location, stored.pin);
            is_pinned = true;
        }
    }
    if found.has_errors() {
        return Err(Failure(found.render(colour())));
    }
    match path {
        Some(path) if lock != before => {
            lock.write(&path)?;
            say(format_args!("pinned in {}", path.display()));
        }
        None if is_pinned => {
            return Err(Failure(
                "error: a manifest that is no file has no lock file; pin its plugins with `@sha256:..`"
                    .to_owned(),
            ));
        }
        _ => {}
    }
    Ok(())
}
