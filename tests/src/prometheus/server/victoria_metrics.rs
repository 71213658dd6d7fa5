//! A real VictoriaMetrics.

use std::net::{SocketAddr, TcpListener};

use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Duration, interval};

use super::escaped;
use crate::client::get;
use crate::program::Program;
use crate::within;

/// A VictoriaMetrics that takes remote writes.
pub struct VictoriaMetrics {
    _program: Program,
    address: SocketAddr,
}

impl VictoriaMetrics {
    /// Starts one.
    pub async fn receiving() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // It does not tell which port it got, so it is given one that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let listen = format!("-httpListenAddr={address}");
        let arguments = [&*listen, "-storageDataPath=data", "-search.disableCache"];
        let program = Program::start(folder, "victoria-metrics", "victoria-metrics", &arguments);
        program.logged(&["starting http server at"]).await;
        within("VictoriaMetrics", async {
            let mut looks = interval(Duration::from_millis(20));
            while TcpStream::connect(address).await.is_err() {
                looks.tick().await;
            }
        })
        .await;
        VictoriaMetrics {
            _program: program,
            address,
        }
    }

    /// Where it takes remote writes.
    pub fn write_url(&self) -> String {
        format!("http://{}/api/v1/write", self.address)
    }

    /// Every series that a selector selects, once there are as many: labels, values and their times.
    pub async fn series(&self, selector: &str, count: usize) -> Vec<Value> {
        let path = format!("/api/v1/export?match%5B%5D={}", escaped(selector));
        within(selector, async {
            let mut looks = interval(Duration::from_millis(50));
            loop {
                looks.tick().await;
                // What it took is found once it has been flushed.
                get(self.address, "/internal/force_flush", false).await;
                let reply = get(self.address, &path, false).await;
                assert_eq!(reply.status, 200, "{}", reply.text());
                let text = reply.text();
                let series: Vec<Value> = text
                    .lines()
                    .map(|line| serde_json::from_str(line).unwrap())
                    .collect();
                if series.len() >= count {
                    return series;
                }
            }
        })
        .await
    }
}
