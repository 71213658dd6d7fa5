//! The queue, with time under control.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{Payload, Signal, id, shared};
use crate::export::exporter::Behaviour;
use crate::export::settings::{Retry, SendingQueue, Sizer};
use crate::export::{Attempt, EnqueueError, Export, ExportError, ExportResponse, Exporter};

/// Sends a batch for each permit; then waits. Or fails each time.
#[derive(Clone)]
struct Fake {
    permits: Arc<Semaphore>,
    begun: Arc<Semaphore>,
    error: Option<ExportError>,
}

impl Fake {
    fn new(permits: usize, error: Option<ExportError>) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(permits)),
            begun: Arc::new(Semaphore::new(0)),
            error,
        }
    }

    async fn begun(&self, attempts: u32) {
        self.begun.acquire_many(attempts).await.unwrap().forget();
    }
}

impl Export for Fake {
    fn export<'a>(&'a self, _: &'a Payload) -> Attempt<'a> {
        Box::pin(async {
            self.begun.add_permits(1);
            self.permits.acquire().await.unwrap().forget();
            self.error
                .clone()
                .map_or(Ok(ExportResponse::default()), Err)
        })
    }
}

fn down() -> Option<ExportError> {
    Some(ExportError::retryable("down"))
}

fn batch(items: u64) -> Payload {
    Payload {
        signal: Signal::Traces,
        bytes: Bytes::from(vec![0; 100]),
        items,
        metadata: Default::default(),
        received_unix_nano: 0,
        trace: Default::default(),
    }
}

fn exporter(fake: &Fake, queue: Option<SendingQueue>) -> Exporter {
    let behaviour = Behaviour {
        queue,
        retry: Retry::default(),
        timeout: Duration::ZERO,
        endpoint: "nowhere:4317".to_owned(),
        tally: Default::default(),
    };
    Exporter::new(id("otlp"), Box::new(fake.clone()), behaviour, &shared())
}

fn queue(size: u64, sizer: Sizer) -> SendingQueue {
    SendingQueue {
        num_consumers: 1,
        queue_size: size,
        sizer,
        ..SendingQueue::default()
    }
}

