//! Which requests are found between services, and what is measured of them.

use serde_json::{Value, json};
use spanmill_sdk::ConfigError;
use spanmill_sdk::testing::{ConnectorKit, Measured, Span, Spans};
use spanmill_servicegraph::ServiceGraph;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
const SERVER: u32 = 2;
const CLIENT: u32 = 3;
const PRODUCER: u32 = 4;
const CONSUMER: u32 = 5;

fn kit(settings: Value) -> ConnectorKit<ServiceGraph> {
    ConnectorKit::new(settings).unwrap()
}

fn of(service: &str, spans: impl IntoIterator<Item = Span>) -> Spans {
    let first = Spans::new().resource([("service.name", service)]);
    spans.into_iter().fold(first, Spans::span)
}

fn at(seconds: u64, mut spans: Spans) -> Spans {
    spans.received_unix_nano = seconds * SECOND;
    spans
}

/// A span of a request; the client's has the id that the server's has for its parent.
fn client(kind: u32, id: u64) -> Span {
    Span::new("out").kind(kind).ids(7, id).times(0, 40 * MS)
}

fn server(kind: u32, parent: u64) -> Span {
    Span::new("in")
        .kind(kind)
        .ids(7, 1000 + parent)
        .parent(parent)
        .times(0, 20 * MS)
}

fn labels(measured: &Measured) -> [&str; 4] {
    ["client", "server", "connection_type", "failed"].map(|key| measured.get(key).unwrap())
}

/// The labels and the number of requests of each series.
fn requests(kit: &ConnectorKit<ServiceGraph>) -> Vec<([String; 4], u64)> {
    let total = kit.metric("traces_service_graph_request_total");
    let each = total
        .iter()
        .map(|it| (labels(it).map(str::to_owned), it.count));
    each.collect()
}

fn request(labels: [&str; 4], count: u64) -> ([String; 4], u64) {
    (labels.map(str::to_owned), count)
}

#[test]
fn both_sides_of_a_request_make_one_whichever_comes_first() {
    let mut kit = kit(json!({}));
    kit.run(&of("shop", [client(CLIENT, 1)]));
    assert!(requests(&kit).is_empty(), "one side is no request yet");
    kit.run(&of("bank", [server(SERVER, 1).status(2, "")]));
    kit.run(&of("bank", [server(SERVER, 2)]));
    kit.run(&of("shop", [client(CLIENT, 2)]));
    assert_eq!(
        requests(&kit),
        [
            request(["shop", "bank", "", "false"], 1),
            request(["shop", "bank", "", "true"], 1),
        ]
    );
    let failed = kit.metric("traces_service_graph_request_failed_total");
    assert_eq!((failed.len(), failed[0].count), (1, 1));
    let seconds = |name: &str| kit.metric(name).iter().map(|it| it.sum).sum::<f64>();
    assert_eq!(seconds("traces_service_graph_request_client"), 0.08);
    assert_eq!(seconds("traces_service_graph_request_server"), 0.04);
    assert_eq!(kit.counted("connector_servicegraph_total_edges"), 2);
}

#[test]
fn messages_and_databases_are_connections_of_their_own() {
    let mut kit = kit(json!({}));
    let batch = of(
        "shop",
        [
            client(PRODUCER, 1),
            client(CLIENT, 2).attr("db.name", "orders"),
            Span::new("inside").kind(1).ids(7, 3),
        ],
    );
    let batch = batch
        .resource([("service.name", "mail")])
        .span(server(CONSUMER, 1));
    // A resource without a service has no place in the graph.
    let batch = batch.resource([("host", "x")]).span(client(CLIENT, 4));
    kit.run(&batch);
    assert_eq!(
        requests(&kit),
        [
            request(["shop", "mail", "messaging_system", "false"], 1),
            request(["shop", "orders", "database", "false"], 1),
        ]
    );
    assert_eq!(kit.counted("connector_servicegraph_total_edges"), 2);
}

#[test]
fn what_waits_too_long_leads_to_a_virtual_node() {
    let mut kit = kit(json!({"virtual_node_extra_label": true}));
    kit.run(&at(
        10,
        of(
            "shop",
            [
                // From outside: it has no parent.
                server(SERVER, 0),
                // To services that send no spans.
                client(CLIENT, 1).attr("db.system", "redis"),
                client(CLIENT, 2)
                    .attr("db.system", "redis")
                    .attr("peer.service", "cache"),
                client(CLIENT, 3),
                // Of a client that is missing although there is one: nothing is known of it.
                server(SERVER, 9),
            ],
        ),
    ));
    kit.run(&at(12, Spans::new()));
    assert!(requests(&kit).is_empty(), "two seconds are not over yet");
    // The time goes on without spans.
    kit.run(&at(14, Spans::new()));
    let mut found = requests(&kit);
    found.sort();
    assert_eq!(
        found,
        [
            request(["shop", "cache", "virtual_node", "false"], 1),
            request(["shop", "redis", "virtual_node", "false"], 1),
            request(["shop", "unknown", "virtual_node", "false"], 1),
            request(["user", "shop", "virtual_node", "false"], 1),
        ]
    );
    let total = kit.metric("traces_service_graph_request_total");
    let sides = total
        .iter()
        .map(|it| (it.get("client").unwrap(), it.get("virtual_node").unwrap()));
    assert!(
        sides
            .into_iter()
            .all(|it| it == ("user", "client") || it == ("shop", "server"))
    );
    assert_eq!(kit.counted("connector_servicegraph_expired_edges"), 5);
    // The other side comes too late, and waits for itself.
    kit.run(&at(15, of("bank", [server(SERVER, 3)])));
    assert_eq!(kit.counted("connector_servicegraph_total_edges"), 6);
}

