//! Tail sampling through the real binary: what spans say of the decision, other rules while traces wait, senders that wait,
//! and every span accounted for while plugins are swapped and traces given up.

use std::collections::BTreeMap;

use http::Method;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;
use spanmill_tests::{
    Backend, Found, GrpcSender, Spanmill, admin, built_in, request, span, spanmill, text, version,
    within,
};

/// A manifest with a tail sampler in front of an attribute of every span that it lets through.
fn manifest(backend: &Backend, settings: &str) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  tail_sampling: {settings}
  attributes:
    actions: [{{key: after, value: sampled, action: insert}}]
exporters:
  otlp:
    endpoint: {}
    tls: {{insecure: true}}
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [tail_sampling, attributes]
      exporters: [otlp]
"#,
        backend.address()
    )
}

async fn start(settings: &str) -> (Backend, Spanmill, GrpcSender) {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend, settings)).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    (backend, spanmill, sender)
}

/// A span of a trace; its own id follows from both numbers.
fn of_trace(trace: u64, number: u64) -> Span {
    Span {
        trace_id: span(trace, "", vec![]).trace_id,
        ..span(trace * 1000 + number, "s", vec![])
    }
}

fn with(mut span: Span, key: &str, value: &str) -> Span {
    span.attributes.push(text(key, value));
    span
}

async fn send(sender: &GrpcSender, spans: impl IntoIterator<Item = Span>) {
    let spans = spans.into_iter().collect();
    sender.send(&request("shop", spans)).await.unwrap();
}

/// How many spans of each trace there are, each of which must be there once, and have been behind the sampler.
fn by_trace(found: &[Found]) -> BTreeMap<Vec<u8>, usize> {
    let mut ids: Vec<_> = found.iter().map(|found| &found.span.span_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), found.len(), "a span came twice");
    let mut traces = BTreeMap::new();
    for found in found {
        assert_eq!(attribute(&found.span, "after"), "sampled");
        *traces.entry(found.span.trace_id.clone()).or_default() += 1;
    }
    traces
}

fn attribute<'a>(span: &'a Span, key: &str) -> &'a str {
    spanmill_tests::attribute(&span.attributes, key)
}

fn id(trace: u64) -> Vec<u8> {
    span(trace, "", vec![]).trace_id
}

/// What `spanmill plugin status` says of the sampler.
async fn status(running: &Spanmill) -> Value {
    let admin = running.address("admin http").to_string();
    let arguments = ["plugin", "status", "--json", "--admin", &admin];
    let output = spanmill(running.folder(), &arguments).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let plugins: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
    let sampler = plugins
        .into_iter()
        .find(|one| one["component"] == "tail_sampling");
    sampler.map(|mut one| one["version"].take()).unwrap()
}

const BY_KEY: &str =
    "{name: kept, type: string_attribute, string_attribute: {key: keep, values: [\"yes\"]}}";

