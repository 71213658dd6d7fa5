//! `spanmill bundle`: a manifest, its plugins and a runtime in one executable. And what `make build` does with the built-ins.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use spanmill_archive::{NewFile, attach};
use spanmill_distribution::{MAX_PLUGIN, PublicKey};
use spanmill_private::{read_regular, replace};
use spanmill_runtime::{Machine, Packing, is_precompiled};

use super::compile::TargetArgs;
use super::files::{check_output, unreadable, unwritable};
use super::manifest::ConfigArgs;
use super::output::{Failure, colour, say, warn};
use crate::components;
use crate::config::{self, Manifest, ManifestSource, PluginSpec};
use crate::inside::{KEYS, MANIFEST, plugin_name, runtime_mark};
use crate::pipeline::{PluginLoader, plugins_of};
use crate::remote::Access;
use crate::service::Folders;

/// What is bundled, and for which machine.
#[derive(Args, Debug)]
pub(super) struct BundleArgs {
    #[command(flatten)]
    manifest: ConfigArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// The executable.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// The runtime of the target; if not given, it is looked for in SPANMILL_RUNTIMES, or `runtimes` beside this executable.
    #[arg(long, value_name = "FILE")]
    runtime: Option<PathBuf>,
    /// Built-in plugins that the manifest does not use, for other manifests.
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    with: Vec<String>,
    /// A public key in PEM, which may sign precompiled plugins for the bundle: swaps, and plugins of other manifests.
    #[arg(long = "code-key", value_name = "FILE")]
    keys: Vec<PathBuf>,
}

/// The built-ins that go into an executable.
#[derive(Args, Debug)]
pub(super) struct PackArgs {
    /// The folder with the plugins.
    #[arg(long)]
    plugins: PathBuf,
    /// The executable.
    #[arg(long)]
    into: PathBuf,
}

/// Puts the built-in plugins into an executable, in the place of those that are in it.
pub(super) fn pack(args: &PackArgs) -> Result<(), Failure> {
    let mut files = Vec::new();
    for plugin in components::built_in_plugins() {
        let path = args.plugins.join(format!("{}.wasm", plugin.name));
        files.push(NewFile {
            name: plugin_name(plugin.name, "wasm"),
            bytes: read(&path)?,
        });
    }
    write(&args.into, &args.into, &files)
}

pub(super) fn bundle(args: &BundleArgs) -> Result<(), Failure> {
    let machine = match args.target.machines().as_slice() {
        [machine] => *machine,
        _ => {
            return Err(Failure(
                "error: a bundle is for one target; make one for each".to_owned(),
            ));
        }
    };
    let runtime = match &args.runtime {
        Some(runtime) => runtime.clone(),
        None => find_runtime(machine)?,
    };
    check_runtime(&runtime, machine)?;
    let source = args.manifest.source()?;
    let mut loader = Folders::from_environment()?.loader()?;
    let (text, manifest) = read_manifest(&source, &mut loader)?;
    let plugins = plugins_of(&manifest).filter_map(|spec| spec.file.as_deref());
    let inputs = source.files().map(PathBuf::as_path).chain(plugins);
    let inputs = inputs.chain(args.keys.iter().map(PathBuf::as_path));
    check_output(&args.output, inputs.chain([runtime.as_path()]))?;
    let mut files = vec![NewFile {
        name: MANIFEST.to_owned(),
        bytes: text.into_bytes(),
    }];
    if !args.keys.is_empty() {
        files.push(NewFile {
            name: KEYS.to_owned(),
            bytes: keys(&args.keys)?,
        });
    }
    let folders = Folders::from_environment()?;
    let mut specs: BTreeMap<String, PluginSpec> = BTreeMap::new();
    for spec in plugins_of(&manifest) {
        specs.insert(spec.kind.clone(), spec.clone());
    }
    for kind in &args.with {
        let Some(plugin) = components::built_in_plugin(kind) else {
            return Err(Failure(format!(
                "error: --with {kind}: there is no built-in of this type"
            )));
        };
        let spec = PluginSpec::built_in(plugin.name);
        specs.entry(plugin.name.to_owned()).or_insert(spec);
    }
    for (kind, spec) in &specs {
        let wasm = component(&loader, spec)?;
        say(format_args!("compiling {kind} for {machine}"));
        let memory = manifest.limits.plugin_memory;
        let code = args
            .target
            .compile(&folders, kind, &wasm, memory, Packing::Plain, None)?;
        files.push(NewFile {
            name: plugin_name(kind, "cwasm"),
            bytes: code,
        });
    }
    write(&runtime, &args.output, &files)
}

