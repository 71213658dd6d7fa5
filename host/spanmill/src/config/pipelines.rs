//! `service.pipelines`: which components are connected, and whether they fit together.

mod connectors;
mod draft;
mod metadata;

use std::collections::BTreeSet;

use self::connectors::{check_connectors, check_cycles};
pub(super) use self::draft::DeclaredComponents;
use self::draft::{PipelineDraft, names};
use self::metadata::check_metadata;
use super::manifest::Manifest;
use super::pipeline::{Pipeline, PipelineId};
use crate::components;
use spanmill_manifest::{
    ComponentId, Diagnostic, Diagnostics, Entry, Section, TextRange, did_you_mean,
};
use spanmill_model::Signal;

/// What `coalesce` may be. Booleans are for those who expect YAML to read `on` and `off` as such.
const COALESCE: [(&str, bool); 4] = [
    ("on", true),
    ("off", false),
    ("true", true),
    ("false", false),
];

/// Reads the pipelines, checks them against what is defined, and leaves in the manifest what they use.
pub(super) fn read(
    service: &mut Section<'_>,
    declared: &DeclaredComponents,
    manifest: &mut Manifest,
    out: &mut Diagnostics,
) {
    for (id, place) in &declared.connectors {
        if let Some(exporter) = declared.exporters.get(id).or(declared.receivers.get(id)) {
            out.push(
                Diagnostic::error(
                    *place,
                    format!("connector {id} has the id of another component"),
                )
                .related(*exporter, "the other one")
                .help("give one of them a name, as in `type/name`"),
            );
        }
    }
    let mut drafts = Vec::new();
    let mut written = 0;
    if let Some(section) = service.section("pipelines", out) {
        written = section.entries().len();
        for entry in section.entries() {
            drafts.extend(draft(entry, declared, out));
        }
    }
    if written == 0 {
        out.push(
            Diagnostic::error(service.place(), "service: there are no pipelines").help(
                "add `pipelines:` with `traces:`, which names receivers, processors and exporters",
            ),
        );
        return;
    }
    check_connectors(&drafts, declared, out);
    check_cycles(&drafts, declared, out);
    check_signals(&drafts, manifest, out);
    check_metadata(&drafts, manifest, out);
    check_unused(&drafts, declared, out);
    manifest.pipelines = drafts.into_iter().map(PipelineDraft::finish).collect();
    retain_used(manifest);
}

impl PipelineDraft {
    fn finish(self) -> Pipeline {
        let ids =
            |list: Vec<(ComponentId, TextRange)>| list.into_iter().map(|(id, _)| id).collect();
        Pipeline {
            id: self.id,
            receivers: ids(self.receivers),
            processors: ids(self.processors),
            exporters: ids(self.exporters),
            coalesce: self.coalesce,
            place: self.place,
        }
    }
}

fn draft(
    entry: &Entry,
    declared: &DeclaredComponents,
    out: &mut Diagnostics,
) -> Option<PipelineDraft> {
    let id = pipeline_id(entry, out)?;
    let mut section = Section::open(&entry.value, entry.key_place, format!("pipeline {id}"), out);
    let mut list = |role: &'static str, required: bool, out: &mut Diagnostics| {
        references(&mut section, role, required, declared, out)
    };
    let draft = PipelineDraft {
        id,
        place: entry.key_place,
        receivers: list("receivers", true, out),
        processors: list("processors", false, out),
        exporters: list("exporters", true, out),
        coalesce: section.choice("coalesce", &COALESCE, out).unwrap_or(true),
    };
    section.finish(out);
    Some(draft)
}

fn pipeline_id(entry: &Entry, out: &mut Diagnostics) -> Option<PipelineId> {
    let (signal, name) = match entry.key.split_once('/') {
        Some((signal, name)) => (signal, Some(name.to_owned())),
        None => (entry.key.as_str(), None),
    };
    let signal = match signal {
        "traces" => Signal::Traces,
        "logs" => Signal::Logs,
        "metrics" => Signal::Metrics,
        "profiles" => {
            out.push(
                Diagnostic::error(
                    entry.key_place,
                    format!(
                        "pipeline {}: this version does not carry {signal}",
                        entry.key
                    ),
                )
                .help("remove the pipeline; traces, logs and metrics are carried"),
            );
            return None;
        }
        _ => {
            out.push(
                Diagnostic::error(
                    entry.key_place,
                    format!("pipeline {}: there is no signal `{signal}`", entry.key),
                )
                .maybe_help(did_you_mean(signal, Signal::ALL.map(Signal::name)))
                .help("pipelines are called `traces`, `logs` or `metrics`, alone or with a name, as in `traces/web`"),
            );
            return None;
        }
    };
    if name.as_deref() == Some("") {
        let message = format!("pipeline {}: there is no name after the slash", entry.key);
        out.push(Diagnostic::error(entry.key_place, message));
    }
    Some(PipelineId { signal, name })
}

