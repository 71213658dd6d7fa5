//! Processors and connectors that are plugins: where their code is, what they may use, and their settings.

mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use spanmill_distribution::{Digest, Location};
use spanmill_runtime::Kind;

use super::settings::Settings;
use crate::component::ComponentKind;
use crate::components;
use spanmill_manifest::{
    ComponentId, Diagnostic, Diagnostics, Entry, Section, TextRange, Value, did_you_mean,
};

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

/// What becomes of a batch when a plugin fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The sender gets a retryable status.
    Reject,
    /// The batch goes on as if the plugin were not there.
    Pass,
    /// The batch is dropped, and counted.
    Drop,
}

/// The fields a plugin may read and write at most, in the contract's path notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// Fields it may read.
    pub reads: Vec<String>,
    /// Fields it may write.
    pub writes: Vec<String>,
}

/// What `plugins:` says about a component type, with defaults for the rest.
#[derive(Clone, Debug)]
pub struct PluginSpec {
    /// The component type, aliases resolved.
    pub kind: String,
    /// The component's file; `None`: the built-in of this type, or what was not fetched yet.
    pub file: Option<PathBuf>,
    /// Where the file is fetched from, if it is not the user's own.
    pub location: Option<Location>,
    /// The SHA-256 that the file must have.
    pub digest: Option<Digest>,
    /// Files with public keys, one of which must have signed it; if there are none, it need not be signed.
    pub keys: Vec<PathBuf>,
    /// The most memory an instance may have.
    pub memory_mib: u64,
    /// The deadline of one call.
    pub timeout: Duration,
    /// The largest answer to one call.
    pub output_mib: u64,
    /// An instance with more memory than this is replaced between two batches.
    pub recycle_mib: u64,
    /// What becomes of a batch when the plugin fails.
    pub on_error: OnError,
    /// A bound on what it may read and write; `None`: whatever it declares.
    pub allow: Option<Allow>,
    /// Where `plugins:` names the type, if it does.
    pub place: Option<TextRange>,
    /// Where the file's name, or its location, stands, if it does.
    pub source_place: Option<TextRange>,
}

/// Three quarters of the limit: a leak is met before it costs a batch.
fn recycle_mib(memory_mib: u64) -> u64 {
    (memory_mib / 4 * 3).max(1)
}

impl PluginSpec {
    /// Whether the other has the same limits, policy and rights; where the code is does not matter.
    pub fn has_terms_of(&self, other: &PluginSpec) -> bool {
        let terms = |spec: &PluginSpec| {
            (
                spec.memory_mib,
                spec.timeout,
                spec.output_mib,
                spec.recycle_mib,
                spec.on_error,
            )
        };
        terms(self) == terms(other) && self.allow == other.allow
    }

    /// Whether it is to be fetched, and was not yet; or nothing can be made of where it is.
    pub fn is_missing(&self) -> bool {
        self.source_place.is_some() && self.file.is_none()
    }

    fn built_in(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            file: None,
            location: None,
            digest: None,
            keys: Vec::new(),
            memory_mib: 64,
            timeout: Duration::from_secs(1),
            output_mib: 64,
            recycle_mib: recycle_mib(64),
            on_error: OnError::Reject,
            allow: None,
            place: None,
            source_place: None,
        }
    }
}

/// A component that is a plugin.
#[derive(Clone, Debug)]
pub struct PluginUse {
    /// What runs, and within which limits.
    pub spec: PluginSpec,
    /// Its settings.
    pub settings: Settings,
    /// Where the manifest names the component.
    pub place: TextRange,
}

/// Reads `plugins:`.
pub(super) fn specs(
    section: &Section<'_>,
    folder: &Path,
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
        specs.insert(kind.to_owned(), spec(kind, entry, section, folder, out));
    }
    specs
}

fn spec(
    kind: &str,
    entry: &Entry,
    mut section: Section<'_>,
    folder: &Path,
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
        None if is_built_in => PluginSpec::built_in(kind),
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
    Some(PluginUse {
        spec,
        settings: Settings::new(entry, owner, out),
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
