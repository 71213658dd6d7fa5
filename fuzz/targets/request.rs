//! Any bytes: the parser and prost agree on what is a request, and what is one goes through a chain unchanged.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use spanmill_fuzz::{SEEDS, plant, with_workspace};
use spanmill_otlp::{Batch, Outcome, Request};

fuzz_target!(init: plant(SEEDS.iter().cloned()), |data: &[u8]| {
    let bytes = Bytes::copy_from_slice(data);
    let decoded = ExportTraceServiceRequest::decode(bytes.clone());
    let parsed = Request::parse(bytes.clone());
    // Where a request is cut into parts makes no difference.
    let in_parts = Batch::in_parts(bytes.clone(), 16).map(|batch| batch.span_count());
    assert_eq!(in_parts, parsed.clone().map(|request| request.span_count()));
    let request = match (parsed, &decoded) {
        (Ok(request), Ok(_)) => request,
        (Ok(_), Err(error)) => panic!("accepted what prost refuses: {error}"),
        // prost merges a resource or scope that is sent twice; here it could hide something. And it takes ids of any length.
        (Err(error), Ok(_)) => {
            let is_ours = error.what.contains("twice") || error.what.contains("another length");
            assert!(is_ours, "refused what prost accepts: {error}");
            return;
        }
        (Err(_), Err(_)) => return,
    };
    with_workspace(|workspace| {
        workspace.load(request.clone(), 1).unwrap();
        for stage in 0..2 {
            workspace.view(stage).unwrap();
            workspace.apply(stage, &Outcome::default()).unwrap();
        }
        assert_eq!(workspace.splice().bytes, bytes);
    });
    let spans: usize = request.split(2).iter().map(|part| {
        let part = ExportTraceServiceRequest::decode(part.bytes.clone()).unwrap();
        part.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum::<usize>()
    }).sum();
    assert_eq!(spans, request.span_count());
});
