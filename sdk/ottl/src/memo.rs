//! What was worked out of some cells, kept so that it is worked out once: pool indices mean the same in a whole batch.

use hashbrown::HashTable;
use spanmill_sdk::Context;

use crate::cell::{Cell, TEXT};
use crate::expression::{Arguments, Expression, Test};
use crate::field::{Field, View};
use crate::frame::Frame;
use crate::slots::Place;

/// More columns than this are not worth looking up together.
const MOST_INPUTS: usize = 4;

/// After so many questions it shows whether answers come back.
const TRIAL: u32 = 256;

/// The columns that something is worked out of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inputs {
    places: Vec<(Context, Place)>,
    /// Something of a row is read that is no cell, or what comes out is another every time.
    is_open: bool,
}

impl Inputs {
    fn add(&mut self, context: Context, place: Place) {
        if !self.places.contains(&(context, place)) {
            self.places.push((context, place));
        }
    }

    /// Adds what arguments read.
    pub(crate) fn take(&mut self, arguments: &Arguments) {
        arguments.walk(&mut |part| self.part(part));
    }

    /// Adds what expressions read.
    pub(crate) fn read(&mut self, expressions: &[Expression]) {
        for expression in expressions {
            expression.walk(&mut |part| self.part(part));
        }
    }

    /// Adds a field.
    pub(crate) fn field(&mut self, field: &Field) {
        self.add(field.context, field.place);
        if let Some((place, _)) = field.of_types {
            self.add(Context::Metric, place);
        }
        self.is_open |= matches!(
            field.view,
            View::Entries | View::Count | View::TraceId | View::TraceIdText
        );
    }

    /// Adds what a condition reads.
    pub(crate) fn ask(&mut self, test: &Test) {
        test.walk(&mut |part| self.part(part));
    }

    fn part(&mut self, part: &Expression) {
        match part {
            Expression::Field(field, _) => self.field(field),
            Expression::PointAttribute { metric_type, .. } => {
                self.add(Context::Metric, *metric_type);
                self.is_open = true;
            }
            Expression::Unique(_) => self.is_open = true,
            _ => {}
        }
    }

    /// The deepest context that is read.
    pub(crate) fn deepest(&self) -> Option<Context> {
        self.places.iter().map(|(context, _)| *context).max()
    }

    /// Whether what comes out depends on cells alone, and on few.
    fn is_kept(&self) -> bool {
        !self.is_open && self.places.len() <= MOST_INPUTS
    }
}

/// The cells that something was worked out of, a word each.
pub(crate) type Key = [u64; MOST_INPUTS];

/// A cell as a word that no other cell has; nothing, if it does not fit.
#[inline]
fn word(cell: Cell) -> Option<u64> {
    (cell.bits >> 56 == 0).then_some(u64::from(cell.kind) << 56 | cell.bits)
}

