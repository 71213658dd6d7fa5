//! An operator's condition: the `filter` plugin in a sandbox of its own, which drops what does not meet it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use spanmill_admin::ControlError;
use spanmill_model::Signal;
use spanmill_otlp::{Projection, Request, StageContract, Workspace};
use spanmill_runtime::{Answer, ConfigureError, Limits, LoadError, Plugin, Slot, Tries};

use crate::pipeline::now_unix_nano;

/// A condition on the items of each signal that is looked at and that it can be asked of; none if everything is to be seen.
pub(super) struct Filters(Option<Vec<(Signal, SignalFilter)>>);

struct SignalFilter {
    slot: Slot,
    workspace: Workspace,
}

impl Filters {
    /// Fails if the condition is none for any of the signals.
    pub(super) fn new(
        condition: Option<&str>,
        signals: impl Iterator<Item = Signal>,
        plugin: impl Fn() -> Result<Plugin, LoadError>,
    ) -> Result<Self, ControlError> {
        let Some(condition) = condition else {
            return Ok(Filters(None));
        };
        let plugin = plugin().map_err(|error| ControlError::Conflict(error.to_string()))?;
        let mut filters: Vec<(Signal, SignalFilter)> = Vec::new();
        let mut wrong = None;
        let mut seen: Vec<Signal> = Vec::new();
        for signal in signals {
            if seen.contains(&signal) {
                continue;
            }
            seen.push(signal);
            match SignalFilter::new(&plugin, signal, condition) {
                Ok(filter) => filters.push((signal, filter)),
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        match wrong.filter(|_| filters.is_empty()) {
            Some(error) => Err(error),
            None => Ok(Filters(Some(filters))),
        }
    }

    /// What is left of a request; `None` if nothing is.
    pub(super) fn pass(&mut self, signal: Signal, bytes: Bytes) -> Option<Request> {
        let request = Request::parse(signal, bytes).ok()?;
        let Some(filters) = &mut self.0 else {
            return Some(request);
        };
        let mut filters = filters.iter_mut();
        let (_, filter) = filters.find(|(of, _)| *of == signal)?;
        filter.pass(request)
    }
}

impl SignalFilter {
    fn new(plugin: &Plugin, signal: Signal, condition: &str) -> Result<Self, ControlError> {
        let (key, context) = match signal {
            Signal::Traces => ("trace_conditions", "span"),
            Signal::Logs => ("log_conditions", "log"),
            Signal::Metrics => ("metric_conditions", "datapoint"),
        };
        let slot = |condition: &str| {
            let settings = json!({key: [{"context": context, "conditions": [condition]}]});
            Slot::new(plugin, "tap", &settings.to_string(), Limits::default())
        };
        // As it was written first: that it is one condition, and what is wrong with it, where.
        let drops = format!("not ({condition})");
        let slot = slot(condition).and_then(|_| slot(&drops));
        let slot = slot.map_err(|error| match error {
            ConfigureError::Settings(problems) => {
                let messages: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
                ControlError::Invalid(format!(
                    "the condition cannot be used on {}: {}",
                    signal.items(),
                    messages.join("; ")
                ))
            }
            error => ControlError::Conflict(error.to_string()),
        })?;
        let declared = slot.declared();
        let failed = |what: &dyn std::fmt::Display| ControlError::Conflict(what.to_string());
        let contract = StageContract::parse(&declared.reads, &declared.writes);
        let contract = contract.map_err(|error| failed(&error))?;
        let projection = Projection::new(vec![contract], &[]).map_err(|error| failed(&error))?;
        Ok(SignalFilter {
            slot,
            workspace: Workspace::new(Arc::new(projection)),
        })
    }

    fn pass(&mut self, request: Request) -> Option<Request> {
        let signal = request.signal();
        self.workspace.load(request, now_unix_nano()).ok()?;
        let view = self.workspace.view(0)?;
        let Ok(Answer::Outcome(outcome)) = self.slot.process(&view, Tries::Again) else {
            return None;
        };
        self.workspace.apply(0, &outcome).ok()?;
        let left = self.workspace.copy().filter(|left| left.items > 0)?;
        Request::parse(signal, left.bytes).ok()
    }
}
