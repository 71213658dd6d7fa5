//! Rows put under other resources: each item is there once, with all that it had, under the resource that it is to have.

mod rules;

use std::collections::BTreeSet;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use prost::Message;
use spanmill_otlp::{
    Batch, CellColumn, Groups, Joined, Outcome, Pool, Projection, Request, Signal, StageContract,
    Touched, Verdicts, Workspace, Write,
};

use crate::export::{Export, points};
use crate::metrics::points::retain;
use crate::{log_requests, metric_requests, requests};

/// A request of which resources can be told apart and changed.
pub trait Grouped: Export {
    fn resource(&mut self) -> Vec<(&mut Option<Resource>, &mut String)>;

    /// Everything that means the same is the same.
    fn normal(mut self) -> Self {
        for (resource, _) in self.resource() {
            normal_resource(resource);
        }
        self.normal_below();
        self
    }

    fn normal_below(&mut self);

    /// The scopes of each resource, in words.
    fn scopes(&self) -> Vec<Vec<String>>;
}

fn normal_resource(resource: &mut Option<Resource>) {
    let attributes = &mut resource.get_or_insert_default().attributes;
    attributes.sort_by(|one, other| one.key.cmp(&other.key));
}

fn normal_scope(scope: &mut Option<InstrumentationScope>) {
    let attributes = &mut scope.get_or_insert_default().attributes;
    attributes.sort_by(|one, other| one.key.cmp(&other.key));
}

macro_rules! grouped {
    ($request:ty, $resources:ident, $scopes:ident, $below:expr) => {
        impl Grouped for $request {
            fn resource(&mut self) -> Vec<(&mut Option<Resource>, &mut String)> {
                let all = self.$resources.iter_mut();
                all.map(|it| (&mut it.resource, &mut it.schema_url))
                    .collect()
            }

            fn scopes(&self) -> Vec<Vec<String>> {
                let all = self.$resources.iter();
                let scopes = all.map(|it| {
                    let scopes = it.$scopes.iter();
                    let words = scopes.map(|it| format!("{:?} {}", it.scope, it.schema_url));
                    words.collect()
                });
                scopes.collect()
            }

            fn normal_below(&mut self) {
                for scope in self.$resources.iter_mut().flat_map(|it| &mut it.$scopes) {
                    normal_scope(&mut scope.scope);
                    $below(scope);
                }
            }
        }
    };
}

grouped!(
    ExportTraceServiceRequest,
    resource_spans,
    scope_spans,
    |_| {}
);
grouped!(ExportLogsServiceRequest, resource_logs, scope_logs, |_| {});
grouped!(
    ExportMetricsServiceRequest,
    resource_metrics,
    scope_metrics,
    |scope: &mut opentelemetry_proto::tonic::metrics::v1::ScopeMetrics| {
        scope.metrics.iter_mut().for_each(|metric| {
            // Points of metrics that differ in it go together.
            metric.description.clear();
            metric
                .metadata
                .sort_by(|one, other| one.key.cmp(&other.key));
        });
    }
);

/// Groups: for each the number of a key, twice perhaps, and of a value.
type Plan = Vec<Vec<(u8, u8)>>;

#[derive(Clone, Debug)]
struct Case {
    groups: Plan,
    /// The group of each item, taken by turns; the number of groups and what is above: none.
    of_each: Vec<u8>,
    dropped: Vec<bool>,
    is_marked: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let group = prop::collection::vec((0..7u8, 0..3u8), 0..3);
    (
        prop::collection::vec(group, 0..4),
        prop::collection::vec(0..5u8, 0..6),
        prop::collection::vec(prop::bool::weighted(0.2), 1..6),
        any::<bool>(),
    )
        .prop_map(|(groups, of_each, dropped, is_marked)| Case {
            groups,
            of_each,
            dropped,
            is_marked,
        })
}

impl Case {
    fn group_of(&self, item: usize) -> Option<usize> {
        let group = *self.of_each.get(item % self.of_each.len().max(1))? as usize;
        (group < self.groups.len()).then_some(group)
    }

    fn is_dropped(&self, item: usize) -> bool {
        self.dropped[item % self.dropped.len()]
    }

