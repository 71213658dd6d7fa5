//! A real Prometheus and a real VictoriaMetrics.

mod victoria_metrics;

pub use victoria_metrics::VictoriaMetrics;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;
use tokio::time::{Duration, interval};

use crate::client::get;
use crate::program::Program;
use crate::within;

/// A Prometheus that scrapes an address many times a second.
pub struct Prometheus {
    _program: Program,
    address: SocketAddr,
}

/// What is scraped, and the lines of the settings that say how.
struct Target {
    address: SocketAddr,
    settings: String,
}

impl Target {
    fn plain(address: SocketAddr) -> Self {
        Target {
            address,
            settings: String::new(),
        }
    }
}

/// A series and its last value.
pub type Series = (BTreeMap<String, String>, f64);

impl Prometheus {
    /// Starts one that scrapes an address, in text.
    pub async fn scraping(target: SocketAddr) -> Self {
        Self::start(Some(Target::plain(target)), &[]).await
    }

    /// Starts one that scrapes an address, and asks for native histograms.
    pub async fn scraping_native(target: SocketAddr) -> Self {
        Self::start(Some(Target::plain(target)), &["native-histograms"]).await
    }

    /// Starts one that scrapes an address over TLS, and trusts the certificates in a file.
    pub async fn scraping_https(target: SocketAddr, ca_file: &Path) -> Self {
        let target = Target {
            address: target,
            settings: format!(
                "    scheme: https\n    tls_config: {{ca_file: '{}'}}\n",
                ca_file.display()
            ),
        };
        Self::start(Some(target), &[]).await
    }

    /// Starts one that takes remote writes.
    pub async fn receiving() -> Self {
        Self::start(None, &["native-histograms", "remote-write-receiver"]).await
    }

    async fn start(target: Option<Target>, features: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n".to_owned();
        if let Some(Target {
            address,
            settings: more,
        }) = target
        {
            settings.push_str(&format!(
                "scrape_configs:\n  - job_name: spanmill\n    honor_labels: true\n    static_configs: [{{targets: ['{address}']}}]\n{more}"
            ));
        }
        std::fs::write(folder.path().join("prometheus.yml"), settings).unwrap();
        let features = [&["exemplar-storage"], features].concat().join(",");
        let features = format!("--enable-feature={features}");
        let arguments = [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--web.listen-address=127.0.0.1:0",
            &features,
        ];
        let program = Program::start(folder, "prometheus", "prometheus", &arguments);
        let line = program
            .logged(&["Listening on", "address=127.0.0.1:"])
            .await;
        let (_, address) = line.split_once("address=").unwrap();
        let address = address.split_whitespace().next().unwrap().parse().unwrap();
        program.logged(&["Server is ready"]).await;
        Prometheus {
            _program: program,
            address,
        }
    }

    /// Where it takes remote writes.
    pub fn write_url(&self) -> String {
        format!("http://{}/api/v1/write", self.address)
    }

    /// What its API answers.
    async fn api(&self, path: &str) -> Value {
        let reply = get(self.address, path, false).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        let mut answer: Value = serde_json::from_slice(&reply.body).unwrap();
        answer["data"].take()
    }

    /// Waits until it has scraped its target, and returns why that failed; empty if it went well.
    pub async fn scraped(&self) -> String {
        within("a scrape", async {
            let mut looks = interval(Duration::from_millis(50));
            loop {
                looks.tick().await;
                let targets = self.api("/api/v1/targets?state=active").await;
                let target = &targets["activeTargets"][0];
                if target["health"] != "unknown" && target["health"].is_string() {
                    return target["lastError"].as_str().unwrap().to_owned();
                }
            }
        })
        .await
    }

    /// The series that an expression selects.
    pub async fn query(&self, expression: &str) -> Vec<Series> {
        let path = format!("/api/v1/query?query={}", escaped(expression));
        let data = self.api(&path).await;
        let series = data["result"].as_array().unwrap().iter().map(|one| {
            let labels = serde_json::from_value(one["metric"].clone()).unwrap();
            let value = one["value"][1].as_str().unwrap().parse().unwrap();
            (labels, value)
        });
        series.collect()
    }

    /// Waits until the series that an expression selects are as they are wanted.
    pub async fn query_until(
        &self,
        expression: &str,
        wanted: impl Fn(&[Series]) -> bool,
    ) -> Vec<Series> {
        within(expression, async {
            let mut looks = interval(Duration::from_millis(50));
            loop {
                looks.tick().await;
                let series = self.query(expression).await;
                if wanted(&series) {
                    return series;
                }
            }
        })
        .await
    }

    /// What it knows of metrics, by their names.
    pub async fn metadata(&self) -> Value {
        self.api("/api/v1/metadata").await
    }

    /// All samples of the series that an expression selects: milliseconds and values.
    pub async fn samples(&self, expression: &str) -> Vec<(f64, f64)> {
        let path = format!(
            "/api/v1/query?query={}",
            escaped(&format!("{expression}[1h]"))
        );
        let data = self.api(&path).await;
        let series = data["result"].as_array().unwrap().iter();
        let values = series.flat_map(|one| one["values"].as_array().unwrap());
        let sample = |pair: &Value| {
            let value: f64 = pair[1].as_str().unwrap().parse().unwrap();
            (pair[0].as_f64().unwrap() * 1e3, value)
        };
        values.map(sample).collect()
    }

    /// The labels of the exemplars of the series that an expression selects.
    pub async fn exemplars(&self, expression: &str) -> Vec<Value> {
        let path = format!(
            "/api/v1/query_exemplars?start=1&end=99999999999&query={}",
            escaped(expression)
        );
        let data = self.api(&path).await;
        let series = data.as_array().unwrap().iter();
        let exemplars = series.flat_map(|one| one["exemplars"].as_array().unwrap());
        exemplars.map(|one| one["labels"].clone()).collect()
    }
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