#[test]
fn without_peer_attributes_there_are_no_virtual_nodes() {
    let mut kit = kit(json!({
        "virtual_node_peer_attributes": [],
        "store": {"ttl": "1s"},
        "store_expiration_loop": "1s",
    }));
    kit.run(&at(10, of("shop", [client(CLIENT, 1), server(SERVER, 0)])));
    kit.run(&at(12, Spans::new()));
    assert!(requests(&kit).is_empty());
    assert_eq!(kit.counted("connector_servicegraph_expired_edges"), 2);
}

#[test]
fn dimensions_come_from_both_sides_the_resource_first() {
    let mut kit = kit(json!({"dimensions": ["zone", "size", "zone"]}));
    let batch = Spans::new()
        .resource([("service.name", "shop"), ("zone", "a")])
        .span(client(CLIENT, 1).attr("zone", "span").attr("size", 3))
        .resource([("service.name", "bank")])
        .span(server(SERVER, 1).attr("zone", "b"));
    kit.run(&batch);
    let total = kit.metric("traces_service_graph_request_total");
    let keys: Vec<(&str, &str)> = total[0]
        .attributes
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        keys[4..],
        [
            ("client_zone", "a"),
            ("server_zone", "b"),
            ("client_size", "3"),
        ]
    );
}

#[test]
fn databases_are_named_by_the_first_attribute_that_is_there() {
    let mut kit = kit(json!({"database_name_attributes": ["db.namespace", "db.name"]}));
    let batch = Spans::new()
        .resource([("service.name", "shop"), ("db.name", "of.resource")])
        .span(client(CLIENT, 1).attr("db.namespace", "first"))
        .span(client(CLIENT, 2).attr("db.name", "of.span"));
    kit.run(&batch);
    let servers: Vec<String> = requests(&kit)
        .into_iter()
        .map(|it| it.0[1].clone())
        .collect();
    assert_eq!(servers, ["first", "of.resource"]);
}

#[test]
fn what_there_is_no_room_for_is_dropped_and_counted() {
    let mut kit = kit(json!({"store": {"max_items": 2}}));
    let clients = (1..=4).map(|id| client(CLIENT, id));
    kit.run(&of("shop", clients));
    // Whole requests need no room, and those that wait leave when they are whole.
    let whole = of("shop", [client(CLIENT, 5).attr("db.name", "orders")]);
    kit.run(&whole);
    kit.run(&of("bank", [server(SERVER, 1), server(SERVER, 3)]));
    assert_eq!(kit.counted("connector_servicegraph_dropped_spans"), 2);
    assert_eq!(kit.counted("connector_servicegraph_total_edges"), 4);
    assert_eq!(
        requests(&kit),
        [
            request(["shop", "bank", "", "false"], 1),
            request(["shop", "orders", "database", "false"], 1),
        ]
    );
}

#[test]
fn large_values_do_not_fill_the_memory() {
    let mut kit = kit(json!({"dimensions": ["d"], "store": {"max_items": 100_000}}));
    for round in 0..8 {
        let spans = (0..5).map(|id| {
            let value = format!("{round}-{id}-{}", "x".repeat(1 << 20));
            client(CLIENT, round * 5 + id).attr("d", value.as_str())
        });
        kit.run(&of("shop", spans));
    }
    let dropped = kit.counted("connector_servicegraph_dropped_spans");
    assert!((10..20).contains(&dropped), "{dropped} of 40 MiB");
    // Those that waited still find their other side, with what was known of them.
    kit.run(&of("bank", [server(SERVER, 0), server(SERVER, 1)]));
    let total = kit.metric("traces_service_graph_request_total");
    let mut values: Vec<&str> = total
        .iter()
        .map(|it| &it.get("client_d").unwrap()[..4])
        .collect();
    values.sort_unstable();
    assert_eq!(values, ["0-0-", "0-1-"]);
}

