//! The endpoints of a Kubernetes service: its EndpointSlices are listed, and then watched.
//!
//! As in the Collector, every address of a slice counts, whether its pod is ready or not. The pod's service account must be
//! allowed to `list` and `watch` `endpointslices` of `discovery.k8s.io` in the service's namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::balancer::Balancer;
use super::config::KubernetesConfig;
use crate::episode::{Episode, Log};
use spanmill_manifest::{Anchor, ComponentId};
use spanmill_net::Connector;
use spanmill_net::tls::settings::{ClientTls, Pem, PemSource};
use spanmill_net::tls::{H2, HTTP_1_1, TlsClient};

/// Where a pod finds its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The most bytes of a list, or of one event of a watch. A slice has at most 1,000 endpoints.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// How long one list may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause after a failure, which doubles up to the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The API server, and whom this process is to it.
#[derive(Clone, Debug)]
pub(super) struct ApiServer {
    pub host: String,
    pub port: String,
    /// Has `token`, `ca.crt` and `namespace`.
    pub account: PathBuf,
}

impl ApiServer {
    /// That of the cluster that this process runs in.
    fn of_environment() -> Option<Self> {
        Some(ApiServer {
            host: std::env::var("KUBERNETES_SERVICE_HOST").ok()?,
            port: std::env::var("KUBERNETES_SERVICE_PORT").ok()?,
            account: Path::new(SERVICE_ACCOUNT).to_owned(),
        })
    }
}

/// Lists the endpoints, and starts to watch them.
pub(super) async fn start(id: &ComponentId, config: &KubernetesConfig, balancer: &Arc<Balancer>) {
    let Some(server) = ApiServer::of_environment() else {
        warn!(exporter = %id, "resolver: k8s: this process does not run in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; there is no endpoint to send to");
        return;
    };
    follow(id, config, balancer, server).await;
}

/// As [`start`], with a given server.
pub(super) async fn follow(
    id: &ComponentId,
    config: &KubernetesConfig,
    balancer: &Arc<Balancer>,
    server: ApiServer,
) {
    let mut watcher = match Watcher::new(id, config, server) {
        Ok(watcher) => watcher,
        Err(why) => {
            warn!(exporter = %id, "resolver: k8s: {why}; there is no endpoint to send to");
            return;
        }
    };
    let version = watcher.list_told(balancer).await;
    let balancer = Arc::clone(balancer);
    let end = balancer.end.clone();
    balancer.tasks().spawn({
        let balancer = Arc::clone(&balancer);
        async move {
            tokio::select! {
                () = watcher.run(&balancer, version) => {}
                () = end.cancelled() => {}
            }
        }
    });
}

struct Watcher {
    id: ComponentId,
    config: KubernetesConfig,
    namespace: String,
    server: ApiServer,
    client: Client<Connector<TcpStream>, Empty<Bytes>>,
    /// The endpoints of each slice, by its name.
    slices: BTreeMap<String, BTreeSet<String>>,
    failing: Episode,
}

#[derive(Deserialize)]
struct SliceList {
    metadata: ListMetadata,
    #[serde(default)]
    items: Vec<Slice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    #[serde(default)]
    resource_version: String,
}

#[derive(Deserialize)]
struct Slice {
    metadata: SliceMetadata,
    #[serde(default)]
    endpoints: Option<Vec<Endpoint>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SliceMetadata {
    #[serde(default)]
    name: String,
    #[serde(default)]
    resource_version: String,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(default)]
    addresses: Vec<String>,
    hostname: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: serde_json::Value,
}