#[tokio::test(flavor = "multi_thread")]
async fn sampled_spans_say_by_which_policy_and_for_how_many_they_stand() {
    let settings = format!(
        "{{decision_wait: 100ms, record_policy: true, use_trace_state: true, policies: [{BY_KEY}, \
         {{name: quarter, type: probabilistic, probabilistic: {{sampling_percentage: 25}}}}]}}"
    );
    let (backend, running, sender) = start(&settings).await;
    // The randomness that a trace state names decides; each trace comes in two requests.
    let states = [
        "ot=rv:fffffffffffffe",
        "ot=rv:00000000000001",
        "ot=rv:00000000000001",
    ];
    for number in 0..2 {
        let spans = states.iter().zip(1u64..).map(|(state, trace)| {
            let span = Span {
                trace_state: (*state).to_owned(),
                ..of_trace(trace, number)
            };
            match (trace, number) {
                (2, 1) => with(span, "keep", "yes"),
                _ => span,
            }
        });
        send(&sender, spans).await;
    }
    let found = backend.spans(4).await;
    assert_eq!(by_trace(&found), BTreeMap::from([(id(1), 2), (id(2), 2)]));
    // What comes late says the same.
    send(&sender, [of_trace(1, 9), of_trace(2, 9), of_trace(3, 9)]).await;
    let found = backend.spans(6).await;
    assert_eq!(by_trace(&found), BTreeMap::from([(id(1), 3), (id(2), 3)]));
    for found in &found {
        let (policy, threshold) = match found.span.trace_id == id(1) {
            true => ("quarter", "th:c"),
            false => ("kept", "th:0"),
        };
        assert_eq!(attribute(&found.span, "tailsampling.policy"), policy);
        assert!(found.span.trace_state.contains(threshold), "{found:?}");
    }
    let ended = running.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_rules_decide_on_traces_that_wait() {
    let (backend, running, sender) = start(
        "{decision_wait: 3600s, policies: [{name: e, type: status_code, status_code: {status_codes: [ERROR]}}]}",
    )
    .await;
    let spans = |number| {
        (1..21u64).map(move |trace| match (trace % 4, number) {
            (0, 1) => with(of_trace(trace, number), "keep", "yes"),
            _ => of_trace(trace, number),
        })
    };
    send(&sender, spans(0)).await;
    send(&sender, spans(1)).await;
    // The old rules did not ask for the key: what is held is looked at again.
    let settings = format!("{{decision_wait: 100ms, policies: [{BY_KEY}]}}");
    running.edit(&manifest(&backend, &settings));
    running.hang_up();
    running
        .logged("the new policies ask what was not asked before: attributes")
        .await;
    let found = backend.spans(10).await;
    let expected: BTreeMap<_, _> = (1..6).map(|trace| (id(4 * trace), 2)).collect();
    assert_eq!(by_trace(&found), expected);
    send(&sender, spans(2)).await;
    let found = backend.spans(15).await;
    assert_eq!(by_trace(&found).values().sum::<usize>(), 15);
    let ended = running.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    assert_eq!(by_trace(&backend.spans(15).await).len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_wait_where_no_trace_is_to_be_given_up() {
    let (backend, running, sender) = start(
        "{decision_wait: 1s, num_traces: 50, block_on_overflow: true, policies: [{name: all, type: always_sample}]}",
    )
    .await;
    let (mut sent, mut refused) = (0u64, 0u64);
    for trace in 1..400u64 {
        match sender
            .send(&request("shop", vec![of_trace(trace, 1)]))
            .await
        {
            Ok(()) => sent += 1,
            Err(status) => {
                assert_eq!(status.code(), tonic::Code::ResourceExhausted, "{status:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && sent >= 50, "{sent} sent, {refused} refused");
    let found = backend.spans(sent as usize).await;
    assert_eq!(by_trace(&found).len() as u64, sent);
    // What has left has made room.
    sender
        .send(&request("shop", vec![of_trace(1000, 1)]))
        .await
        .unwrap();
    let ended = running.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    assert_eq!(
        backend.spans(sent as usize + 1).await.len() as u64,
        sent + 1
    );
}

/// The short form of the soak. No trace is given up: so each is decided on whole, whoever holds it by then.
#[tokio::test(flavor = "multi_thread")]
async fn traces_stay_whole_while_plugins_are_swapped() {
    let settings = format!("{{decision_wait: 3600s, policies: [{BY_KEY}]}}");
    let (backend, running, sender) = start(&settings).await;
    let address = running.address("admin http");
    for round in 0..20u64 {
        // In each round the spans of two rounds' traces.
        let spans = (0..200u64).map(|at| {
            let trace = 1 + round * 100 + at;
            let span = of_trace(trace, round);
            match trace % 5 == 0 && at < 100 {
                true => with(span, "keep", "yes"),
                false => span,
            }
        });
        send(&sender, spans).await;
        // Each of the two is compiled once.
        let other = version(
            &built_in("tail_sampling"),
            &format!("version {}", round % 2),
        );
        admin(
            address,
            Method::POST,
            "/v1/plugins/tail_sampling/swap",
            other,
        )
        .await;
    }
    let ended = running.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    // Those of the last round have their second half to come.
    let kept = (1..2001u64).filter(|trace| trace % 5 == 0);
    let expected: BTreeMap<_, _> = kept
        .map(|trace| (id(trace), if trace > 100 { 2 } else { 1 }))
        .collect();
    assert_eq!(by_trace(&backend.spans(780).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_span_is_released_or_dropped_where_there_is_no_room() {
    let settings = format!("{{decision_wait: 1s, num_traces: 100, policies: [{BY_KEY}]}}");
    let (backend, running, sender) = start(&settings).await;
    for number in 0..50u64 {
        let spans = (0..100u64).map(|at| {
            let trace = 1 + number * 40 + at;
            with(
                of_trace(trace, number),
                "keep",
                if trace.is_multiple_of(2) { "yes" } else { "no" },
            )
        });
        send(&sender, spans).await;
    }
    let counts = within("decisions", async {
        loop {
            let version = status(&running).await;
            let counts = ["items_in", "items_out", "items_dropped"];
            let [seen, released, dropped] = counts.map(|key| version[key].as_u64().unwrap());
            if released + dropped == seen {
                break [seen, released, dropped];
            }
            // Asking starts a program, which takes long enough.
        }
    })
    .await;
    let [seen, released, dropped] = counts;
    assert_eq!(seen, 5000);
    assert!(released > 0 && dropped > released, "{counts:?}");
    let found = backend.spans(released as usize).await;
    assert_eq!(by_trace(&found).values().sum::<usize>() as u64, released);
    assert!(
        found
            .iter()
            .all(|found| attribute(&found.span, "keep") == "yes")
    );
    let ended = running.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    assert_eq!(
        backend.spans(released as usize).await.len() as u64,
        released
    );
}

/// A recording of three traces: one fails, one is large, one is neither.
fn recording() -> String {
    let span = |trace: u8, span: u8, status: &str| {
        format!(
            r#"{{"traceId":"{trace:032x}","spanId":"{span:016x}","name":"op {span}","startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000001000000000"{status}}}"#
        )
    };
    let of = |service: &str, spans: &[String]| {
        format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
            spans.join(",")
        )
    };
    let first = [span(1, 1, ""), span(2, 2, ""), span(2, 3, "")];
    let second = [span(1, 4, r#","status":{"code":2}"#), span(3, 5, "")];
    format!("{}\n{}\n", of("shop", &first), of("cart", &second))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_says_what_becomes_of_each_trace_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("in.json", &recording());
    let policies = |policies: &str| {
        format!(
            "receivers: {{nop: }}\nprocessors: {{tail_sampling: {{policies: [{policies}]}}}}\nexporters: {{nop: }}\n\
             service: {{pipelines: {{traces: {{receivers: [nop], processors: [tail_sampling], exporters: [nop]}}}}}}\n"
        )
    };
    let errors = "{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}";
    let large = "{name: large, type: span_count, span_count: {min_spans: 2}}";
    write("here.yaml", &policies(&format!("{errors}, {large}")));
    write(
        "other.yaml",
        &policies("{name: small, type: span_count, span_count: {min_spans: 1, max_spans: 1}}"),
    );
    let run = async |arguments: &[&str]| {
        let mut all = vec!["replay", "--config", "here.yaml", "--input", "in.json"];
        all.extend(arguments);
        let output = spanmill(folder.path(), &all).await;
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        output.stdout
    };
    let id = |trace: u8| format!("{trace:032x}");
    expect_test::expect![[r#"
        pipeline traces
        trace                             services   root span  decision        spans
        00000000000000000000000000000001  cart,shop  op 4       kept by errors      2
        00000000000000000000000000000002  shop       op 3       kept by large       2
        00000000000000000000000000000003  cart       op 5       dropped             1

        service  traces  spans  traces kept  spans kept
        cart          2      3            1           2
        shop          2      4            2           4
        all           3      5            2           4

    "#]]
    .assert_eq(&run(&["--explain"]).await);
    let compared = run(&["--against", "other.yaml"]).await;
    for line in [
        format!(
            "{}  cart,shop  op 4       kept by errors  dropped            2",
            id(1)
        ),
        format!(
            "{}  cart       op 5       dropped         kept by small      1",
            id(3)
        ),
    ] {
        assert!(compared.contains(&line), "{compared}\n{line}");
    }
    let all = compared
        .lines()
        .find(|line| line.starts_with("all "))
        .unwrap();
    let counts: Vec<&str> = all.split_whitespace().skip(1).collect();
    assert_eq!(counts, ["3", "5", "2", "4", "1", "1"], "{compared}");
}
