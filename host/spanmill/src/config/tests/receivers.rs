//! The settings of receivers.

use std::time::Duration;

use super::super::*;
use super::{GOOD, load};
use crate::config::tests::otlp_settings;
use crate::receive::otlp::config::{Cors, GrpcServer, HttpServer, ServerKeepAlive};

fn id(text: &str) -> ComponentId {
    ComponentId::parse(text).unwrap()
}

fn manifest(text: &str) -> Manifest {
    load(text)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
        .manifest
}

#[test]
fn receivers_timeouts_and_keep_alive() {
    let text = GOOD.replace(
        "      grpc:\n",
        "      grpc:
        max_concurrent_streams: 100
        include_metadata: true
        read_buffer_size: 524288
        keepalive:
          server_parameters:
            max_connection_idle: 10s
            max_connection_age: 1m
            max_connection_age_grace: 5s
            time: 30s
            timeout: 0s
          enforcement_policy: {min_time: 15s, permit_without_stream: true}
      http:
        read_timeout: 10s
        read_header_timeout: 1500ms
        write_timeout: 0
        keep_alives_enabled: false
",
    );
    let loaded = load(&text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let warnings = loaded.warnings.render(false);
    for key in ["min_time", "permit_without_stream"] {
        let warning = format!("enforcement_policy: {key} has no effect in this version");
        assert!(warnings.contains(&warning), "{warnings}");
    }
    let receiver = otlp_settings(&*loaded.manifest.receivers[&id("otlp")]);
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let grpc = receiver.grpc.as_ref().unwrap();
    assert_eq!(grpc.max_concurrent_streams, Some(100));
    assert!(grpc.include_metadata);
    let expected = ServerKeepAlive {
        max_connection_idle: seconds(10),
        max_connection_age: seconds(60),
        max_connection_age_grace: seconds(5),
        time: seconds(30),
        timeout: seconds(0),
    };
    assert_eq!(grpc.keepalive, expected);
    let http = receiver.http.as_ref().unwrap();
    assert_eq!(http.read_timeout, seconds(10));
    assert_eq!(http.read_header_timeout, Some(Duration::from_millis(1500)));
    assert_eq!(http.write_timeout, seconds(0));
    assert_eq!(http.idle_timeout, None);
    assert!(!http.keep_alives_enabled);
}

#[test]
fn an_http_receivers_cors_paths_and_headers() {
    let text = GOOD.replace(
        "      grpc:\n",
        "      http:
        cors: {allowed_origins: 'http://a,http://*.b', allowed_headers: ['*'], max_age: 7200}
        traces_url_path: in/traces
        response_headers: {x-server: mine}
        compression_algorithms: ['', gzip]
",
    );
    let manifest = manifest(&text);
    let receiver = otlp_settings(&*manifest.receivers[&id("otlp")]);
    let http = receiver.http.as_ref().unwrap();
    let expected = Cors {
        allowed_origins: vec!["http://a".into(), "http://*.b".into()],
        allowed_headers: vec!["*".into()],
        exposed_headers: Vec::new(),
        max_age: 7200,
    };
    assert_eq!(http.cors, Some(expected));
    assert_eq!(http.paths.get(Signal::Traces), "/in/traces");
    assert_eq!(http.paths.get(Signal::Metrics), "/v1/metrics");
    assert_eq!(http.response_headers[0].1.reveal(), "mine");
    let algorithms = http.compression_algorithms.as_deref();
    assert_eq!(algorithms, Some(&[String::new(), "gzip".to_owned()][..]));
}

#[test]
fn receivers_without_timeouts_say_so() {
    let manifest = manifest(&GOOD.replace("grpc:", "grpc:\n      http:"));
    let receiver = otlp_settings(&*manifest.receivers[&id("otlp")]);
    assert_eq!(receiver.grpc, Some(GrpcServer::default()));
    assert_eq!(receiver.http, Some(HttpServer::default()));
    assert!(receiver.http.as_ref().unwrap().keep_alives_enabled);
}
