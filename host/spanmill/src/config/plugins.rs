//! Processors and connectors that are plugins: where their code is, what they may use, and their settings.

mod environment;
mod source;
mod spec;
mod storage;

use std::collections::BTreeMap;
use std::path::Path;

use spanmill_runtime::Kind;

use super::settings::Settings;
use crate::component::ComponentKind;
use crate::components;
use spanmill_manifest::{
    ComponentId, Diagnostic, Diagnostics, Entry, Lookup, Section, TextRange, Value, did_you_mean,
};
use spec::recycle_mib;
pub use spec::{Allow, OnError, PluginSpec};

/// Which of the two a plugin is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Looks at what passes and changes it.
    Processor,
    /// Stands between pipelines.
    Connector,
}

impl Role {
    /// What a plugin of that kind can be used as.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Processor => Role::Processor,
            Kind::Connector | Kind::RecordConnector | Kind::Router => Role::Connector,
        }
    }

    /// The section that it stands in.
    pub(crate) fn kind(self) -> ComponentKind {
        match self {
            Role::Processor => ComponentKind::Processor,
            Role::Connector => ComponentKind::Connector,
        }
    }

    /// As messages call it.
    pub fn name(self) -> &'static str {
        self.kind().name()
    }
}

/// A component that is a plugin.
#[derive(Clone, Debug)]
pub struct PluginUse {
    /// What runs, and within which limits.
    pub spec: PluginSpec,
    /// Its settings.
    pub settings: Settings,
    /// The extension that stores what it holds, and where the manifest says so.
    pub storage: Option<(ComponentId, TextRange)>,
    /// Where the manifest names the component.
    pub place: TextRange,
}

/// Reads `plugins:`.
pub(super) fn specs(
    section: &Section<'_>,
    folder: &Path,
    env: Lookup<'_>,
    out: &mut Diagnostics,
) -> BTreeMap<String, PluginSpec> {
    let mut specs: BTreeMap<String, PluginSpec> = BTreeMap::new();
    for entry in section.entries() {
        let owner = format!("plugin {}", entry.key);
        match ComponentId::parse(&entry.key) {
            Ok(id) if id.name().is_none() => {}
            Ok(_) => {
                out.push(
                    Diagnostic::error(
                        entry.key_place,
                        format!("{owner}: a plugin is named by its type alone"),
                    )
                    .help(
                        "leave out the slash and what follows; components of that type have names",
                    ),
                );
                continue;
            }
            Err(why) => {
                out.push(Diagnostic::error(
                    entry.key_place,
                    format!("{owner}: {why}"),
                ));
                continue;
            }
        }
        let kind = components::canonical_type(&entry.key);
        let is_host = components::host_processor(kind).is_some()
            || components::host_connector(kind).is_some();
        if is_host {
            out.push(
                Diagnostic::error(
                    entry.key_place,
                    format!("{owner}: {kind} is part of the host, not a plugin"),
                )
                .help("give the plugin another type"),
            );
            continue;
        }
        if let Some(place) = specs.get(kind).and_then(|first| first.place) {
            out.push(
                Diagnostic::error(
                    entry.key_place,
                    format!("{owner}: {kind} is there twice, under two names"),
                )
                .related(place, "first here"),
            );
            continue;
        }
        let section = Section::open(&entry.value, entry.key_place, owner, out);
        specs.insert(
            kind.to_owned(),
            spec(kind, entry, section, folder, env, out),
        );
    }
    specs
}

