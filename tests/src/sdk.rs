//! Senders that are the OpenTelemetry SDKs themselves, and a client of the admin API; `make clients` installs them.

mod app;

use std::net::SocketAddr;
use std::path::Path;

pub use app::App;

use crate::command::{Output, output, prepared};

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");

/// Sends traces with the SDK for Python, over gRPC.
pub async fn python(address: SocketAddr, traces: usize) {
    let clients = Path::new(CLIENTS);
    let mut command = prepared(clients.join(".python/bin/python"));
    command
        .arg(clients.join("python/send.py"))
        .arg(format!("http://{address}"));
    command.arg(traces.to_string());
    let sent = output(command).await;
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
}

/// Sends traces with the SDK for Python, over gRPC or HTTP, to an `https` endpoint; the environment names certificates as the
/// SDKs have it. Returns how it ended.
pub async fn python_over_tls(
    endpoint: &str,
    protocol: &str,
    traces: usize,
    environment: &[(&str, &str)],
) -> Output {
    let clients = Path::new(CLIENTS);
    let mut command = prepared(clients.join(".python/bin/python"));
    command
        .arg(clients.join("python/send.py"))
        .args([endpoint, &traces.to_string(), protocol])
        // They would go before what the SDK is told.
        .env_remove("REQUESTS_CA_BUNDLE")
        .env_remove("CURL_CA_BUNDLE")
        .envs(environment.iter().copied());
    output(command).await
}

/// Runs `admin_api.py`, which must find nothing wrong.
///
/// # Panics
///
/// If it finds something.
pub async fn admin_api(arguments: &[&str]) {
    let clients = Path::new(CLIENTS);
    let mut command = prepared(clients.join(".python/bin/python"));
    command
        .arg(clients.join("python/admin_api.py"))
        .args(arguments);
    let address = arguments
        .first()
        .and_then(|base| base.strip_prefix("http://"));
    if let Some(address) = address {
        let token = crate::admin_token(address.parse().unwrap());
        command.env("SPANMILL_ADMIN_TOKEN", token);
    }
    let checked = output(command).await;
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}

/// Sends traces with the SDK for Node, over HTTP; `format` is `proto` or `json`.
pub async fn node(address: SocketAddr, format: &str, traces: usize) {
    let clients = Path::new(CLIENTS);
    let mut command = prepared("node");
    command
        .arg(clients.join("node/send.mjs"))
        .arg(format!("http://{address}/v1/traces"));
    command.arg(format).arg(traces.to_string());
    let sent = output(command).await;
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
}
