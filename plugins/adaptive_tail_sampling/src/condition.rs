//! Conditions that rules ask of spans: answered a column at a time, and kept as a bit of the trace that has met them.

use spanmill_ottl::{Conditions, ErrorMode, FirstOutcome};
use spanmill_sdk::{Batch, Context, Contract, Problems};

/// What is asked of each span: all of the conditions hold of it.
#[derive(Debug)]
pub(crate) struct Asked {
    conditions: Vec<Conditions>,
    /// What it asks, by which other settings are known to ask the same.
    pub text: String,
}

impl Asked {
    /// Compiles conditions that one span is to meet together; the pointers are those of each of them.
    pub(crate) fn compile<'a>(
        texts: impl IntoIterator<Item = (&'a str, String)>,
        contract: &mut Contract,
        problems: &mut Problems,
    ) -> Self {
        let mut asked = Asked {
            conditions: Vec::new(),
            text: String::new(),
        };
        for (text, path) in texts {
            // Failures are told by the answers: they count, and the condition does not hold.
            let mut conditions = Conditions::new(Context::Span, ErrorMode::Propagate);
            if let Err(error) = conditions.add(text, contract) {
                problems.push(path, error.to_string());
            }
            asked.conditions.push(conditions);
            asked.text.push_str(text);
            asked.text.push('\n');
        }
        asked
    }

    /// For each span whether it meets them; returns how often one of them could not be evaluated.
    pub(crate) fn evaluate(&mut self, batch: &Batch<'_>, met: &mut Vec<bool>) -> u64 {
        met.clear();
        met.resize(batch.rows(Context::Span), true);
        let mut failed = 0;
        for conditions in &mut self.conditions {
            for (met, outcome) in met.iter_mut().zip(conditions.first_outcomes(batch)) {
                failed += u64::from(*met && *outcome == FirstOutcome::Failed);
                *met &= *outcome == FirstOutcome::OneHolds;
            }
        }
        failed
    }
}
