//! What connectors at the end of a chain give to other pipelines: records that they make, and rows that they send on.

use bytes::BytesMut;
use spanmill_otlp::{
    Joined, OutcomeError, RecordPlan, Records, Routes, Signal, Spliced, Workspace,
};
use spanmill_runtime::Role;

use crate::config::ComponentId;
use crate::pipeline::version::Version;

/// What a stage makes beside what it lets through.
#[derive(Clone, Debug, Default)]
pub enum StageOutput {
    /// Nothing, or measurements.
    #[default]
    None,
    /// Records.
    Records(RecordPlan),
    /// Batches for so many pipelines.
    Routes(usize),
}

/// Something that a stage made of a part of a batch, for one pipeline of a router's, or for all that take a record
/// connector's records.
#[derive(Clone, Debug)]
pub(in crate::pipeline) struct ConnectorPiece {
    stage: usize,
    pipeline: Option<usize>,
    pub(in crate::pipeline) output: Spliced,
}

/// What a connector gives of a batch.
pub(in crate::pipeline) struct ConnectorOutput {
    pub(in crate::pipeline) connector: ComponentId,
    /// The number of the pipeline among the router's; `None`: every pipeline of the signal that takes from the connector.
    pub(in crate::pipeline) pipeline: Option<usize>,
    /// What it is; `None`: what the batch is.
    pub(in crate::pipeline) signal: Option<Signal>,
    pub(in crate::pipeline) output: Spliced,
}

impl PartialEq for ConnectorPiece {
    fn eq(&self, other: &Self) -> bool {
        // Whichever stage made it: a shadow has another number.
        (self.pipeline, self.output.items) == (other.pipeline, other.output.items)
            && self.output.bytes == other.output.bytes
    }
}

impl StageOutput {
    pub(in crate::pipeline) fn of(version: &Version) -> Self {
        match (&version.plugin_role, &version.declared.records) {
            (Role::RecordConnector, Some(plan)) => StageOutput::Records(plan.clone()),
            (Role::Router { pipelines, .. }, _) => StageOutput::Routes(pipelines.len()),
            _ => StageOutput::None,
        }
    }

    /// What its records are; `None` if it makes none.
    pub(super) fn signal(&self) -> Option<Signal> {
        match self {
            StageOutput::Records(plan) => Some(plan.signal()),
            StageOutput::Routes(_) | StageOutput::None => None,
        }
    }

    /// Checks and writes the records that a stage made.
    pub(in crate::pipeline) fn records(
        &self,
        workspace: &Workspace,
        stage: usize,
        records: &Records,
    ) -> Result<Vec<ConnectorPiece>, OutcomeError> {
        let StageOutput::Records(plan) = self else {
            return Ok(Vec::new());
        };
        let mut bytes = Vec::new();
        let items = workspace.records(stage, plan, records, &mut bytes)?;
        let piece = ConnectorPiece {
            stage,
            pipeline: None,
            output: Spliced {
                bytes: bytes.into(),
                items,
            },
        };
        Ok(match items {
            0 => Vec::new(),
            _ => vec![piece],
        })
    }

    /// Checks a router's answer and cuts the batch for its pipelines. Returns also how many items go nowhere.
    pub(in crate::pipeline) fn routes(
        &self,
        workspace: &Workspace,
        stage: usize,
        routes: &Routes,
    ) -> Result<(Vec<ConnectorPiece>, usize), OutcomeError> {
        let StageOutput::Routes(pipelines) = self else {
            return Ok((Vec::new(), 0));
        };
        let bytes = workspace.bytes();
        let mut onto: Vec<Joined> = (0..*pipelines)
            .map(|_| Joined::new(bytes.clone()))
            .collect();
        let routed = workspace.route(routes, &mut onto)?;
        let pieces = onto
            .into_iter()
            .enumerate()
            .map(|(pipeline, joined)| ConnectorPiece {
                stage,
                pipeline: Some(pipeline),
                output: joined.finish(),
            });
        let pieces = pieces.filter(|piece| piece.output.items > 0).collect();
        Ok((pieces, routed.dropped_items))
    }
}

/// Puts the pieces of all parts of a batch together. `stage` names a stage's component, and the signal of its records.
pub(super) fn connected(
    pieces: Vec<ConnectorPiece>,
    stage: impl Fn(usize) -> Option<(ComponentId, Option<Signal>)>,
) -> Vec<ConnectorOutput> {
    // By stage and pipeline.
    type Pieces = ((usize, Option<usize>), Vec<Spliced>);
    let mut outputs: Vec<Pieces> = Vec::new();
    for piece in pieces {
        let key = (piece.stage, piece.pipeline);
        match outputs.iter_mut().find(|(known, _)| *known == key) {
            Some((_, pieces)) => pieces.push(piece.output),
            None => outputs.push((key, vec![piece.output])),
        }
    }
    let outputs = outputs
        .into_iter()
        .filter_map(|((number, pipeline), pieces)| {
            let (connector, signal) = stage(number)?;
            Some(ConnectorOutput {
                connector,
                pipeline,
                signal,
                output: join(pieces),
            })
        });
    outputs.collect()
}

fn join(mut pieces: Vec<Spliced>) -> Spliced {
    if pieces.len() == 1
        && let Some(only) = pieces.pop()
    {
        return only;
    }
    let mut bytes = BytesMut::with_capacity(pieces.iter().map(|piece| piece.bytes.len()).sum());
    for piece in &pieces {
        bytes.extend_from_slice(&piece.bytes);
    }
    Spliced {
        bytes: bytes.freeze(),
        items: pieces.iter().map(|piece| piece.items).sum(),
    }
}
