//! `sending_queue.batch`, with time under control.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use spanmill_otlp::Request;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{Payload, Signal, id, shared};
use crate::export::exporter::Behaviour;
use crate::export::settings::{BatchSizer, QueueBatch, Retry, SendingQueue};
use crate::export::{Attempt, EnqueueError, Export, ExportError, ExportResponse, Exporter, Shared};

/// Remembers what it is sent, and fails if it is to.
#[derive(Clone)]
struct Fake {
    sent: Arc<Mutex<Vec<Payload>>>,
    came: Arc<Semaphore>,
    error: Option<ExportError>,
}

impl Fake {
    fn new(error: Option<ExportError>) -> Self {
        Fake {
            sent: Arc::default(),
            came: Arc::new(Semaphore::new(0)),
            error,
        }
    }

    /// The items of each batch, once there are so many.
    async fn sizes(&self, batches: u32) -> Vec<u64> {
        self.came.acquire_many(batches).await.unwrap().forget();
        self.sent
            .lock()
            .unwrap()
            .iter()
            .map(|one| one.items)
            .collect()
    }
}

impl Export for Fake {
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a> {
        Box::pin(async {
            let parsed = Request::parse(payload.signal, payload.bytes.clone()).unwrap();
            assert_eq!(parsed.item_count() as u64, payload.items);
            self.sent.lock().unwrap().push(payload.clone());
            self.came.add_permits(1);
            self.error
                .clone()
                .map_or(Ok(ExportResponse::default()), Err)
        })
    }
}

const HOUR: Duration = Duration::from_secs(3600);

fn by_items(min_size: u64, max_size: u64) -> QueueBatch {
    QueueBatch {
        partition_by: Vec::new(),
        flush_timeout: HOUR,
        sizer: BatchSizer::Items,
        min_size,
        max_size,
    }
}

fn exporter(fake: &Fake, batch: QueueBatch, wait_for_result: bool) -> (Exporter, Shared) {
    let queue = SendingQueue {
        num_consumers: 1,
        wait_for_result,
        ..SendingQueue::default()
    };
    exporter_of(fake, batch, queue)
}

fn exporter_of(fake: &Fake, batch: QueueBatch, queue: SendingQueue) -> (Exporter, Shared) {
    let behaviour = Behaviour {
        queue: Some(SendingQueue {
            batch: Some(batch),
            ..queue
        }),
        retry: Retry {
            enabled: false,
            ..Retry::default()
        },
        timeout: Duration::ZERO,
        endpoint: String::new(),
        tally: Default::default(),
    };
    let shared = shared();
    let exporter = Exporter::new(id("otlp"), Box::new(fake.clone()), behaviour, &shared);
    (exporter, shared)
}

/// A request of so many spans, named by numbers from `first`.
fn spans(first: u64, count: u64) -> Payload {
    let mut request = super::request();
    let spans = &mut request.resource_spans[0].scope_spans[0].spans;
    let one = spans.remove(0);
    spans.extend((first..first + count).map(|number| {
        let mut span = one.clone();
        span.name = number.to_string();
        span
    }));
    Payload {
        signal: Signal::Traces,
        bytes: Bytes::from(request.encode_to_vec()),
        items: count,
        metadata: Default::default(),
        received_unix_nano: 0,
        trace: Default::default(),
    }
}

