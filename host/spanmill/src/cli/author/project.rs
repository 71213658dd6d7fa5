//! `plugin.yaml`: what `spanmill plugin` knows of a plugin's folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use spanmill_manifest::{Diagnostic, Diagnostics, Section, Source, Value};
use spanmill_private::read_regular;

use super::sources::{Sources, modified};
use crate::cli::output::{Failure, colour};

/// The file.
pub(super) const FILE: &str = "plugin.yaml";
const MAX_BYTES: u64 = 64 * 1024;

/// A language that there is an SDK for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Language {
    /// Rust.
    Rust,
    /// JavaScript.
    Js,
    /// TypeScript.
    Ts,
    /// Python.
    Python,
    /// Go.
    Go,
    /// C.
    C,
}

impl Language {
    pub(super) const ALL: [Language; 6] = [
        Language::Rust,
        Language::Js,
        Language::Ts,
        Language::Python,
        Language::Go,
        Language::C,
    ];

    /// As `--lang` and `plugin.yaml` call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::Js => "js",
            Language::Ts => "ts",
            Language::Python => "python",
            Language::Go => "go",
            Language::C => "c",
        }
    }
}

/// A plugin's folder.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) folder: PathBuf,
    /// Commands that get what the build needs, run where `installed` is not there.
    pub(super) install: Vec<Vec<String>>,
    /// What `install` makes: a folder of packages.
    pub(super) installed: Option<PathBuf>,
    /// Commands that build it, run in the folder: each a program and its arguments.
    pub(super) build: Vec<Vec<String>>,
    /// The component.
    pub(super) output: PathBuf,
    /// The core module that the build makes, if it makes one: the component is made of it.
    pub(super) module: Option<PathBuf>,
    /// Commands that run the plugin's own tests.
    pub(super) test: Vec<Vec<String>>,
    /// What the component is built from: changes make a new version.
    pub(super) sources: Sources,
}

impl Project {
    /// Reads the `plugin.yaml` of a folder.
    ///
    /// # Errors
    ///
    /// A file that is missing, and every mistake in it with its line.
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let file = folder.join(FILE);
        let bytes = read_regular(&file, MAX_BYTES).map_err(|error| {
            Failure(format!(
                "error: cannot read {}: {error}\nhelp: `spanmill plugin new` makes a folder that has one",
                file.display()
            ))
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|error| Failure(format!("error: {}: {error}", file.display())))?;
        let source = Arc::new(Source::new(file.display().to_string(), text));
        let mut found = Diagnostics::new(Arc::clone(&source));
        let project =
            spanmill_manifest::read(&source, &|name| std::env::var(name).ok(), &mut found)
                .and_then(|root| project(Section::root(&root, &mut found), folder, &mut found));
        match project {
            Some(project) if !found.has_errors() => Ok(project),
            _ => Err(Failure(found.render(colour()))),
        }
    }

    /// A file that has changed since the component was built.
    pub(super) fn stale(&self) -> Option<PathBuf> {
        let built = modified(&self.output)?;
        let file = self.folder.join(FILE);
        self.sources
            .changed_since(built)
            .or_else(|| modified(&file).is_some_and(|at| at > built).then_some(file))
    }
}

fn project(mut section: Section<'_>, folder: &Path, out: &mut Diagnostics) -> Option<Project> {
    let languages = Language::ALL.map(|language| (language.name(), language));
    // Says what the folder is; the commands say all that is done with it.
    let _ = section.choice("language", &languages, out);
    let install = commands(&mut section, "install", out);
    let installed = section.text("installed", out);
    let build = commands(&mut section, "build", out);
    let test = commands(&mut section, "test", out);
    let output = section.text("output", out);
    let module = section.text("module", out);
    let sources = section.texts("sources", out);
    let place = section.place();
    section.finish(out);
    if build.is_empty() {
        out.push(
            Diagnostic::error(place, "build is missing")
                .help("give the commands that build the plugin, as in `build: [[make]]`"),
        );
    }
    let Some(output) = output else {
        out.push(
            Diagnostic::error(place, "output is missing")
                .help("name the component, as in `output: build/my_plugin.wasm`; and the core module that it is made of, if the build makes one, as `module`"),
        );
        return None;
    };
    let sources = sources.unwrap_or_else(|| vec!["src".to_owned()]);
    let sources = match Sources::new(folder, &sources) {
        Ok(sources) => sources,
        Err(wrong) => {
            out.push(
                Diagnostic::error(place, format!("sources: {wrong} is not a pattern"))
                    .help("a `*` may stand once, in the last part of the path, as in `*.js`"),
            );
            return None;
        }
    };
    Some(Project {
        folder: folder.to_owned(),
        install,
        installed: installed.map(|path| folder.join(path)),
        build,
        output: folder.join(output),
        module: module.map(|path| folder.join(path)),
        test,
        sources,
    })
}

/// A list of commands.
fn commands(root: &mut Section<'_>, key: &'static str, out: &mut Diagnostics) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for item in root.list(key, out).unwrap_or_default() {
        let Value::List(words) = &item.value else {
            out.push(root.wrong(
                key,
                &item,
                "must be a list of commands, each a list of words",
            ));
            continue;
        };
        let command: Vec<String> = words.iter().map(|word| word.raw.clone()).collect();
        match command.is_empty() {
            true => out.push(root.wrong(key, &item, "has a command without words")),
            false => commands.push(command),
        }
    }
    commands
}
