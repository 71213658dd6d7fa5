//! Leads requests to their series, and says what was measured of them.

use spanmill_sdk::{Cell, Emission, SeriesAttribute};
use spanmill_series::{NONE, ROOT, TextIds, Tree};

use crate::edge::{Connection, Edge, VirtualNode};

/// The numbering of series starts over beyond so many series, or nodes that lead to them.
const MOST_SERIES: u32 = 100_000;
const MOST_NODES: usize = 1 << 20;

/// The numbers of the instruments; see `Settings::stream`.
const TOTAL: u32 = 0;
const FAILED: u32 = 1;
const SERVER: u32 = 2;
const CLIENT: u32 = 3;

/// The series that were named, and what the batch at hand measures.
#[derive(Debug)]
pub(crate) struct Series {
    /// The names of the dimensions, the client's and the server's of each.
    dimensions: Vec<String>,
    /// Whether `virtual_node` is an attribute.
    shows_virtual: bool,
    tree: Tree,
    named: u32,
    measured: Measured,
}

#[derive(Debug, Default)]
struct Measured {
    series: Vec<u32>,
    failed: Vec<u32>,
    client_seconds: Vec<f64>,
    server_seconds: Vec<f64>,
}

impl Series {
    pub(crate) fn new(dimensions: &[String], shows_virtual: bool) -> Self {
        let names = dimensions
            .iter()
            .flat_map(|name| [format!("client_{name}"), format!("server_{name}")]);
        Series {
            dimensions: names.collect(),
            shows_virtual,
            tree: Tree::default(),
            named: 0,
            measured: Measured::default(),
        }
    }

    /// Whether it is time to start over.
    pub(crate) fn are_many(&self) -> bool {
        self.named > MOST_SERIES || self.tree.nodes() > MOST_NODES
    }

    /// Forgets which series were named.
    pub(crate) fn restart(&mut self, emission: &mut Emission) {
        self.tree = Tree::default();
        self.named = 0;
        emission.restart();
    }

    /// Counts a request.
    pub(crate) fn count(&mut self, edge: &Edge, texts: &TextIds, emission: &mut Emission) {
        let shown = match self.shows_virtual {
            true => edge.virtual_node,
            false => VirtualNode::None,
        };
        let kind = shown as u32 | (edge.connection as u32) << 2 | u32::from(edge.has_failed) << 4;
        let words = [kind, edge.client, edge.server];
        let node = self.tree.path(ROOT, words);
        let node = self.tree.path(node, edge.dimensions.iter().copied());
        let mut series = self.tree.value(node);
        if series == NONE {
            series = self.named;
            self.tree.set(node, series);
            self.named += 1;
            self.name(edge, texts, emission);
        }
        let measured = &mut self.measured;
        measured.series.push(series);
        if edge.has_failed {
            measured.failed.push(series);
        }
        measured.client_seconds.push(edge.client_ns as f64 / 1e9);
        measured.server_seconds.push(edge.server_ns as f64 / 1e9);
    }

    fn name(&self, edge: &Edge, texts: &TextIds, emission: &mut Emission) {
        let mut attributes: Vec<SeriesAttribute> = Vec::new();
        let mut add = |name: &str, value: Result<&[u8], bool>| {
            let name = emission.text(name);
            let value = match value {
                Ok(text) => Cell::Text(emission.bytes(text)),
                Err(flag) => Cell::Bool(flag),
            };
            attributes.push((name, value));
        };
        let connection = match edge.connection {
            Connection::Unknown => "",
            Connection::MessagingSystem => "messaging_system",
            Connection::Database => "database",
            Connection::VirtualNode => "virtual_node",
        };
        add("client", Ok(texts.text(edge.client)));
        add("server", Ok(texts.text(edge.server)));
        add("connection_type", Ok(connection.as_bytes()));
        add("failed", Err(edge.has_failed));
        for (name, &value) in self.dimensions.iter().zip(&edge.dimensions) {
            if value != 0 {
                add(name, Ok(texts.text(value)));
            }
        }
        if self.shows_virtual {
            let side = match edge.virtual_node {
                VirtualNode::None => "",
                VirtualNode::Client => "client",
                VirtualNode::Server => "server",
            };
            add("virtual_node", Ok(side.as_bytes()));
        }
        emission.series(&[], &attributes);
    }

    /// Says what was measured.
    pub(crate) fn record(&mut self, emission: &mut Emission) {
        let measured = std::mem::take(&mut self.measured);
        if measured.series.is_empty() {
            return;
        }
        let mut record = |instrument, series, values| {
            emission.record(instrument, series, values, Vec::new(), Vec::new());
        };
        record(SERVER, measured.series.clone(), measured.server_seconds);
        record(CLIENT, measured.series.clone(), measured.client_seconds);
        record(TOTAL, measured.series, Vec::new());
        if !measured.failed.is_empty() {
            record(FAILED, measured.failed, Vec::new());
        }
    }
}