    /// What a stage answers that has declared `resource.attributes` and `resource.attributes["marked"]`.
    fn outcome(&self, signal: Signal, items: usize, pool_len: u32) -> Outcome {
        let mut groups = Groups::default();
        let mut text = |text: String| {
            groups.texts.bytes.extend_from_slice(text.as_bytes());
            groups.texts.ends.push(groups.texts.bytes.len() as u32);
            pool_len + groups.texts.ends.len() as u32 - 1
        };
        for (key, value) in self.groups.iter().flatten() {
            groups.keys.push(text(format!("k{key}")));
            groups.values.kinds.push(1);
            groups
                .values
                .bits
                .push(u64::from(text(format!("v{value}"))));
        }
        let mut end = 0;
        groups.ends = self
            .groups
            .iter()
            .map(|group| {
                end += group.len() as u32;
                end
            })
            .collect();
        if !self.of_each.is_empty() {
            let groups_of = (0..items).map(|item| self.group_of(item));
            groups.of_each = groups_of
                .map(|group| group.map_or(u32::MAX, |group| group as u32))
                .collect();
        }
        let verdicts = (0..items).map(|item| u8::from(self.is_dropped(item)));
        Outcome {
            verdicts: vec![Verdicts {
                context: signal.item(),
                rows: verdicts.collect(),
            }],
            texts: Pool {
                ends: vec![3],
                bytes: b"yes".to_vec(),
            },
            writes: match self.is_marked {
                false => Vec::new(),
                true => vec![Write {
                    field: 1,
                    rows: Vec::new(),
                    values: CellColumn {
                        kinds: vec![1],
                        bits: vec![u64::from(pool_len)],
                    },
                }],
            },
            groups: Some(Box::new(groups)),
            ..Outcome::default()
        }
    }

    /// An item, with all that it belongs to, as it is to be.
    fn expected<E: Grouped>(&self, item: usize, placed: &E) -> E {
        let mut placed = placed.clone();
        for (resource, _) in placed.resource() {
            let mut put = |key: String, value: String| {
                put(&mut resource.get_or_insert_default().attributes, key, value);
            };
            if self.is_marked {
                put("marked".to_owned(), "yes".to_owned());
            }
            let group = self.group_of(item).map_or(&[][..], |it| &self.groups[it]);
            for (key, value) in group {
                put(format!("k{key}"), format!("v{value}"));
            }
        }
        placed.normal()
    }
}

/// Sets an attribute, of which there is one then.
fn put(attributes: &mut Vec<KeyValue>, key: String, value: String) {
    let value = Some(AnyValue {
        value: Some(Value::StringValue(value)),
    });
    let mut is_set = false;
    attributes.retain_mut(|it| {
        let is_first = it.key == key && !is_set;
        is_set |= is_first;
        if is_first {
            it.value.clone_from(&value);
        }
        it.key != key || is_first
    });
    if !is_set {
        attributes.push(KeyValue {
            key,
            value,
            ..KeyValue::default()
        });
    }
}