/// Reads one of a pipeline's three lists; what it names but is not defined is complained of and left out.
fn references(
    section: &mut Section<'_>,
    role: &'static str,
    required: bool,
    declared: &DeclaredComponents,
    out: &mut Diagnostics,
) -> Vec<(ComponentId, TextRange)> {
    let place = section.entry(role).map(|entry| entry.key_place);
    let has_value = section.value(role).is_some();
    let Some(items) = section.list(role, out).or((!has_value).then(Vec::new)) else {
        return Vec::new();
    };
    if items.is_empty() && required {
        let message = format!("{}: there are no {role}", section.owner());
        let place = place.unwrap_or(section.place());
        out.push(
            Diagnostic::error(place, message).help(format!("name at least one: `{role}: [...]`")),
        );
    }
    let mut found: Vec<(ComponentId, TextRange)> = Vec::new();
    for item in &items {
        let owner = section.owner();
        let Ok(id) = ComponentId::parse(&item.raw) else {
            let message = format!("{owner}: {role}: this is no component id");
            out.push(
                Diagnostic::error(item.place, message)
                    .help("ids are written `type` or `type/name`"),
            );
            continue;
        };
        if let Some((_, first)) = found.iter().find(|(known, _)| *known == id) {
            out.push(
                Diagnostic::error(item.place, format!("{owner}: {role}: {id} is there twice"))
                    .related(*first, "first here"),
            );
            continue;
        }
        match declared.lookup(role, &id) {
            Ok(()) => found.push((id, item.place)),
            Err(help) => {
                let one = role.trim_end_matches('s');
                let message = format!("{owner}: {role}: there is no {one} {id}");
                out.push(Diagnostic::error(item.place, message).help(help));
            }
        }
    }
    found
}

impl DeclaredComponents {
    /// Whether an id may stand in one of a pipeline's lists; the error is what to do about it.
    fn lookup(&self, role: &str, id: &ComponentId) -> Result<(), String> {
        let (own, connectors) = match role {
            "receivers" => (&self.receivers, Some(&self.connectors)),
            "exporters" => (&self.exporters, Some(&self.connectors)),
            _ => (&self.processors, None),
        };
        let connectors = connectors.into_iter().flat_map(|map| map.keys());
        let candidates: Vec<&str> = own
            .keys()
            .chain(connectors)
            .map(ComponentId::as_str)
            .collect();
        if candidates.contains(&id.as_str()) {
            return Ok(());
        }
        let elsewhere = [
            ("receivers", &self.receivers),
            ("processors", &self.processors),
            ("connectors", &self.connectors),
            ("exporters", &self.exporters),
        ];
        if let Some((other, _)) = elsewhere.iter().find(|(_, map)| map.contains_key(id)) {
            return Err(format!(
                "it is defined under `{other}:`, not under `{role}:`"
            ));
        }
        Err(did_you_mean(id.as_str(), candidates)
            .unwrap_or_else(|| format!("define it under `{role}:`")))
    }
}

/// Receivers and exporters that do not take a pipeline's signal.
fn check_signals(drafts: &[PipelineDraft], manifest: &Manifest, out: &mut Diagnostics) {
    for draft in drafts {
        let signal = draft.id.signal;
        let mut complain =
            |list: &str, id: &ComponentId, place: TextRange, what: &str, help: &str| {
                let message = format!("pipeline {}: {list}: {id} {what}", draft.id);
                out.push(Diagnostic::error(place, message).help(help));
            };
        for (id, place) in &draft.receivers {
            let component = manifest
                .receivers
                .get(id)
                .and(components::receiver(id.kind()));
            if let Some(component) = component.filter(|known| !known.signals.contains(&signal)) {
                let what = format!("receives {}, not {signal}", names(component.signals));
                let help = "take it out of this pipeline";
                complain("receivers", id, *place, &what, help);
            }
        }
        for (id, place) in &draft.exporters {
            let (Some(config), Some(component)) =
                (manifest.exporters.get(id), components::exporter(id.kind()))
            else {
                continue;
            };
            if !component.signals.contains(&signal) {
                let what = format!("takes {}, not {signal}", names(component.signals));
                let help = match component.signals {
                    [Signal::Metrics] => {
                        "make metrics with a connector such as spanmetrics, and export those"
                    }
                    _ => "take it out of this pipeline",
                };
                complain("exporters", id, *place, &what, help);
            } else if let Some(missing) = config.missing_for(signal) {
                complain("exporters", id, *place, &missing.message, &missing.help);
            }
        }
    }
}

fn check_unused(drafts: &[PipelineDraft], declared: &DeclaredComponents, out: &mut Diagnostics) {
    let used =
        |list: fn(&PipelineDraft) -> &Vec<(ComponentId, TextRange)>| -> BTreeSet<&ComponentId> {
            drafts.iter().flat_map(list).map(|(id, _)| id).collect()
        };
    // A receiver and an exporter may share an id.
    let received = used(|draft| &draft.receivers);
    let processed = used(|draft| &draft.processors);
    let exported = used(|draft| &draft.exporters);
    let connected = received.union(&exported).copied().collect();
    let sections = [
        ("receiver", &declared.receivers, &received),
        ("processor", &declared.processors, &processed),
        ("connector", &declared.connectors, &connected),
        ("exporter", &declared.exporters, &exported),
    ];
    for (role, ids, used) in sections {
        for (id, place) in ids.iter().filter(|(id, _)| !used.contains(id)) {
            let message = format!("{role} {id} is defined, but no pipeline uses it");
            out.push(Diagnostic::warning(*place, message));
        }
    }
}

fn retain_used(manifest: &mut Manifest) {
    let pipelines = &manifest.pipelines;
    let used = |list: fn(&Pipeline) -> &Vec<ComponentId>| -> BTreeSet<ComponentId> {
        pipelines.iter().flat_map(list).cloned().collect()
    };
    let received = used(|pipeline| &pipeline.receivers);
    let processed = used(|pipeline| &pipeline.processors);
    let exported = used(|pipeline| &pipeline.exporters);
    manifest.receivers.retain(|id, _| received.contains(id));
    manifest.processors.retain(|id, _| processed.contains(id));
    manifest.connectors.retain(|id, _| exported.contains(id));
    manifest.exporters.retain(|id, _| exported.contains(id));
}
