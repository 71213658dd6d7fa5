//! `spanmill plugin pack`: a manifest and its plugins into one file.

use std::path::{Path, PathBuf};

use clap::Args;
use spanmill_distribution::{Bundle, BundleFile, Location, MAX_PLUGIN};
use spanmill_private::{read_regular, replace};

use crate::cli::bundle::STORE;
use crate::cli::files::{check_output, signing_key, unreadable, unwritable};
use crate::cli::manifest::ConfigArgs;
use crate::cli::output::{Failure, colour, say};
use crate::config::{self, Manifest, ManifestSource};
use crate::pipeline::plugins_of;
use crate::remote::{Access, BESIDE, RemotePlugins, beside, lock_file};
use crate::service::Folders;

/// What is packed.
#[derive(Args, Debug)]
pub(in crate::cli) struct PackArgs {
    #[command(flatten)]
    manifest: ConfigArgs,
    /// The bundle.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// A private key in PEM (PKCS#8, ECDSA over P-256 or Ed25519) to sign it with.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub(in crate::cli) fn pack(args: &PackArgs) -> Result<(), Failure> {
    let key = args.key.as_deref().map(signing_key).transpose()?;
    let source = args.manifest.source()?;
    let manifests: Vec<&Path> = source.files().map(PathBuf::as_path).collect();
    let Some(first) = manifests.first() else {
        return Err(Failure(
            "error: a bundle holds manifests that are files; name one with --config".to_owned(),
        ));
    };
    if !source.is_all_files() {
        return Err(Failure(
            "error: a bundle holds manifests that are files; put what `--set`, `env:` or `yaml:` say into one".to_owned(),
        ));
    }
    let root = first.parent().unwrap_or(Path::new("")).to_owned();
    let mut bundle = Bundle::default();
    for path in &manifests {
        bundle
            .manifests
            .push(packed(&root, path, config::MAX_BYTES)?);
    }
    let loader = Folders::from_environment()?.loader()?;
    let remote = loader.remote();
    let manifest = resolved(&source, remote)?;
    let plugins = plugins_of(&manifest).filter_map(|spec| spec.file.as_deref());
    let inputs = manifests.iter().copied().chain(plugins);
    check_output(&args.output, inputs.chain(args.key.as_deref()))?;
    add_plugins(&manifest, &root, remote, &mut bundle)?;
    let lock = lock_file(first);
    if lock.is_file() {
        bundle.files.push(packed(&root, &lock, config::MAX_BYTES)?);
    }
    bundle.files.sort_by(|one, other| one.path.cmp(&other.path));
    bundle.files.dedup();
    let (bytes, digest) = bundle.pack(key.as_ref())?;
    replace(&args.output, &bytes).map_err(|error| unwritable(&args.output, &error))?;
    for file in bundle.all() {
        say(format_args!("{:>10}  {}", file.bytes.len(), file.path));
    }
    let signed = if key.is_some() { ", signed" } else { "" };
    say(format_args!("{}: {digest}{signed}", args.output.display()));
    Ok(())
}

/// The manifest, with every plugin in a file here.
fn resolved(source: &ManifestSource, remote: &RemotePlugins) -> Result<Manifest, Failure> {
    let env = |name: &str| std::env::var(name).ok();
    let (manifest, mut found) = config::examine(source.read()?, Path::new("."), &env);
    let Some(mut manifest) = manifest else {
        return Err(Failure(found.render(colour())));
    };
    remote.resolve(&mut manifest, source, Access::Online, &mut found);
    match found.has_errors() {
        true => Err(Failure(found.render(colour()))),
        false => Ok(manifest),
    }
}

fn add_plugins(
    manifest: &Manifest,
    root: &Path,
    remote: &RemotePlugins,
    bundle: &mut Bundle,
) -> Result<(), Failure> {
    for spec in plugins_of(manifest) {
        for key in &spec.keys {
            bundle.files.push(packed(root, key, config::MAX_BYTES)?);
        }
        let pin = spec.location.as_ref().and_then(Location::digest);
        match (pin, &spec.digest, &spec.file) {
            (Some(pin), Some(digest), _) => {
                for (name, bytes) in remote.store()?.files(pin, digest)? {
                    let path = format!("{STORE}/{name}");
                    bundle.files.push(BundleFile {
                        path,
                        bytes: bytes.into(),
                    });
                }
            }
            (None, _, Some(path)) => {
                bundle.files.push(packed(root, path, MAX_PLUGIN)?);
                for suffix in BESIDE {
                    let beside = beside(path, suffix);
                    if !spec.keys.is_empty() && beside.is_file() {
                        bundle.files.push(packed(root, &beside, config::MAX_BYTES)?);
                    }
                }
            }
            // Built-ins come with the program.
            _ => {}
        }
    }
    Ok(())
}

/// A file as it is in the bundle: relative to the first manifest's folder.
fn packed(root: &Path, path: &Path, most: u64) -> Result<BundleFile, Failure> {
    let bytes = read_regular(path, most).map_err(|error| unreadable(path, &error))?;
    let relative = path.strip_prefix(root).ok().and_then(Path::to_str);
    let Some(relative) = relative.map(str::to_owned) else {
        let root = match root.as_os_str().is_empty() {
            true => Path::new("."),
            false => root,
        };
        return Err(Failure(format!(
            "error: {} is not below {}, the folder of the first manifest; a bundle holds what is below it",
            path.display(),
            root.display()
        )));
    };
    if relative.split('/').next() == Some(STORE) {
        return Err(Failure(format!(
            "error: {}: in a bundle, the folder `{STORE}` is for plugins that were fetched; give it another name",
            path.display()
        )));
    }
    Ok(BundleFile {
        path: relative,
        bytes: bytes.into(),
    })
}
