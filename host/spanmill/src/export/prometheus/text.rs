//! The text formats: Prometheus 0.0.4, and OpenMetrics 1.0 with exemplars. Of native histograms they have count and sum.

use std::fmt::Write as _;

use super::format::Format;
use super::kind::Kind;
use super::labels::escape;
use super::number::float;
use super::reading::{Exemplar, Reading};
use super::registry::Family;
use super::series::Series;

/// Writes families in a format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    pub(super) format: Format,
    /// Whether samples carry timestamps.
    pub(super) timestamps: bool,
}

// Writing to a String does not fail.
impl Writer {
    fn is_open(self) -> bool {
        self.format == Format::OpenMetrics
    }

    /// The name in a family's metadata, and that of its samples.
    fn names(self, name: &str, kind: Kind) -> (String, String) {
        match kind {
            // OpenMetrics names a counter without its suffix, which its samples must have.
            Kind::Counter if self.is_open() => {
                let bare = name.strip_suffix("_total").unwrap_or(name);
                (bare.to_owned(), format!("{bare}_total"))
            }
            _ => (name.to_owned(), name.to_owned()),
        }
    }

    /// Writes a family's metadata.
    pub(super) fn head(self, out: &mut String, name: &str, family: &Family) {
        let (title, _) = self.names(name, family.kind);
        if !family.help.is_empty() {
            let _ = write!(out, "# HELP {title} ");
            escape(out, &family.help, self.is_open());
            out.push('\n');
        }
        let _ = writeln!(out, "# TYPE {title} {}", family.kind.name());
    }

    /// Writes the samples of one series.
    pub(super) fn series(
        self,
        out: &mut String,
        name: &str,
        kind: Kind,
        labels: &str,
        series: &Series,
    ) {
        let (_, name) = self.names(name, kind);
        let shown = series.shown(kind);
        let time = self.time(shown.time_unix_nano);
        match &*shown.reading {
            Reading::Number { value, exemplar } => {
                braces(out, &name, labels, None);
                let _ = write!(out, " {}{time}", float(*value, self.format));
                if kind == Kind::Counter {
                    self.exemplar(out, exemplar.as_ref());
                }
                out.push('\n');
            }
            Reading::Histogram(histogram) => {
                let buckets = format!("{name}_bucket");
                let mut total = 0u64;
                let mut low = f64::NEG_INFINITY;
                let bounds = histogram.bounds.iter().chain([&f64::INFINITY]);
                for (bound, in_bucket) in bounds.zip(&histogram.counts) {
                    total = total.saturating_add(*in_bucket);
                    let mut exemplars = histogram.exemplars.iter();
                    let within = exemplars
                        .rfind(|exemplar| exemplar.value > low && exemplar.value <= *bound);
                    low = *bound;
                    let bound = float(*bound, self.format);
                    braces(out, &buckets, labels, Some(("le", &bound)));
                    let _ = write!(out, " {}{time}", self.count(total));
                    self.exemplar(out, within);
                    out.push('\n');
                }
                self.sum_and_count(out, &name, labels, histogram.sum, total, &time);
            }
            Reading::ExponentialHistogram(native) => {
                let histogram = &native.histogram;
                braces(out, &format!("{name}_bucket"), labels, Some(("le", "+Inf")));
                let _ = write!(out, " {}{time}", self.count(histogram.count));
                self.exemplar(out, native.exemplars.last());
                out.push('\n');
                self.sum_and_count(out, &name, labels, histogram.sum, histogram.count, &time);
            }
            Reading::Summary(summary) => {
                for (quantile, value) in &summary.quantiles {
                    let quantile = float(*quantile, self.format);
                    braces(out, &name, labels, Some(("quantile", &quantile)));
                    let _ = writeln!(out, " {}{time}", float(*value, self.format));
                }
                self.sum_and_count(out, &name, labels, summary.sum, summary.count, &time);
            }
        }
    }

    fn sum_and_count(
        self,
        out: &mut String,
        name: &str,
        labels: &str,
        sum: f64,
        count: u64,
        time: &str,
    ) {
        braces(out, &format!("{name}_sum"), labels, None);
        let _ = writeln!(out, " {}{time}", float(sum, self.format));
        braces(out, &format!("{name}_count"), labels, None);
        let _ = writeln!(out, " {}{time}", self.count(count));
    }

    /// A count is an integer in OpenMetrics, and a number like any other in the older format.
    fn count(self, count: u64) -> String {
        match self.format {
            Format::OpenMetrics => count.to_string(),
            Format::Text | Format::Protobuf => float(count as f64, self.format),
        }
    }

    fn time(self, unix_nano: u64) -> String {
        match (self.timestamps && unix_nano > 0, self.format) {
            (false, _) => String::new(),
            (true, Format::OpenMetrics) => format!(" {}", seconds(unix_nano)),
            (true, Format::Text | Format::Protobuf) => format!(" {}", unix_nano / 1_000_000),
        }
    }

    fn exemplar(self, out: &mut String, exemplar: Option<&Exemplar>) {
        let Some(exemplar) = exemplar.filter(|_| self.is_open()) else {
            return;
        };
        let ids = [
            ("trace_id", &exemplar.trace_id),
            ("span_id", &exemplar.span_id),
        ];
        let labels: Vec<String> = ids
            .iter()
            .filter(|(_, id)| !id.is_empty())
            .map(|(name, id)| format!("{name}=\"{id}\""))
            .collect();
        let _ = write!(
            out,
            " # {{{}}} {} {}",
            labels.join(","),
            float(exemplar.value, self.format),
            seconds(exemplar.time_unix_nano)
        );
    }
}

fn seconds(unix_nano: u64) -> String {
    float(unix_nano as f64 / 1e9, Format::OpenMetrics)
}

/// Writes a sample's name and labels, including the label of the format.
fn braces(out: &mut String, name: &str, labels: &str, own: Option<(&str, &str)>) {
    out.push_str(name);
    if labels.is_empty() && own.is_none() {
        return;
    }
    out.push('{');
    out.push_str(labels);
    if let Some((name, value)) = own {
        if !labels.is_empty() {
            out.push(',');
        }
        let _ = write!(out, "{name}=\"{value}\"");
    }
    out.push('}');
}
