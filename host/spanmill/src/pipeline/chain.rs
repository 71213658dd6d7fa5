//! One worker's chain of plugins: a batch in, what is left of it out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use spanmill_otlp::{Projection, Request, Spliced, Workspace};
use spanmill_runtime::{Answer, Fault, Slot};

use crate::config::{ComponentId, OnError};
use crate::metrics::{Measured, Recorder};
use crate::receive::Refusal;

/// One plugin in a chain.
pub struct Stage {
    /// The component's id.
    pub id: ComponentId,
    /// What becomes of a batch when the plugin fails.
    pub on_error: OnError,
    /// The plugin's instance: this worker's own, or one that all workers share.
    pub slot: Arc<Mutex<Place>>,
}

/// An instance, and for a connector what its numbers mean.
pub struct Place {
    /// The instance.
    pub slot: Slot,
    /// For a connector.
    pub recorder: Option<Recorder>,
}

/// A chain of plugins with its memory. One thread uses it at a time.
pub struct Chain {
    workspace: Workspace,
    stages: Vec<Stage>,
}

/// What a chain made of a batch.
pub struct Output {
    /// What is left of it.
    pub spliced: Spliced,
    /// What connectors measured. To be committed once the batch is delivered.
    pub measured: Vec<Measured>,
}

/// How long a sender should wait after a plugin failed.
const AFTER_FAULT: Duration = Duration::from_secs(1);

impl Chain {
    /// A chain over a projection with as many stages.
    pub fn new(projection: Arc<Projection>, stages: Vec<Stage>) -> Self {
        Chain {
            workspace: Workspace::new(projection),
            stages,
        }
    }

    /// Runs a batch through every stage.
    pub fn run(&mut self, request: Request, received_unix_nano: u64) -> Result<Output, Refusal> {
        if self.stages.is_empty() {
            let spans = request.span_count();
            let spliced = Spliced {
                bytes: request.bytes().clone(),
                spans,
            };
            return Ok(Output {
                spliced,
                measured: Vec::new(),
            });
        }
        self.workspace
            .load(request, received_unix_nano)
            .map_err(|malformed| Refusal::Malformed(malformed.to_string()))?;
        let mut measured = Vec::new();
        for (number, stage) in self.stages.iter().enumerate() {
            let spans = self.workspace.span_count();
            if spans == 0 {
                break;
            }
            match run_stage(&mut self.workspace, number, stage, received_unix_nano) {
                Ok(Some(by_stage)) => measured.push(by_stage),
                Ok(None) => {}
                Err(fault) => {
                    report(stage, &fault, spans);
                    match stage.on_error {
                        OnError::Reject => {
                            let retry_after = AFTER_FAULT;
                            return Err(Refusal::Unavailable { retry_after });
                        }
                        OnError::Pass => {}
                        OnError::Drop => {
                            let spliced = Spliced {
                                bytes: Default::default(),
                                spans: 0,
                            };
                            return Ok(Output { spliced, measured });
                        }
                    }
                }
            }
        }
        Ok(Output {
            spliced: self.workspace.splice(),
            measured,
        })
    }
}

/// Says what failed and what becomes of the batch. A paused plugin was told of when it failed.
fn report(stage: &Stage, fault: &Fault, spans: usize) {
    let then = match stage.on_error {
        OnError::Reject => "the sender is asked to send the batch again",
        OnError::Pass => "the batch goes on without this plugin",
        OnError::Drop => "the batch is dropped",
    };
    match fault {
        Fault::Paused(_) => {
            tracing::debug!(plugin = %stage.id, %fault, spans, "plugin fault; {then}")
        }
        _ => tracing::warn!(plugin = %stage.id, %fault, spans, "plugin fault; {then}"),
    }
}

fn run_stage(
    workspace: &mut Workspace,
    number: usize,
    stage: &Stage,
    now_unix_nano: u64,
) -> Result<Option<Measured>, Fault> {
    // A panic under the lock cannot leave a half-made instance: a slot replaces one after any fault.
    let mut place = stage.slot.lock().unwrap_or_else(PoisonError::into_inner);
    let Place { slot, recorder } = &mut *place;
    let Some(view) = workspace.view(number) else {
        return Ok(None);
    };
    let answer = slot.process(&view)?;
    let fresh = slot.take_fresh();
    let taken = match (answer, recorder) {
        (Answer::Outcome(outcome), _) => workspace
            .apply(number, &outcome)
            .map(|_| None)
            .map_err(Fault::from),
        (Answer::Emission(emission), Some(recorder)) => {
            if fresh {
                recorder.reset();
            }
            recorder
                .take(emission, workspace, number, now_unix_nano)
                .map(Some)
        }
        (Answer::Emission(_), None) => Ok(None),
    };
    if let Err(fault) = &taken {
        slot.note(fault);
    }
    taken
}
