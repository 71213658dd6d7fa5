//! The values that traces have for fingerprints: each distinct one, and each distinct set of them, is kept once and has a
//! number, so that a trace keeps a word for each entry.
//!
//! Senders choose values, so all of it is bounded: what does not fit counts as [`OTHER`].

use std::collections::HashMap;
use std::rc::Rc;

/// Stands for values that there was no room for.
const OTHER: &str = "<other>";

/// Stands for no value at all.
const MISSING: &str = "<missing>";

/// A longer value is cut.
const MAX_VALUE: usize = 256;

/// Values of a set; of more, those that come first in order count.
const MAX_SET: usize = 32;

/// Bytes of all values, and values in all sets.
const MAX_BYTES: usize = 8 << 20;
const MAX_MEMBERS: usize = 2 << 20;

/// Sets and values that may be in vain before it is looked which still are in use.
const SLACK: usize = 4096;

/// Values and sets by number. Set 0 is the empty one.
#[derive(Debug)]
pub(crate) struct Values {
    texts: Vec<Rc<str>>,
    by_text: HashMap<Rc<str>, u32>,
    bytes: usize,
    sets: Vec<Rc<[u32]>>,
    /// The first value of each set; most have but one.
    firsts: Vec<u32>,
    by_members: HashMap<Rc<[u32]>, u32>,
    members: usize,
    /// What a set becomes with a value.
    joined: HashMap<(u32, u32), u32>,
    /// How many sets and values there were when it was last looked.
    in_use: usize,
}

/// The value [`OTHER`], which is always there.
const OTHER_VALUE: u32 = 0;

impl Default for Values {
    fn default() -> Self {
        let other: Rc<str> = OTHER.into();
        let sets: [Rc<[u32]>; 2] = [Rc::from([]), Rc::from([OTHER_VALUE])];
        Values {
            texts: vec![Rc::clone(&other)],
            by_text: HashMap::from([(other, OTHER_VALUE)]),
            bytes: 0,
            by_members: sets.iter().cloned().zip(0..).collect(),
            sets: sets.to_vec(),
            firsts: vec![NONE, OTHER_VALUE],
            members: 0,
            joined: HashMap::new(),
            in_use: 0,
        }
    }
}

/// No value.
const NONE: u32 = u32::MAX;

/// The set of [`OTHER`] alone.
const OTHER_SET: u32 = 1;

/// The longest beginning of a text that is not too long.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_VALUE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl Values {
    /// The number of a value.
    pub(crate) fn value(&mut self, text: &str) -> u32 {
        let text = cut(text);
        if let Some(number) = self.by_text.get(text) {
            return *number;
        }
        if self.bytes + text.len() > MAX_BYTES || self.texts.len() >= MAX_MEMBERS {
            return OTHER_VALUE;
        }
        let (text, number): (Rc<str>, _) = (text.into(), self.texts.len() as u32);
        self.bytes += text.len();
        self.texts.push(Rc::clone(&text));
        self.by_text.insert(text, number);
        number
    }

    /// The set that a set becomes with a value.
    #[inline]
    pub(crate) fn with(&mut self, set: u32, value: u32) -> u32 {
        if self.firsts.get(set as usize) == Some(&value) || self.members_of(set).contains(&value) {
            return set;
        }
        if let Some(joined) = self.joined.get(&(set, value)) {
            return *joined;
        }
        let joined = self.join(set, value);
        self.joined.insert((set, value), joined);
        joined
    }

    fn members_of(&self, set: u32) -> &[u32] {
        self.sets.get(set as usize).map_or(&[], |members| members)
    }

    fn text(&self, value: u32) -> &str {
        self.texts.get(value as usize).map_or(OTHER, |text| text)
    }

    fn join(&mut self, set: u32, value: u32) -> u32 {
        let mut members = self.members_of(set).to_vec();
        members.push(value);
        if members.len() > MAX_SET {
            // Whatever the order in which they come, the same stay.
            let last = (0..members.len()).max_by_key(|at| self.text(members[*at]));
            members.swap_remove(last.unwrap_or(0));
        }
        members.sort_unstable();
        self.set(&members)
    }

    /// The number of a set of values, which are in the order of their numbers.
    fn set(&mut self, members: &[u32]) -> u32 {
        if let Some(number) = self.by_members.get(members) {
            return *number;
        }
        if self.members + members.len() > MAX_MEMBERS {
            return OTHER_SET;
        }
        let (members, number): (Rc<[u32]>, _) = (members.into(), self.sets.len() as u32);
        self.members += members.len();
        self.firsts.push(members.first().copied().unwrap_or(NONE));
        self.sets.push(Rc::clone(&members));
        self.by_members.insert(members, number);
        number
    }

    /// Adds a set to a fingerprint: its values in order, as the Collector writes them.
    pub(crate) fn write(&self, set: u32, out: &mut String) {
        let mut texts: Vec<&str> = self
            .members_of(set)
            .iter()
            .map(|value| self.text(*value))
            .collect();
        if texts.is_empty() {
            out.push_str(MISSING);
            return;
        }
        texts.sort_unstable();
        for (place, text) in texts.into_iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            out.push_str(text);
        }
    }

    /// Whether it is time to look which are still in use.
    pub(crate) fn are_many(&self) -> bool {
        self.sets.len() + self.texts.len() > 2 * self.in_use + SLACK
    }

    /// Begins anew with nothing; what is in use is taken over from what is returned.
    pub(crate) fn renew(&mut self) -> Moved {
        Moved::from(std::mem::take(self))
    }

    /// Notes that all that is in use has been taken over.
    pub(crate) fn are_renewed(&mut self) {
        self.in_use = self.sets.len() + self.texts.len();
    }

    /// All texts, and all sets by the numbers of their values, to be handed on.
    pub(crate) fn save(&self) -> (Vec<&str>, Vec<&[u32]>) {
        let texts = self.texts.iter().map(|text| &**text);
        let sets = self.sets.iter().map(|members| &**members);
        (texts.collect(), sets.collect())
    }

    /// What another has handed on, to be taken over by the numbers of its sets.
    pub(crate) fn saved(texts: Vec<String>, sets: Vec<Vec<u32>>) -> Moved {
        Moved::from(Values {
            texts: texts.into_iter().map(Rc::from).collect(),
            sets: sets.into_iter().map(Rc::from).collect(),
            ..Values::default()
        })
    }
}

