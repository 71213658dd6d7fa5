//! What holds for requests of every signal.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use prost::Message;
use spanmill_otlp::{Batch, ItemLimits, ParseError, Request};

use crate::export::{Export, agrees_with_prost};
use crate::{log_requests, metric_requests, requests};

/// Bytes to be written over others, and where a request ends early.
type Damage = (Vec<(Index, u8)>, Option<Index>);

fn damage() -> impl Strategy<Value = Damage> {
    let cuts = prop::collection::vec((any::<Index>(), any::<u8>()), 0..4);
    (cuts, prop::option::of(any::<Index>()))
}

fn damaged<E: Export>(request: &E, (cuts, end): &Damage) -> Vec<u8> {
    let mut bytes = request.encode_to_vec();
    for (at, byte) in cuts {
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
    }
    if let Some(end) = end
        && !bytes.is_empty()
    {
        bytes.truncate(end.index(bytes.len()));
    }
    bytes
}

/// Parts of a split hold every item once, with all that it belongs to, and are no larger than they may be.
fn splits<E: Export>(request: &E, max: usize) -> Result<(), TestCaseError> {
    let parsed = Request::parse(E::SIGNAL, request.encode_to_vec().into()).unwrap();
    let mut joined = E::default();
    for part in parsed.split(max) {
        let decoded = E::decode(part.bytes.clone()).unwrap();
        prop_assert_eq!(decoded.items().len(), part.items);
        prop_assert!(part.items <= max);
        prop_assert_eq!(
            Request::parse(E::SIGNAL, part.bytes).unwrap().item_count(),
            part.items
        );
        joined.join(decoded);
    }
    prop_assert_eq!(joined.placed(), request.placed());
    Ok(())
}

/// A split by where each item goes has every item once, in its part, with all that it belongs to.
fn distributes<E: Export>(
    request: &E,
    parts: usize,
    targets: &[Index],
) -> Result<(), TestCaseError> {
    let parsed = Request::parse(E::SIGNAL, request.encode_to_vec().into()).unwrap();
    let targets: Vec<u32> = (0..parsed.item_count())
        .map(|item| {
            targets
                .get(item % 7)
                .map_or(0, |target| target.index(parts) as u32)
        })
        .collect();
    let split = parsed.split_by(&targets, parts);
    prop_assert_eq!(split.len(), parts);
    let mut joined = E::default();
    for (number, part) in split.into_iter().enumerate() {
        let own = targets
            .iter()
            .filter(|&&target| target as usize == number)
            .count();
        let decoded = E::decode(part.bytes).unwrap();
        prop_assert_eq!((part.items, decoded.items().len()), (own, own));
        joined.join(decoded);
    }
    let (mut found, mut expected) = (joined.placed(), request.placed());
    found.sort_by_key(|item| format!("{item:?}"));
    expected.sort_by_key(|item| format!("{item:?}"));
    prop_assert_eq!(found, expected);
    Ok(())
}

/// A batch in parts is accepted and refused as the whole request is.
fn in_parts<E: Export>(bytes: Vec<u8>, about: usize) -> Result<(), TestCaseError> {
    let bytes = Bytes::from(bytes);
    let batch = Batch::in_parts(E::SIGNAL, bytes.clone(), about);
    if let Ok(batch) = &batch {
        let joined: Vec<u8> = batch
            .parts()
            .iter()
            .flat_map(|part| part.bytes().to_vec())
            .collect();
        prop_assert_eq!(&joined, &bytes);
    }
    let whole = Request::parse(E::SIGNAL, bytes).map(|request| request.item_count());
    prop_assert_eq!(batch.map(|batch| batch.item_count()), whole);
    Ok(())
}

/// A request that holds one item more than it may is refused, and one that holds just as many is not.
fn limited<E: Export>(request: &E, about: usize) -> Result<(), TestCaseError> {
    let bytes = Bytes::from(request.encode_to_vec());
    let count = request.items().len();
    let limits = |spans| ItemLimits {
        spans,
        ..ItemLimits::NONE
    };
    prop_assert!(Request::parse_within(E::SIGNAL, bytes.clone(), &limits(count)).is_ok());
    if let Some(less) = count.checked_sub(1) {
        let what = E::SIGNAL.items();
        let expected = ParseError::TooMany { what, limit: less };
        let refused = Request::parse_within(E::SIGNAL, bytes.clone(), &limits(less)).unwrap_err();
        prop_assert_eq!(refused, expected);
    }
    // Every message counts, so there are as many at least as items, and not more than there are bytes, but for groups.
    let limits = |items| ItemLimits {
        items,
        ..ItemLimits::NONE
    };
    let least = (0..=bytes.len() * 8)
        .find(|&items| Request::parse_within(E::SIGNAL, bytes.clone(), &limits(items)).is_ok());
    prop_assert!(least.is_some_and(|least| least >= count));
    prop_assert!(Batch::in_parts(E::SIGNAL, bytes, about).is_ok());
    Ok(())
}

macro_rules! every_signal {
    ($($name:ident: $request:ty, $strategy:expr;)*) => {$(
        mod $name {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

                #[test]
                fn what_prost_refuses_is_refused_and_nothing_else(request in $strategy, damage in damage()) {
                    agrees_with_prost::<$request>(damaged(&request, &damage));
                }

                #[test]
                fn random_bytes_give_an_error_or_a_request(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
                    agrees_with_prost::<$request>(bytes);
                }

                #[test]
                fn parts_of_a_split_hold_every_item_once(request in $strategy, max in 1usize..6) {
                    splits(&request, max)?;
                }

                #[test]
                fn each_item_goes_to_its_part(
                    request in $strategy,
                    parts in 1usize..5,
                    targets in prop::collection::vec(any::<Index>(), 7),
                ) {
                    distributes(&request, parts, &targets)?;
                }

                #[test]
                fn a_batch_in_parts_is_refused_like_a_request(
                    request in $strategy,
                    damage in damage(),
                    about in 0usize..400,
                ) {
                    in_parts::<$request>(request.encode_to_vec(), about)?;
                    in_parts::<$request>(damaged(&request, &damage), about)?;
                }
            }

            proptest! {
                #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

                #[test]
                fn what_a_request_holds_is_limited(request in $strategy, about in 1usize..400) {
                    limited(&request, about)?;
                }
            }
        }
    )*};
}

every_signal! {
    traces: ExportTraceServiceRequest, requests::requests();
    logs: ExportLogsServiceRequest, log_requests::requests();
    metrics: ExportMetricsServiceRequest, metric_requests::requests();
}