#[inline]
fn hash(key: &Key) -> u64 {
    let hash = key.iter().fold(0, |hash: u64, word| {
        (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    hash ^ hash >> 32
}

/// Answers by the cells they were worked out of.
#[derive(Debug, Clone)]
pub(crate) struct Known<T> {
    /// For each text of the pool, the answer's number from 1, where a text is the only input.
    texts: Vec<u32>,
    others: HashTable<u32>,
    answers: Vec<(Key, T)>,
    asked: u32,
    found: u32,
}

/// Where an answer is put once it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ticket {
    /// It is not kept.
    None,
    /// It is the only one.
    Only,
    Text(u32),
    Words(Key, u64),
}

/// What is known.
#[derive(Debug)]
pub(crate) enum Lookup<T> {
    Answer(T),
    /// Nothing: work it out, and store it.
    Open(Ticket),
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Known {
            texts: Vec::new(),
            others: HashTable::new(),
            answers: Vec::new(),
            asked: 0,
            found: 0,
        }
    }
}

impl<T: Clone> Known<T> {
    /// Forgets everything, for another batch.
    pub(crate) fn clear(&mut self) {
        self.texts.clear();
        self.others.clear();
        self.answers.clear();
        (self.asked, self.found) = (0, 0);
    }

    /// The answer for a single cell.
    #[inline]
    pub(crate) fn of_cell(&mut self, cell: Cell) -> Lookup<T> {
        if cell.kind != TEXT {
            return match word(cell) {
                Some(word) => self.of_words([word, 0, 0, 0]),
                None => Lookup::Open(Ticket::None),
            };
        }
        let known = self.texts.get(cell.bits as usize).copied().unwrap_or(0);
        let known = (known as usize).checked_sub(1);
        match known.and_then(|at| self.answers.get(at)) {
            Some((_, answer)) => Lookup::Answer(answer.clone()),
            None => Lookup::Open(Ticket::Text(cell.bits as u32)),
        }
    }

    fn of_words(&mut self, key: Key) -> Lookup<T> {
        // What is another in every row is not worth keeping.
        if self.asked >= TRIAL && self.found * 4 < self.asked {
            return Lookup::Open(Ticket::None);
        }
        self.asked += 1;
        let hashed = hash(&key);
        let answers = &self.answers;
        let is_same = |&at: &u32| {
            let known = answers.get(at as usize);
            known.is_some_and(|(known, _)| *known == key)
        };
        if let Some(&at) = self.others.find(hashed, is_same)
            && let Some((_, answer)) = self.answers.get(at as usize)
        {
            self.found += 1;
            return Lookup::Answer(answer.clone());
        }
        Lookup::Open(Ticket::Words(key, hashed))
    }

    /// Keeps an answer.
    pub(crate) fn store(&mut self, ticket: Ticket, answer: T) {
        match ticket {
            Ticket::None | Ticket::Only => {}
            Ticket::Text(index) => {
                self.answers.push(([0; MOST_INPUTS], answer));
                let index = index as usize;
                if index >= self.texts.len() {
                    let grown = (2 * self.texts.len()).max(1_024).max(index + 1);
                    self.texts.resize(grown, 0);
                }
                if let Some(number) = self.texts.get_mut(index) {
                    *number = self.answers.len() as u32;
                }
            }
            Ticket::Words(key, hashed) => {
                let at = self.answers.len() as u32;
                self.answers.push((key, answer));
                let answers = &self.answers;
                self.others.insert_unique(hashed, at, |&at| {
                    answers.get(at as usize).map_or(0, |(key, _)| hash(key))
                });
            }
        }
    }
}

/// What was worked out of some columns.
#[derive(Debug, Clone)]
pub(crate) struct Memo<T> {
    inputs: Inputs,
    known: Known<T>,
    /// The answer, if nothing is read.
    only: Option<T>,
}

impl<T: Clone> Memo<T> {
    pub(crate) fn new(inputs: Inputs) -> Self {
        Memo {
            inputs,
            known: Known::default(),
            only: None,
        }
    }

    /// Forgets everything, for another batch.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.only = None;
    }

    /// The only place it is worked out of, if that is a cell of this context.
    pub(crate) fn only_place(&self, context: Context) -> Option<Place> {
        match self.inputs.places.as_slice() {
            [(of, place)] if *of == context && self.inputs.is_kept() => Some(*place),
            _ => None,
        }
    }

    /// Whether it is the same for every row.
    pub(crate) fn is_constant(&self) -> bool {
        self.inputs.is_kept() && self.inputs.places.is_empty()
    }

    /// What is known for a row of a context.
    #[inline]
    pub(crate) fn look_up(&mut self, frame: &Frame<'_>, context: Context, row: usize) -> Lookup<T> {
        if !self.inputs.is_kept() {
            return Lookup::Open(Ticket::None);
        }
        if self.inputs.places.is_empty() {
            return match &self.only {
                Some(answer) => Lookup::Answer(answer.clone()),
                None => Lookup::Open(Ticket::Only),
            };
        }
        let cell = |(of, place): &(Context, Place)| {
            let row = match *of == context {
                true => row,
                false => frame.ancestor(context, *of, row),
            };
            frame.cell(*place, row)
        };
        if let [place] = self.inputs.places.as_slice() {
            return self.known.of_cell(cell(place));
        }
        let mut key = [0; MOST_INPUTS];
        for (known, place) in key.iter_mut().zip(&self.inputs.places) {
            match word(cell(place)) {
                Some(word) => *known = word,
                None => return Lookup::Open(Ticket::None),
            }
        }
        self.known.of_words(key)
    }

    /// Keeps an answer.
    pub(crate) fn store(&mut self, ticket: Ticket, answer: T) {
        match ticket {
            Ticket::Only => self.only = Some(answer),
            ticket => self.known.store(ticket, answer),
        }
    }

    /// The answer for a row of a context, which `work` works out if it is not known.
    #[inline]
    pub(crate) fn answer(
        &mut self,
        frame: &Frame<'_>,
        context: Context,
        row: usize,
        work: impl FnOnce() -> T,
    ) -> T {
        match self.look_up(frame, context, row) {
            Lookup::Answer(answer) => answer,
            Lookup::Open(ticket) => {
                let answer = work();
                self.store(ticket, answer.clone());
                answer
            }
        }
    }
}
