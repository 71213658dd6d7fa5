//! What a metric family is.

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    /// A sum that may fall; written as a gauge.
    UpDown,
    Gauge,
    /// With buckets, or native.
    Histogram,
    Summary,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::UpDown | Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        }
    }

    /// Whether it only grows.
    pub(super) fn is_total(self) -> bool {
        matches!(self, Kind::Counter | Kind::Histogram)
    }

    /// Whether what several sources have is one sum; else the newest counts.
    pub(super) fn adds_up(self) -> bool {
        self.is_total() || self == Kind::UpDown
    }

    /// The label that the format itself puts on samples.
    pub(super) fn reserved_label(self) -> Option<&'static str> {
        match self {
            Kind::Histogram => Some("le"),
            Kind::Summary => Some("quantile"),
            Kind::Counter | Kind::UpDown | Kind::Gauge => None,
        }
    }

    /// Every name that a family's metadata and samples have.
    pub(super) fn names(self, name: &str, open_metrics: bool) -> Vec<String> {
        let mut names = vec![name.to_owned()];
        match self {
            // OpenMetrics has the name without `_total` in its metadata.
            Kind::Counter if open_metrics => {
                let bare = name.strip_suffix("_total").unwrap_or(name);
                names.extend([bare.to_owned(), format!("{bare}_total")]);
            }
            Kind::Histogram => {
                let samples = ["_bucket", "_sum", "_count"];
                names.extend(samples.map(|suffix| format!("{name}{suffix}")));
            }
            Kind::Summary => {
                names.extend(["_sum", "_count"].map(|suffix| format!("{name}{suffix}")));
            }
            _ => {}
        }
        names
    }
}
