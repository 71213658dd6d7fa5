//! OpenTelemetry's names as Prometheus writes them.

mod units;
mod words;

use words::{is_of_metric, pieces};

/// How metric names are written.
#[derive(Clone, Debug, Default)]
pub(in crate::export) struct Naming {
    /// Prefix of every name; empty: none.
    pub(in crate::export) namespace: String,
    /// Whether names get their unit, `_total` and `_ratio`.
    pub(in crate::export) suffixes: bool,
}

/// The kind of a metric, as far as its name depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::export) enum Shape {
    /// A monotonic sum.
    Counter,
    Gauge,
    Other,
}

impl Naming {
    /// Returns the name of a metric, or `None` if no valid name is left.
    pub(in crate::export) fn metric(&self, name: &str, unit: &str, shape: Shape) -> Option<String> {
        let words = match self.suffixes {
            true => with_suffixes(name, unit, shape),
            false => pieces(name, |c| is_of_metric(c) || c == '_'),
        };
        // A name without a letter or digit is invalid, whatever the prefix.
        if !words
            .iter()
            .any(|word| word.contains(|c: char| c.is_ascii_alphanumeric() || c == ':'))
        {
            return None;
        }
        let mut out = self.prefix();
        out.push_str(&words.join("_"));
        if out.starts_with(|c: char| c.is_ascii_digit()) {
            out.insert(0, '_');
        }
        Some(out)
    }

    /// The name of the metric that describes resources.
    pub(in crate::export) fn target_info(&self) -> String {
        let mut out = self.prefix();
        out.push_str("target_info");
        if out.starts_with(|c: char| c.is_ascii_digit()) {
            out.insert(0, '_');
        }
        out
    }

    fn prefix(&self) -> String {
        let mut out: String = self
            .namespace
            .chars()
            .map(|c| if is_of_metric(c) { c } else { '_' })
            .collect();
        if !out.is_empty() {
            out.push('_');
        }
        out
    }
}

/// The words of a name, then those of its unit that it does not have yet, and its ending.
fn with_suffixes(name: &str, unit: &str, shape: Shape) -> Vec<String> {
    let mut words = pieces(name, is_of_metric);
    for suffix in units::suffixes(unit) {
        if !suffix.is_empty() && !words.contains(&suffix) {
            words.push(suffix);
        }
    }
    let ending = match shape {
        Shape::Counter => "total",
        Shape::Gauge if unit == "1" => "ratio",
        _ => return words,
    };
    words.retain(|word| word != ending);
    // A name that consists of its suffix alone is left as it is.
    if !words.is_empty() {
        words.push(ending.to_owned());
    }
    words
}

/// A label's name: characters that Prometheus does not allow become `_`; a name that is still invalid, or that Prometheus
/// reserves, gets `key` as a prefix.
pub(in crate::export) fn label(key: &str) -> String {
    let mut out: String = key
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert_str(0, "key_");
    } else if out.starts_with("__") || out == "_" {
        out.insert_str(0, "key");
    } else if out.is_empty() {
        out.push_str("key_");
    }
    out
}

/// A label's name as remote write has it: a run of what Prometheus does not allow becomes one `_`, and a name that begins with
/// one gets `key` before it. `None` if nothing is left. Names between `__` and `__`, which have a meaning of their own, stay.
pub(in crate::export) fn written_label(key: &str) -> Option<String> {
    let own = key
        .strip_prefix("__")
        .and_then(|key| key.strip_suffix("__"));
    let mut out = String::with_capacity(key.len());
    for c in own.unwrap_or(key).chars() {
        match c.is_ascii_alphanumeric() {
            true => out.push(c),
            false if !out.ends_with('_') => out.push('_'),
            false => {}
        }
    }
    if own.is_some() {
        out = format!("__{out}__");
    } else if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert_str(0, "key_");
    } else if out.starts_with('_') {
        out.insert_str(0, "key");
    }
    let says_something = out.contains(|c: char| c != '_') && out != "key_";
    says_something.then_some(out)
}

