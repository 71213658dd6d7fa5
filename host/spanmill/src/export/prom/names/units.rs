//! UCUM's units as words.

use super::words::{is_of_metric, pieces};

/// The words that a unit adds to a name: what is measured, and per what. Either may be empty.
pub(super) fn suffixes(unit: &str) -> [String; 2] {
    let (what, per) = match unit.split_once('/') {
        Some((what, per)) => (what.trim(), per.trim()),
        None => (unit.trim(), ""),
    };
    let mut per = clean(if is_annotation(per) { "" } else { rate(per) });
    if !per.is_empty() {
        per.insert_str(0, "per_");
    }
    let what = clean(if is_annotation(what) { "" } else { word(what) });
    [what, per]
}

/// `{request}` says what is counted and is no unit.
fn is_annotation(unit: &str) -> bool {
    unit.contains(['{', '}'])
}

fn word(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" | "kBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        "1" => "",
        other => other,
    }
}

/// The same behind a slash.
fn rate(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}

/// Letters and digits; a run of anything else is one `_`, and none at either end.
fn clean(text: &str) -> String {
    pieces(text, is_of_metric).join("_")
}