fn within(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once() {
    for (size, sizer, fits) in [
        (3, Sizer::Requests, 3),
        (3, Sizer::Items, 1),
        (250, Sizer::Bytes, 2),
    ] {
        let fake = Fake::new(0, None);
        let exporter = exporter(&fake, Some(queue(size, sizer)));
        for _ in 0..fits {
            exporter.enqueue(batch(2)).await.unwrap();
        }
        let refused = exporter.enqueue(batch(2)).await.unwrap_err();
        assert_eq!(
            refused,
            EnqueueError::Full {
                exporter: id("otlp")
            }
        );
        assert!(refused.is_retryable());
        assert_eq!(exporter.counters().get(Signal::Traces).enqueue_failed(), 2);
        assert_eq!(exporter.queue_capacity(), size);
        assert!(exporter.queue_size() > 0);
        fake.permits.add_permits(fits);
        assert_eq!(exporter.drain(within(1)).await, 0);
        assert_eq!(
            exporter.counters().get(Signal::Traces).sent(),
            2 * fits as u64
        );
        assert_eq!(exporter.queue_size(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn larger_than_the_queue_is_taken_when_it_is_empty() {
    let fake = Fake::new(1, None);
    let exporter = exporter(&fake, Some(queue(10, Sizer::Items)));
    exporter.enqueue(batch(1000)).await.unwrap();
    assert!(exporter.enqueue(batch(1)).await.is_err());
    assert_eq!(exporter.drain(within(1)).await, 0);
    assert_eq!(exporter.counters().get(Signal::Traces).sent(), 1000);
}

#[tokio::test(start_paused = true)]
async fn overflow_may_wait_for_room() {
    let fake = Fake::new(0, None);
    let settings = SendingQueue {
        block_on_overflow: true,
        ..queue(1, Sizer::Requests)
    };
    let exporter = exporter(&fake, Some(settings));
    exporter.enqueue(batch(1)).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_secs(60), exporter.enqueue(batch(1))).await;
    assert!(waiting.is_err());
    let also = exporter.clone();
    let waiting = tokio::spawn(async move { also.enqueue(batch(1)).await });
    fake.permits.add_permits(2);
    waiting.await.unwrap().unwrap();
    assert_eq!(exporter.drain(within(1)).await, 0);
    assert_eq!(exporter.counters().get(Signal::Traces).sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_sender_may_wait_for_the_result() {
    let permanent = Some(ExportError::permanent("no"));
    for wait_for_result in [true, false] {
        let settings = wait_for_result.then(|| SendingQueue {
            wait_for_result,
            ..queue(9, Sizer::Requests)
        });
        let sending = exporter(&Fake::new(9, None), settings.clone());
        sending.enqueue(batch(1)).await.unwrap();
        assert_eq!(sending.counters().get(Signal::Traces).sent(), 1);
        let failing = exporter(&Fake::new(9, permanent.clone()), settings);
        let refused = failing.enqueue(batch(1)).await.unwrap_err();
        assert!(!refused.is_retryable());
        assert_eq!(refused.to_string(), "exporter otlp: no");
    }
}

#[tokio::test(start_paused = true)]
async fn retries_end() {
    let started = Instant::now();
    let fake = Fake::new(1000, down());
    let exporter = exporter(&fake, None);
    let refused = exporter.enqueue(batch(3)).await.unwrap_err();
    assert!(refused.is_retryable());
    assert_eq!(exporter.counters().get(Signal::Traces).send_failed(), 3);
    let elapsed = started.elapsed().as_secs();
    assert!((200..=300).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_has_a_deadline() {
    let behaviour = Behaviour {
        queue: None,
        retry: Retry {
            enabled: false,
            ..Retry::default()
        },
        timeout: Duration::from_secs(5),
        endpoint: String::new(),
        tally: Default::default(),
    };
    let fake = Box::new(Fake::new(0, None));
    let exporter = Exporter::new(id("otlp"), fake, behaviour, &shared());
    let refused = exporter.enqueue(batch(1)).await.unwrap_err();
    assert_eq!(refused.to_string(), "exporter otlp: no answer within 5s");
    assert!(refused.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn draining_sends_what_is_queued() {
    let fake = Fake::new(1000, None);
    let exporter = exporter(&fake, Some(queue(100, Sizer::Requests)));
    for _ in 0..100 {
        exporter.enqueue(batch(1)).await.unwrap();
    }
    assert_eq!(exporter.drain(within(5)).await, 0);
    assert_eq!(exporter.counters().get(Signal::Traces).sent(), 100);
    let refused = exporter.enqueue(batch(1)).await.unwrap_err();
    assert_eq!(
        refused,
        EnqueueError::ShuttingDown {
            exporter: id("otlp")
        }
    );
}

#[tokio::test(start_paused = true)]
async fn draining_cuts_backoff_short_and_says_what_was_left() {
    let fake = Fake::new(1000, down());
    let exporter = exporter(&fake, Some(queue(100, Sizer::Requests)));
    for _ in 0..3 {
        exporter.enqueue(batch(7)).await.unwrap();
    }
    // The first is in its first pause, of 2.5 s at least.
    fake.begun(1).await;
    let started = Instant::now();
    assert_eq!(exporter.drain(within(1)).await, 21);
    assert!(started.elapsed() <= Duration::from_secs(1));
    assert_eq!(exporter.counters().get(Signal::Traces).send_failed(), 21);
    assert_eq!(exporter.counters().get(Signal::Traces).sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn draining_does_not_wait_for_ever() {
    let fake = Fake::new(0, None);
    let queued = exporter(&fake, Some(queue(100, Sizer::Requests)));
    queued.enqueue(batch(2)).await.unwrap();
    queued.enqueue(batch(3)).await.unwrap();
    assert_eq!(queued.drain(within(1)).await, 5);

    let direct = exporter(&fake, None);
    let also = direct.clone();
    let waiting = tokio::spawn(async move { also.enqueue(batch(4)).await });
    fake.begun(2).await;
    // Its sender still has it.
    assert_eq!(direct.drain(within(1)).await, 0);
    assert_eq!(
        waiting.await.unwrap(),
        Err(EnqueueError::ShuttingDown {
            exporter: id("otlp")
        })
    );
}
