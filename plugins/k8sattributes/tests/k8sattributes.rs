//! Which address a resource gets, by what identifies its pod.

use serde_json::{Value, json};
use spanmill_k8sattributes::K8sAttributes;
use spanmill_sdk::ConfigError;
use spanmill_sdk::testing::{Attr, DataPoint, Kit, LogRecord, Logs, Metric, Metrics, Span, Spans};

fn kit(associations: Value) -> Kit<K8sAttributes> {
    Kit::new(json!({"passthrough": true, "pod_association": associations})).unwrap()
}

/// `k8s.pod.ip` of a resource whose sender is known.
fn pod_ip<const N: usize>(associations: Value, attributes: [(&str, Attr); N]) -> Option<Attr> {
    let spans = Spans::new().resource(attributes).span(Span::new("s"));
    let out = kit(associations).run(&spans.from_address([10, 0, 0, 7]));
    out.resource(0).get("k8s.pod.ip").cloned()
}

#[test]
fn a_pod_is_known_by_its_connection_unless_the_resource_says_more() {
    let of = |attributes: &[(&str, &str)]| {
        let attributes = attributes.iter().copied();
        let spans = Spans::new().resource(attributes).span(Span::new("s"));
        let out = kit(json!([])).run(&spans.from_address([10, 0, 0, 7]));
        out.resource(0).get("k8s.pod.ip").cloned()
    };
    assert_eq!(of(&[]), Some("10.0.0.7".into()));
    assert_eq!(of(&[("k8s.pod.ip", "10.1.1.1")]), Some("10.1.1.1".into()));
    assert_eq!(of(&[("k8s.pod.ip", "")]), Some("10.0.0.7".into()));
    assert_eq!(of(&[("ip", "10.2.2.2")]), Some("10.2.2.2".into()));
    assert_eq!(of(&[("host.name", "10.3.3.3")]), Some("10.0.0.7".into()));
    assert_eq!(
        pod_ip(json!([]), [("k8s.pod.ip", 5.into())]),
        Some(5.into())
    );
}

#[test]
fn without_a_connection_the_name_of_the_host_may_be_an_address() {
    let spans = Spans::new()
        .resource([("host.name", "10.3.3.3")])
        .span(Span::new("a"))
        .resource([("host.name", "node-1")])
        .span(Span::new("b"));
    let out = kit(json!([])).run(&spans);
    assert_eq!(out.resource(0).get("k8s.pod.ip"), Some(&"10.3.3.3".into()));
    assert_eq!(out.resource(1).get("k8s.pod.ip"), None);
}

#[test]
fn the_first_association_that_is_there_counts() {
    let connection = json!({"from": "connection"});
    let uid = json!({"from": "resource_attribute", "name": "k8s.pod.uid"});
    let host = json!({"from": "resource_attribute", "name": "host.name"});
    let first = |one: &Value, other: &Value| json!([{"sources": [one]}, {"sources": [other]}]);
    let with_uid = || [("k8s.pod.uid", Attr::from("u1"))];
    // A pod that is known by its id needs no address.
    assert_eq!(pod_ip(first(&uid, &connection), with_uid()), None);
    assert_eq!(
        pod_ip(first(&uid, &connection), []),
        Some("10.0.0.7".into())
    );
    let named = || [("host.name", Attr::from("node-1"))];
    assert_eq!(
        pod_ip(first(&host, &connection), named()),
        Some("10.0.0.7".into())
    );
    let both = json!([{"sources": [uid, connection]}]);
    assert_eq!(pod_ip(both.clone(), with_uid()), Some("10.0.0.7".into()));
    assert_eq!(pod_ip(both, []), None);
}

#[test]
fn every_signal_has_resources() {
    let address = [10, 0, 0, 7];
    let mut kit = kit(json!([]));
    let logs = Logs::of([LogRecord::new("a")]).from_address(address);
    let metric = Metric::gauge("a").point(DataPoint::int(1));
    let metrics = Metrics::of([metric]).from_address(address);
    let expected = Some(Attr::from("10.0.0.7"));
    assert_eq!(
        kit.run(&logs).resource(0).get("k8s.pod.ip").cloned(),
        expected
    );
    assert_eq!(
        kit.run(&metrics).resource(0).get("k8s.pod.ip").cloned(),
        expected
    );
}

#[test]
fn mistakes_are_named_where_they_stand() {
    let settings = json!({"pod_association": [
        {"sources": [{"from": "label"}, {"from": "resource_attribute"}, {}, {}, {}]},
    ], "extract": {"metadata": ["k8s.pod.name"]}});
    let Err(ConfigError::Settings(problems)) = Kit::<K8sAttributes>::new(settings) else {
        panic!("taken");
    };
    let paths: Vec<&str> = problems.iter().map(|it| it.path.as_str()).collect();
    let of = |rest: &str| format!("/pod_association/0/sources{rest}");
    assert_eq!(
        paths,
        [
            "/passthrough".to_owned(),
            of(""),
            of("/0/from"),
            of("/1/name"),
            of("/2/from"),
            of("/3/from"),
            of("/4/from"),
        ]
    );
}
