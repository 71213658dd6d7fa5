//! Requests that wait while the workers are busy share a batch, and no sender notices what the others sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use spanmill_tests::{Backend, GrpcSender, Spanmill, guest, request, span, within};
use tokio::task::JoinSet;
use tonic::Code;

const CONNECTIONS: u64 = 4;

/// One worker, which a plugin keeps busy for 50 ms a batch: whatever comes meanwhile waits. The one in front of it fails on spans
/// named `misbehave`; both give spans other names.
fn manifest(backend: &Backend, poison: (&str, &str), queue: &str, pipeline: &str) -> String {
    let (on_error, behaviour) = poison;
    format!(
        r#"
plugins:
  slow: {{file: {hostile}}}
  poisoned: {{file: {hostile}, on_error: {on_error}}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0", include_metadata: true}}}}}}
processors:
  slow: {{behaviour: slow}}
  poisoned: {{behaviour: {behaviour}}}
exporters:
  otlp: {{endpoint: "{}", tls: {{insecure: true}}, sending_queue: {queue}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [poisoned, slow], exporters: [otlp]{pipeline}}}
"#,
        backend.address(),
        hostile = guest("hostile").display(),
    )
}

async fn start(manifest: &str) -> Spanmill {
    let folder = tempfile::tempdir().unwrap();
    Spanmill::start_in(folder, Some(manifest), &["--workers", "1"]).await
}

fn body(number: u64, name: &str) -> Bytes {
    let spans = request("shop", vec![span(number, name, vec![])]);
    spans.encode_to_vec().into()
}

/// What a sender sends, and what it and the backend should see of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Good,
    /// A plugin fails on it.
    Poison,
    /// Its last field is cut off, so that it would swallow the head of the request behind it.
    CutOff,
    /// Well-formed on the outside only.
    Spoilt,
    Empty,
}

impl Kind {
    const ALL: [Kind; 5] = [
        Kind::Good,
        Kind::Poison,
        Kind::CutOff,
        Kind::Spoilt,
        Kind::Empty,
    ];

    fn body(self, number: u64) -> Bytes {
        match self {
            Kind::Good => body(number, "good"),
            Kind::Poison => body(number, "misbehave"),
            Kind::CutOff => {
                let whole = body(number, "good");
                whole.slice(..whole.len() - 3)
            }
            Kind::Spoilt => {
                let mut bytes = body(number, "good").to_vec();
                let name = bytes.windows(4).position(|four| four == b"good").unwrap();
                bytes[name] = 0xff;
                bytes.into()
            }
            Kind::Empty => Bytes::new(),
        }
    }

    fn answer(self, (on_error, behaviour): (&str, &str)) -> Code {
        match self {
            Kind::CutOff | Kind::Spoilt => Code::InvalidArgument,
            Kind::Poison if on_error == "reject" && behaviour == "trap" => Code::InvalidArgument,
            // What the plugin says itself is no reason to believe that it would say so again.
            Kind::Poison if on_error == "reject" => Code::Unavailable,
            _ => Code::Ok,
        }
    }

    fn is_exported(self, (on_error, _): (&str, &str)) -> bool {
        self == Kind::Good || (self == Kind::Poison && on_error == "pass")
    }
}

