//! What is wrong with a manifest, and where. Every mistake is collected; nothing stops at the first.
//! They are rendered as rustc does: file, line, the offending text, and a `help:` with what to do.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::source::{Source, SourceText, TextRange};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The manifest cannot be run.
    Error,
    /// It runs, but may not do what its author expects.
    Warning,
}

/// One mistake.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    severity: Severity,
    message: String,
    place: Option<TextRange>,
    label: Option<String>,
    related: Vec<(TextRange, String)>,
    help: Vec<String>,
}

impl Diagnostic {
    /// A mistake that keeps the manifest from running.
    pub fn error(place: TextRange, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Some(place), message.into())
    }

    /// Something that may not do what its author expects.
    pub fn warning(place: TextRange, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Some(place), message.into())
    }

    fn new(severity: Severity, place: Option<TextRange>, message: String) -> Self {
        Self {
            severity,
            message,
            place,
            label: None,
            related: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Says something beside the offending text itself.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = Some(text.into());
        self
    }

    /// Points at a related place.
    #[must_use]
    pub fn related(mut self, place: TextRange, text: impl Into<String>) -> Self {
        self.related.push((place, text.into()));
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds a suggestion if there is one.
    #[must_use]
    pub fn maybe_help(self, text: Option<String>) -> Self {
        match text {
            Some(text) => self.help(text),
            None => self,
        }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn helps(&self) -> &[String] {
        &self.help
    }

    /// Where, if it is about one place.
    pub fn place(&self) -> Option<TextRange> {
        self.place
    }
}

/// Diagnostics of one severity that are kept; nobody reads more.
const MAX_SHOWN: usize = 200;

/// All mistakes found in one manifest; of very many, the first of each kind.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    source: Arc<Source>,
    items: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Diagnostics {
    /// None yet.
    pub fn new(source: Arc<Source>) -> Self {
        Self {
            source,
            items: Vec::new(),
            errors: 0,
            warnings: 0,
        }
    }

    /// Adds a diagnostic. Beyond some hundreds of a kind they are only counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let count = match diagnostic.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= MAX_SHOWN {
            self.items.push(diagnostic);
        }
    }

    /// Those found, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.items.iter().collect();
        sorted.sort_by_key(|item| item.place);
        sorted.into_iter()
    }

    /// Whether any of them keeps the manifest from running.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The manifest they are about.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The text for a terminal, in which secrets are stars; with ANSI colours only if `colour` says so.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let starred = self.source.starred();
        let mut text = String::new();
        for item in self.iter() {
            text.push_str(&renderer.render(&self.report(item, &starred)));
            text.push_str("\n\n");
        }
        let left_out = (self.errors + self.warnings).saturating_sub(self.items.len());
        if left_out > 0 {
            text.push_str(&format!("... and {left_out} more\n\n"));
        }
        text.push_str(&self.summary());
        text.push('\n');
        text
    }

    fn summary(&self) -> String {
        let (errors, warnings) = (self.errors, self.warnings);
        let name = self.source.name();
        match (errors, warnings) {
            (0, 0) => format!("{name}: no mistakes"),
            (0, w) => format!("{name}: {}", count(w, "warning")),
            (e, 0) => format!("{name}: {}", count(e, "error")),
            (e, w) => format!("{name}: {}, {}", count(e, "error"), count(w, "warning")),
        }
    }

    /// `starred` has each text as it may be shown.
    fn report<'a>(&'a self, item: &'a Diagnostic, starred: &'a [String]) -> Vec<Group<'a>> {
        let shown = |part: &'a SourceText| {
            let mut parts = self.source.parts().zip(starred);
            let found = parts.find(|(one, _)| std::ptr::eq(*one, part));
            found.map_or("", |(_, text)| text.as_str())
        };
        let level = match item.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(item.message.as_str()));
        if let Some(place) = item.place {
            let part = self.source.part_at(place);
            let mut primary = AnnotationKind::Primary.span(part.first_line(place));
            if let Some(label) = &item.label {
                primary = primary.label(label.as_str());
            }
            let mut snippet = Snippet::source(shown(part))
                .path(part.name())
                .annotation(primary);
            let mut elsewhere = Vec::new();
            for (place, text) in &item.related {
                let at = self.source.part_at(*place);
                let span = AnnotationKind::Context.span(at.first_line(*place));
                let related = span.label(text.as_str());
                if std::ptr::eq(at, part) {
                    snippet = snippet.annotation(related);
                } else {
                    let other = Snippet::source(shown(at)).path(at.name());
                    elsewhere.push(other.annotation(related));
                }
            }
            group = group.element(snippet);
            for snippet in elsewhere {
                group = group.element(snippet);
            }
        }
        for help in &item.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        vec![group]
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `did you mean ...?`, for the candidate that is nearest to what was written.
pub fn did_you_mean<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    // A third of the letters may be wrong: beyond that a suggestion misleads more than it helps.
    let allowed = (written.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (distance(written, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}

fn distance(written: &str, candidate: &str) -> usize {
    // `sendBatchSize` and `send-batch-size` are slips of notation, not of spelling.
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    strsim::damerau_levenshtein(written, candidate).min(strsim::damerau_levenshtein(
        &plain(written),
        &plain(candidate),
    ))
}

impl Diagnostics {
    /// Diagnostics that nobody will look at.
    pub fn scratch() -> Self {
        Self::new(Arc::new(Source::new("", "")))
    }
}