/// The names of all spans that were sent, in their order.
fn names(fake: &Fake) -> Vec<String> {
    let sent = fake.sent.lock().unwrap();
    let requests = sent
        .iter()
        .map(|payload| super::ExportTraceServiceRequest::decode(payload.bytes.clone()).unwrap());
    let resources = requests.flat_map(|request| request.resource_spans);
    let scopes = resources.flat_map(|resource| resource.scope_spans);
    scopes
        .flat_map(|scope| scope.spans)
        .map(|span| span.name)
        .collect()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

#[tokio::test(start_paused = true)]
async fn requests_are_joined_until_they_are_enough() {
    let fake = Fake::new(None);
    let (exporter, _) = exporter(&fake, by_items(5, 0), false);
    for first in [0, 2, 4, 6] {
        exporter.enqueue(spans(first, 2)).await.unwrap();
    }
    assert_eq!(fake.sizes(1).await, [6]);
    assert_eq!(exporter.drain(soon()).await, 0);
    assert_eq!(fake.sizes(1).await, [6, 2]);
    assert_eq!(exporter.queue_size(), 0);
    assert_eq!(exporter.counters().get(Signal::Traces).sent(), 8);
    let expected: Vec<String> = (0..8).map(|number| number.to_string()).collect();
    assert_eq!(names(&fake), expected);
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_no_longer_than_it_may() {
    let fake = Fake::new(None);
    let batch = QueueBatch {
        partition_by: Vec::new(),
        flush_timeout: Duration::from_millis(200),
        ..by_items(100, 0)
    };
    let (exporter, _) = exporter(&fake, batch, false);
    let start = Instant::now();
    exporter.enqueue(spans(0, 1)).await.unwrap();
    // The batch begins when the first request is taken from the queue.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_millis(150)).await;
    exporter.enqueue(spans(1, 1)).await.unwrap();
    assert_eq!(exporter.queue_size(), 2);
    assert_eq!(fake.sizes(1).await, [2]);
    let waited = start.elapsed();
    assert!((200..=202).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn no_batch_is_larger_than_it_may_be() {
    for (max, sizes) in [
        (4, vec![4, 4, 4, 4, 1]),
        (1, vec![1; 17]),
        (16, vec![16, 1]),
        (17, vec![17]),
    ] {
        let fake = Fake::new(None);
        let (exporter, shared) = exporter(&fake, by_items(max, max), false);
        // The second fills up what is left of the first.
        exporter.enqueue(spans(0, 7)).await.unwrap();
        exporter.enqueue(spans(7, 10)).await.unwrap();
        assert_eq!(exporter.drain(soon()).await, 0);
        let sent = fake.sizes(u32::try_from(sizes.len()).unwrap()).await;
        assert_eq!(sent, sizes);
        assert_eq!(names(&fake).len(), 17);
        assert!(
            names(&fake)
                .iter()
                .enumerate()
                .all(|(place, name)| *name == place.to_string())
        );
        assert_eq!(exporter.queue_size(), 0);
        assert!(shared.losses.report_of_all().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn sizes_may_be_of_bytes() {
    let fake = Fake::new(None);
    let one = spans(0, 1).bytes.len() as u64;
    let batch = QueueBatch {
        partition_by: Vec::new(),
        sizer: BatchSizer::Bytes,
        ..by_items(2 * one, 5 * one)
    };
    let (exporter, _) = exporter(&fake, batch, false);
    exporter.enqueue(spans(0, 1)).await.unwrap();
    exporter.enqueue(spans(1, 400)).await.unwrap();
    assert_eq!(exporter.drain(soon()).await, 0);
    let sent = fake.sent.lock().unwrap().clone();
    assert!(sent.len() > 20);
    assert!(
        sent.iter()
            .all(|payload| payload.bytes.len() as u64 <= 5 * one)
    );
    assert_eq!(names(&fake).len(), 401);
}

#[tokio::test(start_paused = true)]
async fn signals_are_kept_apart() {
    let fake = Fake::new(None);
    let (exporter, _) = exporter(&fake, by_items(2, 0), false);
    let of = |signal| Payload {
        signal,
        bytes: Bytes::new(),
        items: 0,
        metadata: Default::default(),
        received_unix_nano: 0,
        trace: Default::default(),
    };
    exporter.enqueue(spans(0, 1)).await.unwrap();
    exporter.enqueue(of(Signal::Logs)).await.unwrap();
    exporter.enqueue(of(Signal::Metrics)).await.unwrap();
    exporter.enqueue(spans(1, 1)).await.unwrap();
    assert_eq!(fake.sizes(1).await, [2]);
    assert_eq!(exporter.drain(soon()).await, 0);
    assert_eq!(fake.sizes(2).await, [2, 0, 0]);
    assert_eq!(exporter.queue_size(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_is_counted_by_items() {
    let fake = Fake::new(Some(ExportError::permanent("no")));
    let (exporter, shared) = exporter(&fake, by_items(4, 4), false);
    exporter.enqueue(spans(0, 3)).await.unwrap();
    exporter.enqueue(spans(3, 6)).await.unwrap();
    assert_eq!(exporter.drain(soon()).await, 0);
    assert_eq!(fake.sizes(3).await, [4, 4, 1]);
    assert_eq!(exporter.counters().get(Signal::Traces).send_failed(), 9);
    let losses = shared.losses.report_of_all();
    assert_eq!(losses.len(), 1);
    assert_eq!(losses[0].items, 9);
}

#[tokio::test(start_paused = true)]
async fn senders_that_wait_learn_how_all_of_their_request_went() {
    for error in [None, Some(ExportError::permanent("no"))] {
        let fake = Fake::new(error.clone());
        let (exporter, shared) = exporter(&fake, by_items(4, 4), true);
        let sent = tokio::join!(
            exporter.enqueue(spans(0, 3)),
            exporter.enqueue(spans(3, 6)),
            async {
                fake.sizes(2).await;
                // The rest of the second is not sent yet.
                exporter.drain(soon()).await
            }
        );
        for result in [sent.0, sent.1] {
            match error {
                None => assert_eq!(result, Ok(())),
                Some(_) => assert!(matches!(result, Err(EnqueueError::Permanent { .. }))),
            }
        }
        // Whoever was told has it still.
        assert!(shared.losses.report_of_all().is_empty());
        assert_eq!(exporter.queue_size(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_went_away_has_nothing_left() {
    let fake = Fake::new(Some(ExportError::permanent("no")));
    let (exporter, shared) = exporter(&fake, by_items(3, 0), true);
    let gone = tokio::time::timeout(Duration::from_secs(1), exporter.enqueue(spans(0, 2)));
    assert!(gone.await.is_err());
    let other = exporter.enqueue(spans(2, 1)).await;
    assert!(matches!(other, Err(EnqueueError::Permanent { .. })));
    assert_eq!(exporter.drain(soon()).await, 0);
    let losses = shared.losses.report_of_all();
    assert_eq!(losses.iter().map(|loss| loss.items).sum::<u64>(), 2);
}

/// A request of one span of a tenant's.
fn of_tenant(number: u64, tenant: &str) -> Payload {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-tenant", tenant.parse().unwrap());
    Payload {
        metadata: crate::metadata::RequestMetadata::of(&headers, None),
        ..spans(number, 1)
    }
}

#[tokio::test(start_paused = true)]
async fn each_partition_waits_its_own_time() {
    let fake = Fake::new(None);
    let batch = QueueBatch {
        partition_by: vec!["x-tenant".to_owned()],
        flush_timeout: Duration::from_secs(10),
        ..by_items(3, 0)
    };
    let (exporter, _) = exporter(&fake, batch, false);
    let wait = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
    exporter.enqueue(of_tenant(1, "a")).await.unwrap();
    wait(4).await;
    exporter.enqueue(of_tenant(2, "b")).await.unwrap();
    // Enough of the first, which then begins anew: its first time to be sent no longer counts.
    exporter.enqueue(of_tenant(3, "a")).await.unwrap();
    exporter.enqueue(of_tenant(4, "a")).await.unwrap();
    wait(1).await;
    assert_eq!(names(&fake), ["1", "3", "4"]);
    exporter.enqueue(of_tenant(5, "a")).await.unwrap();
    wait(6).await;
    assert_eq!(names(&fake), ["1", "3", "4"]);
    wait(4).await;
    assert_eq!(names(&fake), ["1", "3", "4", "2"]);
    wait(1).await;
    assert_eq!(names(&fake), ["1", "3", "4", "2", "5"]);
    assert_eq!(exporter.drain(soon()).await, 0);
}

#[tokio::test(start_paused = true)]
async fn partitions_without_number_are_all_sent_at_the_end() {
    const TENANTS: u64 = 20_000;
    let fake = Fake::new(None);
    let batch = QueueBatch {
        partition_by: vec!["x-tenant".to_owned()],
        ..by_items(1_000_000, 0)
    };
    let queue = SendingQueue {
        queue_size: TENANTS,
        ..SendingQueue::default()
    };
    let (exporter, _) = exporter_of(&fake, batch, queue);
    for number in 0..TENANTS {
        let tenant = format!("t{number}");
        exporter.enqueue(of_tenant(number, &tenant)).await.unwrap();
    }
    assert_eq!(exporter.drain(soon()).await, 0);
    assert_eq!(fake.sent.lock().unwrap().len() as u64, TENANTS);
}
