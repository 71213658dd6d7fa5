//! `spanmill plugin` for those who write plugins: new, build, test, bench, dev.

mod bench;
mod build;
mod case;
mod cases;
mod dev;
mod input;
mod new;
mod project;
mod sources;
mod tools;

use std::path::{Path, PathBuf};

use super::output::{Failure, warn};
use super::settings;
pub(super) use bench::BenchArgs;
pub(super) use dev::{DevArgs, dev};
pub(super) use new::{NewArgs, new};
use project::Project;

/// Cases to run.
#[derive(Debug, clap::Args)]
pub(super) struct CasesArgs {
    /// The plugin's folder, with `plugin.yaml` and `cases`.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Another component than that of `plugin.yaml`, which need not be there then.
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// Write what comes of each case into its files as what is expected.
    #[arg(long)]
    update: bool,
    /// Run the cases alone, without the plugin's own tests.
    #[arg(long)]
    cases_only: bool,
}

/// Builds the plugin of a folder.
pub(super) fn build(folder: &Path) -> Result<(), Failure> {
    build::build(folder)
}

/// Runs a plugin's own tests, natively, and its cases, in the sandbox.
pub(super) fn cases(args: &CasesArgs) -> Result<(), Failure> {
    let plugin = match &args.plugin {
        Some(plugin) => plugin.clone(),
        None => {
            let project = Project::read(&args.folder)?;
            let native = project.test.iter().filter(|_| !args.cases_only);
            for command in native {
                build::run(command, &project.folder)?;
            }
            built(&args.folder)?
        }
    };
    cases::test(&plugin, &args.folder.join("cases"), args.update)
}

/// Measures a plugin.
pub(super) fn bench(args: &BenchArgs) -> Result<(), Failure> {
    let folder = Path::new(".");
    let plugin = match &args.plugin {
        Some(plugin) => plugin.clone(),
        None => built(folder)?,
    };
    let settings = match &args.settings {
        Some(text) => settings::of_option(text)?,
        None => case::first_settings(&folder.join("cases"))?,
    };
    bench::bench(args, &plugin, &settings)
}

/// The component of a folder, which must have been built. Says so on stderr if a source has changed since.
fn built(folder: &Path) -> Result<PathBuf, Failure> {
    let project = Project::read(folder)?;
    if !project.output.is_file() {
        return Err(Failure(format!(
            "error: {} is not there yet; build it with `spanmill plugin build`",
            project.output.display()
        )));
    }
    if let Some(changed) = project.stale() {
        warn(format_args!(
            "warning: {} has changed since {} was built\nhelp: `spanmill plugin build` builds it again",
            changed.display(),
            project.output.display()
        ));
    }
    Ok(project.output)
}