impl Watcher {
    fn new(id: &ComponentId, config: &KubernetesConfig, server: ApiServer) -> Result<Self, String> {
        let own = || std::fs::read_to_string(server.account.join("namespace"));
        let namespace = match &config.namespace {
            Some(namespace) => namespace.clone(),
            None => own().map_or_else(|_| "default".to_owned(), |text| text.trim().to_owned()),
        };
        let tls = ClientTls {
            ca: Some(Pem {
                source: PemSource::File(server.account.join("ca.crt")),
                anchor: Anchor::default(),
            }),
            ..ClientTls::default()
        };
        let owner = format!("exporter {id}: resolver: k8s");
        let tls =
            TlsClient::new(&owner, &tls, &[H2, HTTP_1_1]).map_err(|error| error.to_string())?;
        Ok(Watcher {
            id: id.clone(),
            config: config.clone(),
            namespace,
            server,
            client: Client::builder(TokioExecutor::new()).build(Connector::new(Some(tls))),
            slices: BTreeMap::new(),
            failing: Episode::default(),
        })
    }

    /// Lists and watches, again and again.
    async fn run(&mut self, balancer: &Balancer, mut version: Option<String>) {
        let mut pause = PAUSE;
        loop {
            if let Some(from) = version.take() {
                let started = Instant::now();
                match self.watch(balancer, from).await {
                    // The watch has had its time.
                    Ok(last) if started.elapsed() >= PAUSE => {
                        version = last;
                        pause = PAUSE;
                    }
                    // Not again and again at once.
                    Ok(_) => {}
                    Err(why) => self.failed(&why),
                }
            }
            if version.is_none() {
                if !balancer.is_on_after(pause).await {
                    return;
                }
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                version = self.list_told(balancer).await;
            }
        }
    }

    /// Lists, and logs what goes wrong; returns the version to watch from.
    async fn list_told(&mut self, balancer: &Balancer) -> Option<String> {
        match self.list(balancer).await {
            Ok(version) => {
                if let Some(tally) = self.failing.end() {
                    info!(exporter = %self.id, service = self.config.service,
                        "the endpoints of the service are known again, after {:.0?}", tally.lasted);
                }
                Some(version)
            }
            Err(why) => {
                self.failed(&why);
                None
            }
        }
    }

    fn failed(&self, why: &str) {
        let (service, namespace) = (&self.config.service, &self.namespace);
        match self.failing.meet(1) {
            Log::Begin => warn!(exporter = %self.id, service, namespace,
                "cannot find the endpoints of the service: {why}; they stay as they are"),
            Log::StillOn(tally) => warn!(exporter = %self.id, service, namespace,
                "cannot find the endpoints of the service for {:.0?}: {why}; they stay as they are", tally.lasted),
            Log::Nothing => {}
        }
    }

    async fn list(&mut self, balancer: &Balancer) -> Result<String, String> {
        let listed = async {
            let body = self.get("").await?;
            let body = Limited::new(body, MAX_ANSWER).collect().await;
            body.map_err(|error| error.to_string())
        };
        let body = timeout(LIST_TIMEOUT, listed).await;
        let body = body.map_err(|_| format!("no answer within {LIST_TIMEOUT:?}"))??;
        let list: SliceList = serde_json::from_slice(&body.to_bytes()).map_err(|error| {
            format!("the API server's answer is no list of EndpointSlices: {error}")
        })?;
        self.slices.clear();
        for slice in list.items {
            self.take(slice);
        }
        balancer.update(self.names());
        Ok(list.metadata.resource_version)
    }

    /// Watches from a version on; returns the last one seen, or `None` if the server wants a new list.
    async fn watch(&mut self, balancer: &Balancer, from: String) -> Result<Option<String>, String> {
        let seconds = self.config.timeout.as_secs().max(1);
        let query = format!(
            "&watch=1&allowWatchBookmarks=true&resourceVersion={from}&timeoutSeconds={seconds}"
        );
        let body = timeout(LIST_TIMEOUT, self.get(&query)).await;
        let mut body = body.map_err(|_| format!("no answer within {LIST_TIMEOUT:?}"))??;
        let mut version = from;
        let mut line = Vec::new();
        // The server ends the watch in time; a connection that is dead without a word is left a little later.
        let patience = self.config.timeout.saturating_add(LIST_TIMEOUT);
        loop {
            let frame = match timeout(patience, body.frame()).await {
                Err(_) => return Err("the watch has gone silent".to_owned()),
                Ok(None) => return Ok(Some(version)),
                Ok(Some(frame)) => frame.map_err(|error| error.to_string())?,
            };
            let Some(data) = frame.data_ref() else {
                continue;
            };
            let mut pieces = data.split(|byte| *byte == b'\n');
            line.extend_from_slice(pieces.next().unwrap_or_default());
            for piece in pieces {
                match self.event(&line, balancer)? {
                    Some(seen) => version = seen,
                    None => return Ok(None),
                }
                line.clear();
                line.extend_from_slice(piece);
            }
            if line.len() > MAX_ANSWER {
                return Err("an event of the watch is larger than 16 MiB".to_owned());
            }
        }
    }

