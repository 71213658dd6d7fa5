//! Where results are kept: between two marks in a Markdown file, a section a group. A run replaces the sections of its
//! groups; those of other groups stay.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::contestants::Entry;
use super::plan::{Group, groups};

const BEGIN: &str = "<!-- compare:begin -->\n";
const END: &str = "<!-- compare:end -->";
const GROUP: &str = "<!-- group ";
const EQUAL: &str = "<!-- equal -->\n";
const CLOSE: &str = " -->\n";
/// What says of a section that another run's head is its own.
const EARLIER: &str = "Taken earlier: ";

/// The results in a file.
pub struct Results {
    file: PathBuf,
    /// Machine and versions.
    head: String,
    sections: BTreeMap<String, String>,
    /// Lines on what was found equal, by what they begin with.
    equal: BTreeMap<String, String>,
}

/// A figure for the plot.
pub struct Point<'a> {
    pub group: &'a Group,
    pub entry: Entry,
    /// us a span, log record or data point.
    pub cpu: f64,
}

/// What stands before the marks, between them, and behind them; without marks, they are to come at the end.
fn around(text: &str) -> (&str, &str, &str) {
    let marked = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (kept, after) = rest.split_once(END)?;
        Some((before, kept, after))
    });
    marked.unwrap_or((text, "", "\n"))
}

impl Results {
    /// Reads what a file has. Sections without a group of today are left out.
    pub fn read(file: &Path, head: &str) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let (_, kept, _) = around(&text);
        let mut results = Results {
            file: file.to_owned(),
            head: head.to_owned(),
            sections: BTreeMap::new(),
            equal: BTreeMap::new(),
        };
        let (kept, equal) = kept.split_once(EQUAL).unwrap_or((kept, ""));
        for line in equal.lines().filter_map(|line| line.strip_prefix("- ")) {
            results.found_equal(line);
        }
        let mut parts = kept.split(GROUP);
        let old_head = parts.next().and_then(|part| part.lines().next());
        let old_head = old_head.unwrap_or_default();
        for part in parts {
            let Some((name, section)) = part.split_once(CLOSE) else {
                continue;
            };
            let mut section = section.trim_end().to_owned();
            if old_head != head && !section.contains(EARLIER) {
                let _ = write!(section, "\n\n{EARLIER}{old_head}");
            }
            results.put(name, &section);
        }
        Ok(results)
    }

    /// Replaces a group's section.
    pub fn put(&mut self, group: &str, section: &str) {
        let section = format!("{}\n", section.trim_end());
        self.sections.insert(group.to_owned(), section);
    }

    /// Notes that output is the same, in the place of what was noted of the same pipeline.
    pub fn found_equal(&mut self, line: &str) {
        let what = line.split(": ").next().unwrap_or(line);
        self.equal.insert(what.to_owned(), line.to_owned());
    }

    /// Writes the file, groups in the order of the plan. What stands around the marks is left as it is by now.
    pub fn write(&self) -> Result<()> {
        let file = || self.file.display().to_string();
        let old = std::fs::read_to_string(&self.file).with_context(file)?;
        let (before, _, after) = around(&old);
        let mut text = format!("{before}{BEGIN}{}\n\n", self.head);
        text.push_str("![CPU time a span](compare.svg)\n\n");
        for group in groups() {
            if let Some(section) = self.sections.get(&group.name) {
                let _ = writeln!(text, "{GROUP}{}{CLOSE}{section}", group.name);
            }
        }
        let _ = writeln!(text, "{EQUAL}Found equal before anything was timed:\n");
        for line in self.equal.values() {
            let _ = writeln!(text, "- {line}");
        }
        let _ = write!(text, "{END}{after}");
        std::fs::write(&self.file, text).with_context(file)
    }

    /// The figures of these groups, as the tables have them.
    pub fn points<'a>(&self, groups: &'a [Group]) -> Vec<Point<'a>> {
        let of = |group: &'a Group| {
            let section = self.sections.get(&group.name)?;
            let points = section.lines().filter_map(move |line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                let [_, pipeline, program, cpu, ..] = cells.as_slice() else {
                    return None;
                };
                let entry = group.entries.iter().find(|entry| {
                    entry.pipeline.to_string() == *pipeline && entry.program.to_string() == *program
                })?;
                let (entry, cpu) = (*entry, cpu.parse().ok()?);
                Some(Point { group, entry, cpu })
            });
            Some(points.collect::<Vec<_>>())
        };
        groups.iter().filter_map(of).flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::plan::chosen;

    const ROW: &str = "| 2 no-op plugins | Spanmill | 0.500 | 1,000 |  |  | 88 |  |  |  |";

    #[test]
    fn a_run_replaces_its_groups_and_leaves_the_others() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("README.md");
        std::fs::write(&file, format!("above\n{BEGIN}an old table\n{END}\nbelow\n"))?;
        let mut first = Results::read(&file, "machine A")?;
        first.put("noops-10", &format!("ten\n\n{ROW}"));
        first.put("noops-100", "hundred");
        first.found_equal("filter alone, gRPC: 7 of 8 spans arrive");
        first.write()?;
        let mut second = Results::read(&file, "machine B")?;
        second.put("noops-100", "hundred anew");
        second.found_equal("filter alone, gRPC: 6 of 8 spans arrive");
        second.write()?;
        let text = std::fs::read_to_string(&file)?;
        let expected = format!(
            "above\n{BEGIN}machine B\n\n![CPU time a span](compare.svg)\n\n<!-- group noops-100 -->\nhundred anew\n\n<!-- group noops-10 -->\nten\n\n{ROW}\n\n{EARLIER}machine A\n\n{EQUAL}Found equal before anything was timed:\n\n- filter alone, gRPC: 6 of 8 spans arrive\n{END}\nbelow\n"
        );
        assert_eq!(text, expected);
        let groups = groups();
        let points = second.points(&groups);
        let [point] = points.as_slice() else {
            anyhow::bail!("{} points", points.len());
        };
        assert_eq!((point.group.shape.items, point.cpu), (10, 0.5));
        Ok(())
    }

    #[test]
    fn groups_are_chosen_by_name_and_by_first_word() -> Result<()> {
        let names = |asked| -> Result<Vec<String>> {
            Ok(chosen(asked)?.into_iter().map(|group| group.name).collect())
        };
        assert_eq!(
            names("sizes-500x100, wires-http")?,
            ["sizes-500x100", "wires-http"]
        );
        assert_eq!(names("stages")?.len(), 4);
        assert_eq!(names("full")?.len(), groups().len());
        assert_eq!(names("")?, names("quick")?);
        let unknown = names("stages,sizes-500").map_err(|error| error.to_string());
        assert!(unknown.is_err_and(|why| why.contains("no group `sizes-500`")));
        Ok(())
    }
}
