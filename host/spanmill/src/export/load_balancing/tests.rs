//! The exporter against servers, and its ways of finding them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use spanmill_manifest::ComponentId;
use tonic::Status;
use tonic::body::Body;

use super::balancer::Balancer;
use super::config::KubernetesConfig;
use super::kubernetes::{self, ApiServer};
use super::ring::Ring;
use super::router::Router;
use crate::export::counters::Tally;
use crate::export::settings::{ClientSettings, Compression, Retry};
use crate::export::tests::server::Server;
use crate::export::tests::{nowhere, request, shared, soon, started};
use crate::export::{Export as _, Exporter, Payload, Signal};

const TRACES: u8 = 40;

/// Traces of three spans, in the order of their numbers, again and again.
fn traces() -> Payload {
    let mut request = request();
    let spans = &mut request.resource_spans[0].scope_spans[0].spans;
    spans.clear();
    for number in 0..3 {
        spans.extend((0..TRACES).map(|trace| Span {
            trace_id: vec![trace; 16],
            span_id: vec![trace * 3 + number + 1; 8],
            ..Span::default()
        }));
    }
    Payload {
        signal: Signal::Traces,
        bytes: Bytes::from(request.encode_to_vec()),
        items: u64::from(TRACES) * 3,
        metadata: Default::default(),
        received_unix_nano: 0,
        trace: Default::default(),
    }
}

async fn balanced(servers: &[&Server], more: &str) -> Exporter {
    let names: Vec<String> = servers
        .iter()
        .map(|server| format!("'{}'", server.address))
        .collect();
    let settings = format!(
        "{{resolver: {{static: {{hostnames: [{}]}}}}, protocol: {{otlp: {{tls: {{insecure: true}}, {more}}}}}}}",
        names.join(", ")
    );
    started("load_balancing", &settings, nowhere()).await
}

/// How many spans of each trace a server has.
fn seen(server: &Server) -> BTreeMap<u8, usize> {
    let mut traces = BTreeMap::new();
    for seen in server.seen() {
        let request = ExportTraceServiceRequest::decode(seen.message().1).unwrap();
        for resource in request.resource_spans {
            assert_eq!(resource.resource.unwrap().attributes.len(), 1);
            for span in resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans)
            {
                *traces.entry(span.trace_id[0]).or_default() += 1;
            }
        }
    }
    traces
}

#[tokio::test]
async fn each_trace_goes_whole_to_the_member_that_the_ring_gives_it() {
    let servers = [
        Server::start().await,
        Server::start().await,
        Server::start().await,
    ];
    let all: Vec<&Server> = servers.iter().collect();
    let exporter = balanced(&all, "").await;
    exporter.enqueue(traces()).await.unwrap();
    assert_eq!(exporter.drain(soon()).await, 0);
    let mut names: Vec<String> = servers
        .iter()
        .map(|server| server.address.to_string())
        .collect();
    names.sort();
    let ring = Ring::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut total = 0;
    for server in &servers {
        for (trace, spans) in seen(server) {
            let owner = ring.member_of(&[trace; 16]).unwrap();
            assert_eq!(
                (names[owner].clone(), spans),
                (server.address.to_string(), 3)
            );
            total += spans;
        }
    }
    assert_eq!(total, usize::from(TRACES) * 3);
    assert_eq!(exporter.counters().get(Signal::Traces).sent(), total as u64);
}

/// A sender that is told to come again sends everything again.
#[tokio::test]
async fn where_a_member_has_no_room_none_of_them_takes_a_part() {
    let (working, full) = (Server::start().await, Server::start().await);
    for _ in 0..1000 {
        full.refuse(Status::unavailable("busy"));
    }
    let more = "sending_queue: {queue_size: 1}, retry_on_failure: {initial_interval: 1h, max_elapsed_time: 0}";
    let exporter = balanced(&[&working, &full], more).await;
    exporter.enqueue(traces()).await.unwrap();
    let refused = exporter.enqueue(traces()).await.unwrap_err();
    assert!(refused.is_retryable());
    assert!(
        refused.to_string().contains("the sending queue is full"),
        "{refused}"
    );
    // What the full one still has goes to the other when the exporter ends.
    assert_eq!(exporter.drain(soon()).await, 0);
    let seen = seen(&working);
    assert_eq!(seen.len(), usize::from(TRACES));
    assert!(seen.values().all(|spans| *spans == 3), "{seen:?}");
    let counters = exporter.counters().get(Signal::Traces);
    assert_eq!(counters.sent(), u64::from(TRACES) * 3);
    assert_eq!(counters.send_failed(), u64::from(TRACES) * 3);
}

#[tokio::test]
async fn with_retries_of_its_own_only_what_was_not_taken_is_sent_again() {
    let (working, refusing) = (Server::start().await, Server::start().await);
    refusing.refuse(Status::unavailable("busy"));
    refusing.refuse(Status::unavailable("busy"));
    let names = format!("['{}', '{}']", working.address, refusing.address);
    let settings = format!(
        "{{resolver: {{static: {{hostnames: {names}}}}}, retry_on_failure: {{enabled: true, initial_interval: 1ms}}, \
         protocol: {{otlp: {{tls: {{insecure: true}}, sending_queue: {{enabled: false}}, retry_on_failure: {{enabled: false}}}}}}}}"
    );
    let exporter = started("load_balancing", &settings, nowhere()).await;
    exporter.enqueue(traces()).await.unwrap();
    let (one, other) = (seen(&working), seen(&refusing));
    assert!(one.values().all(|spans| *spans == 3), "{one:?}");
    // Two attempts that were refused, and one that was not.
    assert!(other.values().all(|spans| *spans == 9), "{other:?}");
    assert_eq!(one.len() + other.len(), usize::from(TRACES));
    let sent = exporter.counters().get(Signal::Traces).sent();
    assert_eq!(sent, u64::from(TRACES) * 3);
}

