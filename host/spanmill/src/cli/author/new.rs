//! `spanmill plugin new`: a folder with a plugin that builds, tests and runs at once.

use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;

use super::project::Language;
use crate::cli::output::{Failure, say};
use crate::components;

mod packed {
    use super::Template;

    include!(concat!(env!("OUT_DIR"), "/templates.rs"));

    /// What all files hold, one after the other, compressed.
    pub(super) static CONTENTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/templates.gz"));
}

/// The files of a new folder.
struct Template {
    language: &'static str,
    kind: &'static str,
    /// Paths in the folder, and where in the contents of all templates each file begins, and how long it is.
    files: &'static [(&'static str, usize, usize)],
}

impl Template {
    /// Its files: their paths and what they hold.
    fn files<'c>(&self, contents: &'c [u8]) -> impl Iterator<Item = (&'static str, &'c [u8])> {
        let content = |start: usize, length: usize| {
            let end = start.checked_add(length)?;
            contents.get(start..end)
        };
        let files = self.files.iter();
        files.filter_map(move |(path, start, length)| Some((*path, content(*start, *length)?)))
    }
}

/// The contents of all templates.
fn contents() -> std::io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    GzDecoder::new(packed::CONTENTS).read_to_end(&mut contents)?;
    Ok(contents)
}

/// What a plugin is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum NewKind {
    /// Changes or drops what passes.
    Processor,
    /// Measures what passes, and makes metrics of it.
    Connector,
}

impl NewKind {
    fn name(self) -> &'static str {
        match self {
            NewKind::Processor => "processor",
            NewKind::Connector => "connector",
        }
    }

    /// The plugin that its templates are, which stands wherever the new name is to be.
    fn placeholder(self) -> &'static str {
        match self {
            NewKind::Processor => "drop_routes",
            NewKind::Connector => "route_calls",
        }
    }
}

/// A new plugin.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct NewArgs {
    /// Its name, which is that of its folder and its component type: lower-case letters, digits and `_`.
    name: String,
    /// The language.
    #[arg(long, value_enum)]
    lang: Language,
    /// What it does.
    #[arg(long, value_enum, default_value = "processor")]
    kind: NewKind,
}

/// Writes the folder.
///
/// # Errors
///
/// A name that cannot be one, a folder that is there already.
pub(in crate::cli) fn new(args: &NewArgs) -> Result<(), Failure> {
    check_name(&args.name)?;
    let (language, kind) = (args.lang.name(), args.kind.name());
    let mut templates = packed::TEMPLATES.iter();
    let template = templates
        .find(|template| template.language == language && template.kind == kind)
        .ok_or_else(|| {
            Failure(format!(
                "error: there is no template of a {kind} in {language}"
            ))
        })?;
    let contents = contents()?;
    let folder = Path::new(&args.name);
    std::fs::create_dir(folder).map_err(|error| {
        Failure(format!(
            "error: cannot make the folder {}: {error}",
            folder.display()
        ))
    })?;
    let names = Names::new(args.kind.placeholder(), &args.name);
    for (path, bytes) in template.files(&contents) {
        let (path, bytes) = match std::str::from_utf8(bytes) {
            Ok(text) if !is_carried(path) => {
                (names.replaced(path), names.replaced(text).into_bytes())
            }
            _ => (path.to_owned(), bytes.to_vec()),
        };
        let file = folder.join(path);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&file, bytes)?;
    }
    say(format_args!(
        "{}: a {kind} in {language}. Next:\n  cd {}\n  spanmill plugin build\n  spanmill plugin test\n  spanmill plugin dev",
        args.name, args.name
    ));
    Ok(())
}

/// Whether a file of a new folder is the SDK's or the contract's, which stay as they are.
fn is_carried(path: &str) -> bool {
    let carried = ["vendor/", "spanmill_sdk/", "wit/deps/"];
    carried.iter().any(|folder| path.starts_with(folder))
}

fn check_name(name: &str) -> Result<(), Failure> {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word
                .chars()
                .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
    };
    let is_valid = name.len() <= 64 && name.split('_').all(is_word);
    if components::is_known(name) {
        return Err(Failure(format!(
            "error: {name} is the name of a component that spanmill has; choose another"
        )));
    }
    match is_valid {
        true => Ok(()),
        false => Err(Failure(format!(
            "error: {name}: a name is words of lower-case letters and digits that begin with a letter, with `_` between them, as in drop_probes"
        ))),
    }
}

/// A name in the spellings that languages have, and what each becomes.
struct Names([(String, String); 4]);

impl Names {
    fn new(from: &str, to: &str) -> Self {
        let spellings = [identity, dashed, pascal, camel];
        Names(spellings.map(|spelling| (spelling(from), spelling(to))))
    }

    fn replaced(&self, text: &str) -> String {
        let all = self.0.iter();
        all.fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}

fn identity(name: &str) -> String {
    name.to_owned()
}

fn dashed(name: &str) -> String {
    name.replace('_', "-")
}

fn pascal(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_ascii_uppercase() + rest
    });
    words.collect()
}

fn camel(name: &str) -> String {
    let name = pascal(name);
    let (first, rest) = name.split_at_checked(1).unwrap_or((&name, ""));
    first.to_ascii_lowercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_renamed() {
        let names = Names::new("drop_routes", "keep_errors_only");
        let text = "drop_routes drop-routes DropRoutes dropRoutes";
        assert_eq!(
            names.replaced(text),
            "keep_errors_only keep-errors-only KeepErrorsOnly keepErrorsOnly"
        );
    }

    #[test]
    fn every_new_plugin_has_tests_of_its_own() {
        let contents = contents().unwrap();
        for template in packed::TEMPLATES {
            assert_eq!(template.files(&contents).count(), template.files.len());
            let mut own = template
                .files(&contents)
                .filter(|(path, _)| !is_carried(path));
            let has_tests = own.any(|(path, bytes)| {
                let text = std::str::from_utf8(bytes).unwrap();
                let is_source = !path.ends_with(".yaml") && !path.ends_with(".md");
                is_source && (path.contains("test") || text.contains("#[cfg(test)]"))
            });
            assert!(has_tests, "{} {}", template.language, template.kind);
        }
    }

    #[test]
    fn names_that_no_language_takes() {
        for wrong in [
            "", "2fast", "Drop", "a-b", "größe", "../x", "a b", "keep_2xx", "a__b",
        ] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
        assert!(check_name("drop_probes2").is_ok());
    }
}
