//! What is known of each trace, and what was decided.

use std::rc::Rc;

use spanmill_sampling::threshold::NEVER;
use spanmill_traces::{Phase, Tracked};

/// The traces that wait. Each has further words: the bits of the conditions that it has met, and its values for fingerprints.
pub(crate) type Traces = spanmill_traces::Traces<Trace>;

/// Nothing has triggered the decision yet.
pub(crate) const NOT_DUE: u64 = u64::MAX;

/// What makes a trace be decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    RootSpan,
    TraceTimeout,
    SpanLimit,
    Eviction,
    Shutdown,
    /// Ours: it came when there was little room left.
    Overload,
}

impl Trigger {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Trigger; 6] = [
        Trigger::RootSpan,
        Trigger::TraceTimeout,
        Trigger::SpanLimit,
        Trigger::Eviction,
        Trigger::Shutdown,
        Trigger::Overload,
    ];

    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    pub(crate) fn from_number(number: u8) -> Option<Trigger> {
        Trigger::ALL.get(usize::from(number)).copied()
    }

    /// As spans and counters say it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Trigger::RootSpan => "root_span",
            Trigger::TraceTimeout => "trace_timeout",
            Trigger::SpanLimit => "span_limit",
            Trigger::Eviction => "eviction",
            Trigger::Shutdown => "shutdown",
            Trigger::Overload => "overload",
        }
    }
}

/// What is known of one trace that waits.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    pub id: u128,
    /// When its first span was received, ns since 1970.
    pub arrived: u64,
    /// When it is decided on; [`NOT_DUE`] before anything has triggered that.
    pub due: u64,
    /// The highest threshold that its spans' trace states name: 0 for none.
    pub sampled_before: u64,
    /// The lowest randomness that they name; [`NEVER`] for none.
    pub randomness: u64,
    pub spans: u32,
    /// Bytes of its spans as encoded.
    pub bytes: u32,
    pub trigger: Trigger,
    pub phase: Phase,
}

impl Trace {
    pub(crate) fn new(id: u128, arrived: u64) -> Self {
        Trace {
            id,
            arrived,
            due: NOT_DUE,
            sampled_before: 0,
            randomness: NEVER,
            spans: 0,
            bytes: 0,
            trigger: Trigger::TraceTimeout,
            phase: Phase::Waiting,
        }
    }

    /// By which thresholds are compared: what its trace states name, or the last 56 bits of its id.
    pub(crate) fn randomness(&self) -> u64 {
        match self.randomness {
            NEVER => of_id(self.id),
            named => named,
        }
    }
}

/// The randomness of a trace id.
pub(crate) fn of_id(id: u128) -> u64 {
    id as u64 & (NEVER - 1)
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

    /// What has triggered its decision stays: it was true of the spans that came.
    fn forget_spans(&mut self) {
        *self = Trace {
            due: self.due,
            trigger: self.trigger,
            ..Trace::new(self.id, self.arrived)
        };
    }
}

/// Rules that are no rules: by eviction and overload.
pub(crate) const EVICTION_RULE: u16 = u16::MAX;
pub(crate) const OVERLOAD_RULE: u16 = u16::MAX - 1;
/// A rule that there is no more.
pub(crate) const GONE_RULE: u16 = u16::MAX - 2;

/// How a trace was sampled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SampledBy {
    /// The rule's number, or one of those above.
    pub rule: u16,
    pub trigger: Trigger,
    /// The threshold that was applied, those before included.
    pub threshold: u64,
    /// The fingerprint as its spans say it, if they do.
    pub fingerprint: Option<Rc<str>>,
}
