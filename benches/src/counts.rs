//! Instructions a span, and the limits that `make bench-check` holds: a file of names and figures, and what a new
//! figure says beside the old one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

/// How far a figure may lie from the one in the file, in percent. Runs of one program differ by less than 0.1 %; the rest is for
/// what a compiler does elsewhere when a line has changed.
pub const TOLERANCE: f64 = 2.0;

/// The figures of the file: instructions a span by case, and what they were counted with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// The first line that is no comment: compiler, libc, valgrind.
    pub counted_with: String,
    /// Instructions a span.
    pub cases: BTreeMap<String, f64>,
}

/// What a figure says beside the file's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Within the tolerance.
    Holds,
    /// More: a regression.
    Dearer,
    /// Less, so that the file's figure would let a regression pass.
    Cheaper,
    /// The file has none.
    Unknown,
}

impl Verdict {
    /// Compares instructions a span with the file's figure.
    pub fn of(measured: f64, limit: Option<f64>) -> Self {
        match limit {
            None => Verdict::Unknown,
            Some(limit) if measured > limit * (1.0 + TOLERANCE / 100.0) => Verdict::Dearer,
            Some(limit) if measured < limit * (1.0 - TOLERANCE / 100.0) => Verdict::Cheaper,
            Some(_) => Verdict::Holds,
        }
    }

    /// Whether the check fails.
    pub fn fails(self) -> bool {
        matches!(self, Verdict::Dearer | Verdict::Unknown)
    }
}

impl Limits {
    /// Reads the file: `counted with ...`, then a case and its figure a line; `#` begins a comment.
    pub fn parse(text: &str) -> Result<Self> {
        let mut limits = Limits::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some(with) = line.strip_prefix("counted with ") {
                limits.counted_with = with.to_owned();
                continue;
            }
            let Some((case, figure)) = line.rsplit_once(char::is_whitespace) else {
                ensure!(line.is_empty(), "line {number}: `{line}` has no figure");
                continue;
            };
            let figure: f64 = figure
                .parse()
                .ok()
                .filter(|figure: &f64| figure.is_finite() && *figure > 0.0)
                .with_context(|| format!("line {number}: `{figure}` is no number above 0"))?;
            let before = limits.cases.insert(case.trim().to_owned(), figure);
            ensure!(
                before.is_none(),
                "line {number}: `{}` stands there twice",
                case.trim()
            );
        }
        Ok(limits)
    }

    /// The file's text.
    pub fn render(&self) -> String {
        let mut text = format!(
            "# Instructions a span; `make bench-check` fails when a case takes more than {TOLERANCE} % more.\n\
             # Written by `make bench-check UPDATE=1`.\n\
             counted with {}\n\n",
            self.counted_with
        );
        let width = self.cases.keys().map(String::len).max().unwrap_or(0);
        for (case, figure) in &self.cases {
            let _ = writeln!(text, "{case:width$}  {figure:.1}");
        }
        text
    }
}

/// Instructions in a file of callgrind's: those of the dumped thread's counted part.
pub fn collected(profile: &str) -> Result<u64> {
    let line = profile
        .lines()
        .find_map(|line| line.strip_prefix("summary: "));
    let count = line.context("callgrind's file has no summary")?;
    count
        .trim()
        .parse()
        .with_context(|| format!("callgrind's summary: {count}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "# a comment\ncounted with rustc 1.95\n\nchain 100 regex   9000.5 # dear\nindex  70\n";

    #[test]
    fn limits_are_read_and_written() {
        let limits = Limits::parse(FILE).unwrap();
        assert_eq!(limits.counted_with, "rustc 1.95");
        assert_eq!(limits.cases["chain 100 regex"], 9000.5);
        assert_eq!(limits.cases["index"], 70.0);
        assert_eq!(Limits::parse(&limits.render()).unwrap(), limits);
    }

    #[test]
    fn mistakes_are_named_by_line() {
        let mistake = |text| Limits::parse(text).unwrap_err().to_string();
        assert_eq!(mistake("\nindex"), "line 2: `index` has no figure");
        assert_eq!(mistake("index x"), "line 1: `x` is no number above 0");
        assert_eq!(mistake("index 0"), "line 1: `0` is no number above 0");
        assert_eq!(mistake("a 1\na  2"), "line 2: `a` stands there twice");
    }

    #[test]
    fn a_figure_is_judged_with_tolerance() {
        let verdict = |measured| Verdict::of(measured, Some(1000.0));
        assert_eq!(verdict(1019.0), Verdict::Holds);
        assert_eq!(verdict(981.0), Verdict::Holds);
        assert_eq!(verdict(1021.0), Verdict::Dearer);
        assert_eq!(verdict(979.0), Verdict::Cheaper);
        assert_eq!(Verdict::of(1.0, None), Verdict::Unknown);
    }

    #[test]
    fn only_more_and_unknown_fail() {
        assert!(Verdict::Dearer.fails());
        assert!(Verdict::Unknown.fails());
        assert!(!Verdict::Cheaper.fails());
        assert!(!Verdict::Holds.fails());
    }

    #[test]
    fn callgrinds_count_is_found() {
        assert_eq!(
            collected("events: Ir\nsummary: 1234\nfn=main\n").unwrap(),
            1234
        );
        assert!(collected("events: Ir\n").is_err());
    }
}
