//! Transforms as they are run.

use spanmill_pattern::Regex;
use spanmill_sdk::Batch;

use crate::aggregate::Aggregation;

/// The labels and texts that settings name, each with a number.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub labels: Vec<String>,
    pub texts: Vec<String>,
}

fn number(list: &mut Vec<String>, text: &str) -> u32 {
    let known = list.iter().position(|known| known == text);
    known.unwrap_or_else(|| {
        list.push(text.to_owned());
        list.len() - 1
    }) as u32
}

impl Names {
    pub(crate) fn label(&mut self, key: &str) -> u32 {
        number(&mut self.labels, key)
    }

    pub(crate) fn text(&mut self, text: &str) -> u32 {
        number(&mut self.texts, text)
    }
}

/// What a text must be.
#[derive(Debug)]
pub(crate) enum Wanted {
    Text(String),
    Pattern(Regex),
}

/// What a text must be, asked of each text of a batch once.
#[derive(Debug)]
pub(crate) struct Question {
    pub wanted: Wanted,
    /// By pool index: 0 not asked, 1 no, 2 yes.
    answers: Vec<u8>,
}

impl Question {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Question {
            wanted,
            answers: Vec::new(),
        }
    }

    /// Begins a batch.
    pub(crate) fn start(&mut self, batch: &Batch<'_>) {
        self.answers.clear();
        self.answers.resize(batch.texts.len(), 0);
    }

    pub(crate) fn is_met_by(&self, text: &str) -> bool {
        match &self.wanted {
            Wanted::Text(wanted) => wanted == text,
            Wanted::Pattern(pattern) => pattern.is_match(text),
        }
    }

    /// The same of a text of the batch; of none, as of an empty one.
    pub(crate) fn is_met_by_sent(&mut self, batch: &Batch<'_>, text: u32) -> bool {
        match self.answers.get(text as usize) {
            Some(0) => {
                let is_met = self.is_met_by(batch.texts.get(text));
                self.answers[text as usize] = 1 + u8::from(is_met);
                is_met
            }
            Some(answer) => *answer == 2,
            None => self.is_met_by(""),
        }
    }
}

/// One transform.
#[derive(Debug)]
pub(crate) struct Transform {
    pub include: Question,
    /// Labels by number, and what they must be.
    pub labels: Vec<(u32, Question)>,
    /// Empty: the name stays.
    pub new_name: String,
    pub operations: Vec<Operation>,
    /// Whether it has been said that it could not be applied to a metric.
    pub said: bool,
}

/// What is done to a metric. Labels and texts are numbers in [`Names`].
#[derive(Debug)]
pub(crate) enum Operation {
    AddLabel {
        label: u32,
        text: u32,
    },
    UpdateLabel {
        label: u32,
        new_label: Option<u32>,
        values: Vec<(String, u32)>,
    },
    DeleteLabelValue {
        label: u32,
        value: String,
    },
    ToggleScalarDataType,
    ScaleValue(f64),
    AggregateLabels {
        kept: Vec<u32>,
        by: Aggregation,
    },
    AggregateLabelValues {
        label: u32,
        values: Vec<String>,
        text: u32,
        by: Aggregation,
    },
}

impl Transform {
    /// The name that a metric gets.
    pub(crate) fn renamed(&self, name: &str) -> String {
        let mut renamed = String::new();
        if let Wanted::Pattern(pattern) = &self.include.wanted
            && let Some(captures) = pattern.captures(name)
        {
            captures.expand(&self.new_name, &mut renamed);
        }
        match renamed.is_empty() {
            true => self.new_name.clone(),
            false => renamed,
        }
    }

    /// Begins a batch.
    pub(crate) fn start(&mut self, batch: &Batch<'_>) {
        self.include.start(batch);
        for (_, question) in &mut self.labels {
            question.start(batch);
        }
    }

    /// Whether points have to be told apart by all of their labels.
    pub(crate) fn aggregates(&self) -> bool {
        let aggregates = |operation: &Operation| {
            matches!(
                operation,
                Operation::AggregateLabels { .. } | Operation::AggregateLabelValues { .. }
            )
        };
        self.operations.iter().any(aggregates)
    }

    /// Whether values are changed.
    pub(crate) fn changes_values(&self) -> bool {
        let changes = |operation: &Operation| {
            matches!(
                operation,
                Operation::ToggleScalarDataType | Operation::ScaleValue(_)
            )
        };
        self.aggregates() || self.operations.iter().any(changes)
    }
}
