//! `spanmill plugin build`: runs the language's own tools, and makes a component of what they build.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use spanmill_componentize::{World, componentize, is_core_module};
use spanmill_private::read_regular;

use super::project::Project;
use super::sources::modified;
use super::tools;
use crate::cli::output::{Failure, say};
use crate::service::Folders;

/// The largest file that a build may make, in bytes; a service takes no larger one.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Builds the plugin of a folder, and shows what came of it.
///
/// # Errors
///
/// Tools that are missing, with how to get them; a build that fails; a component that the host refuses.
pub(super) fn build(folder: &Path) -> Result<(), Failure> {
    let project = Project::read(folder)?;
    make(&project)?;
    show(&project)
}

/// Builds the component.
pub(super) fn make(project: &Project) -> Result<(), Failure> {
    let begun = SystemTime::now();
    compile(project)?;
    // Tools that find nothing to do leave the file as it was; it is current nevertheless.
    if modified(&project.output).is_some_and(|at| at < begun) {
        let output = std::fs::File::options()
            .append(true)
            .open(&project.output)?;
        output.set_modified(begun)?;
    }
    Ok(())
}

fn compile(project: &Project) -> Result<(), Failure> {
    if !project.installed.as_ref().is_some_and(|made| made.exists()) {
        for command in &project.install {
            run(command, &project.folder)?;
        }
    }
    for command in &project.build {
        run(command, &project.folder)?;
    }
    let made = project.module.as_ref().unwrap_or(&project.output);
    let built = read_regular(made, MAX_BYTES).map_err(|error| {
        Failure(format!(
            "error: the build made no {}: {error}\nhelp: plugin.yaml names the file that it makes",
            made.display()
        ))
    })?;
    let component = match (is_core_module(&built), &project.module) {
        (true, _) => componentize(&built, &World::default())
            .map_err(|error| Failure(format!("error: {}: {error}", made.display())))?,
        (false, Some(_)) => built,
        (false, None) => return Ok(()),
    };
    // In one step: a service that watches the file must not see half of it.
    let beside = project.output.with_extension("wasm.part");
    std::fs::write(&beside, component)?;
    std::fs::rename(&beside, &project.output)?;
    Ok(())
}

/// Runs a command in the plugin's folder; what it says goes where ours does.
pub(super) fn run(command: &[String], folder: &Path) -> Result<(), Failure> {
    let Some((program, arguments)) = command.split_first() else {
        return Ok(());
    };
    let shown = command.join(" ");
    say(format_args!("$ {shown}"));
    if let Some(needed) = tools::program(command)
        && let Some(hint) = tools::hint(needed)
        && !tools::is_there(needed, folder)
    {
        return Err(Failure(format!(
            "error: `{needed}` was not found\nhelp: {hint}"
        )));
    }
    // A program of the folder's own is found from anywhere.
    let found = match program.contains('/') {
        true => std::path::absolute(folder.join(program))?,
        false => program.into(),
    };
    let status = Command::new(found)
        .args(arguments)
        .current_dir(folder)
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure(format!("error: `{shown}` failed: {status}"))),
        Err(error) => Err(Failure(format!("error: `{shown}`: {error}"))),
    }
}

fn show(project: &Project) -> Result<(), Failure> {
    let plugin = Folders::from_environment()?
        .runtime()?
        .load_file(&project.output)?;
    let exported: Vec<_> = plugin.interfaces().collect();
    say(format_args!("{}", project.output.display()));
    say(format_args!("  size      {} KiB", plugin.size() / 1024));
    say(format_args!("  contract  {}", exported.join(", ")));
    let imports = plugin.imports().iter().map(String::as_str);
    let (ours, wasi): (Vec<&str>, Vec<&str>) = imports.partition(|name| !name.starts_with("wasi:"));
    say(format_args!("  imports   {}", ours.join(", ")));
    if !wasi.is_empty() {
        say(format_args!(
            "            {} of WASI, with nothing behind them",
            wasi.len()
        ));
    }
    Ok(())
}