    /// Takes an event; returns its version, or `None` if the server wants a new list.
    fn event(&mut self, line: &[u8], balancer: &Balancer) -> Result<Option<String>, String> {
        let event: Event = serde_json::from_slice(line)
            .map_err(|error| format!("an event of the watch cannot be read: {error}"))?;
        if event.kind == "ERROR" {
            return Ok(None);
        }
        let slice: Slice = serde_json::from_value(event.object)
            .map_err(|error| format!("an event of the watch has no EndpointSlice: {error}"))?;
        let version = slice.metadata.resource_version.clone();
        match event.kind.as_str() {
            "ADDED" | "MODIFIED" => self.take(slice),
            "DELETED" => drop(self.slices.remove(&slice.metadata.name)),
            _ => return Ok(Some(version)),
        }
        balancer.update(self.names());
        Ok(Some(version))
    }

    fn take(&mut self, slice: Slice) {
        let mut found = BTreeSet::new();
        for endpoint in slice.endpoints.unwrap_or_default() {
            match self.config.return_hostnames {
                // A pod that has no hostname yet comes with a later event.
                true => found.extend(endpoint.hostname.filter(|name| !name.is_empty())),
                false => found.extend(endpoint.addresses),
            }
        }
        self.slices.insert(slice.metadata.name, found);
    }

    /// What the ring knows the endpoints by: as the Collector writes them.
    fn names(&self) -> Vec<String> {
        let endpoints: BTreeSet<&String> = self.slices.values().flatten().collect();
        let mut names = Vec::new();
        for endpoint in endpoints {
            let host = match self.config.return_hostnames {
                true => format!("{endpoint}.{}.{}", self.config.service, self.namespace),
                false if endpoint.contains(':') => format!("[{endpoint}]"),
                false => endpoint.clone(),
            };
            match self.config.ports.is_empty() {
                true => names.push(host),
                false => names.extend(
                    self.config
                        .ports
                        .iter()
                        .map(|port| format!("{host}:{port}")),
                ),
            }
        }
        names
    }

    async fn get(&self, query: &str) -> Result<Incoming, String> {
        let host = match self.server.host.contains(':') {
            true => format!("[{}]", self.server.host),
            false => self.server.host.clone(),
        };
        let (port, namespace, service) = (&self.server.port, &self.namespace, &self.config.service);
        let uri = format!(
            "https://{host}:{port}/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D{service}{query}"
        );
        let uri: Uri = uri
            .parse()
            .map_err(|error| format!("no URL of the API server: {error}"))?;
        let token = self.server.account.join("token");
        // Read each time: it is renewed while the pod lives.
        let token = tokio::fs::read_to_string(&token)
            .await
            .map_err(|error| format!("cannot read {}: {error}", token.display()))?;
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.trim()))
            .map_err(|_| "the service account's token is no header's value".to_owned())?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        request
            .headers_mut()
            .insert(ACCEPT, HeaderValue::from_static("application/json"));
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| {
            format!(
                "cannot reach the API server: {}",
                crate::export::otlp_grpc::chain(&error)
            )
        })?;
        match answer.status() {
            status if status.is_success() => Ok(answer.into_body()),
            status if status == 403 || status == 401 => Err(format!(
                "the API server answered {status}: allow the service account to list and watch endpointslices of discovery.k8s.io in namespace {namespace}"
            )),
            status if status == 410 => Err("the version to watch from is too old".to_owned()),
            status => Err(format!("the API server answered {status}")),
        }
    }
}
