//! What is decided once a distinct text: the fate of a value.

use std::borrow::Cow;
use std::collections::HashMap;

use spanmill_sdk::{Batch, Outcome, Value};

use crate::sanitize::Plan;
use crate::settings::Rules;

/// What becomes of a value whose key is plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Clean,
    Allowed,
    /// Becomes the text with this index.
    Masked(u32),
}

/// Answers by pool index, kept as long as the batch.
pub(crate) struct Memo {
    redact_all_types: bool,
    /// For each text what is known of it: nothing to be masked, patterns that may match, or that its fate is decided.
    flags: Vec<u8>,
    /// Fates of those texts that are decided.
    fates: Vec<Fate>,
    /// Whether there is a text whose fate is open.
    pub(crate) any_open: bool,
    /// Fates of values that are no texts or are sanitized, by kind, bits and what is done to them.
    others: HashMap<(u8, u64, Plan), Fate>,
    /// Memory for masked texts.
    buffers: [Vec<u8>; 2],
}

/// The text's fate stands among the fates.
const DECIDED: u8 = 1 << 7;
/// Every pattern may match.
const ANY: u8 = DECIDED - 1;

/// The flag of a pattern; those beyond share one.
fn flag(pattern: usize) -> u8 {
    1 << pattern.min(6)
}

impl Memo {
    pub(crate) fn new(redact_all_types: bool) -> Self {
        Memo {
            redact_all_types,
            flags: Vec::new(),
            fates: Vec::new(),
            any_open: false,
            others: HashMap::new(),
            buffers: Default::default(),
        }
    }

    pub(crate) fn start(&mut self, rules: &Rules, batch: &Batch<'_>) {
        let texts = &batch.texts;
        self.any_open = !rules.allowed_values.is_empty();
        self.flags.clear();
        self.flags
            .resize(texts.len(), if self.any_open { ANY } else { 0 });
        self.fates.resize(texts.len(), Fate::Clean);
        if !self.any_open {
            for (number, pattern) in rules.blocked.iter().enumerate() {
                pattern.candidates(texts.ends, texts.bytes, |text| {
                    self.flags[text] |= flag(number);
                    self.any_open = true;
                });
            }
        }
        self.others.clear();
    }

    /// The entries that are texts of which more is known than that nothing is to be masked.
    // A function of its own, and eight entries a turn: most are no such texts, and in a sandbox each turn of a
    // loop looks at the clock.
    #[inline(never)]
    pub(crate) fn open_entries(&self, kinds: &[u8], bits: &[u64], open: &mut Vec<u32>) {
        let Some(last) = self.flags.len().checked_sub(1) else {
            return;
        };
        let is_open = |kind: u8, bits: u64| {
            let flag = self.flags[(bits as usize).min(last)];
            (kind == 1) & (flag != 0)
        };
        let (eights, rest) = kinds.as_chunks::<8>();
        let (bits_eights, bits_rest) = bits.as_chunks::<8>();
        let mut at = 0;
        for (kinds, bits) in eights.iter().zip(bits_eights) {
            let mut any = false;
            for place in 0..8 {
                any |= is_open(kinds[place], bits[place]);
            }
            if any {
                for place in 0..8 {
                    if is_open(kinds[place], bits[place]) {
                        open.push(at + place as u32);
                    }
                }
            }
            at += 8;
        }
        for (&kind, &bits) in rest.iter().zip(bits_rest) {
            if is_open(kind, bits) {
                open.push(at);
            }
            at += 1;
        }
    }