/// The manifest's text, and what it says here. Plugins are asked what they think of their settings, as `validate` does: a bundle that
/// refuses its own manifest is of no use. Where that may be because a variable of the device is not set here, it is a warning.
fn read_manifest(
    source: &ManifestSource,
    loader: &mut PluginLoader,
) -> Result<(String, Manifest), Failure> {
    let Some(path) = source.only_file() else {
        return Err(Failure(
            "error: a bundle holds one manifest that is a file; name it with --config, and put what `--set`, `env:` or `yaml:` say \
             into it"
                .to_owned(),
        ));
    };
    let text = spanmill_private::read_regular_text(path, config::MAX_BYTES);
    let text = text.map_err(|error| unreadable(path, &error))?;
    let is_any_unset = Cell::new(false);
    let env = |name: &str| {
        let value = std::env::var(name).ok();
        is_any_unset.set(is_any_unset.get() || value.is_none());
        value
    };
    let (manifest, mut found) = config::examine(source.read()?, Path::new("."), &env);
    let Some(mut manifest) = manifest else {
        return Err(Failure(found.render(colour())));
    };
    let remote = loader.remote();
    remote.resolve(&mut manifest, source, Access::Online, &mut found);
    if found.has_errors() {
        return Err(Failure(found.render(colour())));
    }
    if let Err(problems) = loader.load_all(&manifest) {
        let problems = problems.render(colour());
        match is_any_unset.get() {
            true => warn(format_args!(
                "warning: it is bundled all the same, since variables of the device that are not set here may be why:\n{}",
                problems.trim_end()
            )),
            false => return Err(Failure(problems)),
        }
    }
    Ok((text, manifest))
}

/// A plugin's WebAssembly.
fn component(loader: &PluginLoader, spec: &PluginSpec) -> Result<Vec<u8>, Failure> {
    let path = loader.file(spec);
    let failed = |error: &std::io::Error| unreadable(&path, error);
    let bytes = match loader.inside().read(&path) {
        Some(file) => file.map_err(|error| failed(&error))?.into_bytes(),
        None => read_regular(&path, MAX_PLUGIN).map_err(|error| failed(&error))?,
    };
    let hash = spanmill_runtime::content_hash(&bytes);
    if spec
        .digest
        .as_ref()
        .is_some_and(|digest| digest.hex() != hash)
    {
        return Err(Failure(format!(
            "error: the plugin {} has the digest sha256:{hash}, which is not the manifest's",
            path.display()
        )));
    }
    match is_precompiled(&bytes) {
        true => Err(Failure(format!(
            "error: {} is precompiled; a bundle is made of WebAssembly",
            path.display()
        ))),
        false => Ok(bytes),
    }
}

/// The public keys, one file of them all.
fn keys(paths: &[PathBuf]) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    for path in paths {
        let pem = read(path)?;
        PublicKey::all_from_pem(&pem)
            .map_err(|error| Failure(format!("error: the key {}: {error}", path.display())))?;
        all.extend_from_slice(&pem);
        all.push(b'\n');
    }
    Ok(all)
}

/// Where the prebuilt runtime of a target is.
fn find_runtime(machine: Machine) -> Result<PathBuf, Failure> {
    let name = format!("runtime-{}-linux", machine.architecture());
    let named = std::env::var_os("SPANMILL_RUNTIMES").map(PathBuf::from);
    let folders = match named {
        Some(folder) => vec![folder],
        None => {
            let program = std::env::current_exe()?;
            let folder = program.parent().unwrap_or(Path::new("."));
            vec![
                folder.join("runtimes"),
                folder.join("../lib/spanmill/runtimes"),
            ]
        }
    };
    let mut found = folders.iter().map(|folder| folder.join(&name));
    found.find(|path| path.is_file()).ok_or_else(|| {
        let looked: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        Failure(format!(
            "error: there is no {name} in {}: `make edge` builds it; --runtime or SPANMILL_RUNTIMES names another place",
            looked.join(" or ")
        ))
    })
}

/// Whether a file is a runtime of this version, for that machine.
fn check_runtime(path: &Path, machine: Machine) -> Result<(), Failure> {
    let bytes = read(path)?;
    let wrong = |why: &str| Failure(format!("error: {} {why}", path.display()));
    // An ELF header's machine: EM_X86_64 and EM_AARCH64.
    let found = match (bytes.get(..4), bytes.get(18..20)) {
        (Some(b"\x7fELF"), Some([62, 0])) => "x86_64",
        (Some(b"\x7fELF"), Some([183, 0])) => "aarch64",
        _ => return Err(wrong("is no executable for x86_64 or aarch64")),
    };
    if found != machine.architecture() {
        let why = format!("is for {found}, not for {}", machine.architecture());
        return Err(wrong(&why));
    }
    let mark = runtime_mark();
    let mut parts = bytes.windows(mark.len());
    match parts.any(|part| part == mark.as_bytes()) {
        true => Ok(()),
        false => Err(wrong(
            "is no runtime of this version of spanmill; `make edge` builds one of each architecture",
        )),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    const MAX: u64 = 256 * 1024 * 1024;
    read_regular(path, MAX).map_err(|error| unreadable(path, &error))
}

/// Writes a program with files in it, executable as the one it is made of.
fn write(program: &Path, output: &Path, files: &[NewFile]) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let bytes = attach(program, files)
        .map_err(|error| Failure(format!("error: {}: {error}", program.display())))?;
    let written = replace(output, &bytes).and_then(|()| {
        let permissions = std::fs::metadata(program)?.permissions();
        let mode = permissions.mode() | 0o111;
        std::fs::set_permissions(output, std::fs::Permissions::from_mode(mode))
    });
    written.map_err(|error| unwritable(output, &error))?;
    say(format_args!(
        "{}: {} KiB, {} files inside",
        output.display(),
        bytes.len() / 1024,
        files.len()
    ));
    Ok(())
}
