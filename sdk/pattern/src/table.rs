//! Patterns as tables: an automaton of its own for each, which has nothing to decide when a text is searched.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use regex_automata::dfa::{dense, regex as automaton};

use crate::translate;

/// A table that is built at once may be as large as this. Most patterns need less than a tenth of it, and one that needs
/// more is known for it after 2 ms natively.
const AT_ONCE_BYTES: usize = 64 << 10;

/// Larger tables than this are not worth it: the `regex` crate then does the work. `4[0-9]{12}(?:[0-9]{3})?` needs 256 KiB;
/// `\b(?:\d[ -]?){13,16}\b`, which may begin anew at each digit, 1.5 MiB.
const MOST_BYTES: usize = 300 << 10;

/// A larger table takes as long to build as these searches do without one, so they come first.
const SEARCHES_BEFORE: u32 = 10_000;

/// A pattern's table: there from the start, or once it has paid to build it.
#[derive(Debug)]
pub(crate) enum Table {
    Ready(Box<automaton::Regex>),
    Later(Box<Later>),
}

/// A table that takes long to build, if there can be one at all.
#[derive(Debug)]
pub(crate) struct Later {
    pattern: String,
    searches: AtomicU32,
    built: OnceLock<Option<automaton::Regex>>,
}

impl Table {
    /// The table of a pattern of Go's syntax.
    pub(crate) fn new(pattern: &str) -> Self {
        let pattern = translate(pattern);
        match build(&pattern, AT_ONCE_BYTES) {
            Some(table) => Table::Ready(Box::new(table)),
            None => Table::Later(Box::new(Later {
                pattern,
                searches: AtomicU32::new(0),
                built: OnceLock::new(),
            })),
        }
    }

    /// The table for one search, if there is one.
    #[inline]
    pub(crate) fn get(&self) -> Option<&automaton::Regex> {
        match self {
            Table::Ready(table) => Some(table),
            Table::Later(later) => later.get(),
        }
    }
}

#[cfg(test)]
impl Table {
    /// The table as it is after many searches.
    pub(crate) fn in_time(pattern: &str) -> Self {
        let table = Table::new(pattern);
        if let Table::Later(later) = &table {
            later.searches.store(SEARCHES_BEFORE, Ordering::Relaxed);
        }
        table
    }
}

impl Later {
    #[inline(never)]
    fn get(&self) -> Option<&automaton::Regex> {
        if let Some(built) = self.built.get() {
            return built.as_ref();
        }
        // Searches that are counted by none or twice, when threads share a pattern, do no harm.
        if self.searches.fetch_add(1, Ordering::Relaxed) < SEARCHES_BEFORE {
            return None;
        }
        let built = self.built.get_or_init(|| build(&self.pattern, MOST_BYTES));
        built.as_ref()
    }
}

fn build(pattern: &str, most_bytes: usize) -> Option<automaton::Regex> {
    let dense = dense::Config::new()
        .dfa_size_limit(Some(most_bytes))
        .determinize_size_limit(Some(2 * most_bytes));
    automaton::Builder::new().dense(dense).build(pattern).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_patterns_have_their_tables_at_once() {
        for pattern in [
            r"[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}",
            r"\b\d{3}-\d{2}-\d{4}\b",
            r"[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}",
            r"eyJ[a-zA-Z0-9_-]+\.[a-zA-Z0-9_-]+\.[a-zA-Z0-9_-]+",
            r"(?i)(password|passwd|secret|token|api[_-]?key)\s*[=:]\s*\S+",
        ] {
            assert!(matches!(Table::new(pattern), Table::Ready(_)), "{pattern}");
        }
    }

    #[test]
    fn a_large_table_is_built_once_it_pays() {
        for (pattern, is_built) in [
            ("4[0-9]{12}(?:[0-9]{3})?", true),
            (r"\b(?:\d[ -]?){13,16}\b", false),
        ] {
            let table = Table::new(pattern);
            assert!((0..SEARCHES_BEFORE).all(|_| table.get().is_none()));
            assert_eq!(table.get().is_some(), is_built, "{pattern}");
            assert_eq!(table.get().is_some(), is_built, "{pattern}");
        }
    }
}
