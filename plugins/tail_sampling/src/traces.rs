//! What is known of each trace.

use spanmill_sampling::threshold::NEVER;
use spanmill_traces::{Phase, Tracked};

/// The traces of one instance. Each has further words, which the policies use.
pub(crate) type Traces = spanmill_traces::Traces<Trace>;

/// Decisions that are remembered after their traces have left.
pub(crate) type DecisionCache = spanmill_traces::DecisionCache<SampledBy>;

/// What is known of one trace.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    pub id: u128,
    /// When its first span was received, ns since 1970.
    pub arrived: u64,
    /// The earliest start and the latest end, with the Collector's idea of spans without times.
    pub start: u64,
    pub end: u64,
    pub spans: u32,
    /// Bytes of its spans as encoded.
    pub bytes: u32,
    /// The policy that sampled it, from 1; 0 for none.
    pub policy: u16,
    /// The sub-policy that a composite policy sampled it by, from 1.
    pub sub_policy: u16,
    /// The rejection threshold by which it was sampled; [`NEVER`] where nobody can say.
    pub threshold: u64,
    pub phase: Phase,
}

impl Trace {
    pub(crate) fn new(id: u128, arrived: u64) -> Self {
        Trace {
            id,
            arrived,
            start: 0,
            end: 0,
            spans: 0,
            bytes: 0,
            policy: 0,
            sub_policy: 0,
            threshold: NEVER,
            phase: Phase::Waiting,
        }
    }
}

impl Tracked for Trace {
    fn id(&self) -> u128 {
        self.id
    }

    fn arrived(&self) -> u64 {
        self.arrived
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
        *self = Trace::new(self.id, self.arrived);
    }
}

/// What sampled a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SampledBy {
    /// The policy, from 1, and its sub-policy; 0 for none.
    pub policies: (u16, u16),
    /// The rejection threshold; [`NEVER`] where nobody can say.
    pub threshold: u64,
}

impl SampledBy {
    /// Of traces that are not sampled.
    pub(crate) const NOTHING: Self = SampledBy {
        policies: (0, 0),
        threshold: NEVER,
    };
}
