//! The text formats: Prometheus 0.0.4, and OpenMetrics 1.0 with exemplars.

use std::fmt::Write as _;

use super::registry::{Family, Kind, Labels, Reading, Registry, Sample, Shown};

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    OpenMetrics,
}

impl Format {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Everything, as a scraper reads it.
pub(super) fn page(registry: &mut Registry, format: Format) -> String {
    registry.expire();
    let mut out = String::new();
    for (name, family) in &registry.families {
        write_family(&mut out, name, family, format, registry.send_timestamps);
    }
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn write_family(out: &mut String, name: &str, family: &Family, format: Format, timestamps: bool) {
    let open = format == Format::OpenMetrics;
    // OpenMetrics names a counter without its suffix, which its samples must have.
    let (title, name) = match (open, family.kind) {
        (true, Kind::Counter) => {
            let bare = name.strip_suffix("_total").unwrap_or(name);
            (bare.to_owned(), format!("{bare}_total"))
        }
        _ => (name.to_owned(), name.to_owned()),
    };
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    // Writing to a String does not fail.
    if !family.help.is_empty() {
        let _ = writeln!(out, "# HELP {title} {}", escape(&family.help, open));
    }
    let _ = writeln!(out, "# TYPE {title} {kind}");
    for (labels, sample) in &family.series {
        let time = if timestamps {
            time(sample, open)
        } else {
            String::new()
        };
        match &sample.value {
            Reading::Number { value, exemplar } => {
                let shown = exemplar
                    .as_ref()
                    .filter(|_| open && family.kind == Kind::Counter);
                let _ = writeln!(
                    out,
                    "{name}{} {}{time}{}",
                    braces(labels, None),
                    float(*value),
                    shown.map(written).unwrap_or_default()
                );
            }
            Reading::Histogram {
                bounds,
                counts,
                count,
                sum,
                exemplars,
            } => {
                let mut total = 0u64;
                let mut low = f64::NEG_INFINITY;
                for (bound, in_bucket) in bounds.iter().chain([&f64::INFINITY]).zip(counts) {
                    total = total.saturating_add(*in_bucket);
                    let within = exemplars
                        .iter()
                        .rfind(|shown| shown.value > low && shown.value <= *bound);
                    low = *bound;
                    let _ = writeln!(
                        out,
                        "{name}_bucket{} {total}{time}{}",
                        braces(labels, Some(*bound)),
                        within.filter(|_| open).map(written).unwrap_or_default()
                    );
                }
                let _ = writeln!(
                    out,
                    "{name}_sum{} {}{time}",
                    braces(labels, None),
                    float(*sum)
                );
                let _ = writeln!(out, "{name}_count{} {count}{time}", braces(labels, None));
            }
        }
    }
}

fn time(sample: &Sample, open: bool) -> String {
    match (sample.time_unix_nano, open) {
        (0, _) => String::new(),
        (time, true) => format!(" {}", seconds(time)),
        (time, false) => format!(" {}", time / 1_000_000),
    }
}

fn seconds(unix_nano: u64) -> String {
    format!(
        "{}.{:03}",
        unix_nano / 1_000_000_000,
        unix_nano / 1_000_000 % 1000
    )
}

fn written(exemplar: &Shown) -> String {
    format!(
        " # {{trace_id=\"{}\",span_id=\"{}\"}} {} {}",
        exemplar.trace_id,
        exemplar.span_id,
        float(exemplar.value),
        seconds(exemplar.time_unix_nano)
    )
}

fn braces(labels: &Labels, bound: Option<f64>) -> String {
    let mut all: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escape(value, true)))
        .collect();
    all.extend(bound.map(|bound| format!("le=\"{}\"", float(bound))));
    match all.is_empty() {
        true => String::new(),
        false => format!("{{{}}}", all.join(",")),
    }
}

/// Help texts of the older format keep their quotes.
fn escape(text: &str, quotes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes {
        text.replace('"', "\\\"")
    } else {
        text
    }
}

fn float(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}
