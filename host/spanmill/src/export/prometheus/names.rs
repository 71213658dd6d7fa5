//! OpenTelemetry's names as Prometheus writes them.

/// A metric's name: characters Prometheus does not know become `_`, the unit and `_total` are added.
pub(super) fn metric(
    namespace: &str,
    name: &str,
    unit: &str,
    monotonic_sum: bool,
    suffixes: bool,
) -> String {
    let mut out = String::new();
    if !namespace.is_empty() {
        sanitise(&mut out, namespace);
        out.push('_');
    }
    sanitise(&mut out, name);
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    if suffixes {
        let unit = suffix(unit);
        if monotonic_sum && out.ends_with("_total") {
            out.truncate(out.len() - "_total".len());
        }
        if !unit.is_empty() && !out.ends_with(&format!("_{unit}")) {
            out.push('_');
            out.push_str(&unit);
        }
        if monotonic_sum {
            out.push_str("_total");
        }
    }
    out
}

/// A label's name.
pub(super) fn label(name: &str) -> String {
    let mut out = String::new();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        out.push_str("key_");
    }
    out.extend(name.chars().map(|c| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '_'
        }
    }));
    out
}

/// Letters, digits, `_` and `:`; a run of anything else becomes one `_`.
fn sanitise(out: &mut String, name: &str) {
    let mut in_run = false;
    for c in name.chars() {
        let keep = c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if keep {
            out.push(c);
        } else if !in_run {
            out.push('_');
        }
        in_run = !keep;
    }
}

/// A UCUM unit as a word.
fn suffix(unit: &str) -> String {
    let word = |unit: &str| -> String {
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
            "kBy" => "kilobytes",
            "MBy" => "megabytes",
            "m" => "meters",
            "Cel" => "celsius",
            "Hz" => "hertz",
            "%" => "percent",
            "1" => "",
            other => other,
        }
        .to_owned()
    };
    if unit.starts_with('{') {
        return String::new();
    }
    let text = match unit.split_once('/') {
        Some((what, per)) if !per.starts_with('{') && !what.is_empty() => {
            let singular = word(per).trim_end_matches('s').to_owned();
            format!("{}_per_{singular}", word(what))
        }
        Some((what, _)) => word(what),
        None => word(unit),
    };
    let mut out = String::new();
    sanitise(&mut out, &text);
    out.trim_matches('_').to_owned()
}
