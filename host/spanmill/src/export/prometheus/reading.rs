//! The value of a series, and how values add up.

use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar as WireExemplar, ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint,
    SummaryDataPoint,
};

use crate::export::prom;
use crate::export::prom::native::{NativeHistogram, NativeHistogramError};

#[derive(Clone, Debug)]
pub(super) enum Reading {
    Number {
        value: f64,
        exemplar: Option<Exemplar>,
    },
    Histogram(Box<Histogram>),
    ExponentialHistogram(Box<ExponentialHistogram>),
    Summary(Box<Summary>),
}

/// An exponential histogram.
#[derive(Clone, Debug)]
pub(super) struct ExponentialHistogram {
    pub(super) histogram: NativeHistogram,
    pub(super) exemplars: Vec<Exemplar>,
}

#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) count: u64,
    pub(super) sum: f64,
    /// Quantiles in increasing order, each once, with their values.
    pub(super) quantiles: Vec<(f64, f64)>,
}

#[derive(Clone, Debug)]
pub(super) struct Histogram {
    /// Finite, in increasing order.
    pub(super) bounds: Vec<f64>,
    /// One more than the bounds.
    pub(super) counts: Vec<u64>,
    pub(super) sum: f64,
    pub(super) exemplars: Vec<Exemplar>,
}

/// An exemplar as it is written.
#[derive(Clone, Debug)]
pub(super) struct Exemplar {
    pub(super) value: f64,
    /// In hexadecimal; empty: none.
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) time_unix_nano: u64,
}

impl Histogram {
    /// The number of measurements.
    pub(super) fn count(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum: u64, count| sum.saturating_add(*count))
    }
}

impl Reading {
    pub(super) fn of_number(point: &NumberDataPoint) -> Self {
        Reading::Number {
            value: prom::number(point),
            exemplar: point.exemplars.last().map(Exemplar::of),
        }
    }

    /// Returns `None` if buckets and bounds do not match.
    pub(super) fn of_histogram(point: &HistogramDataPoint) -> Option<Self> {
        let mut bounds = point.explicit_bounds.clone();
        let mut counts = point.bucket_counts.clone();
        if counts.is_empty() && bounds.is_empty() {
            counts.push(point.count);
        }
        if bounds.last() == Some(&f64::INFINITY) && counts.last() == Some(&0) {
            bounds.pop();
            counts.pop();
        }
        let fits = counts.len() == bounds.len().saturating_add(1);
        let is_ordered =
            bounds.is_sorted_by(|a, b| a < b) && bounds.iter().all(|bound| bound.is_finite());
        (fits && is_ordered).then(|| {
            Reading::Histogram(Box::new(Histogram {
                bounds,
                counts,
                sum: point.sum.unwrap_or(0.0),
                exemplars: point.exemplars.iter().map(Exemplar::of).collect(),
            }))
        })
    }

    pub(super) fn of_exponential(
        point: &ExponentialHistogramDataPoint,
    ) -> Result<Self, NativeHistogramError> {
        let histogram = NativeHistogram::of(point)?;
        Ok(Reading::ExponentialHistogram(Box::new(
            ExponentialHistogram {
                histogram,
                exemplars: point.exemplars.iter().map(Exemplar::of).collect(),
            },
        )))
    }

    /// Returns `None` if a quantile is not between 0 and 1. The last value of a repeated quantile counts.
    pub(super) fn of_summary(point: &SummaryDataPoint) -> Option<Self> {
        let mut quantiles: Vec<(f64, f64)> = Vec::with_capacity(point.quantile_values.len());
        for quantile in point.quantile_values.iter().rev() {
            if !(0.0..=1.0).contains(&quantile.quantile) {
                return None;
            }
            // 0 and -0 are equal.
            quantiles.push((quantile.quantile.abs(), quantile.value));
        }
        quantiles.sort_by(|one, other| one.0.total_cmp(&other.0));
        quantiles.dedup_by_key(|(quantile, _)| *quantile);
        Some(Reading::Summary(Box::new(Summary {
            count: point.count,
            sum: point.sum,
            quantiles,
        })))
    }

