//! Where in the pipelines a target is, and whether it may be looked at there.

use spanmill_admin::{ControlError, TapRequest};
use spanmill_manifest::did_you_mean;

use crate::components::canonical_type;
use crate::config::{ComponentId, Connector, Manifest, Pipeline, PipelineId, Processor, TapRights};
use crate::pipeline::WatchPoint;

/// Where a request wants to look.
pub(super) fn places(
    manifest: &Manifest,
    request: &TapRequest,
    rights: TapRights,
) -> Result<Vec<(PipelineId, WatchPoint)>, ControlError> {
    if rights == TapRights::Nothing {
        return Err(ControlError::Forbidden(
            "telemetry is not shown here: the manifest says `admin: {tap: none}`".to_owned(),
        ));
    }
    let mut places = Vec::new();
    for pipeline in &manifest.pipelines {
        if let Some(point) = point(manifest, pipeline, request)? {
            places.push((pipeline, point));
        }
    }
    if places.is_empty() {
        return Err(unknown(manifest, request));
    }
    let is_hidden = |(pipeline, point): &(&Pipeline, WatchPoint)| {
        rights == TapRights::Redacted && is_before_redaction(pipeline, point)
    };
    if let Some((pipeline, _)) = places.iter().find(|place| is_hidden(place)) {
        return Err(ControlError::Forbidden(format!(
            "that is in front of the `redaction` processor of pipeline {}; look behind it, or set `admin: {{tap: all}}`",
            pipeline.id
        )));
    }
    let owned = |(pipeline, point): (&Pipeline, WatchPoint)| (pipeline.id.clone(), point);
    Ok(places.into_iter().map(owned).collect())
}

/// Where a target is in a pipeline, if it is there.
fn point(
    manifest: &Manifest,
    pipeline: &Pipeline,
    request: &TapRequest,
) -> Result<Option<WatchPoint>, ControlError> {
    let end = match request.before {
        true => WatchPoint::Start,
        false => WatchPoint::End,
    };
    let Some(target) = &request.target else {
        return Ok(Some(end));
    };
    if pipeline.id.to_string() == *target {
        return Ok(Some(end));
    }
    let is = |id: &&ComponentId| id.as_str() == target;
    if let Some(id) = pipeline.processors.iter().find(is) {
        if matches!(manifest.processors.get(id), Some(Processor::Host(_))) {
            return Err(ControlError::Invalid(format!(
                "{id} is a part of the host, and changes nothing; look at the pipeline {}, or at a processor beside it",
                pipeline.id
            )));
        }
        return Ok(Some(match request.before {
            true => WatchPoint::Before(id.clone()),
            false => WatchPoint::After(id.clone()),
        }));
    }
    if let Some(id) = pipeline.exporters.iter().find(is) {
        let plugin = manifest.connectors.get(id).and_then(Connector::plugin);
        return Ok(Some(match plugin {
            // What it makes is looked at in the pipelines that it leads to.
            Some(_) => WatchPoint::Before(id.clone()),
            None => WatchPoint::End,
        }));
    }
    let receives = pipeline.receivers.iter().any(|id| id.as_str() == target);
    Ok(receives.then_some(WatchPoint::Start))
}

/// Whether telemetry there has yet to pass a `redaction` processor of the pipeline.
fn is_before_redaction(pipeline: &Pipeline, point: &WatchPoint) -> bool {
    let redacts = |id: &ComponentId| canonical_type(id.kind()) == "redaction";
    let Some(last) = pipeline.processors.iter().rposition(redacts) else {
        return false;
    };
    let at = |id: &ComponentId| pipeline.processors.iter().position(|one| one == id);
    match point {
        WatchPoint::Start => true,
        WatchPoint::End => false,
        // A connector stands behind all processors.
        WatchPoint::Before(id) => at(id).is_some_and(|at| at <= last),
        WatchPoint::After(id) => at(id).is_some_and(|at| at < last),
    }
}

fn unknown(manifest: &Manifest, request: &TapRequest) -> ControlError {
    let target = request.target.as_deref().unwrap_or_default();
    let pipelines = manifest.pipelines.iter();
    let mut known: Vec<String> = Vec::new();
    for pipeline in pipelines {
        known.push(pipeline.id.to_string());
        let lists = [
            &pipeline.receivers,
            &pipeline.processors,
            &pipeline.exporters,
        ];
        known.extend(lists.into_iter().flatten().map(ToString::to_string));
    }
    known.sort_unstable();
    known.dedup();
    let near = did_you_mean(target, known.iter().map(String::as_str));
    ControlError::NotFound(match near {
        Some(near) => {
            format!("no pipeline runs that is called {target:?} or has such a component; {near}")
        }
        None => format!(
            "no pipeline runs that is called {target:?} or has such a component; there are: {}",
            known.join(", ")
        ),
    })
}
