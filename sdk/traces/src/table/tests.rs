use std::collections::HashMap;

use proptest::prelude::*;

use super::{Phase, Traces, Tracked};

#[derive(Debug)]
struct Trace {
    id: u128,
    bytes: u32,
    phase: Phase,
}

impl Trace {
    fn new(id: u128) -> Self {
        Trace {
            id,
            bytes: 0,
            phase: Phase::Waiting,
        }
    }
}

impl Tracked for Trace {
    fn id(&self) -> u128 {
        self.id
    }

    fn arrived(&self) -> u64 {
        1
    }

    fn phase(&self) -> Phase {
        self.phase
    }

    fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    fn bytes(&self) -> u32 {
        self.bytes
    }

    fn set_bytes(&mut self, bytes: u32) {
        self.bytes = bytes;
    }

    fn forget_spans(&mut self) {
        *self = Trace::new(self.id);
    }
}

/// What may happen to traces.
#[derive(Debug, Clone)]
enum Step {
    Add { id: u128, bytes: u32 },
    Decide { id: u128 },
    Remove { id: u128 },
    Relearn { id: u128 },
    Pass,
    Evict,
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0u128..40;
    prop_oneof![
        4 => (id.clone(), 0u32..1000).prop_map(|(id, bytes)| Step::Add { id, bytes }),
        2 => id.clone().prop_map(|id| Step::Decide { id }),
        1 => id.clone().prop_map(|id| Step::Remove { id }),
        1 => id.prop_map(|id| Step::Relearn { id }),
        1 => Just(Step::Pass),
        1 => Just(Step::Evict),
        1 => Just(Step::Sweep),
    ]
}

proptest! {
    /// Against a list in the order the traces came.
    #[test]
    fn a_table_is_what_was_done_to_it(steps in prop::collection::vec(step(), 0..400)) {
        let mut traces = Traces::new(2);
        let mut model: Vec<u128> = Vec::new();
        let mut bytes: HashMap<u128, u64> = HashMap::new();
        for step in steps {
            match step {
                Step::Add { id, bytes: more } => {
                    let slot = traces.find(id).unwrap_or_else(|| {
                        model.push(id);
                        let slot = traces.insert(Trace::new(id));
                        assert_eq!(traces.words(slot), &[0, 0]);
                        traces.words_mut(slot)[1] = id as u32;
                        slot
                    });
                    if traces.trace(slot).is_undecided() {
                        traces.add_bytes(slot, more);
                        *bytes.entry(id).or_default() += u64::from(more);
                    }
                }
                Step::Decide { id } => {
                    if let Some(slot) = traces.find(id) {
                        traces.decide(slot, Phase::Sampled);
                        bytes.remove(&id);
                    }
                }
                Step::Remove { id } => {
                    if let Some(slot) = traces.find(id) {
                        traces.remove(slot);
                        model.retain(|known| *known != id);
                        bytes.remove(&id);
                    }
                }
                Step::Relearn { id } => {
                    if let Some(slot) = traces.find(id).filter(|slot| traces.trace(*slot).is_undecided()) {
                        traces.forget_spans(slot);
                        traces.words_mut(slot)[1] = id as u32;
                        bytes.remove(&id);
                    }
                }
                Step::Pass => traces.pass(),
                Step::Evict => {
                    let oldest = traces.oldest();
                    prop_assert_eq!(oldest.map(|slot| traces.trace(slot).id), model.first().copied());
                    if let Some(slot) = oldest {
                        traces.remove(slot);
                        bytes.remove(&model.remove(0));
                    }
                }
                Step::Sweep => traces.sweep(),
            }
            let known: Vec<u128> = traces.in_order().map(|slot| traces.trace(slot).id).collect();
            prop_assert_eq!(&known, &model);
            prop_assert_eq!(traces.len(), model.len());
            prop_assert_eq!(traces.waiting_bytes(), bytes.values().sum::<u64>());
            for id in &model {
                let slot = traces.find(*id).unwrap();
                prop_assert_eq!(traces.words(slot)[1], *id as u32);
            }
        }
    }
}

#[test]
fn what_is_gone_is_swept() {
    let mut traces = Traces::new(0);
    traces.insert(Trace::new(u128::MAX));
    for id in 0..100_000 {
        let slot = traces.insert(Trace::new(id));
        traces.remove(slot);
        traces.sweep();
    }
    assert!(traces.order.len() < 3_000 && traces.chunks.len() < 5);
    assert_eq!(traces.len(), 1);
}