#[test]
fn requests_that_wait_are_handed_on_under_other_settings_too() {
    let mut old = kit(json!({"dimensions": ["a", "b"]}));
    old.run(&at(
        10,
        of(
            "shop",
            [
                client(CLIENT, 1).attr("a", "1").attr("b", "2"),
                client(CLIENT, 2).attr("peer.service", "cache"),
                server(SERVER, 0).status(2, ""),
            ],
        ),
    ));
    let (format, data) = old.snapshot();
    let mut new = kit(json!({
        "dimensions": ["b", "c"],
        "virtual_node_peer_attributes": ["x", "peer.service"],
    }));
    new.restore(format, &data).unwrap();
    // Again, as a host may.
    new.restore(format, &data).unwrap();
    new.run(&at(11, of("bank", [server(SERVER, 1).attr("b", "3")])));
    new.run(&at(14, Spans::new()));
    let mut found = requests(&new);
    found.sort();
    assert_eq!(
        found,
        [
            request(["shop", "bank", "", "false"], 1),
            request(["shop", "cache", "virtual_node", "false"], 1),
            request(["user", "shop", "virtual_node", "true"], 1),
        ]
    );
    let total = new.metric("traces_service_graph_request_total");
    let whole = total.iter().find(|it| it.get("server") == Some("bank"));
    let whole = whole.unwrap();
    let dimensions = ["client_a", "client_b", "server_b"].map(|key| whole.get(key));
    assert_eq!(dimensions, [None, Some("2"), Some("3")]);
}

#[test]
fn a_state_that_is_none_is_refused() {
    let mut kit = kit(json!({}));
    kit.run(&of("shop", [client(CLIENT, 1)]));
    let (format, data) = kit.snapshot();
    assert!(kit.restore(format + 1, &data).is_err());
    for end in 0..data.len() {
        assert!(kit.restore(format, &data[..end]).is_err(), "cut at {end}");
    }
    let longer = [&data[..], &[0]].concat();
    assert!(kit.restore(format, &longer).is_err());
    for place in 0..data.len() {
        let mut other = data.clone();
        other[place] ^= 0xff;
        // Whatever it makes of it, it goes on.
        let _ = kit.restore(format, &other);
        kit.run(&of("bank", [server(SERVER, 1)]));
    }
}

#[test]
fn the_metrics_are_the_collectors() {
    let kit = kit(json!({"latency_histogram_buckets": ["100ms", "2.5s"]}));
    let buckets = vec![0.1, 2.5];
    let expected = [
        ("request_total", "", vec![]),
        ("request_failed_total", "", vec![]),
        ("request_server", "s", buckets.clone()),
        ("request_client", "s", buckets),
    ];
    let expected = expected.map(|(name, unit, buckets)| {
        let name = format!("traces_service_graph_{name}");
        (name, unit.to_owned(), buckets)
    });
    assert_eq!(kit.instruments(), expected);
    assert_eq!(kit.limits(), (60 * SECOND, 15 * 60 * SECOND, 0, 0, 100_000));
    assert_eq!(
        kit.reads(),
        [
            "resource.attributes[\"db.name\"]",
            "span.attributes[\"db.name\"]",
            "span.attributes[\"peer.service\"]",
            "span.attributes[\"db.system\"]",
            "resource.attributes[\"service.name\"]",
            "span.trace_id",
            "span.span_id",
            "span.parent_span_id",
            "span.kind",
            "span.status.code",
            "span.start_time_unix_nano",
            "span.end_time_unix_nano",
        ]
    );
}

#[test]
fn what_changes_nothing_is_told() {
    let told = |settings: Value| kit(settings).logs().len();
    assert_eq!(told(json!({})), 0);
    assert_eq!(told(json!({"cache_loop": "1m"})), 1);
    assert_eq!(told(json!({"metrics_flush_interval": 0})), 1);
    let kit = kit(json!({"metrics_flush_interval": 0}));
    assert_eq!(kit.limits().0, SECOND);
}

#[test]
fn every_mistake_is_named_at_once() {
    let mistakes = |settings| match ConnectorKit::<ServiceGraph>::new(settings).err() {
        Some(ConfigError::Settings(problems)) => {
            let paths = problems.into_iter().map(|problem| problem.path);
            paths.collect::<Vec<_>>()
        }
        _ => panic!("the settings were taken"),
    };
    assert_eq!(
        mistakes(json!({
            "store": {"ttl": "-1s", "max_items": 4_000_000_000_u32},
            "dimensions": ["a", ""],
            "latency_histogram_buckets": ["2s", "1s"],
            "exponential_histogram_max_size": -1,
            "metrics_timestamp_offset": "1s",
        })),
        [
            "/store/ttl",
            "/store/max_items",
            "/dimensions/1",
            "/latency_histogram_buckets",
            "/exponential_histogram_max_size",
            "/metrics_timestamp_offset",
        ]
    );
    assert_eq!(
        mistakes(json!({
            "latency_histogram_buckets": ["1s"],
            "exponential_histogram_max_size": 160,
        })),
        ["/exponential_histogram_max_size"]
    );
}
