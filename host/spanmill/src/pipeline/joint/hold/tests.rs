//! The store against a model of it: nothing is lost, nothing comes twice, and it takes what it says.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::prelude::*;
use prost::Message as _;
use spanmill_otlp::{Request, Signal};

use super::store::TraceStore;

/// A span: its trace, the service it is of, its scope, and its name.
type Item = (u128, u8, u8, String);

#[derive(Clone, Debug)]
enum Operation {
    Hold(Vec<Item>),
    Release(u128),
    Drop(u128),
    /// Takes batches of about so many bytes, so many times.
    Take(usize, usize),
    /// A period ends, and of what is quiet about so many bytes are compressed.
    Pack(usize),
}

fn item() -> impl Strategy<Value = Item> {
    (1u128..12, 0u8..3, 0u8..3, "[a-z]{0,40}")
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => prop::collection::vec(item(), 1..20).prop_map(Operation::Hold),
        2 => (1u128..12).prop_map(Operation::Release),
        1 => (1u128..12).prop_map(Operation::Drop),
        3 => (1usize..6000).prop_map(Operation::Pack),
        2 => (1usize..600, 1usize..4).prop_map(|(about, times)| Operation::Take(about, times)),
    ]
}

fn request(items: &[Item]) -> ExportTraceServiceRequest {
    let resource_spans = items.iter().map(|(trace, service, scope, name)| {
        let value = any_value::Value::IntValue(i64::from(*service));
        ResourceSpans {
            resource: Some(Resource {
                attributes: vec![KeyValue {
                    key: "service".to_owned(),
                    value: Some(AnyValue { value: Some(value) }),
                    ..KeyValue::default()
                }],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    version: scope.to_string(),
                    ..InstrumentationScope::default()
                }),
                spans: vec![Span {
                    trace_id: trace.to_be_bytes().to_vec(),
                    name: name.clone(),
                    ..Span::default()
                }],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }
    });
    ExportTraceServiceRequest {
        resource_spans: resource_spans.collect(),
    }
}

/// The spans of a request, each with its resource and scope.
fn items(bytes: &[u8]) -> Vec<Item> {
    let request = ExportTraceServiceRequest::decode(bytes).unwrap();
    let mut found = Vec::new();
    for resource in request.resource_spans {
        let attributes = resource.resource.unwrap().attributes;
        let Some(any_value::Value::IntValue(service)) = attributes[0].value.clone().unwrap().value
        else {
            panic!("not what was sent");
        };
        for scope in resource.scope_spans {
            let version = scope.scope.unwrap().version.parse().unwrap();
            for span in scope.spans {
                let trace = u128::from_be_bytes(span.trace_id.try_into().unwrap());
                found.push((trace, service as u8, version, span.name));
            }
        }
    }
    found
}

fn sorted(mut items: Vec<Item>) -> Vec<Item> {
    items.sort();
    items
}

proptest! {
    #[test]
    fn every_span_leaves_once_or_is_dropped_and_the_count_of_bytes_is_right(
        operations in prop::collection::vec(operation(), 1..40),
    ) {
        let mut store = TraceStore::new(Signal::Traces).learning_from(200);
        let mut model: BTreeMap<u128, Vec<Item>> = BTreeMap::new();
        let mut released: Vec<u128> = Vec::new();
        for (number, operation) in operations.into_iter().enumerate() {
            match operation {
                Operation::Hold(held) => {
                    let bytes = request(&held).encode_to_vec();
                    let request = Request::parse(Signal::Traces, bytes.into()).unwrap();
                    store.hold(&request, number as u64);
                    for item in held {
                        model.entry(item.0).or_default().push(item);
                    }
                }
                Operation::Release(trace) => {
                    let items = store.release(trace);
                    let is_new = !released.contains(&trace);
                    let expected = model.get(&trace).filter(|_| is_new).map_or(0, Vec::len);
                    prop_assert_eq!(items, expected);
                    if model.contains_key(&trace) && is_new {
                        released.push(trace);
                    }
                }
                Operation::Drop(trace) => {
                    let is_released = released.contains(&trace);
                    let expected = match is_released {
                        true => 0,
                        false => model.remove(&trace).map_or(0, |items| items.len()),
                    };
                    prop_assert_eq!(store.drop_trace(trace), expected);
                }
                Operation::Pack(about) => {
                    store.end_period();
                    store.pack(about);
                }
                Operation::Take(about, times) => {
                    for _ in 0..times {
                        let Some(batch) = store.next_released(about) else {
                            prop_assert!(released.is_empty());
                            break;
                        };
                        let expected: Vec<u128> = released.drain(..batch.traces.len()).collect();
                        prop_assert_eq!(&batch.traces, &expected);
                        let left = expected.iter().flat_map(|id| model.remove(id).unwrap());
                        let left = sorted(left.collect());
                        prop_assert_eq!(batch.batch.items, left.len());
                        prop_assert_eq!(sorted(items(&batch.batch.bytes)), left);
                    }
                }
            }
            let all: Vec<&Item> = model.values().flatten().collect();
            prop_assert_eq!(store.items(), all.len());
            prop_assert_eq!(store.traces(), model.len());
            // A fresh store that is given the same holds as many bytes, but for what is compressed.
            let mut fresh = TraceStore::new(Signal::Traces);
            if !all.is_empty() {
                let all: Vec<Item> = all.into_iter().cloned().collect();
                let bytes = request(&all).encode_to_vec();
                fresh.hold(&Request::parse(Signal::Traces, bytes.into()).unwrap(), 0);
            }
            store.sweep();
            prop_assert_eq!(store.bytes() as isize + store.saved(), fresh.bytes() as isize);
        }
        store.release_all();
        let mut left = Vec::new();
        while let Some(batch) = store.next_released(100) {
            left.extend(items(&batch.batch.bytes));
        }
        prop_assert_eq!(sorted(left), sorted(model.into_values().flatten().collect()));
        prop_assert_eq!((store.items(), store.traces(), store.bytes()), (0, 0, 0));
    }

    #[test]
    fn what_is_shown_stays_and_is_whole(held in prop::collection::vec(item(), 1..60), about in 1usize..800) {
        let mut store = TraceStore::new(Signal::Traces);
        let bytes = request(&held).encode_to_vec();
        store.hold(&Request::parse(Signal::Traces, bytes.into()).unwrap(), 7);
        let mut wanted = store.oldest_first();
        wanted.push_front(999);
        let mut shown = Vec::new();
        while let Some(batch) = store.show(&mut wanted, about) {
            prop_assert_eq!(batch.received_unix_nano, 7);
            let of_batch = items(&batch.batch.bytes);
            for trace in &batch.traces {
                let there = of_batch.iter().filter(|item| item.0 == *trace).count();
                prop_assert_eq!(there, held.iter().filter(|item| item.0 == *trace).count());
            }
            shown.extend(of_batch);
        }
        prop_assert_eq!(store.items(), held.len());
        prop_assert_eq!(sorted(shown), sorted(held));
    }
}
