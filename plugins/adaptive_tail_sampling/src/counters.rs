//! What is counted, under the Collector's names with what it keeps as attributes behind.

use spanmill_sdk::{Contract, Counter};
use spanmill_traces::counter_named;

use crate::traces::{EVICTION_RULE, OVERLOAD_RULE, Trigger};

/// Rules that are counted one by one: a plugin has at most 64 counters.
const MAX_RULES: usize = 20;

const FATES: [&str; 2] = ["sampled", "dropped"];

/// One counter, and what it has not been told yet.
#[derive(Debug)]
struct Count {
    counter: Counter,
    more: u64,
}

impl Count {
    fn declare(group: &str, name: &str, contract: &mut Contract) -> Self {
        let prefix = format!("processor_adaptive_tail_sampling_{group}");
        Count {
            counter: counter_named(contract, &prefix, name),
            more: 0,
        }
    }
}

/// Counts since the last tick, and the counters that they go to.
#[derive(Debug)]
pub(crate) struct Counters {
    evicted: Count,
    unparseable: Count,
    failed: Count,
    late: [Count; 2],
    shed: [Count; 2],
    unmatched: Count,
    triggers: Vec<Count>,
    /// Sampled and dropped, by rule; the two that are no rules are behind the others.
    rules: Vec<[Count; 2]>,
    /// How many of those are rules.
    listed: usize,
}

impl Counters {
    pub(crate) fn declare(names: &[String], contract: &mut Contract) -> Self {
        let mut count = |group: &str, name: &str| Count::declare(group, name, contract);
        let names = names.iter().take(MAX_RULES).map(String::as_str);
        let listed = names.len();
        let rules = names.chain(["_eviction", "_overload"]);
        let rules = rules.map(|name| {
            [
                count("traces_sampled_", name),
                count("traces_dropped_", name),
            ]
        });
        Counters {
            rules: rules.collect(),
            listed,
            evicted: count("traces_evicted", ""),
            unparseable: count("incoming_tracestate_unparseable", ""),
            failed: count("ottl_eval_errors", ""),
            late: FATES.map(|fate| count("late_spans_", fate)),
            shed: FATES.map(|fate| count("overload_spans_", fate)),
            unmatched: count("traces_dropped_", "_unmatched"),
            triggers: Trigger::ALL
                .map(|trigger| count("decision_triggers_", trigger.name()))
                .into(),
        }
    }

    /// A trace that was given up for want of room.
    pub(crate) fn evicted(&mut self) {
        self.evicted.more += 1;
    }

    /// A span whose trace state could not be read.
    pub(crate) fn unparseable(&mut self) {
        self.unparseable.more += 1;
    }

    /// Conditions that could not be evaluated.
    pub(crate) fn failed(&mut self, conditions: u64) {
        self.failed.more += conditions;
    }

    /// Spans that followed an earlier decision.
    pub(crate) fn late(&mut self, sampled: u64, dropped: u64) {
        self.late[0].more += sampled;
        self.late[1].more += dropped;
    }

    /// Spans of new traces that came in an overload.
    pub(crate) fn shed(&mut self, sampled: u64, dropped: u64) {
        self.shed[0].more += sampled;
        self.shed[1].more += dropped;
    }

    /// What has first made a trace be decided on.
    pub(crate) fn triggered(&mut self, trigger: Trigger) {
        if let Some(count) = self.triggers.get_mut(usize::from(trigger.number())) {
            count.more += 1;
        }
    }

    /// A decision; without a rule none has taken the trace.
    pub(crate) fn decided(&mut self, rule: Option<u16>, is_sampled: bool) {
        let at = match rule {
            None => {
                self.unmatched.more += 1;
                return;
            }
            Some(EVICTION_RULE) => self.listed,
            Some(OVERLOAD_RULE) => self.listed + 1,
            Some(rule) if usize::from(rule) < self.listed => usize::from(rule),
            Some(_) => return,
        };
        if let Some([sampled, dropped]) = self.rules.get_mut(at) {
            match is_sampled {
                true => sampled.more += 1,
                false => dropped.more += 1,
            }
        }
    }

    /// Tells the host what was counted since it was last told.
    pub(crate) fn tell(&mut self) {
        let fixed = [
            &mut self.evicted,
            &mut self.unparseable,
            &mut self.failed,
            &mut self.unmatched,
        ];
        let counts = fixed
            .into_iter()
            .chain(&mut self.late)
            .chain(&mut self.shed)
            .chain(&mut self.triggers)
            .chain(self.rules.iter_mut().flatten());
        for count in counts {
            let more = std::mem::take(&mut count.more);
            if more > 0 {
                count.counter.add(more);
            }
        }
    }
}
