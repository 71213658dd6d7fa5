//! What is wrong with a manifest, and where. A walk collects every mistake; nothing here stops at the first.
//! Rendering is rustc's: file, line, the offending text, and a `help:` with what to do.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A stretch of a manifest's text, in bytes; the end is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A manifest's name and text.
pub struct Source {
    name: String,
    text: String,
}

impl fmt::Debug for Source {
    /// Without the text: there may be credentials in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// A source that diagnostics call `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// The name diagnostics show, usually the path as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub fn line_column(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before
            .get(line_start..)
            .map_or(0, |text| text.chars().count())
            + 1;
        (line, column)
    }

    /// Cuts a place to its first line and to the text's bounds, so that a snippet never spans pages.
    fn first_line(&self, place: Place) -> std::ops::Range<usize> {
        let mut start = place.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = place.end.clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let text = self.text.get(start..end).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default().trim_end();
        start..start + line.len()
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The manifest cannot be run.
    Error,
    /// It runs, but not as its author may think.
    Warning,
}

/// One mistake.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    severity: Severity,
    message: String,
    place: Option<Place>,
    label: Option<String>,
    related: Vec<(Place, String)>,
    help: Vec<String>,
}

impl Diagnostic {
    /// A mistake that keeps the manifest from running.
    pub fn error(place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Some(place), message.into())
    }

    /// Something that is not as its author may think.
    pub fn warning(place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Some(place), message.into())
    }

    fn new(severity: Severity, place: Option<Place>, message: String) -> Self {
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

    /// Points at another place that has to do with it.
    #[must_use]
    pub fn related(mut self, place: Place, text: impl Into<String>) -> Self {
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

    /// Where, if it is about one place.
    pub fn place(&self) -> Option<Place> {
        self.place
    }
}

/// All mistakes found in one manifest.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    source: Arc<Source>,
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// None yet.
    pub fn new(source: Arc<Source>) -> Self {
        Self {
            source,
            items: Vec::new(),
        }
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.items.push(diagnostic);
    }

    /// Those found, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.items.iter().collect();
        sorted.sort_by_key(|item| item.place);
        sorted.into_iter()
    }

    /// Whether any of them keeps the manifest from running.
    pub fn has_errors(&self) -> bool {
        self.items
            .iter()
            .any(|item| item.severity == Severity::Error)
    }

    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The manifest they are about.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The text for a terminal; with ANSI colours only if `colour` says so.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut text = String::new();
        for item in self.iter() {
            text.push_str(&renderer.render(&self.report(item)));
            text.push_str("\n\n");
        }
        text.push_str(&self.summary());
        text.push('\n');
        text
    }

    fn summary(&self) -> String {
        let errors = self
            .items
            .iter()
            .filter(|item| item.severity == Severity::Error)
            .count();
        let warnings = self.items.len() - errors;
        let name = self.source.name();
        match (errors, warnings) {
            (0, 0) => format!("{name}: no mistakes"),
            (0, w) => format!("{name}: {}", count(w, "warning")),
            (e, 0) => format!("{name}: {}", count(e, "error")),
            (e, w) => format!("{name}: {}, {}", count(e, "error"), count(w, "warning")),
        }
    }

    fn report<'a>(&'a self, item: &'a Diagnostic) -> Vec<Group<'a>> {
        let level = match item.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(item.message.as_str()));
        if let Some(place) = item.place {
            let mut primary = AnnotationKind::Primary.span(self.source.first_line(place));
            if let Some(label) = &item.label {
                primary = primary.label(label.as_str());
            }
            let mut snippet = Snippet::source(self.source.text())
                .path(self.source.name())
                .annotation(primary);
            for (place, text) in &item.related {
                let related = AnnotationKind::Context.span(self.source.first_line(*place));
                snippet = snippet.annotation(related.label(text.as_str()));
            }
            group = group.element(snippet);
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
pub(super) fn did_you_mean<'a>(
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
    /// One whose content nobody will look at.
    pub(super) fn scratch() -> Self {
        Self::new(Arc::new(Source::new("", "")))
    }
}
