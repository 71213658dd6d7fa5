//! Apps that know nothing of telemetry, instrumented from outside as the SDKs' guides say.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use super::CLIENTS;
use crate::client::{HttpReply, get};
use crate::collector::follow;
use crate::command::prepared;
use crate::within;

/// A web shop that sends traces, logs and metrics; killed when dropped.
pub struct App {
    child: Child,
    address: SocketAddr,
    log: watch::Receiver<Vec<String>>,
}

impl Drop for App {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl App {
    /// A Flask app under `opentelemetry-instrument`. It sends by `grpc` or `http/protobuf`.
    pub async fn flask(service: &str, protocol: &str, receiver: SocketAddr) -> Self {
        let clients = Path::new(CLIENTS);
        let bin = clients.join(".python/bin");
        let mut command = prepared(bin.join("opentelemetry-instrument"));
        command
            .arg(bin.join("python"))
            .arg(clients.join("python/app.py"))
            .env("OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED", "true");
        Self::start(command, service, protocol, receiver).await
    }

    /// A server of Node's with `auto-instrumentations-node/register`. It sends by `grpc`, `http/protobuf` or `http/json`.
    pub async fn node(service: &str, protocol: &str, receiver: SocketAddr) -> Self {
        let mut command = prepared("node");
        command
            .args([
                "--require",
                "@opentelemetry/auto-instrumentations-node/register",
                "app.cjs",
            ])
            .current_dir(Path::new(CLIENTS).join("node"))
            // The others ask clouds where they are.
            .env("OTEL_NODE_RESOURCE_DETECTORS", "env,host,os,process");
        Self::start(command, service, protocol, receiver).await
    }

    async fn start(
        mut command: Command,
        service: &str,
        protocol: &str,
        receiver: SocketAddr,
    ) -> Self {
        let mut child = command
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("OTEL_SERVICE_NAME", service)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{receiver}"))
            .env("OTEL_TRACES_EXPORTER", "otlp")
            .env("OTEL_LOGS_EXPORTER", "otlp")
            .env("OTEL_METRICS_EXPORTER", "otlp")
            .env("OTEL_BSP_SCHEDULE_DELAY", "200")
            .env("OTEL_BLRP_SCHEDULE_DELAY", "200")
            .env("OTEL_METRIC_EXPORT_INTERVAL", "500")
            .env("OTEL_METRIC_EXPORT_TIMEOUT", "500")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; see `make clients`"));
        let reading = Arc::new(AtomicBool::new(true));
        let log = follow(child.stderr.take().unwrap(), &reading);
        let mut said = follow(child.stdout.take().unwrap(), &reading);
        let port = within("the app's port", async {
            match said.wait_for(|said| !said.is_empty()).await {
                Ok(said) => said[0].parse::<u16>().unwrap(),
                Err(_) => panic!("the app ended:\n{}", log.borrow().join("\n")),
            }
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port.await));
        App {
            child,
            address,
            log,
        }
    }

    /// A request to the app.
    pub async fn get(&self, path: &str) -> HttpReply {
        get(self.address, path, false).await
    }

    /// Sends SIGTERM, and waits until the SDK has sent what it still has.
    ///
    /// # Panics
    ///
    /// If the app does not end well.
    pub async fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        // Both ends of the pipe are gone once the app is.
        within("the end of the app", async {
            while self.log.changed().await.is_ok() {}
        })
        .await;
        let status = self.child.wait().unwrap();
        let log = self.log.borrow().join("\n");
        assert!(status.success(), "{status}: {log}");
    }
}
