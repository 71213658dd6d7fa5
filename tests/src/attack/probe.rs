//! A well-behaved sender: a request every 20 ms, each on a connection of its own, as a fresh client's would be.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message as _;
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::client::{try_post, try_post_over_tls};
use crate::{request, span, within};

const PAUSE: Duration = Duration::from_millis(20);
/// A client gives up after so long.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Default)]
pub(super) struct Probed {
    pub sent: usize,
    /// Of those that were served.
    pub latencies: Vec<Duration>,
}

impl Probed {
    pub fn p99(&self) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * 99).div_ceil(100).saturating_sub(1);
        sorted.get(at).copied().unwrap_or_default()
    }
}

pub(super) struct Probe {
    probed: Arc<Mutex<Probed>>,
    served: watch::Receiver<usize>,
    task: AbortHandle,
}

impl Probe {
    pub fn start(address: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Self {
        let probed = Arc::new(Mutex::new(Probed::default()));
        let (count, served) = watch::channel(0);
        let to = Arc::clone(&probed);
        let task = tokio::spawn(async move {
            let body: Bytes = request("probe", vec![span(1, "probe", vec![])])
                .encode_to_vec()
                .into();
            let mut pace = tokio::time::interval(PAUSE);
            pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                pace.tick().await;
                let began = Instant::now();
                let sent = async {
                    let (kind, body) = ("application/x-protobuf", body.clone());
                    match &tls {
                        None => try_post(address, kind, body).await,
                        Some(tls) => try_post_over_tls(address, tls.clone(), kind, body).await,
                    }
                };
                let status = tokio::time::timeout(PATIENCE, sent).await;
                // Counted at its end both ways, whenever counting begins anew.
                let mut probed = to.lock().unwrap();
                probed.sent += 1;
                if let Ok(Ok(status)) = status
                    && status.is_success()
                {
                    probed.latencies.push(began.elapsed());
                    drop(probed);
                    count.send_modify(|count| *count += 1);
                }
            }
        });
        Probe {
            probed,
            served,
            task: task.abort_handle(),
        }
    }

    /// How many requests were served.
    pub fn served(&self) -> usize {
        *self.served.borrow()
    }

    /// Waits until so many requests were served.
    pub async fn has_served(&self, requests: usize) {
        let mut served = self.served.clone();
        within("a good request to be served", async {
            served.wait_for(|served| *served >= requests).await.unwrap();
        })
        .await;
    }

    /// Begins to count anew, and returns what was counted.
    pub fn forget(&self) -> Probed {
        std::mem::take(&mut self.probed.lock().unwrap())
    }

    /// Ends it. The request under way counts neither way.
    pub async fn end(self) -> Probed {
        self.task.abort();
        self.probed.lock().unwrap().clone()
    }
}