fn contract() -> StageContract {
    let writes = ["resource.attributes", r#"resource.attributes["marked"]"#];
    StageContract::parse(&[], &writes.map(str::to_owned)).unwrap()
}

/// A stage that writes an attribute of items.
fn marker(signal: Signal) -> StageContract {
    let path = format!("{}.attributes[\"number\"]", signal.item().prefix());
    StageContract::parse(&[], &[path]).unwrap()
}

fn check<E: Grouped>(request: &E, case: &Case, about: usize) -> Result<(), TestCaseError> {
    let contracts = vec![contract(), marker(E::SIGNAL)];
    let mut workspace = Workspace::new(Arc::new(Projection::new(contracts, &[]).unwrap()));
    let batch = Batch::in_parts(E::SIGNAL, request.encode_to_vec().into(), about).unwrap();
    let mut joined = Joined::new(batch.bytes().clone());
    let mut expected = Vec::new();
    for part in batch.parts() {
        let before = E::decode(part.bytes().clone()).unwrap();
        let placed = before.placed();
        workspace.load_next(part, &joined, 1).unwrap();
        workspace.view(0).unwrap();
        let outcome = case.outcome(E::SIGNAL, placed.len(), workspace.pool_len(0));
        let mut touched = Touched::default();
        workspace
            .apply_noting(0, &outcome, Some(&mut touched))
            .unwrap();
        let left = workspace.item_rows();
        let moved = touched.writes.iter().find(|(field, _)| *field == 0);
        for &row in &left {
            let is_noted = moved.is_some_and(|(_, rows)| rows.has(row));
            prop_assert_eq!(is_noted, case.group_of(row as usize).is_some());
        }
        let rows = workspace.regroup().unwrap();
        let all: BTreeSet<u32> = rows.iter().flatten().copied().collect();
        prop_assert!(
            rows.is_none() || left.iter().eq(&all),
            "every row is there once"
        );
        let is_new = rows.is_some();
        let rows = rows.unwrap_or(left);
        let of_part = rows
            .iter()
            .map(|&row| case.expected(row as usize, &placed[row as usize]));
        let of_part: Vec<E> = of_part.collect();
        let after = E::decode(workspace.copy().unwrap().bytes).unwrap();
        let got = after.placed().into_iter().map(Grouped::normal);
        prop_assert_eq!(got.collect::<Vec<_>>(), of_part.clone());
        if is_new || rows.len() > 1 {
            is_compact(&after, rows.is_empty())?;
        }
        number(&mut workspace, rows.len());
        expected.extend((0..).zip(of_part));
        workspace.splice_onto(&mut joined);
    }
    // Later edits meet the right items.
    let spliced = joined.finish();
    prop_assert_eq!(spliced.items, expected.len());
    let after = E::decode(spliced.bytes).unwrap();
    let sizes = expected.iter().zip(after.items()).zip(after.placed());
    for (((at, item), bytes), placed) in sizes {
        let number = format!("n{at}");
        prop_assert!(
            bytes
                .windows(number.len())
                .any(|it| it == number.as_bytes())
        );
        let resource = |mut it: E| it.resource().into_iter().next().map(|it| it.0.clone());
        prop_assert_eq!(resource(placed.normal()), resource(item.clone()));
    }
    Ok(())
}

/// Has the second stage number the items.
fn number(workspace: &mut Workspace, items: usize) {
    workspace.view(1).unwrap();
    let pool_len = u64::from(workspace.pool_len(1));
    let texts: Vec<String> = (0..items).map(|item| format!("n{item}")).collect();
    let mut end = 0;
    let ends = texts.iter().map(|text| {
        end += text.len() as u32;
        end
    });
    let mut outcome = Outcome::default();
    outcome.texts.ends = ends.collect();
    outcome.texts.bytes = texts.concat().into_bytes();
    if items > 0 {
        outcome.writes.push(Write {
            field: 0,
            rows: (0..items as u32).collect(),
            values: CellColumn {
                kinds: vec![1; items],
                bits: (0..items as u64).map(|item| pool_len + item).collect(),
            },
        });
    }
    workspace.apply(1, &outcome).unwrap();
}

/// No two resources are equal, nor two scopes of one.
fn is_compact<E: Grouped>(request: &E, is_empty: bool) -> Result<(), TestCaseError> {
    let mut normal = request.clone().normal();
    let mut seen = Vec::new();
    for (resource, url) in normal.resource() {
        let own = (resource.clone(), url.clone());
        prop_assert!(is_empty || !seen.contains(&own), "{:?} twice", own);
        seen.push(own);
    }
    for mut scopes in normal.scopes() {
        let count = scopes.len();
        scopes.sort();
        scopes.dedup();
        prop_assert!(is_empty || scopes.len() == count, "a scope stands twice");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spans_go_under_the_resources_of_their_groups(request in requests::requests(), case in cases(), about in 1usize..2000) {
        check(&request, &case, about)?;
    }

    #[test]
    fn log_records_go_under_the_resources_of_their_groups(request in log_requests::requests(), case in cases(), about in 1usize..2000) {
        check(&request, &case, about)?;
    }

    #[test]
    fn points_go_under_the_resources_of_their_groups(request in metric_requests::requests(), case in cases(), about in 1usize..2000) {
        check(&request, &case, about)?;
    }

    #[test]
    fn metrics_without_points_stay(request in metric_requests::requests(), case in cases()) {
        let case = Case { dropped: vec![false], ..case };
        // Each metric without its points, if it has none or whatever it has.
        let emptied = |request: &ExportMetricsServiceRequest, all: bool| {
            let mut found = BTreeSet::new();
            for resource in request.clone().normal().resource_metrics {
                let around = format!("{:?} {}", resource.resource, resource.schema_url);
                for scope in resource.scope_metrics {
                    let around = format!("{around} {:?} {}", scope.scope, scope.schema_url);
                    for mut metric in scope.metrics {
                        if all || points(&metric).is_empty() {
                            retain(&mut metric, |_| false);
                            found.insert(format!("{around} {metric:?}"));
                        }
                    }
                }
            }
            found
        };
        let case = Case { is_marked: false, ..case };
        let bytes = request.encode_to_vec();
        let mut workspace = Workspace::new(Arc::new(Projection::new(vec![contract()], &[]).unwrap()));
        workspace.load(Request::parse(Signal::Metrics, bytes.into()).unwrap(), 1).unwrap();
        workspace.view(0).unwrap();
        let outcome = case.outcome(Signal::Metrics, workspace.item_count(), workspace.pool_len(0));
        workspace.apply(0, &outcome).unwrap();
        let after = ExportMetricsServiceRequest::decode(workspace.splice().bytes).unwrap();
        prop_assert!(emptied(&request, false).is_subset(&emptied(&after, true)));
    }
}
