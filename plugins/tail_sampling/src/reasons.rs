//! By which policy a trace was sampled or not, for whoever asks what became of it.

use spanmill_sdk::KeptRules;

/// What decides where no policy does.
pub(crate) const NO_POLICY: &str = "no policy sampled it";
pub(crate) const CACHED_NOT_SAMPLED: &str = "decision_cache: an earlier decision, not sampled";
pub(crate) const EARLIER_SAMPLED: &str = "an earlier decision, sampled";
pub(crate) const EARLIER_NOT_SAMPLED: &str = "an earlier decision, not sampled";
pub(crate) const TOO_LARGE: &str = "given up: maximum_trace_size_bytes";
pub(crate) const PENDING: &str = "given up: drop_pending_traces_on_shutdown";

/// Where a decision on a trace is followed that was made before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Earlier {
    No,
    Decided,
    Cached,
}

/// The reasons for what is answered.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub rules: KeptRules,
    /// The names of policies, and of those below composite ones.
    names: Vec<(String, Vec<String>)>,
}

impl Given {
    pub(crate) fn new(names: impl Iterator<Item = (String, Vec<String>)>) -> Self {
        Given {
            rules: KeptRules::default(),
            names: names.collect(),
        }
    }

    /// The policies that sampled a trace, from 1, as they are told; `None` if nobody wants to know.
    pub(crate) fn policy(&self, (policy, sub): (u16, u16), earlier: Earlier) -> Option<String> {
        if !self.rules.are_wanted() {
            return None;
        }
        let at = usize::from(policy).checked_sub(1);
        let Some((name, subs)) = at.and_then(|at| self.names.get(at)) else {
            return Some("a policy that there is no more".to_owned());
        };
        let sub = usize::from(sub).checked_sub(1).and_then(|at| subs.get(at));
        let policy = match sub {
            Some(sub) => format!("policy {name}, {sub}"),
            None => format!("policy {name}"),
        };
        Some(match earlier {
            Earlier::No => policy,
            Earlier::Decided => format!("an earlier decision: {policy}"),
            Earlier::Cached => format!("decision_cache: {policy}"),
        })
    }
}
