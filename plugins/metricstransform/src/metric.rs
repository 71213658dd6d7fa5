//! A metric and its points while transforms change them.

use spanmill_sdk::{Batch, Cell};

/// The number of a label that the settings do not name is its pool index, marked with this.
pub(crate) const POOL: u32 = 1 << 31;

/// No entry.
pub(crate) const NEW: u32 = u32::MAX;

/// A value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Datum {
    /// As it stands in the batch.
    Sent(u8, u64),
    /// A text of the settings, by number.
    Constant(u32),
}

impl Datum {
    /// The text that it is; of everything else an empty one, as in the Collector.
    pub(crate) fn text<'a>(self, batch: &Batch<'a>, constants: &'a [String]) -> &'a str {
        match self {
            Datum::Sent(1, text) => batch.texts.get(text as u32),
            Datum::Sent(..) => "",
            Datum::Constant(number) => constants.get(number as usize).map_or("", String::as_str),
        }
    }
}

/// One attribute of a point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    /// The number of its key.
    pub key: u32,
    pub value: Datum,
    /// Which entry of the whole attribute list it is, or [`NEW`].
    pub entry: u32,
}

/// One point.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub row: u32,
    pub labels: Vec<Label>,
    pub value: Cell,
    pub start: u64,
    pub time: u64,
}

impl Point {
    pub(crate) fn label(&self, key: u32) -> Option<Datum> {
        let label = self.labels.iter().find(|label| label.key == key);
        label.map(|label| label.value)
    }

    /// Gives a label a value.
    pub(crate) fn put(&mut self, key: u32, value: Datum) {
        match self.labels.iter_mut().find(|label| label.key == key) {
            Some(label) => label.value = value,
            None => self.labels.push(Label {
                key,
                value,
                entry: NEW,
            }),
        }
    }

    pub(crate) fn remove(&mut self, key: u32) {
        if let Some(place) = self.labels.iter().position(|label| label.key == key) {
            self.labels.remove(place);
        }
    }
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Gauge,
    Sum,
    /// Exponential or not.
    Histogram,
    Summary,
    /// It has no points.
    None,
}

impl Kind {
    /// Of OTLP's number.
    pub(crate) fn of(number: u32) -> Self {
        match number {
            1 => Kind::Gauge,
            2 => Kind::Sum,
            3 | 4 => Kind::Histogram,
            5 => Kind::Summary,
            _ => Kind::None,
        }
    }

    /// Whether points have a value.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Kind::Gauge | Kind::Sum)
    }
}

/// One metric, with the points that are left.
#[derive(Debug, Clone)]
pub(crate) struct Metric {
    pub name: String,
    /// The name's pool index, until it is another.
    pub sent_name: Option<u32>,
    pub kind: Kind,
    pub is_delta: bool,
    pub points: Vec<Point>,
}
