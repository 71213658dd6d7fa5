//! What is guarded: the names of spans, or one attribute.

use spanmill_sdk::{
    ABSENT, AttributeField, Batch, Cell, Context, Contract, Outcome, TextField, Values as Column,
    WriteField,
};

use crate::answers::{Answer, Answers};
use crate::hash::{hash, hash_value};
use crate::settings::{Common, Rule, Subject};
use crate::template;
use crate::trie::Trie;
use crate::values::Values;

/// How many rows were changed.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Changed {
    pub templated: u64,
    pub overflowed: u64,
}

#[derive(Debug, Clone, Copy)]
enum Read {
    Text(TextField),
    Attribute(AttributeField),
}

/// What one rule knows.
#[derive(Debug)]
pub(crate) struct Guard {
    pub subject: Subject,
    fields: Vec<(Context, Read, WriteField)>,
    pub trie: Option<Trie>,
    pub values: Values,
    pub limit: usize,
    /// Until when, in seconds, it is not said again that there are too many values.
    pub quiet_until: u64,
}

/// What the guards have in common for a batch.
pub(crate) struct Turn<'a> {
    pub batch: &'a Batch<'a>,
    pub seed: u64,
    pub overflow_value: &'a str,
    pub answers: &'a mut Answers,
    pub name: &'a mut String,
}

impl Guard {
    pub(crate) fn new(rule: Rule, common: &Common, contract: &mut Contract) -> Self {
        let fields = match &rule.subject {
            Subject::SpanNames => vec![(
                Context::Span,
                Read::Text(contract.read_text("span.name")),
                contract.write("span.name"),
            )],
            Subject::Attribute(level, key) => {
                let contexts = level.contexts().iter();
                let fields = contexts.map(|&context| {
                    let read = contract.read_attribute(context, key);
                    let write = contract.write_attribute(context, key);
                    (context, Read::Attribute(read), write)
                });
                fields.collect()
            }
        };
        let trie = || Trie::new(common.max_segment_values, common.most_nodes);
        Guard {
            subject: rule.subject,
            fields,
            trie: rule.templates.then(trie),
            values: Values::new(rule.limit, common.window),
            limit: rule.limit,
            quiet_until: 0,
        }
    }

    /// Guards what a batch has of it.
    pub(crate) fn run(&mut self, turn: &mut Turn<'_>, now: u64, outcome: &mut Outcome) -> Changed {
        let mut changed = Changed::default();
        self.values.start(now);
        turn.answers.start(turn.batch);
        for at in 0..self.fields.len() {
            let (context, read, write) = self.fields[at];
            if turn.batch.rows(context) == 0 {
                continue;
            }
            let column = match read {
                Read::Text(field) => Column::Text(turn.batch.text(field)),
                Read::Attribute(field) => turn.batch.attribute(field),
            };
            match column {
                Column::Text(texts) => {
                    for (row, &text) in (0..).zip(texts) {
                        if text != ABSENT {
                            let answer = self.text(turn, text, outcome);
                            changed.apply(answer, write, row, outcome);
                        }
                    }
                }
                Column::Cells(cells) => {
                    let cells = cells.kinds.iter().zip(cells.bits);
                    for (row, (&kind, &bits)) in (0..).zip(cells) {
                        let answer = match kind {
                            // Absent, and there without a value.
                            0 | 8 => continue,
                            1 => self.text(turn, bits as u32, outcome),
                            _ => self.other(turn, kind, bits, outcome),
                        };
                        changed.apply(answer, write, row, outcome);
                    }
                }
            }
        }
        changed
    }

    /// What becomes of a text: looked at once a batch, and again after a segment was learned.
    #[inline]
    fn text(&mut self, turn: &mut Turn<'_>, text: u32, outcome: &mut Outcome) -> Answer {
        let learned = self.trie.as_ref().map_or(0, |trie| trie.learned as u32);
        match turn.answers.known(text, learned) {
            Some(answer) => answer,
            None => self.look_at(turn, text, outcome),
        }
    }

    #[inline(never)]
    fn look_at(&mut self, turn: &mut Turn<'_>, text: u32, outcome: &mut Outcome) -> Answer {
        let before = turn.batch.texts.get(text);
        let mut learned = 0;
        let mut name = before;
        if let Some(trie) = &mut self.trie {
            template::write(trie, turn.seed, before, turn.name);
            learned = trie.learned as u32;
            name = turn.name;
        }
        let hash = hash(turn.seed, name.as_bytes());
        let answer = if name != turn.overflow_value && !self.values.admit(hash) {
            Answer::Overflowed(turn.answers.overflow(turn.overflow_value, outcome))
        } else if name == before {
            Answer::Kept
        } else {
            Answer::Templated(turn.answers.template(hash, name, outcome))
        };
        turn.answers.remember(text, learned, answer);
        answer
    }

    /// What becomes of a value that is no text.
    fn other(&mut self, turn: &mut Turn<'_>, kind: u8, bits: u64, outcome: &mut Outcome) -> Answer {
        let hash = match kind {
            // What they hold stands in the pool.
            5..=7 => hash(
                turn.seed ^ u64::from(kind),
                turn.batch.texts.bytes(bits as u32),
            ),
            _ => hash_value(turn.seed, kind, bits),
        };
        match self.values.admit(hash) {
            true => Answer::Kept,
            false => Answer::Overflowed(turn.answers.overflow(turn.overflow_value, outcome)),
        }
    }
}

impl Changed {
    #[inline]
    fn apply(&mut self, answer: Answer, write: WriteField, row: u32, outcome: &mut Outcome) {
        let text = match answer {
            Answer::Kept => return,
            Answer::Templated(text) => {
                self.templated += 1;
                text
            }
            Answer::Overflowed(text) => {
                self.overflowed += 1;
                text
            }
        };
        outcome.set(write, row, Cell::Text(text));
    }
}
