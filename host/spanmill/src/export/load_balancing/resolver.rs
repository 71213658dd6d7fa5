//! Finds the members, and follows their coming and going.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::timeout;
use tracing::{info, warn};

use super::balancer::Balancer;
use super::config::{DnsConfig, ResolverConfig};
use super::kubernetes;
use crate::episode::{Episode, Log};
use spanmill_manifest::ComponentId;

/// Finds the members for the first time, and starts what follows them.
pub(super) async fn start(id: &ComponentId, config: &ResolverConfig, balancer: &Arc<Balancer>) {
    match config {
        ResolverConfig::Static(hostnames) => balancer.update(hostnames.clone()),
        ResolverConfig::Dns(dns) => {
            let resolver = DnsResolver {
                id: id.clone(),
                config: dns.clone(),
                failing: Episode::default(),
            };
            resolver.resolve(balancer).await;
            balancer
                .tasks()
                .spawn(resolver.follow(Arc::clone(balancer)));
        }
        ResolverConfig::Kubernetes(config) => kubernetes::start(id, config, balancer).await,
    }
}

/// Asks the system's resolver again and again.
struct DnsResolver {
    id: ComponentId,
    config: DnsConfig,
    failing: Episode,
}

impl DnsResolver {
    /// Asks once. An answer that does not come, or is empty, changes nothing.
    async fn resolve(&self, balancer: &Balancer) {
        let hostname = &self.config.hostname;
        let port = self.config.port.unwrap_or(0);
        let asked = tokio::net::lookup_host((hostname.as_str(), port));
        let why = match timeout(self.config.timeout, asked).await {
            Ok(Ok(addresses)) => {
                let addresses: BTreeSet<IpAddr> = addresses
                    .map(|address| address.ip().to_canonical())
                    .collect();
                if !addresses.is_empty() {
                    if let Some(tally) = self.failing.end() {
                        info!(exporter = %self.id, hostname, "the name is resolved again, after {:.0?}", tally.lasted);
                    }
                    balancer.update(names(&addresses, self.config.port));
                    return;
                }
                "it has no address".to_owned()
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {:?}", self.config.timeout),
        };
        match self.failing.meet(1) {
            Log::Begin => warn!(exporter = %self.id, hostname,
                "cannot resolve the name: {why}; the endpoints stay as they are"),
            Log::StillOn(tally) => warn!(exporter = %self.id, hostname,
                "cannot resolve the name for {:.0?}: {why}; the endpoints stay as they are", tally.lasted),
            Log::Nothing => {}
        }
    }

    async fn follow(self, balancer: Arc<Balancer>) {
        while balancer.is_on_after(self.config.interval).await {
            self.resolve(&balancer).await;
        }
    }
}

/// What the ring knows addresses by: as the Collector writes them.
fn names(addresses: &BTreeSet<IpAddr>, port: Option<u16>) -> Vec<String> {
    addresses
        .iter()
        .map(|address| {
            let host = match address {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            };
            match port {
                Some(port) => format!("{host}:{port}"),
                None => host,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_named_as_the_collector_names_them() {
        let addresses = ["10.0.0.2", "::1", "::ffff:10.0.0.1"];
        let addresses = addresses.iter().map(|it| it.parse::<IpAddr>().unwrap());
        let addresses: BTreeSet<IpAddr> = addresses.map(|it| it.to_canonical()).collect();
        assert_eq!(
            names(&addresses, Some(4317)),
            ["10.0.0.1:4317", "10.0.0.2:4317", "[::1]:4317"]
        );
        assert_eq!(names(&addresses, None), ["10.0.0.1", "10.0.0.2", "[::1]"]);
    }
}
