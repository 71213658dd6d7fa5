use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use spanmill_model::Signal;

use super::{JoinedRequests, items_before};
use crate::{Batch, ItemLimits};

/// A request with so many spans in each of its scopes.
fn request(scopes: &[usize]) -> Bytes {
    let span = Span {
        name: "span".to_owned(),
        ..Span::default()
    };
    let scopes = scopes.iter().map(|spans| ScopeSpans {
        spans: vec![span.clone(); *spans],
        ..ScopeSpans::default()
    });
    let resource = ResourceSpans {
        scope_spans: scopes.collect(),
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![resource],
    }
    .encode_to_vec()
    .into()
}

fn join(requests: &[Bytes]) -> Result<Vec<usize>, usize> {
    let limits = ItemLimits {
        spans: 20,
        ..ItemLimits::default()
    };
    let joined = JoinedRequests::parse(Signal::Traces, requests, &limits)?;
    assert_eq!(joined.requests, requests);
    assert_eq!(joined.batch.bytes()[..], requests.concat()[..]);
    assert_eq!(
        joined.batch.item_count(),
        joined.items.iter().sum::<usize>()
    );
    Ok(joined.items)
}

#[test]
fn each_request_keeps_its_items() {
    let nothing = Bytes::new();
    let requests = [
        request(&[2, 1]),
        nothing,
        request(&[0]),
        request(&[4]),
        request(&[1, 0, 2]),
    ];
    assert_eq!(join(&requests), Ok(vec![3, 0, 0, 4, 3]));
    assert_eq!(join(&[]), Ok(vec![]));
}

#[test]
fn items_are_counted_in_every_part() {
    let requests: Vec<Bytes> = (0..40).map(|number| request(&[number % 5])).collect();
    let joined = requests.concat();
    let batch = Batch::in_parts(Signal::Traces, joined.into(), 64).unwrap();
    assert!(batch.parts().len() > 5);
    let mut end = 0;
    let mut items = 0;
    for (number, request) in requests.iter().enumerate() {
        end += request.len();
        items += number % 5;
        assert_eq!(items_before(&batch, end), items, "{number}");
    }
}

#[test]
fn the_request_at_fault_is_named() {
    let good = request(&[3]);
    // Cut off: its last field would swallow the head of the request behind it.
    let cut = good.slice(..good.len() - 2);
    assert_eq!(join(&[good.clone(), cut, good.clone()]), Err(1));
    // Whole on the outside, and no UTF-8 inside.
    let mut spoilt = good.to_vec();
    let name = spoilt.windows(4).position(|four| four == b"span").unwrap();
    spoilt[name] = 0xff;
    let spoilt = Bytes::from(spoilt);
    assert_eq!(join(&[spoilt.clone(), good.clone()]), Err(0));
    assert_eq!(join(&[good.clone(), good.clone(), spoilt]), Err(2));
    // More than one may have.
    assert_eq!(join(&[request(&[15]), request(&[15])]), Err(1));
}

#[test]
fn joined_or_alone_a_request_is_as_well_formed() {
    let good = request(&[2, 2]);
    for cut in 0..good.len() {
        for flipped in [0x00, 0x08, 0x7f, 0x80] {
            let mut bytes = good[..=cut].to_vec();
            bytes[cut] ^= flipped;
            let bytes = Bytes::from(bytes);
            let alone = Batch::parse_within(Signal::Traces, bytes.clone(), &ItemLimits::default());
            let together = join(&[good.clone(), bytes, good.clone()]);
            match alone {
                Ok(batch) => assert_eq!(together, Ok(vec![4, batch.item_count(), 4])),
                Err(_) => assert_eq!(together, Err(1), "cut at {cut}, {flipped:x}"),
            }
        }
    }
}
