//! `spanmill plugin test`: runs the cases of a plugin in the sandbox, and shows how its output differs from what is
//! expected.

use std::path::{Path, PathBuf};

use similar::TextDiff;
use spanmill_runtime::Plugin;

use super::case::{Case, expected_text};
use crate::cli::output::{Failure, say};
use crate::pipeline::PluginLoader;
use crate::service::Folders;

/// Lines around a difference that are shown with it.
const CONTEXT: usize = 5;

/// Runs the cases in a folder, in the order of their names. With `update`, what comes of them is written down as expected.
///
/// # Errors
///
/// If there are no cases, or one fails.
pub(super) fn test(plugin: &Path, cases: &Path, update: bool) -> Result<(), Failure> {
    let folders = Folders::from_environment()?;
    let mut loader = folders.loader()?;
    let loaded = folders.runtime()?.load_file(plugin)?;
    let mut failed = 0usize;
    let all = folders_in(cases)?;
    for folder in &all {
        let name = folder.file_name().unwrap_or(folder.as_os_str());
        let name = name.to_string_lossy();
        let ran =
            Case::read(folder).and_then(|case| run(&case, plugin, &loaded, &mut loader, update));
        match ran {
            Ok(remark) => say(format_args!("ok    {name:<24} {remark}")),
            Err(Failure(why)) => {
                failed = failed.saturating_add(1);
                say(format_args!("FAIL  {name}\n{}", why.trim_end()));
            }
        }
    }
    let count = all.len();
    match failed {
        0 => {
            say(format_args!("{count} {} passed", plural(count)));
            Ok(())
        }
        failed => Err(Failure(format!(
            "error: {failed} of {count} {} failed",
            plural(count)
        ))),
    }
}

fn plural(count: usize) -> &'static str {
    match count {
        1 => "case",
        _ => "cases",
    }
}

fn folders_in(cases: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable =
        |error: std::io::Error| Failure(format!("error: cannot read {}: {error}", cases.display()));
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(cases).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    match folders.is_empty() {
        false => Ok(folders),
        true => Err(Failure(format!(
            "error: {}: there are no cases; a case is a folder with settings.yaml, input.json (OTLP/JSON) and expected.json",
            cases.display()
        ))),
    }
}

fn run(
    case: &Case,
    file: &Path,
    plugin: &Plugin,
    loader: &mut PluginLoader,
    update: bool,
) -> Result<String, Failure> {
    let actual = case.run(file, plugin, loader)?;
    let mut differences = String::new();
    for (file, text) in &actual {
        if update {
            std::fs::write(file, text)?;
            continue;
        }
        if !file.exists() {
            return Err(Failure(format!(
                "{} is missing; `--update` writes what the plugin makes of the input",
                file.display()
            )));
        }
        let expected = expected_text(file)?;
        if expected != *text {
            let name = file.display().to_string();
            let diff = TextDiff::from_lines(expected.as_str(), text.as_str());
            let mut diff = diff.unified_diff();
            let diff = diff
                .context_radius(CONTEXT)
                .header(&name, "what the plugin made");
            differences.push_str(&diff.to_string());
        }
    }
    match (differences.is_empty(), update) {
        (true, false) => Ok(format!("{} items in", case.items()?)),
        (true, true) => Ok("written down".to_owned()),
        (false, _) => Err(Failure(differences)),
    }
}