    /// Adds another value, and takes its exemplars if it has any. Returns whether the two could be added: histograms
    /// with different bounds cannot.
    #[must_use]
    pub(super) fn add(&mut self, more: &Reading) -> bool {
        match (self, more) {
            (
                Reading::Number { value, exemplar },
                Reading::Number {
                    value: more,
                    exemplar: newer,
                },
            ) => {
                *value += more;
                if newer.is_some() {
                    exemplar.clone_from(newer);
                }
                true
            }
            (Reading::Histogram(total), Reading::Histogram(more))
                if total.bounds == more.bounds =>
            {
                for (total, more) in total.counts.iter_mut().zip(&more.counts) {
                    *total = total.saturating_add(*more);
                }
                total.sum += more.sum;
                if !more.exemplars.is_empty() {
                    total.exemplars.clone_from(&more.exemplars);
                }
                true
            }
            (Reading::ExponentialHistogram(total), Reading::ExponentialHistogram(more)) => {
                let is_added = total.histogram.add(&more.histogram);
                if is_added && !more.exemplars.is_empty() {
                    total.exemplars.clone_from(&more.exemplars);
                }
                is_added
            }
            _ => false,
        }
    }

    /// Whether two values can belong to one series.
    pub(super) fn is_like(&self, other: &Reading) -> bool {
        match (self, other) {
            (Reading::Number { .. }, Reading::Number { .. }) => true,
            (Reading::Histogram(one), Reading::Histogram(other)) => one.bounds == other.bounds,
            (Reading::ExponentialHistogram(_), Reading::ExponentialHistogram(_))
            | (Reading::Summary(_), Reading::Summary(_)) => true,
            _ => false,
        }
    }

    /// Whether a total has decreased, and so was reset.
    pub(super) fn is_below(&self, before: &Reading) -> bool {
        match (self, before) {
            (Reading::Number { value, .. }, Reading::Number { value: before, .. }) => {
                value < before
            }
            (Reading::Histogram(now), Reading::Histogram(before)) => now.count() < before.count(),
            (Reading::ExponentialHistogram(now), Reading::ExponentialHistogram(before)) => {
                now.histogram.count < before.histogram.count
            }
            _ => false,
        }
    }

    /// Keeps exemplars until newer ones arrive: a scrape may come long after the flush that brought them.
    pub(super) fn keep_exemplars(&mut self, before: &mut Reading) {
        match (self, before) {
            (
                Reading::Number { exemplar, .. },
                Reading::Number {
                    exemplar: before, ..
                },
            ) if exemplar.is_none() => *exemplar = before.take(),
            (Reading::Histogram(now), Reading::Histogram(before)) if now.exemplars.is_empty() => {
                now.exemplars = std::mem::take(&mut before.exemplars);
            }
            (Reading::ExponentialHistogram(now), Reading::ExponentialHistogram(before))
                if now.exemplars.is_empty() =>
            {
                now.exemplars = std::mem::take(&mut before.exemplars);
            }
            _ => {}
        }
    }

    /// Estimated heap memory, in bytes.
    pub(super) fn weight(&self) -> usize {
        let (own, exemplars) = match self {
            Reading::Number { exemplar, .. } => (0, usize::from(exemplar.is_some())),
            Reading::Histogram(histogram) => {
                let words = histogram
                    .bounds
                    .len()
                    .saturating_add(histogram.counts.len());
                (words.saturating_mul(8), histogram.exemplars.len())
            }
            Reading::ExponentialHistogram(native) => (
                native
                    .histogram
                    .weight()
                    .saturating_add(size_of::<ExponentialHistogram>()),
                native.exemplars.len(),
            ),
            Reading::Summary(summary) => (summary.quantiles.len().saturating_mul(16), 0),
        };
        own.saturating_add(exemplars.saturating_mul(EXEMPLAR))
    }
}

/// Estimated memory of an exemplar with both ids, in bytes.
const EXEMPLAR: usize = size_of::<Exemplar>() + 48;

impl Exemplar {
    fn of(exemplar: &WireExemplar) -> Self {
        // OpenMetrics bounds the length of an exemplar's labels; ids of OTLP's length are well within.
        Exemplar {
            value: prom::exemplar_value(exemplar),
            trace_id: prom::hex_id(&exemplar.trace_id, 16),
            span_id: prom::hex_id(&exemplar.span_id, 8),
            time_unix_nano: exemplar.time_unix_nano,
        }
    }
}
