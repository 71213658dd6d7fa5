//! Batcher and split; pipelines as a whole are tested through the binary.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use spanmill_otlp::Spliced;

use super::joint::Batcher;
use crate::config::{Batch, Signal};

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
            timeout: Duration::from_secs(3600),
            send_batch_max_size,
        },
    )
}

/// Puts a request in if there is room.
fn push(batcher: &Batcher, request: Spliced) -> Option<Vec<Spliced>> {
    batcher.reserve(&request)?.keep();
    Some(batcher.push(request))
}

/// Sizes of batches, each checked against what its bytes hold.
fn sizes(batches: &[Spliced]) -> Vec<usize> {
    let counted = batches.iter().map(|batch| {
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
    let batcher = Batcher::new(
        Signal::Traces,
        Batch {
            send_batch_size: 100,
            timeout: Duration::ZERO,
            send_batch_max_size: 0,
        },
    );
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
    let large = request(8192 * 8);
    let room = batcher.reserve(&large).unwrap();
    assert!(batcher.reserve(&request(1)).is_none());
    drop(room);
    assert_eq!(batcher.held_items(), 0);
    assert!(push(&batcher, request(1)).is_some());
}
