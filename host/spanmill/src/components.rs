//! The one table of components: what the host implements, the plugins that come with it, and what the Collector has and
//! this version does not. Known types, aliases, suggestions and help are all read from here.
//!
//! To add a component of the host's own, write its folder, with a `COMPONENT`, and its line here. To add a built-in
//! plugin, its line is enough.

use spanmill_model::Signal;

use crate::component::{Alias, BuiltInPlugin, ComponentKind, PluginRole, Route};
use crate::connect::{self, ConnectorComponent};
use crate::export::component::ExporterComponent;
use crate::export::{
    debug, file, load_balancing, nop as nop_exporter, otlp_grpc, otlp_http, prometheus,
    remote_write,
};
use crate::extension::component::ExtensionComponent;
use crate::extension::{file_storage, health_check};
use crate::process::{self, ProcessorComponent};
use crate::receive::component::ReceiverComponent;
use crate::receive::{nop as nop_receiver, otlp};
use ComponentKind::{Connector, Exporter, Extension, Receiver};

/// A line of the table.
enum Line {
    Receiver(&'static ReceiverComponent),
    Processor(&'static ProcessorComponent),
    Connector(&'static ConnectorComponent),
    Exporter(&'static ExporterComponent),
    Extension(&'static ExtensionComponent),
    Plugin(BuiltInPlugin),
    Absent(Absent),
}

/// A component that the Collector has and this version does not.
struct Absent {
    kind: ComponentKind,
    name: &'static str,
    aliases: &'static [Alias],
    /// What to do without it.
    instead: &'static str,
}

const fn absent(kind: ComponentKind, name: &'static str, instead: &'static str) -> Line {
    let aliases = &[];
    Line::Absent(Absent {
        kind,
        name,
        aliases,
        instead,
    })
}

const OTLP: &str = "send OTLP to an `otlp` receiver: OpenTelemetry's SDKs and most tracers can";
const CREDENTIALS: &str = "send credentials under `headers:` of the exporter; in front of receivers, put an authenticating proxy";
const STORAGE: &str =
    "use `file_storage`, which keeps what plugins hold; queues are kept in memory in this version";

static TABLE: &[Line] = &[
    Line::Receiver(&otlp::COMPONENT),
    Line::Receiver(&nop_receiver::COMPONENT),
    absent(Receiver, "jaeger", OTLP),
    absent(Receiver, "opencensus", OTLP),
    absent(Receiver, "zipkin", OTLP),
    Line::Plugin(BuiltInPlugin::processor("adaptive_tail_sampling").holding()),
    Line::Plugin(BuiltInPlugin::processor("attributes")),
    Line::Plugin(BuiltInPlugin::processor("cardinality_guard")),
    Line::Plugin(BuiltInPlugin::processor("filter")),
    Line::Plugin(BuiltInPlugin::processor("groupbyattrs")),
    Line::Plugin(BuiltInPlugin::processor("groupbytrace").holding()),
    Line::Plugin(
        BuiltInPlugin::processor("k8sattributes").known_as(&[Alias::new("k8s_attributes")]),
    ),
    Line::Plugin(
        BuiltInPlugin::processor("metricstransform").known_as(&[Alias::new("metrics_transform")]),
    ),
    Line::Plugin(BuiltInPlugin::processor("probabilistic_sampler")),
    Line::Plugin(BuiltInPlugin::processor("redaction")),
    Line::Plugin(BuiltInPlugin::processor("resource")),
    Line::Plugin(
        BuiltInPlugin::processor("resourcedetection").known_as(&[Alias::new("resource_detection")]),
    ),
    Line::Plugin(BuiltInPlugin::processor("span")),
    Line::Plugin(BuiltInPlugin::processor("tail_sampling").holding()),
    Line::Plugin(BuiltInPlugin::processor("transform")),
    Line::Processor(&process::BATCH),
    Line::Processor(&process::MEMORY_LIMITER),
    Line::Plugin(BuiltInPlugin {
        name: "spanmetrics",
        aliases: &[Alias::new("span_metrics")],
        role: PluginRole::Connector(Route::SPANS_TO_METRICS),
        holds: false,
    }),
    Line::Plugin(BuiltInPlugin {
        name: "servicegraph",
        aliases: &[Alias::new("service_graph")],
        role: PluginRole::Connector(Route::SPANS_TO_METRICS),
        holds: false,
    }),
    Line::Plugin(BuiltInPlugin::connector("count", Route::ALL_TO_METRICS)),
    Line::Plugin(BuiltInPlugin::connector("exceptions", EXCEPTIONS)),
    Line::Plugin(BuiltInPlugin::connector("routing", Route::SAME)),
    Line::Connector(&connect::FORWARD),
    Line::Absent(Absent {
        kind: Connector,
        name: "signaltometrics",
        aliases: &[Alias::new("signal_to_metrics")],
        instead: "`count` counts what conditions hold for, by attributes; `spanmetrics` times spans; anything else takes a plugin of your own",
    }),
    Line::Exporter(&otlp_grpc::COMPONENT),
    Line::Exporter(&otlp_http::COMPONENT),
    Line::Exporter(&debug::COMPONENT),
    Line::Exporter(&file::COMPONENT),
    Line::Exporter(&prometheus::COMPONENT),
    Line::Exporter(&remote_write::COMPONENT),
    Line::Exporter(&load_balancing::COMPONENT),
    Line::Exporter(&nop_exporter::COMPONENT),
    absent(
        Exporter,
        "loki",
        "Loki takes OTLP: use an `otlphttp` exporter with `endpoint: http://loki:3100/otlp`",
    ),
    Line::Extension(&health_check::COMPONENT),
    Line::Extension(&file_storage::COMPONENT),
    absent(
        Extension,
        "pprof",
        "remove it; `perf` shows where the time goes",
    ),
    absent(
        Extension,
        "zpages",
        "remove it; `spanmill plugin status` and the admin API show what runs",
    ),
    absent(Extension, "db_storage", STORAGE),
    absent(
        Extension,
        "memory_limiter",
        "use the `memory_limiter` processor",
    ),
    absent(
        Extension,
        "memory_ballast",
        "remove it: there is no garbage collector",
    ),
    absent(Extension, "basicauth", CREDENTIALS),
    absent(Extension, "bearertokenauth", CREDENTIALS),
    absent(Extension, "headers_setter", CREDENTIALS),
    absent(Extension, "oauth2client", CREDENTIALS),
    absent(
        Extension,
        "opamp",
        "remove it; the admin API changes what runs",
    ),
];

const EXCEPTIONS: Route = Route(&[
    (Signal::Traces, Signal::Metrics),
    (Signal::Traces, Signal::Logs),
]);

/// What a plugin of somebody else's may do; once it is loaded, it says what it does.
const ANY: Route = {
    use Signal::{Logs, Metrics, Traces};
    Route(&[
        (Traces, Traces),
        (Traces, Logs),
        (Traces, Metrics),
        (Logs, Traces),
        (Logs, Logs),
        (Logs, Metrics),
        (Metrics, Traces),
        (Metrics, Logs),
        (Metrics, Metrics),
    ])
};

impl Line {
    fn kind(&self) -> ComponentKind {
        match self {
            Line::Receiver(_) => ComponentKind::Receiver,
            Line::Processor(_) => ComponentKind::Processor,
            Line::Connector(_) => ComponentKind::Connector,
            Line::Exporter(_) => ComponentKind::Exporter,
            Line::Extension(_) => ComponentKind::Extension,
            Line::Plugin(plugin) => plugin.kind(),
            Line::Absent(absent) => absent.kind,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Line::Receiver(component) => component.name,
            Line::Processor(component) => component.name,
            Line::Connector(component) => component.name,
            Line::Exporter(component) => component.name,
            Line::Extension(component) => component.name,
            Line::Plugin(plugin) => plugin.name,
            Line::Absent(absent) => absent.name,
        }
    }

    fn aliases(&self) -> &'static [Alias] {
        match self {
            Line::Receiver(component) => component.aliases,
            Line::Processor(component) => component.aliases,
            Line::Connector(component) => component.aliases,
            Line::Exporter(component) => component.aliases,
            Line::Extension(component) => component.aliases,
            Line::Plugin(plugin) => plugin.aliases,
            Line::Absent(absent) => absent.aliases,
        }
    }

    fn is_called(&self, kind: &str) -> bool {
        self.name() == kind || self.aliases().iter().any(|alias| alias.name == kind)
    }

    fn is_absent(&self) -> bool {
        matches!(self, Line::Absent(_))
    }
}

/// The receiver that a type names.
pub(crate) fn receiver(kind: &str) -> Option<&'static ReceiverComponent> {
    TABLE.iter().find_map(|line| match line {
        Line::Receiver(component) if line.is_called(kind) => Some(*component),
        _ => None,
    })
}

/// The processor of the host's own that a type names.
pub(crate) fn host_processor(kind: &str) -> Option<&'static ProcessorComponent> {
    TABLE.iter().find_map(|line| match line {
        Line::Processor(component) if line.is_called(kind) => Some(*component),
        _ => None,
    })
}

/// The connector of the host's own that a type names.
pub(crate) fn host_connector(kind: &str) -> Option<&'static ConnectorComponent> {
    TABLE.iter().find_map(|line| match line {
        Line::Connector(component) if line.is_called(kind) => Some(*component),
        _ => None,
    })
}

/// The exporter that a type names.
pub(crate) fn exporter(kind: &str) -> Option<&'static ExporterComponent> {
    TABLE.iter().find_map(|line| match line {
        Line::Exporter(component) if line.is_called(kind) => Some(*component),
        _ => None,
    })
}

