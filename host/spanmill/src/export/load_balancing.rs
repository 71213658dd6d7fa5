//! The `load_balancing` exporter: sends everything of one trace, service or other key to the same of several endpoints, so
//! that what stands behind it sees whole traces.
//!
//! [`balancer`] cuts each batch by the [`router`]'s ring and hands each part to the exporter of a [`member`], which has a queue
//! and retries of its own. The [`resolver`] finds the members. What a member that leaves still holds goes to the others.

mod balancer;
mod columns;
mod config;
mod kubernetes;
mod member;
mod members;
mod parts;
mod resolver;
mod ring;
mod router;
mod routing_key;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use spanmill_manifest::{ComponentId, Diagnostics};
use spanmill_model::{PerSignal, Signal};
use spanmill_net::tls::check_client;

use super::build::{BuildError, StartContext, tls_client};
use super::component::{ExporterComponent, ExporterConfig, Missing, Starting};
use super::counters::Tally;
use super::exporter::{Behaviour, Exporter};
use crate::component::{ALL_SIGNALS, Alias, Component};
use balancer::Balancer;
use config::LoadBalancingConfig;
pub use parts::Parts;
use router::Router;
use routing_key::{KeyReader, RoutingKey};

pub(crate) static COMPONENT: ExporterComponent = Component {
    name: "load_balancing",
    aliases: &[Alias::new("loadbalancing")],
    signals: ALL_SIGNALS,
    read: |section, out| Arc::new(config::read(section, out)),
};

impl LoadBalancingConfig {
    fn key_of(&self, signal: Signal) -> RoutingKey {
        let key = self.routing_key.clone();
        key.unwrap_or_else(|| RoutingKey::usual(signal))
    }
}

impl ExporterConfig for LoadBalancingConfig {
    fn partition_by(&self) -> &[String] {
        let own = self.queue.as_ref().and_then(|queue| queue.batch.as_ref());
        match own {
            Some(batch) => &batch.partition_by,
            None => self.member.partition_by(),
        }
    }

    fn missing_for(&self, signal: Signal) -> Option<Missing> {
        let key = self.key_of(signal);
        (!key.is_of(signal)).then(|| Missing {
            message: format!("cannot route {signal} by `routing_key: {}`", key.name()),
            help: match signal {
                Signal::Traces => "use traceID, service or attributes",
                Signal::Logs => "use traceID, service, resource or attributes",
                Signal::Metrics => "use service, resource, metric, streamID or attributes",
            }
            .to_owned(),
        })
    }

    fn check(&self, id: &ComponentId, out: &mut Diagnostics) {
        if !self.member.tls.insecure {
            check_client(&format!("exporter {id}"), &self.member.tls, out);
        }
    }

    fn start<'a>(&'a self, id: &'a ComponentId, context: StartContext<'a>) -> Starting<'a> {
        Box::pin(async move {
            if !self.member.tls.insecure {
                // What is wrong with it is told now, not when an endpoint is found.
                tls_client(id, &self.member.tls, &[])?;
            }
            let mut keys: PerSignal<Option<KeyReader>> = PerSignal::default();
            for signal in Signal::ALL {
                let key = self.key_of(signal);
                if key.is_of(signal) {
                    let reader = KeyReader::new(signal, key);
                    let reader = reader.map_err(|cause| BuildError::Endpoint {
                        exporter: id.clone(),
                        cause: cause.to_string(),
                    })?;
                    *keys.get_mut(signal) = Some(reader);
                }
            }
            let tally = Tally::default();
            let is_awaited = self
                .queue
                .as_ref()
                .is_none_or(|queue| queue.wait_for_result);
            let balancer = Arc::new(Balancer::new(
                id.clone(),
                Arc::new(Router::new(keys)),
                self.member.clone(),
                context.shared.clone(),
                tally.clone(),
                is_awaited,
                self.retry.enabled,
            ));
            resolver::start(id, &self.resolver, &balancer).await;
            let behaviour = Behaviour {
                queue: self.queue.clone(),
                retry: self.retry.clone(),
                timeout: self.timeout,
                endpoint: String::new(),
                tally,
            };
            let export = Box::new(balancer);
            Ok(Exporter::new(id.clone(), export, behaviour, context.shared))
        })
    }
}
