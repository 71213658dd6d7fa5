//! `spanmill plugin push`: a plugin into a registry.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use spanmill_distribution::{Location, MAX_PLUGIN};
use spanmill_private::read_regular;

use crate::cli::fetch::limit;
use crate::cli::files::{signing_key, unreadable};
use crate::cli::output::{Failure, say};
use crate::service::Folders;

/// How long a registry may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// What is pushed, and to where.
#[derive(Args, Debug)]
pub(in crate::cli) struct PushArgs {
    /// The component.
    file: PathBuf,
    /// Where it goes: `registry/name:tag`.
    location: String,
    /// A private key in PEM (PKCS#8, ECDSA over P-256 or Ed25519) to sign it with, as `cosign sign` does.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub(in crate::cli) fn push(args: &PushArgs) -> Result<(), Failure> {
    let location = Location::oci(&args.location)?;
    if location.digest().is_some() {
        let why = "it gets its digest from what is pushed; leave out `@sha256:..`";
        return Err(Failure(format!("error: {}: {why}", args.location)));
    }
    let key = args.key.as_deref().map(signing_key).transpose()?;
    let wasm =
        read_regular(&args.file, MAX_PLUGIN).map_err(|error| unreadable(&args.file, &error))?;
    // What is no plugin is not given to others.
    let plugin = Folders::from_environment()?
        .runtime()?
        .load(&args.file.display().to_string(), &wasm)?;
    let exports: Vec<String> = plugin.interfaces().map(str::to_owned).collect();
    limit()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let pushed =
        spanmill_distribution::push(&location, wasm, plugin.imports(), &exports, key.as_ref());
    let pushed = runtime.block_on(async { tokio::time::timeout(PATIENCE, pushed).await });
    let digest = pushed.map_err(|_| {
        let location = &args.location;
        Failure(format!(
            "error: {location}: the registry did not take it within {PATIENCE:.0?}"
        ))
    })??;
    let signed = if key.is_some() { ", signed" } else { "" };
    say(format_args!("pushed {}{signed}", location.pinned(digest)));
    Ok(())
}
