//! Points made into one, as the Collector does it.

use spanmill_sdk::Cell;

/// How the values of several points become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregation {
    Sum,
    Mean,
    Min,
    Max,
    Median,
    Count,
}

impl Aggregation {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sum" => Aggregation::Sum,
            "mean" => Aggregation::Mean,
            "min" => Aggregation::Min,
            "max" => Aggregation::Max,
            "median" => Aggregation::Median,
            "count" => Aggregation::Count,
            _ => return None,
        })
    }

    /// The value of some points together; it has the type of the first.
    pub(crate) fn of(self, values: &[Cell]) -> Cell {
        match values {
            // The Collector counts a point that is alone as its value.
            [] => Cell::Absent,
            [one] => *one,
            [Cell::Int(first), others @ ..] => Cell::Int(self.ints(*first, others)),
            [Cell::Double(first), others @ ..] => {
                let others = others.iter().map(|value| match value {
                    Cell::Double(value) => *value,
                    Cell::Int(value) => *value as f64,
                    _ => 0.0,
                });
                Cell::Double(self.doubles(*first, &others.collect::<Vec<_>>()))
            }
            [first, ..] => *first,
        }
    }

    fn ints(self, first: i64, others: &[Cell]) -> i64 {
        let converted = |value: &Cell| match value {
            Cell::Int(value) => *value,
            Cell::Double(value) => *value as i64,
            _ => 0,
        };
        // Doubles beside integers are not added up in the Collector.
        let added = |value: &Cell| match value {
            Cell::Int(value) => *value,
            _ => 0,
        };
        let count = others.len() as i64 + 1;
        let sum = || others.iter().map(added).fold(first, i64::wrapping_add);
        let all = || std::iter::once(first).chain(others.iter().map(converted));
        match self {
            Aggregation::Sum => sum(),
            Aggregation::Mean => sum() / count,
            Aggregation::Min => all().fold(first, i64::min),
            Aggregation::Max => all().fold(first, i64::max),
            Aggregation::Median => {
                let mut sorted: Vec<i64> = all().collect();
                sorted.sort_unstable();
                let middle = sorted.len() / 2;
                match sorted.len() % 2 {
                    0 => sorted[middle - 1].wrapping_add(sorted[middle]) / 2,
                    _ => sorted[middle],
                }
            }
            Aggregation::Count => count,
        }
    }

    fn doubles(self, first: f64, others: &[f64]) -> f64 {
        let count = (others.len() + 1) as f64;
        let sum = || others.iter().fold(first, |sum, value| sum + value);
        // Unlike Rust's, the Collector's minimum of anything and NaN is NaN.
        let least = |a: f64, b: f64| {
            if a.is_nan() || b.is_nan() {
                f64::NAN
            } else {
                a.min(b)
            }
        };
        let most = |a: f64, b: f64| {
            if a.is_nan() || b.is_nan() {
                f64::NAN
            } else {
                a.max(b)
            }
        };
        match self {
            Aggregation::Sum => sum(),
            Aggregation::Mean => sum() / count,
            Aggregation::Min => others.iter().copied().fold(first, least),
            Aggregation::Max => others.iter().copied().fold(first, most),
            Aggregation::Median => {
                let mut sorted: Vec<f64> = others.to_vec();
                sorted.push(first);
                // NaN comes first.
                sorted.sort_unstable_by(|a, b| {
                    let nan = b.is_nan().cmp(&a.is_nan());
                    a.partial_cmp(b).unwrap_or(nan)
                });
                let middle = sorted.len() / 2;
                match sorted.len() % 2 {
                    0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
                    _ => sorted[middle],
                }
            }
            Aggregation::Count => count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_together_as_in_the_collector() {
        use Aggregation::{Count, Max, Mean, Median, Min, Sum};
        let ints = [7, 1, 2, 4].map(Cell::Int);
        let doubles = [7.0, 1.0, 2.5, 4.0].map(Cell::Double);
        for (by, int, double) in [
            (Sum, 14, 14.5),
            (Mean, 3, 3.625),
            (Min, 1, 1.0),
            (Max, 7, 7.0),
            (Median, 3, 3.25),
            (Count, 4, 4.0),
        ] {
            assert_eq!(by.of(&ints), Cell::Int(int), "{by:?}");
            assert_eq!(by.of(&doubles), Cell::Double(double), "{by:?}");
            assert_eq!(by.of(&ints[..1]), Cell::Int(7), "one is what it is");
        }
        assert_eq!(Median.of(&ints[..3]), Cell::Int(2));
        assert_eq!(Median.of(&doubles[..3]), Cell::Double(2.5));
    }

    #[test]
    fn values_of_two_types_follow_the_first() {
        let mixed = [Cell::Int(1), Cell::Double(2.5), Cell::Absent];
        assert_eq!(Aggregation::Sum.of(&mixed), Cell::Int(1));
        assert_eq!(Aggregation::Max.of(&mixed), Cell::Int(2));
        let mixed = [Cell::Double(0.5), Cell::Int(2)];
        assert_eq!(Aggregation::Sum.of(&mixed), Cell::Double(2.5));
        assert_eq!(
            Aggregation::Sum.of(&[Cell::Absent, Cell::Int(2)]),
            Cell::Absent
        );
    }

    #[test]
    fn numbers_at_the_edge_do_not_panic() {
        let ints = [i64::MAX, i64::MAX].map(Cell::Int);
        assert_eq!(Aggregation::Sum.of(&ints), Cell::Int(-2));
        let nan = [Cell::Double(1.0), Cell::Double(f64::NAN), Cell::Double(3.0)];
        assert!(matches!(Aggregation::Min.of(&nan), Cell::Double(value) if value.is_nan()));
        assert_eq!(Aggregation::Median.of(&nan), Cell::Double(1.0));
    }
}