    /// The fate of a text that may be none of the batch.
    pub(crate) fn text_fate(&mut self, rules: &Rules, plan: Plan, text: &str) -> TextFate<'_> {
        match self.decide(rules, plan, text) {
            Decided::Clean => TextFate::Clean,
            Decided::Allowed => TextFate::Allowed,
            Decided::Masked => TextFate::Masked(&self.buffers[0]),
        }
    }

    /// Decides a text's fate, with what sanitizers make of what is left of it.
    fn decide(&mut self, rules: &Rules, plan: Plan, text: &str) -> Decided {
        let decided = decide(rules, ANY, text.as_bytes(), &mut self.buffers);
        if plan == Plan::NOTHING {
            return decided;
        }
        let masked = match decided {
            Decided::Allowed => return decided,
            Decided::Clean => text,
            Decided::Masked => std::str::from_utf8(&self.buffers[0]).unwrap_or(""),
        };
        let new = rules.sanitizers.apply(plan, masked).into_owned();
        if new == text {
            return Decided::Clean;
        }
        self.buffers[0] = new.into_bytes();
        Decided::Masked
    }

    /// The fate of a value under a plain key.
    #[inline]
    pub(crate) fn fate(
        &mut self,
        rules: &Rules,
        batch: &Batch<'_>,
        outcome: &mut Outcome,
        (kind, bits): (u8, u64),
        plan: Plan,
    ) -> Fate {
        if kind == 1 && plan == Plan::NOTHING {
            let text = bits as usize;
            return match self.flags.get(text) {
                Some(0) | None => Fate::Clean,
                Some(&DECIDED) => self.fates.get(text).copied().unwrap_or(Fate::Clean),
                Some(&open) => {
                    let old = batch.texts.bytes(bits as u32);
                    let decided = decide(rules, open, old, &mut self.buffers);
                    let fate = self.fate_of(decided, outcome);
                    self.flags[text] = DECIDED;
                    self.fates[text] = fate;
                    fate
                }
            };
        }
        // Without redact_all_types, a value that is no string reads as an empty one, as in the Collector.
        let place = if kind == 1 || self.redact_all_types {
            (kind, bits, plan)
        } else {
            (0, 0, Plan::NOTHING)
        };
        if let Some(&fate) = self.others.get(&place) {
            return fate;
        }
        let text = self.text(batch, (kind, bits));
        let decided = self.decide(rules, place.2, &text);
        let fate = self.fate_of(decided, outcome);
        self.others.insert(place, fate);
        fate
    }

    /// A decision as a fate: a masked text is added to the outcome.
    fn fate_of(&self, decided: Decided, outcome: &mut Outcome) -> Fate {
        match decided {
            Decided::Clean => Fate::Clean,
            Decided::Allowed => Fate::Allowed,
            Decided::Masked => Fate::Masked(outcome.bytes(&self.buffers[0])),
        }
    }

    /// The text of a value, as far as the rules look at it.
    pub(crate) fn text<'a>(&self, batch: &Batch<'a>, (kind, bits): (u8, u64)) -> Cow<'a, str> {
        if kind != 1 && !self.redact_all_types {
            return Cow::Borrowed("");
        }
        Value::from_cell(kind, bits, &batch.texts).to_text()
    }
}

/// What becomes of a text that may be none of the batch.
pub(crate) enum TextFate<'a> {
    Clean,
    Allowed,
    Masked(&'a [u8]),
}

/// What is decided about a text.
enum Decided {
    Clean,
    Allowed,
    /// The first buffer holds the masked text.
    Masked,
}

/// Decides a text's fate; `open` flags the patterns that may match in it.
fn decide(rules: &Rules, open: u8, text: &[u8], [masked, next]: &mut [Vec<u8>; 2]) -> Decided {
    let is_allowed = |text| rules.allowed_values.is_match(text);
    if !rules.allowed_values.is_empty() && std::str::from_utf8(text).is_ok_and(is_allowed) {
        return Decided::Allowed;
    }
    let mut any = false;
    for (number, pattern) in rules.blocked.iter().enumerate() {
        // In what another has masked, any may match.
        if any {
            if rules.mask.matches(masked, pattern, next) {
                std::mem::swap(masked, next);
            }
        } else if open & flag(number) != 0 {
            any = rules.mask.matches(text, pattern, masked);
        }
    }
    match any && masked != text {
        true => Decided::Masked,
        false => Decided::Clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_any_number_are_looked_at() {
        let mut memo = Memo::new(false);
        memo.flags = (0..10).map(|text| u8::from(text % 3 == 0)).collect();
        for count in 0..40 {
            let kinds: Vec<u8> = (0..count).map(|entry| entry % 4).collect();
            // Numbers beyond the pool, which only values that are no texts have.
            let bits: Vec<u64> = (0..u64::from(count))
                .map(|entry| if entry % 4 == 1 { entry % 10 } else { u64::MAX })
                .collect();
            let mut open = Vec::new();
            memo.open_entries(&kinds, &bits, &mut open);
            let expected: Vec<u32> = (0..u32::from(count))
                .filter(|entry| entry % 4 == 1 && entry % 10 % 3 == 0)
                .collect();
            assert_eq!(open, expected, "{count}");
        }
    }
}