fn client() -> ClientSettings {
    ClientSettings {
        timeout: Duration::from_secs(5),
        compression: Compression::None,
        headers: Vec::new(),
        tls: spanmill_net::tls::settings::ClientTls {
            insecure: true,
            ..Default::default()
        },
        retry: Retry {
            initial_interval: Duration::from_secs(3600),
            max_elapsed_time: Duration::ZERO,
            ..Retry::default()
        },
        queue: Some(Default::default()),
    }
}

fn balancer(tally: &Tally) -> (Arc<Router>, Arc<Balancer>) {
    let key = super::KeyReader::new(Signal::Traces, super::RoutingKey::TraceId);
    let mut keys = spanmill_model::PerSignal::default();
    *keys.get_mut(Signal::Traces) = Some(key.unwrap());
    let router = Arc::new(Router::new(keys));
    let id = ComponentId::parse("load_balancing").unwrap();
    let balancer = Balancer::new(
        id,
        Arc::clone(&router),
        client(),
        shared(),
        tally.clone(),
        true,
        false,
    );
    (router, Arc::new(balancer))
}

#[tokio::test]
async fn what_a_member_has_when_it_leaves_goes_to_the_others_once() {
    let (gone, one, other) = (
        Server::start().await,
        Server::start().await,
        Server::start().await,
    );
    for _ in 0..1000 {
        gone.refuse(Status::unavailable("gone"));
    }
    let tally = Tally::default();
    let (_router, balancer) = balancer(&tally);
    let names = [&gone, &one, &other].map(|server| server.address.to_string());
    balancer.update(names.to_vec());
    balancer.export(&traces()).await.unwrap();
    balancer.update(names[1..].to_vec());
    assert_eq!(balancer.close(soon()).await, 0);
    let mut found = seen(&one);
    for (trace, spans) in seen(&other) {
        assert_eq!(found.insert(trace, spans), None, "trace {trace} is on both");
    }
    assert_eq!(found.len(), usize::from(TRACES));
    assert!(found.values().all(|spans| *spans == 3), "{found:?}");
    assert_eq!(
        tally.own().get(Signal::Traces).sent(),
        u64::from(TRACES) * 3
    );
    assert_eq!(tally.own().get(Signal::Traces).send_failed(), 0);
}

fn slices(account: &Path) -> ApiServer {
    for (name, text) in [("token", "secret\n"), ("namespace", "shop\n")] {
        std::fs::write(account.join(name), text).unwrap();
    }
    ApiServer {
        host: "127.0.0.1".to_owned(),
        port: String::new(),
        account: account.to_owned(),
    }
}

fn json(text: &str) -> Response<Body> {
    Response::new(Body::new(Full::new(Bytes::from(text.to_owned()))))
}

#[tokio::test]
async fn the_endpoints_of_a_kubernetes_service_are_listed_and_watched() {
    let folder = tempfile::tempdir().unwrap();
    let mut api = slices(folder.path());
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.path().join("ca.crt"), certified.cert.pem()).unwrap();
    let key = certified.signing_key.serialize_der().try_into().unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let server = Server::start_tls(config).await;
    api.port = server.address.port().to_string();
    let slice = |name: &str, addresses: &str| {
        format!(
            r#"{{"metadata": {{"name": "{name}", "resourceVersion": "8"}}, "endpoints": [{{"addresses": {addresses}, "hostname": "{name}-0"}}]}}"#
        )
    };
    server.answer(json(&format!(
        r#"{{"metadata": {{"resourceVersion": "7"}}, "items": [{}, {}]}}"#,
        slice("a", r#"["10.0.0.1"]"#),
        slice("b", r#"["10.0.0.2", "fd00::2"]"#)
    )));
    let event =
        |kind: &str, slice: String| format!("{{\"type\": \"{kind}\", \"object\": {slice}}}\n");
    let events = [
        event("MODIFIED", slice("a", r#"["10.0.0.3"]"#)),
        event("DELETED", slice("b", "[]")),
        event("ADDED", slice("c", r#"["10.0.0.4"]"#)),
    ];
    server.answer(json(&events.concat()));
    let (router, balancer) = balancer(&Tally::default());
    let config = KubernetesConfig {
        service: "gateway".to_owned(),
        namespace: None,
        ports: vec![4317],
        timeout: Duration::from_secs(60),
        return_hostnames: false,
    };
    let id = ComponentId::parse("load_balancing").unwrap();
    kubernetes::follow(&id, &config, &balancer, api).await;
    let names = || -> Vec<String> {
        let members = router.members();
        members
            .as_slice()
            .iter()
            .map(|member| member.name.clone())
            .collect()
    };
    assert_eq!(
        names(),
        ["10.0.0.1:4317", "10.0.0.2:4317", "[fd00::2]:4317"]
    );
    while names() != ["10.0.0.3:4317", "10.0.0.4:4317"] {
        tokio::task::yield_now().await;
    }
    balancer.close(soon()).await;
    let asked = server.seen();
    assert_eq!(
        asked[0].path,
        "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
    );
    assert_eq!(
        asked[0].query,
        "labelSelector=kubernetes.io%2Fservice-name%3Dgateway"
    );
    assert_eq!(asked[0].header("authorization"), "Bearer secret");
    assert!(
        asked[1]
            .query
            .contains("&watch=1&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=60")
    );
}