/// The extension that a type names.
pub(crate) fn extension(kind: &str) -> Option<&'static ExtensionComponent> {
    TABLE.iter().find_map(|line| match line {
        Line::Extension(component) if line.is_called(kind) => Some(*component),
        _ => None,
    })
}

/// The plugins that come with the binary.
pub(crate) fn built_in_plugins() -> impl Iterator<Item = &'static BuiltInPlugin> {
    TABLE.iter().filter_map(|line| match line {
        Line::Plugin(plugin) => Some(plugin),
        _ => None,
    })
}

/// The built-in plugin that a type names.
pub(crate) fn built_in_plugin(kind: &str) -> Option<&'static BuiltInPlugin> {
    built_in_plugins().find(|plugin| plugin.name == canonical_type(kind))
}

/// The pipelines that a connector may connect.
pub(crate) fn route(kind: &str) -> Route {
    match built_in_plugin(kind).map(|plugin| &plugin.role) {
        Some(PluginRole::Connector(route)) => *route,
        _ if host_connector(kind).is_some() => Route::SAME,
        _ => ANY,
    }
}

#[cfg(feature = "compiler")]
/// Whether something is the name of a component here, or an alias of one.
pub(crate) fn is_known(name: &str) -> bool {
    let kinds = [
        ComponentKind::Receiver,
        ComponentKind::Processor,
        ComponentKind::Connector,
        ComponentKind::Exporter,
    ];
    kinds
        .into_iter()
        .any(|kind| type_names(kind).any(|known| known == name))
}

