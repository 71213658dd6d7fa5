//! What the checks found, as a table.

use std::time::Duration;

use crate::cli::table::aligned;

/// The outcome of every check so far.
#[derive(Default)]
pub(super) struct Report {
    rows: Vec<Row>,
}

struct Row {
    check: String,
    result: &'static str,
    /// Items in all batches, and the longest call.
    calls: Option<(usize, Duration)>,
    note: String,
}

const PASSED: &str = "ok";
const FAILED: &str = "FAILED";
const SKIPPED: &str = "-";

impl Report {
    pub(super) fn passed(&mut self, check: &str, note: &str) {
        self.row(check, PASSED, None, note);
    }

    pub(super) fn skipped(&mut self, check: &str, why: &str) {
        self.row(check, SKIPPED, None, why);
    }

    pub(super) fn failed(&mut self, check: &str, why: &str) {
        self.row(check, FAILED, None, why);
    }

    /// Adds a batch that passed, with its items and the duration of the call. Batches of one kind share a line.
    pub(super) fn ran(&mut self, check: &str, items: usize, time: Duration, note: &str) {
        if let Some(last) = self.rows.last_mut()
            && last.check == check
            && let Some((all, longest)) = &mut last.calls
        {
            *all = all.saturating_add(items);
            *longest = time.max(*longest);
            last.note.clear();
            return;
        }
        self.row(check, PASSED, Some((items, time)), note);
    }

    fn row(
        &mut self,
        check: &str,
        result: &'static str,
        calls: Option<(usize, Duration)>,
        note: &str,
    ) {
        self.rows.push(Row {
            check: check.to_owned(),
            result,
            calls,
            note: note.to_owned(),
        });
    }

    pub(super) fn failures(&self) -> usize {
        let failed = self.rows.iter().filter(|row| row.result == FAILED);
        failed.count()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let head = ["CHECK", "RESULT", "ITEMS", "LONGEST", ""];
        let mut rows = vec![head.map(str::to_owned).into()];
        rows.extend(self.rows.iter().map(|row| {
            let (items, time) = match row.calls {
                Some((items, time)) => {
                    let time = format!("{:.1} ms", time.as_secs_f64() * 1000.0);
                    (items.to_string(), time)
                }
                None => (String::new(), String::new()),
            };
            vec![
                row.check.clone(),
                row.result.to_owned(),
                items,
                time,
                row.note.clone(),
            ]
        }));
        aligned(&rows, head.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_of_one_kind_make_one_line() {
        let mut report = Report::default();
        report.passed("load", "x");
        report.ran("random", 5, Duration::from_millis(2), "dropped 1");
        report.ran("random", 7, Duration::from_millis(1), "");
        report.failed("random", "why");
        report.ran("random", 1, Duration::ZERO, "");
        assert_eq!(report.failures(), 1);
        assert_eq!(
            report.lines(),
            [
                "CHECK   RESULT  ITEMS  LONGEST",
                "load    ok                      x",
                "random  ok      12     2.0 ms",
                "random  FAILED                  why",
                "random  ok      1      0.0 ms",
            ]
        );
    }
}
