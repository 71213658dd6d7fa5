//! The settings of the `load_balancing` exporter: the Collector's.

use std::time::Duration;

use spanmill_manifest::{Diagnostic, Diagnostics, Node, Section, Value};
use spanmill_net::endpoint::missing;
use spanmill_net::tls;

use super::routing_key::RoutingKey;
use crate::export::settings::{self, ClientSettings, Retry, SendingQueue};

/// The port of members that say none: OTLP over gRPC.
pub(super) const DEFAULT_PORT: u16 = 4317;

/// The `load_balancing` exporter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LoadBalancingConfig {
    /// What decides on a member; `None`: what is usual for the signal.
    pub routing_key: Option<RoutingKey>,
    /// How the members are found.
    pub resolver: ResolverConfig,
    /// How each member is spoken to.
    pub member: ClientSettings,
    /// The exporter's own queue, before batches are cut; off if the manifest has none.
    pub queue: Option<SendingQueue>,
    /// Its own retries, off if the manifest has none.
    pub retry: Retry,
    /// The deadline of one attempt to hand a batch to the members; zero: none.
    pub timeout: Duration,
}

/// How the members are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ResolverConfig {
    /// A list.
    Static(Vec<String>),
    /// All addresses of a name.
    Dns(DnsConfig),
    /// The endpoints of a Kubernetes service.
    Kubernetes(KubernetesConfig),
}

/// All addresses of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DnsConfig {
    pub hostname: String,
    pub port: Option<u16>,
    pub interval: Duration,
    pub timeout: Duration,
}

/// The endpoints of a Kubernetes service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KubernetesConfig {
    pub service: String,
    /// `None`: the exporter's own, as its service account says, or `default`.
    pub namespace: Option<String>,
    pub ports: Vec<u16>,
    /// How long one watch lasts.
    pub timeout: Duration,
    pub return_hostnames: bool,
}

/// Reads the settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> LoadBalancingConfig {
    let routing_key = routing_key(&mut section, out);
    let member = protocol(&mut section, out);
    let resolver = match section.section("resolver", out) {
        Some(resolver) => read_resolver(resolver, out),
        None => {
            out.push(missing(&section, "resolver", "`static:`, `dns:` or `k8s:`"));
            ResolverConfig::Static(Vec::new())
        }
    };
    let no_retry = Retry {
        enabled: false,
        ..Retry::default()
    };
    let retry = settings::retry(&mut section, no_retry, out);
    let has_queue = section.entry("sending_queue").is_some();
    let queue = settings::queue(&mut section, out).filter(|_| has_queue);
    let timeout = section.duration("timeout", Duration::ZERO, out);
    section.finish(out);
    LoadBalancingConfig {
        routing_key,
        resolver,
        member,
        queue,
        retry,
        timeout,
    }
}

