//! Metrics, before they are written in one format or another.

use std::borrow::Cow;

/// What kind of numbers a metric has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FamilyKind {
    /// Counts up from the start of the process.
    Counter,
    /// What is so at the moment.
    Gauge,
}

/// Labels of a value, in order.
pub(super) type Labels = Vec<(&'static str, String)>;

/// One metric with its values.
#[derive(Clone, Debug)]
pub(super) struct Family {
    /// The Collector's name for it, or one of our own.
    pub name: Cow<'static, str>,
    pub help: &'static str,
    /// UCUM.
    pub unit: &'static str,
    pub kind: FamilyKind,
    pub values: Vec<(Labels, f64)>,
}

/// Metrics by name, in the order in which they were first seen.
#[derive(Debug, Default)]
pub(super) struct Families(Vec<Family>);

impl Families {
    /// Adds a value.
    pub fn add(
        &mut self,
        kind: FamilyKind,
        (name, unit, help): (impl Into<Cow<'static, str>>, &'static str, &'static str),
        labels: Labels,
        value: f64,
    ) {
        let name = name.into();
        let known = self.0.iter_mut().find(|family| family.name == name);
        let values = match known {
            Some(family) => &mut family.values,
            None => {
                self.0.push(Family {
                    name,
                    help,
                    unit,
                    kind,
                    values: Vec::new(),
                });
                match self.0.last_mut() {
                    Some(family) => &mut family.values,
                    None => return,
                }
            }
        };
        values.push((labels, value));
    }

    /// Adds a count.
    pub fn count(
        &mut self,
        described: (impl Into<Cow<'static, str>>, &'static str, &'static str),
        labels: Labels,
        value: u64,
    ) {
        self.add(FamilyKind::Counter, described, labels, value as f64);
    }

    /// Adds what is so at the moment.
    pub fn gauge(
        &mut self,
        described: (impl Into<Cow<'static, str>>, &'static str, &'static str),
        labels: Labels,
        value: u64,
    ) {
        self.add(FamilyKind::Gauge, described, labels, value as f64);
    }

    /// Each of them.
    pub fn into_inner(self) -> Vec<Family> {
        self.0
    }
}