/// Values that others take over.
#[derive(Debug)]
pub(crate) struct Moved {
    from: Values,
    numbers: HashMap<u32, u32>,
}

impl From<Values> for Moved {
    fn from(from: Values) -> Self {
        Moved {
            from,
            numbers: HashMap::new(),
        }
    }
}

impl Moved {
    /// Takes a set over, and returns its new number.
    pub(crate) fn set(&mut self, set: u32, to: &mut Values) -> u32 {
        if let Some(number) = self.numbers.get(&set) {
            return *number;
        }
        let members = self.from.members_of(set).iter();
        let mut members: Vec<u32> = members
            .map(|value| to.value(self.from.text(*value)))
            .collect();
        members.sort_unstable();
        members.dedup();
        members.truncate(MAX_SET);
        let number = to.set(&members);
        self.numbers.insert(set, number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(values: &Values, set: u32) -> String {
        let mut out = String::new();
        values.write(set, &mut out);
        out
    }

    fn joined(values: &mut Values, texts: &[&str]) -> u32 {
        texts.iter().fold(0, |set, text| {
            let value = values.value(text);
            values.with(set, value)
        })
    }

    #[test]
    fn sets_are_the_same_in_any_order() {
        let mut values = Values::default();
        let one = joined(&mut values, &["b", "a", "b", "c"]);
        assert_eq!(joined(&mut values, &["c", "b", "a", "a"]), one);
        assert_eq!(written(&values, one), "a,b,c");
        assert_eq!(written(&values, 0), "<missing>");
    }

    #[test]
    fn a_large_set_keeps_the_first_in_order() {
        let all: Vec<String> = (0..100).map(|n| format!("v{n:02}")).collect();
        let forwards: Vec<&str> = all.iter().map(String::as_str).collect();
        let backwards: Vec<&str> = forwards.iter().copied().rev().collect();
        let mut values = Values::default();
        let one = joined(&mut values, &forwards);
        assert_eq!(joined(&mut values, &backwards), one);
        assert_eq!(written(&values, one), all[..MAX_SET].join(","));
    }

    #[test]
    fn long_values_are_cut_between_letters() {
        let long = "ä".repeat(400);
        let mut values = Values::default();
        let one = joined(&mut values, &[&long]);
        assert_eq!(written(&values, one), "ä".repeat(MAX_VALUE / 2));
        let odd = format!("x{long}");
        let one = joined(&mut values, &[&odd]);
        assert_eq!(written(&values, one).len(), MAX_VALUE - 1);
    }

    #[test]
    fn what_there_is_no_room_for_counts_as_other() {
        let mut values = Values::default();
        let mut set = 0;
        for n in 0..40_000 {
            set = joined(&mut values, &[&format!("{n:0>256}")]);
        }
        assert_eq!(written(&values, set), OTHER);
        assert!(values.bytes <= MAX_BYTES);
    }

    #[test]
    fn what_no_trace_has_is_forgotten() {
        let mut values = Values::default();
        let mut words = [joined(&mut values, &["a", "b"]), 0];
        for n in 0..100_000 {
            joined(&mut values, &[&n.to_string()]);
            if values.are_many() {
                let mut moved = values.renew();
                words = words.map(|set| moved.set(set, &mut values));
                values.are_renewed();
                assert_eq!(written(&values, words[0]), "a,b");
            }
        }
        assert!(values.sets.len() < 2 * SLACK && values.joined.len() < 2 * SLACK);
        assert_eq!(words[1], 0);
    }
}
