//! Batcher and split; pipelines as a whole are tested through the binary.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use spanmill_otlp::Spliced;

use super::joint::{Batcher, JointBatch, SegmentOutput};
use crate::config::{Batch, Signal};
use crate::metadata::RequestMetadata;

fn request(spans: usize) -> Spliced {
    let span = Span {
        name: "span".to_owned(),
        ..Span::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans: vec![span; spans],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    Spliced {
        bytes: request.encode_to_vec().into(),
        items: spans,
    }
}

fn batcher(send_batch_size: u64, send_batch_max_size: u64) -> Batcher {
    Batcher::new(
        Signal::Traces,
        Batch {
            send_batch_size,
            send_batch_max_size,
            ..by_tenant(Duration::from_secs(3600), 0)
        },
    )
}

fn by_tenant(timeout: Duration, metadata_cardinality_limit: usize) -> Batch {
    Batch {
        send_batch_size: 100,
        timeout,
        send_batch_max_size: 0,
        metadata_keys: vec!["x-tenant".to_owned()],
        metadata_cardinality_limit,
    }
}

fn output(spliced: Spliced, metadata: RequestMetadata) -> SegmentOutput {
    SegmentOutput {
        spliced,
        by_shard: Vec::new(),
        shard: None,
        metadata,
        trace: Default::default(),
    }
}

/// What a tenant says, with a header besides that differs each time.
fn tenant(name: &str, time: usize) -> RequestMetadata {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-tenant", name.parse().unwrap());
    headers.insert("x-time", time.into());
    RequestMetadata::of(&headers, None)
}

/// Puts a request in if there is room.
fn push(batcher: &Batcher, request: Spliced) -> Option<Vec<JointBatch>> {
    push_of(batcher, request, &RequestMetadata::default())
}

fn push_of(
    batcher: &Batcher,
    request: Spliced,
    metadata: &RequestMetadata,
) -> Option<Vec<JointBatch>> {
    let output = output(request, metadata.clone());
    batcher.reserve(&output)?.keep();
    Some(batcher.push(output.spliced, metadata))
}

/// Sizes of batches, each checked against what its bytes hold.
fn sizes(batches: &[JointBatch]) -> Vec<usize> {
    let counted = batches.iter().map(|JointBatch { batch, .. }| {
        let decoded = ExportTraceServiceRequest::decode(batch.bytes.clone()).unwrap();
        let scopes = decoded
            .resource_spans
            .iter()
            .flat_map(|resource| &resource.scope_spans);
        let spans: usize = scopes.map(|scope| scope.spans.len()).sum();
        assert_eq!(spans, batch.items);
        spans
    });
    counted.collect()
}

#[test]
fn requests_become_one_batch_at_the_size() {
    let batcher = batcher(5, 0);
    assert!(batcher.due_in().is_none());
    assert_eq!(sizes(&push(&batcher, request(2)).unwrap()), [0usize; 0]);
    assert!(batcher.due_in().is_some());
    assert_eq!(sizes(&push(&batcher, request(2)).unwrap()), [0usize; 0]);
    assert_eq!(sizes(&push(&batcher, request(3)).unwrap()), [7]);
    assert!(batcher.due_in().is_none());
}

#[test]
fn batches_beyond_the_maximum_are_cut_and_the_rest_waits() {
    let batcher = batcher(4, 4);
    assert_eq!(sizes(&push(&batcher, request(10)).unwrap()), [4, 4]);
    assert_eq!(batcher.held_items(), 10);
    assert!(batcher.due_in().is_some(), "two spans wait for their time");
    assert_eq!(sizes(&batcher.flush()), [2]);
    assert_eq!(sizes(&batcher.flush()), [0usize; 0]);
}

#[test]
fn without_a_timeout_nothing_waits() {
    let batcher = Batcher::new(Signal::Traces, by_tenant(Duration::ZERO, 0));
    assert_eq!(sizes(&push(&batcher, request(1)).unwrap()), [1]);
}

#[test]
fn a_batcher_whose_batches_go_nowhere_refuses_more_until_some_are_done() {
    let batcher = batcher(8192, 0);
    let mut under_way = Vec::new();
    while let Some(ready) = push(&batcher, request(8192)) {
        under_way.extend(ready);
        assert!(under_way.len() < 100, "it takes and takes");
    }
    assert_eq!(batcher.held_items(), under_way.len() * 8192);
    batcher.done(&under_way.pop().unwrap());
    assert!(push(&batcher, request(8192)).is_some());
    assert!(push(&batcher, request(8192)).is_none());
}

#[test]
fn room_that_is_not_used_is_free_again() {
    let batcher = batcher(8192, 0);
    let nobody = RequestMetadata::default;
    let large = output(request(8192 * 8), nobody());
    let room = batcher.reserve(&large).unwrap();
    assert!(batcher.reserve(&output(request(1), nobody())).is_none());
    drop(room);
    assert_eq!(batcher.held_items(), 0);
    assert!(push(&batcher, request(1)).is_some());
}

#[test]
fn senders_that_metadata_keys_tell_apart_have_batches_of_their_own() {
    let batcher = Batcher::new(Signal::Traces, by_tenant(Duration::from_secs(3600), 2));
    for time in 0..3 {
        for name in ["a", "b"] {
            let ready = push_of(&batcher, request(30), &tenant(name, time)).unwrap();
            assert_eq!(sizes(&ready), [0usize; 0]);
        }
    }
    // A third has to wait until one of them has nothing at hand.
    let third = output(request(1), tenant("c", 0));
    assert!(batcher.reserve(&third).is_none());
    let ready = push_of(&batcher, request(20), &tenant("a", 3)).unwrap();
    assert_eq!(sizes(&ready), [110]);
    assert!(batcher.reserve(&third).is_some());
    let keys = ["x-tenant".to_owned(), "x-time".to_owned()];
    assert!(ready[0].metadata == tenant("a", 0).only(&keys[..1]));
    let flushed = batcher.flush();
    assert_eq!(sizes(&flushed), [90]);
    // Room is given back to the last byte.
    ready
        .iter()
        .chain(&flushed)
        .for_each(|batch| batcher.done(batch));
    assert_eq!(batcher.held(), (0, 0));
}
