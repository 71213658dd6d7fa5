//! Pairs the spans of both sides of a request.

use spanmill_sdk::{
    Batch, ConfigError, Connector, Contract, Counter, Emission, MetricStream, PluginError, Sharding,
};
use spanmill_series::TextIds;

use crate::edge::{Connection, Edge, Key, Side, VirtualNode};
use crate::fields::{Columns, Fields};
use crate::series::Series;
use crate::settings::Settings;
use crate::store::Store;

/// Texts that no request needs any more are forgotten beyond so many, or so many bytes.
const MOST_TEXTS: usize = 1 << 18;
const MOST_BYTES: usize = 16 << 20;

/// No further request waits while texts have more bytes than this.
const FULL_BYTES: usize = 24 << 20;

const SERVER: u32 = 2;
const CLIENT: u32 = 3;
const PRODUCER: u32 = 4;
const CONSUMER: u32 = 5;

/// The service graph connector.
#[derive(Debug)]
pub struct ServiceGraph {
    fields: Fields,
    pub(crate) dimensions: Vec<String>,
    pub(crate) peers: Vec<String>,
    ttl: u64,
    expiration_loop: u64,
    /// When the store was last looked through; `None`: at no batch yet.
    expired_at: Option<u64>,
    pub(crate) texts: TextIds,
    /// How many texts there were when those not needed were last forgotten.
    kept_texts: usize,
    pub(crate) store: Store,
    series: Series,
    /// Whether numbers of texts have changed since the last batch.
    pub(crate) is_restored: bool,
    counters: Counters,
}

#[derive(Debug)]
struct Counters {
    edges: Counter,
    expired: Counter,
    dropped: Counter,
}

/// What happened to requests in the batch at hand.
#[derive(Default)]
struct Counts {
    edges: u64,
    expired: u64,
    dropped: u64,
}

impl Connector for ServiceGraph {
    type Config = Settings;

    fn configure(
        mut settings: Settings,
        contract: &mut Contract,
    ) -> Result<(Self, MetricStream), ConfigError> {
        settings.check()?;
        contract.shard(Sharding::ByTrace);
        let connector = ServiceGraph {
            fields: Fields::new(&settings, contract),
            ttl: settings.store.ttl.0 as u64,
            expiration_loop: settings.store_expiration_loop.0 as u64,
            expired_at: None,
            texts: TextIds::default(),
            kept_texts: 0,
            store: Store::new(settings.store.max_items as usize),
            series: Series::new(&settings.dimensions, settings.virtual_node_extra_label),
            is_restored: false,
            counters: Counters {
                edges: contract.counter("connector_servicegraph_total_edges"),
                expired: contract.counter("connector_servicegraph_expired_edges"),
                dropped: contract.counter("connector_servicegraph_dropped_spans"),
            },
            peers: settings.virtual_node_peer_attributes.clone(),
            dimensions: settings.dimensions.clone(),
        };
        Ok((connector, settings.stream()))
    }

    fn process(&mut self, batch: &Batch<'_>, emission: &mut Emission) -> Result<(), PluginError> {
        let texts = self.texts.len();
        if texts > MOST_TEXTS.max(2 * self.kept_texts) || self.texts.bytes() > MOST_BYTES {
            self.forget_texts();
            self.series.restart(emission);
        } else if self.series.are_many() || self.is_restored {
            self.series.restart(emission);
        }
        self.is_restored = false;
        self.texts.start(batch);
        let mut counts = Counts::default();
        self.expire(batch.received_unix_nano, &mut counts, emission);
        self.pair(batch, &mut counts, emission);
        self.series.record(emission);
        let Counters {
            edges,
            expired,
            dropped,
        } = self.counters;
        for (counter, count) in [
            (edges, counts.edges),
            (expired, counts.expired),
            (dropped, counts.dropped),
        ] {
            if count > 0 {
                counter.add(count);
            }
        }
        Ok(())
    }
}

impl ServiceGraph {
    /// Keeps only the texts of requests that wait.
    fn forget_texts(&mut self) {
        let known = std::mem::take(&mut self.texts);
        for edge in self.store.each_mut() {
            for id in edge.texts_mut().filter(|id| **id != 0) {
                *id = self.texts.intern(known.text(*id));
            }
        }
        self.kept_texts = self.texts.len();
    }

