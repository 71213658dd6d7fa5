//! What decides on the member that an item goes to, and how it is read from a batch: the rules of the Collector's exporter.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use spanmill_otlp::{
    Context, ContractError, Malformed, Projection, Request, Signal, StageContract, Workspace,
};

use super::columns::Columns;
use super::ring::Ring;

/// What decides on a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RoutingKey {
    /// The trace id; of spans and log records.
    TraceId,
    /// The resource's `service.name`.
    Service,
    /// The metric's name.
    MetricName,
    /// All attributes of the resource; of log records and data points.
    Resource,
    /// Resource, scope, metric and the data point's attributes.
    Stream,
    /// These attributes, each of the resource, else of the scope, else of the item.
    Attributes(Vec<String>),
}

impl RoutingKey {
    /// What is usual for a signal.
    pub fn usual(signal: Signal) -> Self {
        match signal {
            Signal::Traces => RoutingKey::TraceId,
            Signal::Logs | Signal::Metrics => RoutingKey::Service,
        }
    }

    /// Whether it can be read from a signal.
    pub fn is_of(&self, signal: Signal) -> bool {
        match self {
            RoutingKey::Service | RoutingKey::Attributes(_) => true,
            RoutingKey::TraceId => signal != Signal::Metrics,
            RoutingKey::Resource => signal != Signal::Traces,
            RoutingKey::MetricName | RoutingKey::Stream => signal == Signal::Metrics,
        }
    }

    /// As the manifest has it.
    pub fn name(&self) -> &'static str {
        match self {
            RoutingKey::TraceId => "traceID",
            RoutingKey::Service => "service",
            RoutingKey::MetricName => "metric",
            RoutingKey::Resource => "resource",
            RoutingKey::Stream => "streamID",
            RoutingKey::Attributes(_) => "attributes",
        }
    }
}

/// Reads the routing keys of one signal's batches.
#[derive(Debug)]
pub(super) struct KeyReader {
    signal: Signal,
    key: RoutingKey,
    projection: Arc<Projection>,
}

const SERVICE: &str = "service.name";

impl KeyReader {
    /// A reader of `key`, which must be of the signal.
    ///
    /// # Errors
    ///
    /// An attribute's key that no path can name.
    pub fn new(signal: Signal, key: RoutingKey) -> Result<Self, ContractError> {
        // Of spans the service is an attribute as any other, with its name in the key.
        let key = match (signal, key) {
            (Signal::Traces, RoutingKey::Service) => {
                RoutingKey::Attributes(vec![SERVICE.to_owned()])
            }
            (_, key) => key,
        };
        let reads = reads(signal, &key);
        let contract = StageContract::parse(&reads, &[])?;
        Ok(KeyReader {
            signal,
            key,
            projection: Arc::new(Projection::new(vec![contract], &[])?),
        })
    }

    /// The member of each span, log record or data point of a request.
    ///
    /// # Errors
    ///
    /// None that a checked request should cause.
    pub fn targets(&self, request: &Request, ring: &Ring) -> Result<Vec<u32>, Malformed> {
        if self.key == RoutingKey::TraceId {
            return Ok(by_trace(request, ring));
        }
        let mut workspace = Workspace::new(Arc::clone(&self.projection));
        workspace.load(request.clone(), 0)?;
        let Some(view) = workspace.view(0) else {
            return Ok(Vec::new());
        };
        Ok(self.by_columns(&Columns::new(&view), ring))
    }

    fn by_columns(&self, columns: &Columns<'_>, ring: &Ring) -> Vec<u32> {
        let item = self.signal.item();
        let rows = columns.rows(item);
        match &self.key {
            RoutingKey::TraceId => Vec::new(),
            RoutingKey::Service => {
                let of_resource = |row| columns.text(Context::Resource, 0, row).unwrap_or_default();
                let members = members(columns.rows(Context::Resource), ring, of_resource);
                (0..rows)
                    .map(|row| of(&members, columns.ancestor(item, row, Context::Resource)))
                    .collect()
            }
            RoutingKey::Resource => {
                let members = members(columns.rows(Context::Resource), ring, |row| {
                    columns.list(Context::Resource, 0, row)
                });
                (0..rows)
                    .map(|row| of(&members, columns.ancestor(item, row, Context::Resource)))
                    .collect()
            }
            RoutingKey::MetricName => {
                let of_metric = |row| columns.text(Context::Metric, 0, row).unwrap_or_default();
                let members = members(columns.rows(Context::Metric), ring, of_metric);
                (0..rows)
                    .map(|row| of(&members, columns.ancestor(item, row, Context::Metric)))
                    .collect()
            }
            RoutingKey::Stream => (0..rows)
                .map(|row| member(ring, &stream(columns, row)))
                .collect(),
            RoutingKey::Attributes(attributes) => self.by_attributes(attributes, columns, ring),
        }
    }

    /// Of spans the first of each scope and trace decides for the others.
    fn by_attributes(&self, attributes: &[String], columns: &Columns<'_>, ring: &Ring) -> Vec<u32> {
        let item = self.signal.item();
        let mut of_trace: HashMap<(u32, u128), u32> = HashMap::new();
        let mut decide = |row: u32| {
            let decide = || member(ring, &self.composite(attributes, columns, row));
            match self.signal {
                Signal::Traces => {
                    let scope = columns.ancestor(item, row, Context::Scope);
                    let trace = columns.trace_id(item, attributes.len(), row);
                    *of_trace.entry((scope, trace)).or_insert_with(decide)
                }
                Signal::Logs | Signal::Metrics => decide(),
            }
        };
        (0..columns.rows(item)).map(&mut decide).collect()
    }

