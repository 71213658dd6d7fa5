//! A strict reader of the text formats: it panics at whatever a scraper might refuse or misread.

use std::collections::{BTreeMap, BTreeSet};

/// Samples by name and labels.
pub(super) type Samples = BTreeMap<(String, Vec<(String, String)>), f64>;

/// Reads a page.
pub(super) fn read(page: &str, open: bool) -> Samples {
    assert!(page.is_empty() || page.ends_with('\n'), "ends in a line");
    let allowed = |c: char| c == '\n' || c == '\t' || !c.is_control();
    assert!(page.chars().all(allowed), "no control characters");
    let mut samples = Samples::new();
    let mut ended = BTreeSet::new();
    let mut family: Option<(String, String)> = None;
    let mut help_of: Option<String> = None;
    let mut is_over = false;
    for line in page.split_terminator('\n') {
        assert!(!is_over, "nothing behind the end");
        if line == "# EOF" {
            assert!(open, "only OpenMetrics has an end");
            is_over = true;
        } else if let Some(help) = line.strip_prefix("# HELP ") {
            let name = help.split(' ').next().unwrap();
            assert!(help_of.replace(name.to_owned()).is_none(), "help once");
        } else if let Some(head) = line.strip_prefix("# TYPE ") {
            let (name, kind) = head.split_once(' ').unwrap();
            check_metric_name(name);
            assert!(ended.insert(name.to_owned()), "{name} stands twice");
            if let Some(help) = help_of.take() {
                assert_eq!(help, name, "help and type belong together");
            }
            let kinds = ["counter", "gauge", "histogram", "summary"];
            assert!(kinds.contains(&kind), "{kind}");
            family = Some((name.to_owned(), kind.to_owned()));
        } else {
            let (name, kind) = family.as_ref().expect("a type before samples");
            sample(line, name, kind, open, &mut samples);
        }
    }
    assert_eq!(is_over, open, "an end");
    check_histograms(&samples);
    samples
}

fn sample(line: &str, family: &str, kind: &str, open: bool, samples: &mut Samples) {
    let end = line.find(['{', ' ']).expect("a value");
    let (name, rest) = line.split_at(end);
    let suffixes: &[&str] = match (kind, open) {
        ("histogram", _) => &["_bucket", "_sum", "_count"],
        ("summary", _) => &["", "_sum", "_count"],
        ("counter", true) => &["_total"],
        _ => &[""],
    };
    let fits = |suffix: &&str| name.strip_suffix(*suffix) == Some(family);
    assert!(suffixes.iter().any(fits), "{line}");
    let (labels, rest) = labels(rest);
    let names: BTreeSet<&String> = labels.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), labels.len(), "labels once: {line}");
    let has_bound = labels.iter().any(|(name, _)| name == "le");
    if kind == "histogram" {
        assert_eq!(has_bound, name.ends_with("_bucket"), "{line}");
    }
    let quantile = labels.iter().find(|(name, _)| name == "quantile");
    if kind == "summary" {
        assert_eq!(quantile.is_some(), name == family, "{line}");
        let within = |(_, value): &(String, String)| (0.0..=1.0).contains(&number(value));
        assert!(quantile.is_none_or(within), "{line}");
    }
    let rest = rest.strip_prefix(' ').expect("a blank before the value");
    let (value, exemplar) = match rest.split_once(" # ") {
        Some((value, exemplar)) => (value, Some(exemplar)),
        None => (rest, None),
    };
    let mut parts = value.split(' ');
    let value = number(parts.next().unwrap());
    if let Some(time) = parts.next() {
        time.parse::<f64>().expect("a time");
    }
    assert_eq!(parts.next(), None, "{line}");
    if let Some(exemplar) = exemplar {
        assert!(open && (name.ends_with("_bucket") || kind == "counter"));
        let (labels, rest) = self::labels(exemplar);
        let length: usize = labels.iter().map(|(k, v)| k.len() + v.len()).sum();
        assert!(length <= 128, "an exemplar's labels are short");
        for part in rest.trim_start().split(' ') {
            number(part);
        }
    }
    let mut key = labels;
    key.sort();
    let before = samples.insert((name.to_owned(), key), value);
    assert!(before.is_none(), "stands twice: {line}");
}

fn labels(text: &str) -> (Vec<(String, String)>, &str) {
    let mut labels = Vec::new();
    let Some(mut rest) = text.strip_prefix('{') else {
        return (labels, text);
    };
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return (labels, after);
        }
        if !labels.is_empty() {
            rest = rest.strip_prefix(',').expect("a comma between labels");
        }
        let (name, after) = rest.split_once("=\"").expect("a quoted value");
        check_label_name(name);
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => match chars.next().unwrap().1 {
                    'n' => value.push('\n'),
                    c @ ('\\' | '"') => value.push(c),
                    c => panic!("no escape: {c}"),
                },
                (_, c) => value.push(c),
            }
        };
        labels.push((name.to_owned(), value));
        rest = &after[end + 1..];
    }
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        text => {
            let allowed = |c: char| c.is_ascii_digit() || "+-.e".contains(c);
            assert!(text.chars().all(allowed), "{text}");
            text.parse().expect("a number")
        }
    }
}

fn check_metric_name(name: &str) {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    assert!(name.starts_with(first), "{name}");
    assert!(
        name.chars().all(|c| first(c) || c.is_ascii_digit()),
        "{name}"
    );
}

fn check_label_name(name: &str) {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    assert!(name.starts_with(first), "{name}");
    assert!(
        name.chars().all(|c| first(c) || c.is_ascii_digit()),
        "{name}"
    );
    assert!(!name.starts_with("__"), "{name} is Prometheus' own");
}

/// Buckets only grow, and the last holds all.
fn check_histograms(samples: &Samples) {
    for ((name, labels), count) in samples {
        let Some(family) = name.strip_suffix("_count") else {
            continue;
        };
        let mut buckets: Vec<(f64, f64)> = samples
            .iter()
            .filter(|((name, all), _)| {
                let others: Vec<_> = all.iter().filter(|(name, _)| name != "le").collect();
                name.strip_suffix("_bucket") == Some(family)
                    && others.len() + 1 == all.len()
                    && others.into_iter().eq(labels)
            })
            .map(|((_, all), count)| {
                let bound = all.iter().find(|(name, _)| name == "le").unwrap();
                (number(&bound.1), *count)
            })
            .collect();
        // A counter may well be called so.
        if buckets.is_empty() {
            continue;
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
        assert_eq!(*buckets.last().unwrap(), (f64::INFINITY, *count));
    }
}
