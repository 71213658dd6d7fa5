//! The three probes of a Kubernetes container, as docs/telemetry.md sets them, through the life of a service: it starts, its backend
//! hangs, it drains. The test asks as a kubelet does: a probe that is not answered with success in time has failed.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use spanmill_tests::{Backend, GrpcSender, Spanmill, request, span, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Code;

const DOCUMENT: &str = include_str!("../../docs/telemetry.md");

/// A probe's settings.
#[derive(Clone)]
struct Probe {
    path: String,
    timeout: Duration,
    failures: u32,
}

impl Probe {
    /// The one of this name in the documentation.
    fn documented(name: &str) -> Self {
        let mut lines = DOCUMENT.lines();
        let line = lines.find(|line| line.starts_with(&format!("{name}:")));
        let line = line.unwrap_or_else(|| panic!("docs/telemetry.md shows no {name}"));
        let value = |key: &str| {
            let (_, rest) = line.split_once(&format!("{key}: ")).unwrap();
            rest.split([',', '}']).next().unwrap().trim()
        };
        Probe {
            path: value("path").to_owned(),
            timeout: Duration::from_secs(value("timeoutSeconds").parse().unwrap()),
            failures: value("failureThreshold").parse().unwrap(),
        }
    }

    /// Asks once, over a connection of its own. A status from 200 to 399 is success.
    async fn succeeds(&self, address: SocketAddr) -> bool {
        let asked = async {
            let mut stream = TcpStream::connect(address).await.ok()?;
            let Probe { path, .. } = self;
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: kube-probe/1.33\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await.ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.ok()?;
            let status: u16 = answer.split(' ').nth(1)?.parse().ok()?;
            Some((200..400).contains(&status))
        };
        timeout(self.timeout, asked).await.ok().flatten() == Some(true)
    }

    /// Asks until as many probes in a row have failed as mean something, or so many have been asked; `true` for the latter.
    async fn holds(&self, address: SocketAddr, probes: u32) -> bool {
        let mut failed = 0;
        for _ in 0..probes {
            failed = match self.succeeds(address).await {
                true => 0,
                false => failed + 1,
            };
            if failed == self.failures {
                return false;
            }
        }
        true
    }
}

/// A port that nothing listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn manifest(backend: &Backend, otlp: u16, health: u16) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{otlp}"}}}}}}
processors:
  filter: {{traces: {{span: ['attributes["url.path"] == "/healthz"']}}}}
  transform: {{trace_statements: ['set(span.attributes["environment"], "production")']}}
exporters:
  otlp:
    endpoint: "{}"
    tls: {{insecure: true}}
    sending_queue: {{queue_size: 4, num_consumers: 1}}
extensions:
  health_check: {{endpoint: "127.0.0.1:{health}"}}
service:
  extensions: [health_check]
  pipelines:
    traces: {{receivers: [otlp], processors: [filter, transform], exporters: [otlp]}}
"#,
        backend.address()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_starts_waits_for_its_backend_and_drains() {
    let [startup, readiness, liveness] =
        ["startupProbe", "readinessProbe", "livenessProbe"].map(Probe::documented);
    let backend = Backend::start().await;
    let (otlp, health) = (free_port(), free_port());
    let otlp_address = SocketAddr::from(([127, 0, 0, 1], otlp));
    let health_address = SocketAddr::from(([127, 0, 0, 1], health));

    // The start, with nothing compiled yet: whoever is told that it has started can send at once.
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("nothing-compiled");
    let cache = [("SPANMILL_CACHE", cache.to_str().unwrap())];
    let text = manifest(&backend, otlp, health);
    let starting = Spanmill::start_with(folder, Some(&text), &[], &cache);
    let started = within("the startup probe", async {
        let mut failed = 0;
        while !startup.succeeds(health_address).await {
            failed += 1;
        }
        let sender = GrpcSender::connect(otlp_address).await;
        let spans = request("shop", vec![span(1, "one", vec![])]);
        sender.send(&spans).await.unwrap();
        (failed, sender)
    });
    let (spanmill, (failed, sender)) = tokio::join!(starting, started);
    assert!(failed > 0, "it was ready before it was started");
    backend.spans(1).await;
    assert!(readiness.holds(health_address, 10).await);

    // The backend hangs, until its queue is full and senders are refused.
    backend.open(false);
    let mut taken: u64 = 0;
    let refused = loop {
        let spans = request("shop", vec![span(taken + 2, "one", vec![])]);
        match sender.send(&spans).await {
            Ok(()) => taken += 1,
            Err(status) => break status,
        }
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(liveness.holds(health_address, 50).await);
    assert!(readiness.holds(health_address, 50).await);

    // The pod is to end: it is not ready, and what it took is sent.
    spanmill.terminate();
    within("a readiness probe that fails", async {
        while readiness.holds(health_address, 1).await {}
    })
    .await;
    assert!(!readiness.holds(health_address, 10).await);
    backend.open(true);
    let ended = spanmill.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    let all = 1 + usize::try_from(taken).unwrap();
    assert_eq!(backend.spans(all).await.len(), all);
    assert!(!liveness.succeeds(health_address).await);
}