    /// Takes out what has waited long enough.
    fn expire(&mut self, now: u64, counts: &mut Counts, emission: &mut Emission) {
        let last = *self.expired_at.get_or_insert(now);
        if now.abs_diff(last) < self.expiration_loop {
            return;
        }
        self.expired_at = Some(now);
        while let Some(mut edge) = self.store.take_expired(now) {
            counts.expired += 1;
            if self.peers.is_empty() {
                continue;
            }
            edge.connection = Connection::VirtualNode;
            if edge.client == 0 && edge.key.client_span == 0 {
                edge.client = self.texts.intern(b"user");
                edge.virtual_node = VirtualNode::Client;
                self.series.count(&edge, &self.texts, emission);
            }
            if edge.server == 0 {
                edge.server = match edge.peer {
                    Some((_, peer)) => peer,
                    None => self.texts.intern(b"unknown"),
                };
                edge.virtual_node = VirtualNode::Server;
                self.series.count(&edge, &self.texts, emission);
            }
        }
    }

    fn pair(&mut self, batch: &Batch<'_>, counts: &mut Counts, emission: &mut Emission) {
        let columns = self.fields.columns(batch);
        let services = columns.services(&mut self.texts);
        let expires = batch.received_unix_nano.saturating_add(self.ttl);
        for (span, &kind) in columns.kinds.iter().enumerate() {
            let (side, connection) = match kind {
                CLIENT => (Side::Client, Connection::Unknown),
                PRODUCER => (Side::Client, Connection::MessagingSystem),
                SERVER => (Side::Server, Connection::Unknown),
                CONSUMER => (Side::Server, Connection::MessagingSystem),
                _ => continue,
            };
            let Some(resource) = columns.resource(span) else {
                continue;
            };
            let Some(service) = services.get(resource).copied().flatten() else {
                continue;
            };
            let key = Key {
                trace: columns.trace_id(span),
                client_span: match side {
                    Side::Client => columns.span_id(span),
                    Side::Server => columns.parent_span_id(span),
                },
            };
            let place = self.store.find(key);
            let mut new = Edge::new(key, expires);
            let edge = match place {
                Some(place) => self.store.edge_mut(place),
                None => &mut new,
            };
            edge.connection = connection;
            let span = Span {
                columns: &columns,
                span,
                resource,
                service,
            };
            span.add(side, edge, &mut self.texts, self.dimensions.len());
            let is_complete = edge.is_complete();
            counts.edges += u64::from(place.is_none());
            match place {
                Some(place) if is_complete => {
                    let edge = self.store.remove(place);
                    self.series.count(&edge, &self.texts, emission);
                }
                Some(_) => {}
                None if is_complete => self.series.count(&new, &self.texts, emission),
                None if self.store.is_full() || self.texts.bytes() > FULL_BYTES => {
                    counts.edges -= 1;
                    counts.dropped += 1;
                }
                None => self.store.insert(new),
            }
        }
    }
}

/// A span at either side of a request.
struct Span<'a> {
    columns: &'a Columns<'a>,
    span: usize,
    resource: usize,
    service: u32,
}

impl Span<'_> {
    /// Adds what the span says of its request.
    fn add(&self, side: Side, edge: &mut Edge, texts: &mut TextIds, dimensions: usize) {
        let &Span {
            columns,
            span,
            resource,
            service,
        } = self;
        let duration = columns.duration(span);
        edge.has_failed |= columns.has_failed(span);
        columns.dimensions(texts, resource, span, |dimension, value| {
            edge.set_dimension(side, dimension, dimensions, value);
        });
        match side {
            Side::Server => {
                edge.server = service;
                edge.server_ns = duration;
            }
            Side::Client => {
                edge.client = service;
                edge.client_ns = duration;
                if let Some((attribute, value)) = columns.peer(texts, span) {
                    edge.set_peer(attribute, value);
                }
                // A database sends no spans of its own.
                if let Some(database) = columns.database(texts, resource, span) {
                    edge.connection = Connection::Database;
                    edge.server = database;
                    edge.server_ns = duration;
                }
            }
        }
    }
}