/// Sends all of it at once over a few connections, and returns what each sender was answered.
async fn send(
    spanmill: &Spanmill,
    requests: Vec<(u64, &'static str, Bytes)>,
) -> BTreeMap<u64, Code> {
    let mut senders = Vec::new();
    for _ in 0..CONNECTIONS {
        senders.push(GrpcSender::connect(spanmill.address("receiver otlp grpc")).await);
    }
    let mut sending = JoinSet::new();
    for (number, tenant, body) in requests {
        let sender = &senders[usize::try_from(number % CONNECTIONS).unwrap()];
        let sender = sender.clone().with("x-tenant", tenant);
        sending.spawn(async move {
            let answer = sender.send_bytes(body).await;
            (
                number,
                answer.map_or_else(|status| status.code(), |()| Code::Ok),
            )
        });
    }
    let mut answers = BTreeMap::new();
    while let Some(answered) = within("an answer", sending.join_next()).await {
        answers.extend([answered.unwrap()]);
    }
    answers
}

/// The spans that arrived, each of which must have come once.
fn arrived(backend: &Backend) -> BTreeSet<Vec<u8>> {
    let mut ids = BTreeSet::new();
    for request in backend.traces() {
        for found in spanmill_tests::flatten(&[request]) {
            assert!(ids.insert(found.span.span_id.clone()), "a span came twice");
        }
    }
    ids
}

fn good(requests: u64) -> Vec<(u64, &'static str, Bytes)> {
    let all = 1..=requests;
    all.map(|number| (number, "one", body(number, "good")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_exported_together_unless_that_is_turned_off() {
    for (pipeline, most) in [("", 20), (", coalesce: on", 20), (", coalesce: off", 60)] {
        let backend = Backend::start().await;
        let spanmill = start(&manifest(&backend, ("drop", "trap"), "{}", pipeline)).await;
        let answers = send(&spanmill, good(60)).await;
        assert!(
            answers.values().all(|code| *code == Code::Ok),
            "{answers:?}"
        );
        assert_eq!(backend.spans(60).await.len(), 60);
        assert_eq!(arrived(&backend).len(), 60);
        let requests = backend.taken().len();
        match pipeline {
            ", coalesce: off" => assert_eq!(requests, most),
            _ => assert!(requests <= most, "{requests} requests were exported"),
        }
        spanmill.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sender_is_answered_for_its_own_request_alone() {
    let poisons = [
        ("reject", "trap"),
        ("reject", "batch-error"),
        ("drop", "trap"),
        ("pass", "batch-error"),
    ];
    for (seed, poison) in (1_u64..).zip(poisons) {
        let backend = Backend::start().await;
        let spanmill = start(&manifest(&backend, poison, "{}", "")).await;
        // A plugin that has processed nothing yet is not known to be well, and senders are told to try again.
        let known = send(&spanmill, vec![(1000, "one", body(1000, "good"))]).await;
        assert_eq!(known[&1000], Code::Ok);
        // Kinds as chance has it, the same each time.
        let kinds = (1..=60_u64).map(|number| {
            let chance = (number + 1000 * seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
            let kind = Kind::ALL.get(usize::try_from(chance).unwrap());
            (number, kind.copied().unwrap_or(Kind::Good))
        });
        let kinds: BTreeMap<u64, Kind> = kinds.collect();
        assert_eq!(
            kinds.values().collect::<BTreeSet<_>>().len(),
            Kind::ALL.len()
        );
        let requests = kinds
            .iter()
            .map(|(number, kind)| (*number, "one", kind.body(*number)));
        let answers = send(&spanmill, requests.collect()).await;
        for (number, kind) in &kinds {
            assert_eq!(
                answers[number],
                kind.answer(poison),
                "{poison:?}: {kind:?} {number}"
            );
        }
        let exported = kinds.iter().filter(|(_, kind)| kind.is_exported(poison));
        let exported = exported.map(|(number, _)| *number).chain([1000]);
        let exported: BTreeSet<Vec<u8>> = exported.map(spanmill_tests::span_id).collect();
        backend.spans(exported.len()).await;
        spanmill.stop().await;
        assert_eq!(arrived(&backend), exported, "{poison:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_that_say_different_things_share_nothing() {
    let backend = Backend::start().await;
    let spanmill = start(&manifest(&backend, ("drop", "trap"), "{}", "")).await;
    let requests = (1..=80_u64).map(|number| {
        let tenant = if number % 3 == 0 { "red" } else { "blue" };
        let spans = request(tenant, vec![span(number, "good", vec![])]);
        (number, tenant, spans.encode_to_vec().into())
    });
    let answers = send(&spanmill, requests.collect()).await;
    assert!(
        answers.values().all(|code| *code == Code::Ok),
        "{answers:?}"
    );
    assert_eq!(backend.spans(80).await.len(), 80);
    let taken = backend.traces();
    assert!(taken.len() <= 20, "{} requests were exported", taken.len());
    for request in taken {
        let found = spanmill_tests::flatten(&[request]);
        let tenants: BTreeSet<String> = found.iter().map(spanmill_tests::service).collect();
        assert_eq!(tenants.len(), 1, "{tenants:?}");
    }
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_takes_few_spans_takes_what_fits() {
    let backend = Backend::start().await;
    // Five spans: less than what waits, more than any request has.
    let queue = "{sizer: items, queue_size: 5, num_consumers: 1}";
    let spanmill = Arc::new(start(&manifest(&backend, ("drop", "trap"), queue, "")).await);
    let mut left = good(60);
    within("every request to be taken", async {
        while !left.is_empty() {
            let answers = send(&spanmill, left.clone()).await;
            let is_known = |code: &Code| [Code::Ok, Code::ResourceExhausted].contains(code);
            assert!(answers.values().all(is_known), "{answers:?}");
            left.retain(|(number, ..)| answers[number] != Code::Ok);
        }
    })
    .await;
    assert_eq!(backend.spans(60).await.len(), 60);
    Arc::into_inner(spanmill).unwrap().stop().await;
    assert_eq!(arrived(&backend).len(), 60);
}
