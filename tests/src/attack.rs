//! Attacks on a running spanmill, with a well-behaved sender beside them: how much memory they cost, how many of its
//! requests are served meanwhile and how fast, and whether the memory is given back.
//!
//! `tests/attacks.rs` runs them short and holds them to their bounds; `make attacks` runs them long and prints the table.

mod attacks;
mod memory;
mod probe;

use std::fmt;
use std::time::Duration;

use crate::tls::Authority;
use crate::{Backend, Spanmill};
use probe::Probe;

pub use attacks::{
    empty_items_in_json, empty_items_in_protobuf, half_open_handshakes, idle_connections,
    many_spans, poison_behind_a_batch, poison_in_a_plugin, slow_plugin_next_door,
    unfinished_messages, unread_output,
};

/// What requests under way may hold while under attack, in MiB: the limit that is announced.
pub const IN_FLIGHT_MIB: u64 = 64;
/// Requests of the well-behaved sender before the attack: two seconds of them.
const REST_PROBES: usize = 100;
/// How long memory may take to be given back.
const RECOVERY: Duration = Duration::from_secs(10);

/// How an attack went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was done.
    pub attack: &'static str,
    /// Resident memory before it, in MiB.
    pub rest_mib: u64,
    /// The most resident memory while it lasted, in MiB.
    pub peak_mib: u64,
    /// Resident memory after it, in MiB, once it was near that before, or after ten seconds.
    pub after_mib: u64,
    /// Requests of the well-behaved sender.
    pub probes: usize,
    /// How many of them were served.
    pub served: usize,
    /// Before it, of 100 that were served 99 took no longer.
    pub rest_p99: Duration,
    /// The same while it lasted.
    pub p99: Duration,
}

impl Outcome {
    /// Whether memory was given back: what is left beyond rest is less than half of what was added, or 48 MiB.
    pub fn has_recovered(&self) -> bool {
        let added = self.peak_mib.saturating_sub(self.rest_mib);
        self.after_mib <= self.rest_mib + (added / 2).max(48)
    }
}

impl fmt::Display for Outcome {
    /// A row of the table in README.md.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} | {} | {} | {} of {} | {:.1} ms | {:.1} ms | {} |",
            self.attack,
            self.rest_mib,
            self.peak_mib,
            self.served,
            self.probes,
            self.rest_p99.as_secs_f64() * 1000.0,
            self.p99.as_secs_f64() * 1000.0,
            match self.has_recovered() {
                true => format!("yes, {} MiB", self.after_mib),
                false => format!("no, {} MiB", self.after_mib),
            }
        )
    }
}

/// A spanmill under attack.
pub struct Arena {
    pub(crate) spanmill: Spanmill,
    pub(crate) backend: Backend,
    probe: Probe,
    rest_mib: u64,
    rest_p99: Duration,
    attack: &'static str,
}

impl Arena {
    /// Starts it with processors and plugins; the sender's own receiver and pipeline have the same ones.
    pub(crate) async fn start(attack: &'static str, sections: &str, processors: &str) -> Self {
        Self::start_with(attack, sections, processors, &[]).await
    }

    pub(crate) async fn start_with(
        attack: &'static str,
        sections: &str,
        processors: &str,
        launcher: &[&str],
    ) -> Self {
        let backend = Backend::start().await;
        let manifest = format!(
            r#"
limits: {{in_flight_mib: {IN_FLIGHT_MIB}}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0", max_recv_msg_size_mib: 1024}}, http: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}}}
{sections}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [otlp]}}
"#,
            backend.address()
        );
        Self::start_manifest(attack, backend, &manifest, "receiver otlp http", launcher).await
    }

    /// Starts it with a manifest; the well-behaved sender sends to `receiver`.
    pub(crate) async fn start_manifest(
        attack: &'static str,
        backend: Backend,
        manifest: &str,
        receiver: &str,
        launcher: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spanmill = Spanmill::launch(folder, manifest, launcher).await;
        let probe = Probe::start(spanmill.address(receiver), None);
        Self::started(attack, backend, spanmill, probe).await
    }

    /// Starts one that receives over TLS; so does the well-behaved sender send.
    pub(crate) async fn start_tls(attack: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("authority");
        authority.write(folder.path(), "server");
        let backend = Backend::start().await;
        let tls = "{cert_file: server.pem, key_file: server-key.pem}";
        let manifest = format!(
            r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0", tls: {tls}}}, http: {{endpoint: "127.0.0.1:0", tls: {tls}}}}}}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp]}}
"#,
            backend.address()
        );
        let spanmill = Spanmill::launch(folder, &manifest, &[]).await;
        let address = spanmill.address("receiver otlp http");
        let probe = Probe::start(address, Some(authority.client()));
        Self::started(attack, backend, spanmill, probe).await
    }

    async fn started(
        attack: &'static str,
        backend: Backend,
        spanmill: Spanmill,
        probe: Probe,
    ) -> Self {
        probe.has_served(REST_PROBES).await;
        let rest_mib = memory::resident_mib(spanmill.process());
        memory::forget_peak(spanmill.process());
        let rest_p99 = probe.forget().p99();
        Arena {
            spanmill,
            backend,
            probe,
            rest_mib,
            rest_p99,
            attack,
        }
    }

    /// Waits until the well-behaved sender had so many more requests served.
    pub(crate) async fn serves(&self, requests: usize) {
        self.probe.has_served(self.probe.served() + requests).await;
    }

    /// Ends the attack, and says how it went.
    pub(crate) async fn outcome(self) -> (Outcome, Spanmill, Backend) {
        let probed = self.probe.end().await;
        let pid = self.spanmill.process();
        let peak_mib = memory::peak_mib(pid);
        let mut outcome = Outcome {
            attack: self.attack,
            rest_mib: self.rest_mib,
            peak_mib,
            after_mib: peak_mib,
            probes: probed.sent,
            served: probed.latencies.len(),
            rest_p99: self.rest_p99,
            p99: probed.p99(),
        };
        let began = std::time::Instant::now();
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        loop {
            looks.tick().await;
            outcome.after_mib = memory::resident_mib(pid);
            if outcome.has_recovered() || began.elapsed() > RECOVERY {
                break;
            }
        }
        (outcome, self.spanmill, self.backend)
    }
}