fn spec(
    kind: &str,
    entry: &Entry,
    mut section: Section<'_>,
    folder: &Path,
    env: Lookup<'_>,
    out: &mut Diagnostics,
) -> PluginSpec {
    let mut spec = PluginSpec::built_in(kind);
    spec.place = Some(entry.key_place);
    source::source(&mut spec, &mut section, folder, out);
    spec.memory_mib = section.positive("memory_mib", spec.memory_mib, out);
    if spec.memory_mib > 4096
        && let Some(node) = section.value("memory_mib")
    {
        out.push(section.wrong("memory_mib", node, "a plugin can have 4096 MiB at most"));
    }
    spec.output_mib = section.positive("output_mib", spec.output_mib, out);
    if spec.output_mib > 4096
        && let Some(node) = section.value("output_mib")
    {
        out.push(section.wrong("output_mib", node, "an answer can have 4096 MiB at most"));
    }
    spec.recycle_mib = section.positive("recycle_mib", recycle_mib(spec.memory_mib), out);
    if spec.recycle_mib > spec.memory_mib
        && let Some(node) = section.value("recycle_mib")
    {
        let what = format_args!(
            "must be at most memory_mib, which is {}, or no instance is ever replaced",
            spec.memory_mib
        );
        out.push(section.wrong("recycle_mib", node, what));
    }
    spec.timeout = section.nonzero_duration("timeout", spec.timeout, out);
    let policies = [
        ("reject", OnError::Reject),
        ("pass", OnError::Pass),
        ("drop", OnError::Drop),
    ];
    spec.on_error = section
        .choice("on_error", &policies, out)
        .unwrap_or(spec.on_error);
    spec.storage = storage::read(&mut section, out);
    let environment = environment::read(&mut section, env, out);
    spec.environment = environment.unwrap_or_else(|| environment::of_built_in(kind, env));
    if let Some(mut allow) = section.section("allow", out) {
        spec.allow = Some(Allow {
            reads: allow.texts("reads", out).unwrap_or_default(),
            writes: allow.texts("writes", out).unwrap_or_default(),
        });
        allow.finish(out);
    }
    section.finish(out);
    spec
}

/// Reads a component that is a plugin.
pub(super) fn plugin_use(
    id: &ComponentId,
    entry: &Entry,
    role: Role,
    specs: &BTreeMap<String, PluginSpec>,
    env: Lookup<'_>,
    out: &mut Diagnostics,
) -> Option<PluginUse> {
    let kind = components::canonical_type(id.kind());
    let owner = format!("{} {id}", role.name());
    let built_in = components::built_in_plugin(kind);
    let is_built_in = built_in.is_some_and(|plugin| plugin.kind() == role.kind());
    let spec = match specs.get(kind) {
        Some(spec) if spec.source_place.is_some() || is_built_in => spec.clone(),
        // Unknown and without a source: reported at its entry under `plugins:`.
        Some(_) => return None,
        None if is_built_in => PluginSpec {
            environment: environment::of_built_in(kind, env),
            ..PluginSpec::built_in(kind)
        },
        None => {
            out.push(unknown_type(id, entry, role, specs));
            return None;
        }
    };
    if !matches!(entry.value.value, Value::Map(_) | Value::Null) {
        let message = format!("{owner}: expected a mapping, found {}", entry.value.kind());
        out.push(Diagnostic::error(entry.value.place, message));
        return None;
    }
    let mut settings = Settings::new(entry, owner, out);
    let own = match built_in.is_some_and(|plugin| plugin.holds) {
        true => storage::take(&mut settings, out),
        false => None,
    };
    Some(PluginUse {
        storage: own.or_else(|| spec.storage.clone()),
        spec,
        settings,
        place: entry.key_place,
    })
}

fn unknown_type(
    id: &ComponentId,
    entry: &Entry,
    role: Role,
    specs: &BTreeMap<String, PluginSpec>,
) -> Diagnostic {
    let mut known: Vec<&str> = components::types(role.kind()).collect();
    known.extend(specs.keys().map(String::as_str));
    known.sort_unstable();
    known.dedup();
    let instead = components::instead_of(role.kind(), id.kind()).map(str::to_owned);
    let role = role.name();
    let message = format!("{role} {id}: there is no {role} of type `{}`", id.kind());
    Diagnostic::error(entry.key_place, message)
        .maybe_help(instead.or_else(|| did_you_mean(id.kind(), known.iter().copied())))
        .help(format!(
            "known types: {}; say under `plugins:` where another is",
            known.join(", ")
        ))
}