/// A unit in words: `bytes_per_second`.
pub(in crate::export) fn unit(unit: &str) -> String {
    let words = units::suffixes(unit);
    let words = words.iter().filter(|word| !word.is_empty());
    words.map(String::as_str).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::{Naming, Shape, label, unit, written_label};

    fn named(namespace: &str, suffixes: bool, name: &str, unit: &str, shape: Shape) -> String {
        let naming = Naming {
            namespace: namespace.to_owned(),
            suffixes,
        };
        naming.metric(name, unit, shape).unwrap_or_default()
    }

    #[test]
    fn metrics_get_unit_and_ending_once() {
        for (name, unit, shape, expected) in [
            (
                "http.server.duration",
                "ms",
                Shape::Other,
                "http_server_duration_milliseconds",
            ),
            ("calls", "", Shape::Counter, "calls_total"),
            ("total.calls", "", Shape::Counter, "calls_total"),
            ("calls_total", "{call}", Shape::Counter, "calls_total"),
            ("disk.bytes", "By", Shape::Counter, "disk_bytes_total"),
            ("io", "By/s", Shape::Gauge, "io_bytes_per_second"),
            ("io", "{op}/min", Shape::Gauge, "io_per_min"),
            ("load", "1", Shape::Gauge, "load_ratio"),
            ("load", "1", Shape::Other, "load"),
            ("a..b__c", "", Shape::Gauge, "a_b_c"),
            ("1st", "", Shape::Gauge, "_1st"),
            ("temp", "Cel", Shape::Gauge, "temp_celsius"),
            ("odd", "we/ird unit", Shape::Gauge, "odd_we_per_ird_unit"),
        ] {
            assert_eq!(
                named("", true, name, unit, shape),
                expected,
                "{name} {unit}"
            );
        }
        assert_eq!(
            named("my app", true, "1st", "s", Shape::Other),
            "my_app_1st_seconds"
        );
        assert_eq!(named("1x", true, "a", "", Shape::Other), "_1x_a");
    }

    #[test]
    fn without_suffixes_only_characters_change() {
        assert_eq!(named("", false, "a..b__c", "s", Shape::Counter), "a_b__c");
        assert_eq!(named("n", false, "9", "s", Shape::Counter), "n_9");
    }

    #[test]
    fn nothing_is_named_by_nothing() {
        for name in ["", "...", "___", "日本", "total"] {
            assert_eq!(named("app", true, name, "", Shape::Counter), "", "{name}");
        }
        assert_eq!(named("app", false, "__", "", Shape::Counter), "");
    }

    #[test]
    fn labels_are_valid_and_not_reserved() {
        for (key, expected) in [
            ("http.route", "http_route"),
            ("a--b", "a__b"),
            ("1a", "key_1a"),
            ("", "key_"),
            ("_", "key_"),
            ("_x", "_x"),
            ("__name__", "key__name__"),
            ("日本", "key__"),
            ("ünï", "_n_"),
        ] {
            assert_eq!(label(key), expected, "{key}");
        }
    }

    #[test]
    fn labels_of_remote_write_have_no_runs_of_underscores() {
        for (key, expected) in [
            ("http.route", Some("http_route")),
            ("a--b__c", Some("a_b_c")),
            ("1a", Some("key_1a")),
            ("_x", Some("key_x")),
            ("__replica__", Some("__replica__")),
            ("", None),
            ("...", None),
            ("____", None),
        ] {
            assert_eq!(written_label(key).as_deref(), expected, "{key}");
        }
    }

    #[test]
    fn units_are_words() {
        for (ucum, words) in [
            ("By/s", "bytes_per_second"),
            ("ms", "milliseconds"),
            ("1", ""),
            ("", ""),
        ] {
            assert_eq!(unit(ucum), words);
        }
    }
}
