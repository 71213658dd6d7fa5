//! What policies become.

use spanmill_sdk::{AttributeField, Batch, CellKind};

use crate::bucket::Keys;
use crate::condition::Condition;
use crate::policy::Policy;

/// A condition, where its bits stand, and what it is: conditions of other settings with the same fingerprint ask the same.
#[derive(Debug)]
pub(crate) struct Asked {
    pub condition: Condition,
    pub bit: usize,
    pub fingerprint: String,
}

/// An attribute whose value picks the bucket of a limit.
#[derive(Debug)]
pub(crate) struct Keyed {
    pub span: AttributeField,
    pub resource: AttributeField,
    pub name: String,
    pub keys: Keys,
}

impl Keyed {
    /// The number of the value that a span has, or else its resource; 0 if neither has any.
    pub(crate) fn number(&mut self, batch: &Batch<'_>, span: usize, resource: usize) -> u32 {
        let (kind, bits) = match batch.attribute(self.span).cell(span) {
            (0, _) => batch.attribute(self.resource).cell(resource),
            own => own,
        };
        match CellKind::from_number(kind) {
            None | Some(CellKind::Absent) => 0,
            Some(CellKind::Text | CellKind::Bytes | CellKind::Array | CellKind::Map) => {
                self.keys.number(kind, batch.texts.bytes(bits as u32))
            }
            Some(_) => self.keys.number(kind, &bits.to_le_bytes()),
        }
    }
}

/// A policy at the top of the list.
#[derive(Debug)]
pub(crate) struct Named {
    pub name: String,
    /// The names of a composite policy's own, in their order.
    pub subs: Vec<String>,
    pub policy: Policy,
}

/// All policies of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    /// Those that drop first, then the others in their order.
    pub policies: Vec<Named>,
    pub asked: Vec<Asked>,
    pub keyed: Vec<Keyed>,
    /// How many bits the conditions take.
    pub bits: usize,
    /// Whether limits are kept, which one instance must keep for all traces.
    pub has_limits: bool,
}

impl Compiled {
    /// How many words a trace has: those of the bits, and one for each attribute that picks buckets.
    pub(crate) fn words(&self) -> usize {
        self.bit_words() + self.keyed.len()
    }

    /// How many words the bits take.
    pub(crate) fn bit_words(&self) -> usize {
        self.bits.div_ceil(32)
    }

    /// Tells limits where the numbers of their values stand.
    pub(crate) fn place_keys(&mut self) {
        let front = self.bit_words();
        for named in &mut self.policies {
            place_keys(&mut named.policy, front);
        }
    }
}

fn place_keys(policy: &mut Policy, front: usize) {
    match policy {
        Policy::Limit(limit) => {
            if let Some(word) = &mut limit.key_word {
                *word += front;
            }
        }
        Policy::And(policies) | Policy::Drop(policies) => {
            policies
                .iter_mut()
                .for_each(|policy| place_keys(policy, front));
        }
        Policy::Not(policy) => place_keys(policy, front),
        Policy::Composite(composite) => {
            let subs = composite.subs.iter_mut();
            subs.for_each(|sub| place_keys(&mut sub.policy, front));
        }
        _ => {}
    }
}
