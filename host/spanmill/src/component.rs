//! What the host says of a component of its own: its names, the signals it takes, and how its settings are read. Each
//! component has one [`Component`] in its folder, and `components.rs` lists them.

use std::any::Any;
use std::fmt;

use spanmill_manifest::{Diagnostics, Section};
use spanmill_model::Signal;

/// A component that the host implements. `C` is what its settings are read into.
pub(crate) struct Component<C> {
    /// The type in a manifest: `otlphttp`.
    pub name: &'static str,
    /// Other names of the type.
    pub aliases: &'static [Alias],
    /// The signals it takes; of a receiver, those it receives.
    pub signals: &'static [Signal],
    /// Reads its settings, and finishes the section.
    pub read: fn(Section<'_>, &mut Diagnostics) -> C,
}

/// Every signal.
pub(crate) const ALL_SIGNALS: &[Signal] = &Signal::ALL;

/// Another name of a component's type.
pub(crate) struct Alias {
    /// The name.
    pub name: &'static str,
    /// What to warn of when it is used.
    pub warning: Option<Warning>,
}

/// A warning that comes with a name.
pub(crate) struct Warning {
    /// What is wrong.
    pub message: &'static str,
    /// What to do.
    pub help: &'static str,
}

impl Alias {
    /// A synonym.
    pub const fn new(name: &'static str) -> Self {
        Alias {
            name,
            warning: None,
        }
    }

    /// The name of a removed component that this one stands in for.
    pub const fn deprecated(name: &'static str, message: &'static str, help: &'static str) -> Self {
        Alias {
            name,
            warning: Some(Warning { message, help }),
        }
    }
}

impl<C> Component<C> {
    /// The alias that a type in a manifest is, if it is one of this component's.
    pub fn alias(&self, kind: &str) -> Option<&'static Alias> {
        self.aliases.iter().find(|alias| alias.name == kind)
    }
}

/// A component's settings, which can be compared with those of any other.
pub trait Config: Any + fmt::Debug + Send + Sync {
    /// Whether the other is of the same component, with the same settings.
    fn equals(&self, other: &dyn Any) -> bool;
}

impl<T: Any + fmt::Debug + Send + Sync + PartialEq> Config for T {
    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref() == Some(self)
    }
}

/// What a component is, by the section of the manifest that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComponentKind {
    Receiver,
    Processor,
    Connector,
    Exporter,
    Extension,
}

impl ComponentKind {
    /// As messages call it.
    pub fn name(self) -> &'static str {
        match self {
            ComponentKind::Receiver => "receiver",
            ComponentKind::Processor => "processor",
            ComponentKind::Connector => "connector",
            ComponentKind::Exporter => "exporter",
            ComponentKind::Extension => "extension",
        }
    }
}

/// A plugin that comes with the binary.
pub(crate) struct BuiltInPlugin {
    /// The type in a manifest; the plugin's file is `<name>.wasm`.
    pub name: &'static str,
    /// Other names of the type.
    pub aliases: &'static [Alias],
    /// What it is used as.
    pub role: PluginRole,
    /// Whether it holds rows, so that a component of it may say where they are stored.
    pub holds: bool,
}

/// What a built-in plugin is used as.
pub(crate) enum PluginRole {
    /// A processor; it declares itself which signals it takes.
    Processor,
    /// A connector, between pipelines of these signals.
    Connector(Route),
}

/// Which pipelines a connector connects: pairs of what it takes and what it gives for it.
#[derive(Clone, Copy)]
pub(crate) struct Route(pub &'static [(Signal, Signal)]);

impl Route {
    /// Each signal to itself: records are passed on.
    pub const SAME: Route = Route(&[
        (Signal::Traces, Signal::Traces),
        (Signal::Logs, Signal::Logs),
        (Signal::Metrics, Signal::Metrics),
    ]);

    /// Any signal to metrics.
    pub const ALL_TO_METRICS: Route = Route(&[
        (Signal::Traces, Signal::Metrics),
        (Signal::Logs, Signal::Metrics),
        (Signal::Metrics, Signal::Metrics),
    ]);

    /// Spans to metrics.
    pub const SPANS_TO_METRICS: Route = Route(&[(Signal::Traces, Signal::Metrics)]);

    /// The signals of pipelines that it may stand among the exporters of.
    pub fn takes(self) -> Vec<Signal> {
        let takes = |signal: &Signal| self.0.iter().any(|(from, _)| from == signal);
        Signal::ALL.into_iter().filter(takes).collect()
    }

    /// The signals of pipelines that it may stand among the receivers of.
    pub fn gives(self) -> Vec<Signal> {
        let gives = |signal: &Signal| self.0.iter().any(|(_, to)| to == signal);
        Signal::ALL.into_iter().filter(gives).collect()
    }

    /// Whether it gives one signal for the other.
    pub fn connects(self, from: Signal, to: Signal) -> bool {
        self.0.contains(&(from, to))
    }
}

impl BuiltInPlugin {
    /// A processor that goes by one name.
    pub const fn processor(name: &'static str) -> Self {
        BuiltInPlugin {
            name,
            aliases: &[],
            role: PluginRole::Processor,
            holds: false,
        }
    }

    /// The same, with other names.
    pub const fn known_as(self, aliases: &'static [Alias]) -> Self {
        BuiltInPlugin { aliases, ..self }
    }

    /// The same, for one that holds rows.
    pub const fn holding(self) -> Self {
        BuiltInPlugin {
            holds: true,
            ..self
        }
    }

    /// A connector that goes by one name.
    pub const fn connector(name: &'static str, route: Route) -> Self {
        BuiltInPlugin {
            name,
            aliases: &[],
            role: PluginRole::Connector(route),
            holds: false,
        }
    }

    /// The section that it stands in.
    pub fn kind(&self) -> ComponentKind {
        match self.role {
            PluginRole::Processor => ComponentKind::Processor,
            PluginRole::Connector(_) => ComponentKind::Connector,
        }
    }
}