fn routing_key(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<RoutingKey> {
    let known: [(&str, Option<RoutingKey>); 7] = [
        ("traceID", Some(RoutingKey::TraceId)),
        ("service", Some(RoutingKey::Service)),
        ("metric", Some(RoutingKey::MetricName)),
        ("resource", Some(RoutingKey::Resource)),
        ("streamID", Some(RoutingKey::Stream)),
        ("attributes", Some(RoutingKey::Attributes(Vec::new()))),
        ("", None),
    ];
    let names = (0..).zip(&known).map(|(at, (name, _))| (*name, at));
    let names: Vec<(&str, usize)> = names.collect();
    let chosen = section.choice("routing_key", &names, out);
    let key = chosen.and_then(|at| known.get(at)?.1.clone());
    let attributes = section.texts("routing_attributes", out).unwrap_or_default();
    let node = section.value("routing_attributes");
    match (&key, node) {
        (Some(RoutingKey::Attributes(_)), _) if attributes.is_empty() => {
            out.push(missing(
                section,
                "routing_attributes",
                "the attributes to route by, as `routing_key: attributes` asks for",
            ));
        }
        (Some(RoutingKey::Attributes(_)), Some(node)) if has_repeats(&attributes) => {
            out.push(section.wrong("routing_attributes", node, "names an attribute twice"));
        }
        (Some(RoutingKey::Attributes(_)), _) => return Some(RoutingKey::Attributes(attributes)),
        (_, Some(node)) => out.push(
            section
                .wrong(
                    "routing_attributes",
                    node,
                    "has no effect under this routing_key",
                )
                .help("write `routing_key: attributes`, or remove it"),
        ),
        _ => {}
    }
    key
}

fn has_repeats(attributes: &[String]) -> bool {
    let rest = |at: usize| attributes.get(at + 1..).unwrap_or_default();
    (attributes.iter().enumerate()).any(|(at, attribute)| rest(at).contains(attribute))
}

/// Reads `protocol.otlp`: the settings of an `otlp` exporter, without an endpoint.
fn protocol(section: &mut Section<'_>, out: &mut Diagnostics) -> ClientSettings {
    let nothing = Node::new(section.place(), Value::Null);
    let open = |out: &mut Diagnostics| Section::open(&nothing, nothing.place, "protocol", out);
    let mut protocol = section
        .section("protocol", out)
        .unwrap_or_else(|| open(out));
    let mut otlp = protocol.section("otlp", out).unwrap_or_else(|| open(out));
    protocol.finish(out);
    if let Some(node) = otlp.value("endpoint") {
        out.push(
            otlp.doubtful(
                "endpoint",
                node,
                "has no effect: the resolver finds the endpoints",
            )
            .help("remove it"),
        );
    }
    let tls = tls::settings::client(&mut otlp, out);
    let client = settings::client(&mut otlp, Duration::from_secs(5), tls, out);
    otlp.finish(out);
    client
}

fn read_resolver(mut section: Section<'_>, out: &mut Diagnostics) -> ResolverConfig {
    let mut found = Vec::new();
    if let Some(inner) = section.section("static", out) {
        found.push(read_static(inner, out));
    }
    if let Some(inner) = section.section("dns", out) {
        found.push(ResolverConfig::Dns(read_dns(inner, out)));
    }
    if let Some(inner) = section.section("k8s", out) {
        found.push(ResolverConfig::Kubernetes(read_kubernetes(inner, out)));
    }
    section.refuse_bare(
        "aws_cloud_map",
        "is not supported",
        "use `dns:` with the name that Cloud Map publishes",
        out,
    );
    if found.len() > 1 {
        let message = format!("{}: has several resolvers", section.owner());
        out.push(Diagnostic::error(section.place(), message).help("keep one of them"));
    } else if found.is_empty() && section.entries().is_empty() {
        let message = format!("{}: names no resolver", section.owner());
        out.push(
            Diagnostic::error(section.place(), message).help("add `static:`, `dns:` or `k8s:`"),
        );
    }
    section.finish(out);
    found
        .into_iter()
        .next()
        .unwrap_or(ResolverConfig::Static(Vec::new()))
}

fn read_static(mut section: Section<'_>, out: &mut Diagnostics) -> ResolverConfig {
    let mut hostnames: Vec<String> = Vec::new();
    let nodes = section.list("hostnames", out);
    if nodes.as_ref().is_none_or(Vec::is_empty) {
        out.push(missing(
            &section,
            "hostnames",
            "a list like `[\"gateway-1:4317\", \"gateway-2:4317\"]`",
        ));
    }
    for node in nodes.unwrap_or_default() {
        let Value::Text(hostname) = &node.value else {
            out.push(section.wrong(
                "hostnames",
                &node,
                "must be a list of hosts, each with or without a port",
            ));
            continue;
        };
        if authority(hostname).is_none() {
            out.push(
                section
                    .wrong("hostnames", &node, "has an entry that is no host and port")
                    .help("write `gateway-1:4317`, or `gateway-1` for port 4317"),
            );
        } else if hostnames.contains(hostname) {
            out.push(section.wrong("hostnames", &node, "names this host twice"));
        } else {
            hostnames.push(hostname.clone());
        }
    }
    section.finish(out);
    ResolverConfig::Static(hostnames)
}

/// Host and port of a member, if it can be connected to; the default port where it says none.
pub(super) fn authority(member: &str) -> Option<String> {
    let has_port = match member.rsplit_once(':') {
        Some((host, _)) if host.contains(':') => host.ends_with(']') && !member.ends_with(']'),
        Some(_) => true,
        None => false,
    };
    let authority = match has_port {
        true => member.to_owned(),
        false => format!("{member}:{DEFAULT_PORT}"),
    };
    let parsed: http::uri::Authority = authority.parse().ok()?;
    let is_whole = !parsed.host().is_empty() && parsed.port_u16().is_some();
    (is_whole && !authority.contains('@')).then_some(authority)
}

fn read_dns(mut section: Section<'_>, out: &mut Diagnostics) -> DnsConfig {
    let hostname = section.text("hostname", out).unwrap_or_default();
    if hostname.is_empty() {
        out.push(missing(
            &section,
            "hostname",
            "the name whose addresses are the members",
        ));
    }
    let port = port(&mut section, out);
    let config = DnsConfig {
        hostname,
        port,
        interval: section.nonzero_duration("interval", Duration::from_secs(5), out),
        timeout: section.nonzero_duration("timeout", Duration::from_secs(1), out),
    };
    section.finish(out);
    config
}

/// `port`, a number or a text with one.
fn port(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<u16> {
    let node = section.value("port")?;
    let port = node.raw.trim().parse::<u16>().ok().filter(|port| *port > 0);
    if port.is_none() && !node.raw.trim().is_empty() {
        out.push(section.wrong("port", node, "must be a port from 1 to 65535"));
    }
    port
}

fn read_kubernetes(mut section: Section<'_>, out: &mut Diagnostics) -> KubernetesConfig {
    let text = section.text("service", out).unwrap_or_default();
    let mut labels = text.split('.');
    let service = labels.next().unwrap_or_default().to_owned();
    let namespace = labels.next().map(str::to_owned);
    if service.is_empty() {
        out.push(missing(
            &section,
            "service",
            "`name.namespace` of a service",
        ));
    } else if let Some(node) = section.value("service") {
        let is_name =
            namespace.as_deref() != Some("") && matches!(labels.next(), None | Some("svc"));
        if !is_name {
            out.push(section.wrong(
                "service",
                node,
                "must be `name`, `name.namespace` or `name.namespace.svc.cluster.local`",
            ));
        }
    }
    let mut ports = Vec::new();
    for node in section.list("ports", out).unwrap_or_default() {
        match node.raw.parse::<u16>() {
            Ok(port) if port > 0 => ports.push(port),
            _ => out.push(section.wrong("ports", &node, "must be a list of ports from 1 to 65535")),
        }
    }
    let config = KubernetesConfig {
        service,
        namespace,
        ports,
        timeout: section.nonzero_duration("timeout", Duration::from_secs(60), out),
        return_hostnames: section.flag("return_hostnames", false, out),
    };
    section.finish(out);
    config
}
