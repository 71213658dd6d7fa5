//! Whether connectors stand between pipelines that they can connect, and lead nowhere in a circle.

use std::collections::BTreeSet;

use spanmill_manifest::{ComponentId, Diagnostic, Diagnostics, TextRange};

use super::draft::{DeclaredComponents, PipelineDraft, names};
use crate::components;
use spanmill_model::Signal;

/// A connector needs a pipeline that feeds it and one that takes from it, of signals that it takes and makes.
pub(super) fn check_connectors(
    drafts: &[PipelineDraft],
    declared: &DeclaredComponents,
    out: &mut Diagnostics,
) {
    for (id, place) in &declared.connectors {
        let route = components::route(id.kind());
        let (takes, gives) = (route.takes(), route.gives());
        let feed = format!(
            "name it under the exporters of a {} pipeline",
            names(&takes)
        );
        let take = format!(
            "name it under the receivers of a {} pipeline",
            names(&gives)
        );
        let fed = named(drafts, id, |draft| &draft.exporters);
        let taken = named(drafts, id, |draft| &draft.receivers);
        for (draft, at) in &fed {
            let signal = draft.id.signal;
            let gives = taken.iter().map(|(draft, _)| draft.id.signal);
            if !takes.contains(&signal) {
                let message = format!(
                    "pipeline {}: exporters: connector {id} takes {}, not {signal}",
                    draft.id,
                    names(&takes)
                );
                out.push(Diagnostic::error(*at, message).help(&feed));
            } else if !taken.is_empty() && !gives.clone().any(|to| route.connects(signal, to)) {
                let message = format!(
                    "pipeline {}: exporters: nothing takes what connector {id} makes of {signal}",
                    draft.id
                );
                let makes = Signal::ALL.into_iter();
                let makes: Vec<_> = makes.filter(|to| route.connects(signal, *to)).collect();
                let help = format!(
                    "name it under the receivers of a {} pipeline",
                    names(&makes)
                );
                out.push(Diagnostic::error(*at, message).help(help));
            }
        }
        for (draft, at) in &taken {
            let signal = draft.id.signal;
            let takes = fed.iter().map(|(draft, _)| draft.id.signal);
            if !gives.contains(&signal) {
                let message = format!(
                    "pipeline {}: receivers: connector {id} gives {}, not {signal}",
                    draft.id,
                    names(&gives)
                );
                out.push(Diagnostic::error(*at, message).help(&take));
            } else if !fed.is_empty() && !takes.clone().any(|from| route.connects(from, signal)) {
                let message = format!(
                    "pipeline {}: receivers: connector {id} makes no {signal} of what it is given",
                    draft.id
                );
                let of = Signal::ALL.into_iter();
                let of: Vec<_> = of.filter(|from| route.connects(*from, signal)).collect();
                let help = format!("name it under the exporters of a {} pipeline", names(&of));
                out.push(Diagnostic::error(*at, message).help(help));
            }
        }
        let (is, missing, help) = match (fed.is_empty(), taken.is_empty()) {
            (false, true) => ("an exporter", "a receiver", take),
            (true, false) => ("a receiver", "an exporter", feed),
            _ => continue,
        };
        let message = format!("connector {id} is {is} of a pipeline, but {missing} of none");
        out.push(Diagnostic::error(*place, message).help(help));
    }
}

/// The pipelines that name a component in one of their lists, and where.
fn named<'d>(
    drafts: &'d [PipelineDraft],
    id: &ComponentId,
    list: fn(&PipelineDraft) -> &Vec<(ComponentId, TextRange)>,
) -> Vec<(&'d PipelineDraft, TextRange)> {
    let used = drafts.iter().filter_map(|draft| {
        let (_, at) = list(draft).iter().find(|(used, _)| used == id)?;
        Some((draft, *at))
    });
    used.collect()
}

/// Pipelines that lead back to themselves: what enters one would never leave.
pub(super) fn check_cycles(
    drafts: &[PipelineDraft],
    declared: &DeclaredComponents,
    out: &mut Diagnostics,
) {
    let onward = |at: usize| {
        let exporters = drafts.get(at).map_or(&[][..], |draft| &draft.exporters);
        let connectors = exporters
            .iter()
            .filter(|(id, _)| declared.connectors.contains_key(id));
        connectors.flat_map(|(id, place)| {
            let next = drafts
                .iter()
                .enumerate()
                .filter(move |(_, next)| next.receivers.iter().any(|(receiver, _)| receiver == id));
            next.map(move |(next, _)| (next, id, *place))
        })
    };
    let mut reported = BTreeSet::new();
    for start in 0..drafts.len() {
        // The way from the start, and what has been looked at from it.
        let mut seen = BTreeSet::new();
        let mut ways: Vec<Vec<usize>> = vec![vec![start]];
        while let Some(way) = ways.pop() {
            let Some(&at) = way.last() else { continue };
            for (next, id, place) in onward(at) {
                if next == start {
                    let mut members = way.clone();
                    members.sort_unstable();
                    if reported.insert(members) {
                        let names = way.iter().chain([&start]);
                        let names = names.filter_map(|at| drafts.get(*at));
                        let names: Vec<_> = names.map(|draft| draft.id.to_string()).collect();
                        let message = format!(
                            "connector {id} leads back to where it comes from: {}",
                            names.join(" -> ")
                        );
                        out.push(
                            Diagnostic::error(place, message)
                                .help("take it out of one of these pipelines"),
                        );
                    }
                } else if seen.insert(next) {
                    let mut further = way.clone();
                    further.push(next);
                    ways.push(further);
                }
            }
        }
    }
}