    /// The key of an item: `name=value|` of each attribute. Of spans they stand in the order of the settings; of others those
    /// of the resource come first, and those of the scope next.
    fn composite(&self, attributes: &[String], columns: &Columns<'_>, row: u32) -> String {
        let item = self.signal.item();
        let (resource, scope) = (
            columns.ancestor(item, row, Context::Resource),
            columns.ancestor(item, row, Context::Scope),
        );
        let mut found: Vec<(u8, &str, String)> = Vec::with_capacity(attributes.len());
        for (number, name) in attributes.iter().enumerate() {
            let (rank, value) = match columns.text(Context::Resource, number, resource) {
                Some(value) => (0, value),
                None => match columns.text(Context::Scope, number, scope) {
                    Some(value) => (1, value),
                    None => (2, columns.text(item, number, row).unwrap_or_default()),
                },
            };
            found.push((rank, name, value));
        }
        if self.signal != Signal::Traces {
            found.sort_by_key(|&(rank, _, _)| rank);
        }
        let mut key = String::new();
        for (_, name, value) in found {
            let _ = write!(key, "{name}={value}|");
        }
        key
    }
}

/// The fields to read for a key.
fn reads(signal: Signal, key: &RoutingKey) -> Vec<String> {
    let fixed: &[&str] = match key {
        RoutingKey::TraceId => &[],
        RoutingKey::Service => &["resource.attributes[\"service.name\"]"],
        RoutingKey::MetricName => &["metric.name"],
        RoutingKey::Resource => &["resource.attributes"],
        RoutingKey::Stream => &[
            "resource.attributes",
            "scope.attributes",
            "scope.name",
            "scope.version",
            "metric.name",
            "metric.unit",
            "metric.type",
            "metric.is_monotonic",
            "metric.aggregation_temporality",
            "datapoint.attributes",
        ],
        RoutingKey::Attributes(attributes) => return attribute_reads(signal, attributes),
    };
    fixed.iter().map(|&path| path.to_owned()).collect()
}

/// Each attribute of resource, scope and item, in this order; of spans their trace id last.
fn attribute_reads(signal: Signal, attributes: &[String]) -> Vec<String> {
    let mut reads = Vec::new();
    let item = signal.item();
    for context in [Context::Resource, Context::Scope, item] {
        for name in attributes {
            let own = match (context, name.as_str()) {
                (Context::Span, "span.name" | "span.kind") => name.clone(),
                (Context::Log, "log.body") => name.clone(),
                (Context::Log, "log.severity") => "log.severity_text".to_owned(),
                _ => {
                    let key = name.replace('\\', "\\\\").replace('"', "\\\"");
                    format!("{}.attributes[\"{key}\"]", context.prefix())
                }
            };
            reads.push(own);
        }
    }
    if signal == Signal::Traces {
        reads.push("span.trace_id".to_owned());
    }
    reads
}

/// The key of a data point's stream.
fn stream(columns: &Columns<'_>, row: u32) -> String {
    let up = |context| columns.ancestor(Context::DataPoint, row, context);
    let (resource, scope, metric) = (
        up(Context::Resource),
        up(Context::Scope),
        up(Context::Metric),
    );
    let mut key = columns.list(Context::Resource, 0, resource);
    key.push_str(&columns.list(Context::Scope, 0, scope));
    let texts = [
        columns.text(Context::Scope, 1, scope),
        columns.text(Context::Scope, 2, scope),
        columns.text(Context::Metric, 0, metric),
        columns.text(Context::Metric, 1, metric),
        columns.text(Context::Metric, 2, metric),
        columns.text(Context::Metric, 3, metric),
        columns.text(Context::Metric, 4, metric),
    ];
    for text in texts {
        let _ = write!(key, "{}\u{0}", text.unwrap_or_default());
    }
    key.push_str(&columns.list(Context::DataPoint, 0, row));
    key
}

/// The member of each row of a table, by the key of the row.
fn members(rows: u32, ring: &Ring, key: impl Fn(u32) -> String) -> Vec<u32> {
    (0..rows).map(|row| member(ring, &key(row))).collect()
}

fn of(members: &[u32], row: u32) -> u32 {
    members.get(row as usize).copied().unwrap_or(0)
}

fn member(ring: &Ring, key: &str) -> u32 {
    ring.member_of(key.as_bytes()).unwrap_or(0) as u32
}

/// By trace id. Log records without one go anywhere; spans without one go together, as in the Collector.
fn by_trace(request: &Request, ring: &Ring) -> Vec<u32> {
    let is_logs = request.signal() == Signal::Logs;
    let mut last = None;
    request
        .rows()
        .map(|row| {
            let id = match (row.trace_id, is_logs) {
                (0, true) => rand::random::<u128>(),
                (id, _) => id,
            };
            match last {
                Some((before, member)) if before == id => member,
                _ => {
                    let found = match is_logs {
                        // The Collector takes the hex digits here, and the bytes of spans.
                        true => member(ring, &format!("{id:032x}")),
                        false => ring.member_of(&id.to_be_bytes()).unwrap_or(0) as u32,
                    };
                    last = Some((id, found));
                    found
                }
            }
        })
        .collect()
}