/// The types of a kind, without aliases.
pub(crate) fn types(kind: ComponentKind) -> impl Iterator<Item = &'static str> {
    let lines = TABLE.iter().filter(move |line| line.kind() == kind);
    lines.filter(|line| !line.is_absent()).map(Line::name)
}

/// Every name of the types of a kind, aliases included.
pub(crate) fn type_names(kind: ComponentKind) -> impl Iterator<Item = &'static str> {
    let lines = TABLE.iter().filter(move |line| line.kind() == kind);
    lines.filter(|line| !line.is_absent()).flat_map(|line| {
        let aliases = line.aliases().iter().map(|alias| alias.name);
        std::iter::once(line.name()).chain(aliases)
    })
}

/// What to do instead of a component that the Collector has and this version does not.
pub(crate) fn instead_of(kind: ComponentKind, name: &str) -> Option<&'static str> {
    TABLE.iter().find_map(|line| match line {
        Line::Absent(absent) if absent.kind == kind && line.is_called(name) => Some(absent.instead),
        _ => None,
    })
}

/// The types of a kind that the Collector has and this version does not, where there is advice for them.
pub(crate) fn absent_types(kind: ComponentKind) -> impl Iterator<Item = &'static str> {
    let lines = TABLE.iter().filter(move |line| line.kind() == kind);
    lines.filter(|line| line.is_absent()).map(Line::name)
}

/// The name that a plugin's type goes by.
pub(crate) fn canonical_type(kind: &str) -> &str {
    let plugins = TABLE.iter().filter(|line| {
        matches!(
            line.kind(),
            ComponentKind::Processor | ComponentKind::Connector
        )
    });
    let mut named = plugins.filter(|line| line.is_called(kind));
    match named.next() {
        Some(line) => line.name(),
        None => kind,
    }
}

/// The id of a component that is a plugin, with its type by the name that it goes by: so an id can be told from an alias.
pub(crate) fn canonical_component(id: &str) -> String {
    match id.split_once('/') {
        Some((kind, name)) => format!("{}/{name}", canonical_type(kind)),
        None => canonical_type(id).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const README: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md"));
    const MAKEFILE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Makefile"));
    const KINDS: [ComponentKind; 5] = [
        Receiver,
        ComponentKind::Processor,
        Connector,
        Exporter,
        Extension,
    ];

    #[test]
    fn the_readme_lists_every_component_and_no_other() {
        for kind in KINDS {
            let start = format!("| {}s | ", kind.name());
            let row = README.lines().find_map(|line| line.strip_prefix(&start));
            let row = row.unwrap_or_else(|| panic!("no row `{start}`"));
            let listed: BTreeSet<&str> = row.split('`').skip(1).step_by(2).collect();
            let missing: Vec<&str> = types(kind).filter(|name| !listed.contains(name)).collect();
            let names: BTreeSet<&str> = type_names(kind).collect();
            let unknown: Vec<_> = listed.difference(&names).collect();
            assert!(
                missing.is_empty() && unknown.is_empty(),
                "{missing:?} {unknown:?}"
            );
        }
    }

    #[test]
    fn the_makefile_builds_the_plugins_of_the_table() {
        let built = MAKEFILE
            .lines()
            .find_map(|line| line.strip_prefix("PLUGINS := "));
        let built: BTreeSet<&str> = built.unwrap().split_whitespace().collect();
        let listed: BTreeSet<&str> = built_in_plugins().map(|plugin| plugin.name).collect();
        assert_eq!(built, listed);
    }

    #[test]
    fn a_name_stands_for_one_component_of_its_kind() {
        for kind in KINDS {
            let mut seen = BTreeSet::new();
            let names = type_names(kind).chain(absent_types(kind));
            let twice: Vec<&str> = names.filter(|name| !seen.insert(*name)).collect();
            assert!(twice.is_empty(), "{twice:?}");
        }
    }
}
