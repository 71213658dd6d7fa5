//! Reads Prometheus' text format and OpenMetrics, as far as tests look at them.

mod server;

use std::collections::BTreeMap;

pub use server::{Prometheus, Series, VictoriaMetrics};

/// A sample line.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The name, with its suffix.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
    /// The labels of its exemplar, if it has one.
    pub exemplar: Option<BTreeMap<String, String>>,
}

impl Sample {
    /// The value of a label; empty if there is none.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Every sample of a page.
///
/// # Panics
///
/// If a line is not as the formats have it.
pub fn samples(page: &str) -> Vec<Sample> {
    let lines = page
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (line, exemplar) = match line.split_once(" # ") {
                Some((line, exemplar)) => (line, Some(labels(exemplar).0)),
                None => (line, None),
            };
            let brace = line.find('{').unwrap_or_else(|| line.find(' ').unwrap());
            let (name, rest) = line.split_at(brace);
            let (labels, rest) = labels(rest);
            let value = rest.split_whitespace().next().unwrap();
            Sample {
                name: name.to_owned(),
                labels,
                value: value.parse().unwrap(),
                exemplar,
            }
        })
        .collect()
}

/// Labels between braces, if the text starts with one, and what follows.
fn labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    let Some(mut rest) = text.strip_prefix('{') else {
        return (labels, text);
    };
    while !rest.starts_with('}') {
        let (name, after) = rest.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => match chars.next().unwrap().1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        labels.insert(name.trim_start_matches(',').to_owned(), value);
        rest = &after[end + 1..];
    }
    (labels, &rest[1..])
}

#[cfg(test)]
mod tests {
    use super::samples;

    #[test]
    fn reads_labels_values_and_exemplars() {
        let page = "# TYPE a counter\na_total{x=\"1\",y=\"q\\\"{}\"} 3 # {trace_id=\"ab\"} 1 2.5\nb 0.5\n# EOF\n";
        let read = samples(page);
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].name.as_str(), read[0].value), ("a_total", 3.0));
        assert_eq!((read[0].label("x"), read[0].label("y")), ("1", "q\"{}"));
        assert_eq!(read[0].exemplar.as_ref().unwrap()["trace_id"], "ab");
        assert_eq!((read[1].name.as_str(), read[1].value), ("b", 0.5));
    }
}
