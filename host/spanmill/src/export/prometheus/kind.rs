//! Kinds of metric families.

/// The kind of a metric family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    /// A sum that may decrease; written as a gauge.
    UpDown,
    Gauge,
    /// With buckets or native.
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

    /// Whether its values only increase.
    pub(super) fn is_total(self) -> bool {
        matches!(self, Kind::Counter | Kind::Histogram)
    }

    /// Whether the values of several sources are added up; otherwise the newest is shown.
    pub(super) fn adds_up(self) -> bool {
        self.is_total() || self == Kind::UpDown
    }

    /// The label that the format itself adds to samples.
    pub(super) fn reserved_label(self) -> Option<&'static str> {
        match self {
            Kind::Histogram => Some("le"),
            Kind::Summary => Some("quantile"),
            Kind::Counter | Kind::UpDown | Kind::Gauge => None,
        }
    }

    /// Every name that the family's metadata and samples use.
    pub(super) fn names(self, name: &str, open_metrics: bool) -> Vec<String> {
        let mut names = vec![name.to_owned()];
        match self {
            // In OpenMetrics, metadata has the name without `_total`.
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
