//! The guards of a component, one behind the other over each batch.

use spanmill_sdk::{
    Batch, ConfigError, Contract, Counter, Level, Outcome, PluginError, Processor, Sharding, Signal,
};

use crate::answers::Answers;
use crate::guard::{Guard, Turn};
use crate::settings::{Settings, Subject};

/// The cardinality guard.
#[derive(Debug)]
pub struct CardinalityGuard {
    pub(crate) guards: Vec<Guard>,
    /// For hashes; what senders cannot know: when the first batch came. 0: none came.
    pub(crate) seed: u64,
    overflow_value: String,
    window: u64,
    answers: Answers,
    name: String,
    counters: Counters,
}

#[derive(Debug)]
struct Counters {
    span_names: [Counter; 2],
    attributes: [Counter; 2],
    segments: [Counter; 2],
}

impl Processor for CardinalityGuard {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let (rules, common) = settings.rules()?;
        // The names of spans are those of traces only; a pipeline of another signal has none to guard.
        let only_names = rules.iter().all(|rule| rule.subject == Subject::SpanNames);
        match only_names {
            true => contract.take([Signal::Traces]),
            false => contract.take(Signal::ALL),
        }
        // One instance sees all, so that a limit is one limit and a value has one template.
        contract.shard(Sharding::Whole);
        let mut counter = |name| contract.counter(name);
        let counters = Counters {
            span_names: ["span_names_templated", "span_names_overflowed"].map(&mut counter),
            attributes: ["attributes_templated", "attributes_overflowed"].map(&mut counter),
            segments: ["segments_learned", "segments_forgotten"].map(&mut counter),
        };
        let guards = rules.into_iter();
        Ok(CardinalityGuard {
            guards: guards
                .map(|rule| Guard::new(rule, &common, contract))
                .collect(),
            seed: 0,
            overflow_value: common.overflow_value,
            window: common.window,
            answers: Answers::default(),
            name: String::new(),
            counters,
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        if self.seed == 0 {
            self.seed = batch.received_unix_nano | 1;
        }
        let now = batch.received_unix_nano / 1_000_000_000;
        self.answers.start_batch();
        let mut names = [0; 2];
        let mut attributes = [0; 2];
        let mut segments = [0; 2];
        for guard in &mut self.guards {
            let before = guard.segments();
            let mut turn = Turn {
                batch,
                seed: self.seed,
                overflow_value: &self.overflow_value,
                answers: &mut self.answers,
                name: &mut self.name,
            };
            let changed = guard.run(&mut turn, now, outcome);
            let counts = match guard.subject {
                Subject::SpanNames => &mut names,
                Subject::Attribute(..) => &mut attributes,
            };
            counts[0] += changed.templated;
            counts[1] += changed.overflowed;
            let after = guard.segments();
            segments[0] += after[0] - before[0];
            segments[1] += after[1] - before[1];
            if changed.overflowed > 0 {
                guard.say_once(now, self.window, &self.overflow_value);
            }
        }
        let Counters {
            span_names: of_names,
            attributes: of_attributes,
            segments: of_segments,
        } = &self.counters;
        for (counters, counts) in [
            (of_names, names),
            (of_attributes, attributes),
            (of_segments, segments),
        ] {
            for (counter, count) in counters.iter().zip(counts).filter(|(_, count)| *count > 0) {
                counter.add(count);
            }
        }
        Ok(())
    }
}

impl Guard {
    /// How many segments its names have learned and forgotten so far.
    fn segments(&self) -> [u64; 2] {
        let trie = self.trie.as_ref();
        trie.map_or([0; 2], |trie| [trie.learned, trie.forgotten])
    }

    /// Logs that there are too many values, once in a window.
    fn say_once(&mut self, now: u64, window: u64, overflow_value: &str) {
        if now < self.quiet_until {
            return;
        }
        self.quiet_until = now.saturating_add(window);
        let message = format!(
            "{}: more than {} values within {window} s; those that are new become `{overflow_value}`",
            self.subject.name(),
            self.limit
        );
        spanmill_sdk::log(Level::Warn, &message);
    }
}
