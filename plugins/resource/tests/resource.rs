//! Actions on resources.

use serde_json::json;
use spanmill_resource::Resource;
use spanmill_sdk::testing::{
    DataPoint, Item, Items, Kit, LogRecord, Logs, Metric, Metrics, Resource as Sent, Span, Spans,
};

#[test]
fn resources_change_and_spans_do_not() {
    let spans = Spans::new()
        .resource([("cloud.zone", "z1"), ("secret", "s")])
        .span(Span::new("a").attr("secret", "kept"))
        .resource([("k8s", "c")])
        .span(Span::new("b"));
    let mut kit = Kit::<Resource>::new(json!({"attributes": [
        {"key": "cloud.zone", "value": "zone-1", "action": "upsert"},
        {"key": "cluster", "from_attribute": "k8s", "action": "insert"},
        {"key": "secret", "action": "delete"},
    ]}))
    .unwrap();
    // What is written or removed everywhere needs no reading.
    assert_eq!(
        kit.reads(),
        [
            r#"resource.attributes["cluster"]"#,
            r#"resource.attributes["k8s"]"#
        ]
    );
    let out = kit.run(&spans);
    assert_eq!(out.resource(0).keys(), ["cloud.zone"]);
    assert_eq!(out.resource(0).get("cloud.zone"), Some(&"zone-1".into()));
    assert_eq!(out.resource(1).get("cluster"), Some(&"c".into()));
    assert_eq!(out.resource(1).get("cloud.zone"), Some(&"zone-1".into()));
    assert_eq!(out.span(0).get("secret"), Some(&"kept".into()));
}

#[test]
fn every_signal_has_resources() {
    let mut kit = Kit::<Resource>::new(json!({"attributes": [
        {"key": "team", "value": "a", "action": "upsert"},
        {"key": "secret", "action": "delete"},
    ]}))
    .unwrap();
    fn changed<T: Item>(kit: &mut Kit<Resource>, items: Items<T>) -> Sent {
        kit.run(&items).resource(0).clone()
    }
    let secret = [("secret", "s")];
    let span = Spans::new().resource(secret).span(Span::new("a"));
    let log = Logs::new().resource(secret).log(LogRecord::new("a"));
    let metric = Metric::gauge("a").point(DataPoint::int(1));
    let metric = Metrics::new().resource(secret).metric(metric);
    let team = [("team".to_owned(), "a".into())];
    assert_eq!(changed(&mut kit, span).attributes, team);
    assert_eq!(changed(&mut kit, log).attributes, team);
    assert_eq!(changed(&mut kit, metric).attributes, team);
}

#[test]
fn actions_are_required() {
    let error = Kit::<Resource>::new(json!({})).err().unwrap();
    assert_eq!(
        error.to_string(),
        "/attributes: at least one action is required"
    );
}
