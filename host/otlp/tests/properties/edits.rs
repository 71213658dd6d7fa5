//! Random edits, made twice: as an outcome over columns, and on decoded structs.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use proptest::prelude::*;
use spanmill_otlp::{
    Append, BatchView, CellColumn, ColumnView, Context, EntryWrite, Outcome, Removal, Replacement,
    StageContract, Verdicts, Write,
};

const READS: [&str; 5] = [
    "span.name",
    "span.attributes",
    "spanevent.attributes",
    "resource.attributes[\"k1\"]",
    "span.status.code",
];
const WRITES: [&str; 12] = [
    "span.name",
    "span.attributes[\"k1\"]",
    "span.attributes",
    "span.status.code",
    "span.status.message",
    "span.start_time_unix_nano",
    "resource.attributes[\"k1\"]",
    "scope.name",
    "spanevent.attributes[\"k2\"]",
    "spanevent.name",
    "resource.attributes[\"env\"]",
    "span.attributes[\"extra\"]",
];

fn strings(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

pub fn contract() -> StageContract {
    StageContract::parse(&strings(&READS), &strings(&WRITES)).unwrap()
}

/// One stage's random choices; each is used modulo what there is.
#[derive(Clone, Debug)]
pub struct Plan {
    drop_spans: Vec<bool>,
    drop_events: Vec<bool>,
    names: Vec<bool>,
    keyed: Vec<Option<Option<i64>>>,
    codes: Vec<bool>,
    entries: Vec<u8>,
    appends: Vec<bool>,
    replace: Option<u8>,
    all: u8,
}

pub fn plans() -> impl Strategy<Value = Plan> {
    let flags = || prop::collection::vec(prop::bool::weighted(0.3), 40);
    (
        flags(),
        flags(),
        flags(),
        prop::collection::vec(prop::option::of(prop::option::of(any::<i64>())), 40),
        flags(),
        prop::collection::vec(0u8..6, 120),
        flags(),
        prop::option::of(0u8..4),
        any::<u8>(),
    )
        .prop_map(
            |(drop_spans, drop_events, names, keyed, codes, entries, appends, replace, all)| Plan {
                drop_spans,
                drop_events,
                names,
                keyed,
                codes,
                entries,
                appends,
                replace,
                all,
            },
        )
}

fn on(flags: &[bool], at: usize) -> bool {
    flags.get(at).copied().unwrap_or(false)
}

pub fn text_index(view: &BatchView<'_>, text: &str) -> Option<u32> {
    let mut start = 0;
    for (index, &end) in (0u32..).zip(view.texts.ends) {
        if &view.texts.bytes[start as usize..end as usize] == text.as_bytes() && !text.is_empty() {
            return Some(index);
        }
        start = end;
    }
    None
}

fn rows(view: &BatchView<'_>, context: Context) -> usize {
    view.tables
        .iter()
        .find(|table| table.context == context)
        .map_or(0, |table| table.rows as usize)
}

pub fn cells(values: impl IntoIterator<Item = (u8, u64)>) -> CellColumn {
    let (kinds, bits) = values.into_iter().unzip();
    CellColumn { kinds, bits }
}

/// The plan as an outcome over columns.
pub fn outcome(plan: &Plan, view: &BatchView<'_>) -> Outcome {
    let mut out = Outcome::default();
    let base = view.texts.ends.len() as u32;
    let mut text = |value: &str| {
        out.texts.bytes.extend_from_slice(value.as_bytes());
        out.texts.ends.push(out.texts.bytes.len() as u32);
        base + out.texts.ends.len() as u32 - 1
    };
    let (new_name, replaced, appended, env) = (
        text("renamed"),
        text("****"),
        text("appended.key"),
        text("prod"),
    );
    let spans = rows(view, Context::Span);
    let events = rows(view, Context::SpanEvent);
    for (context, count, flags) in [
        (Context::Span, spans, &plan.drop_spans),
        (Context::SpanEvent, events, &plan.drop_events),
    ] {
        let rows = (0..count).map(|row| u8::from(on(flags, row))).collect();
        out.verdicts.push(Verdicts { context, rows });
    }
    let picked = |flags: &[bool]| -> Vec<u32> {
        (0..spans as u32)
            .filter(|row| on(flags, *row as usize))
            .collect()
    };
    let named = picked(&plan.names);
    if !named.is_empty() {
        out.writes.push(Write {
            field: 0,
            rows: named,
            values: cells([(1, u64::from(new_name))]),
        });
    }
    let keyed: Vec<(u32, Option<i64>)> = (0..spans as u32)
        .filter_map(|row| {
            plan.keyed
                .get(row as usize)
                .copied()
                .flatten()
                .map(|value| (row, value))
        })
        .collect();
    if !keyed.is_empty() {
        out.writes.push(Write {
            field: 1,
            rows: keyed.iter().map(|(row, _)| *row).collect(),
            values: cells(
                keyed
                    .iter()
                    .map(|(_, value)| value.map_or((0, 0), |value| (3, value as u64))),
            ),
        });
    }
    if plan.all & 32 != 0 {
        out.writes.push(Write {
            field: 11,
            rows: vec![],
            values: cells((0..spans as u64).map(|row| (3, row % 3))),
        });
    }
    let coded = picked(&plan.codes);
    if plan.all & 64 != 0 && !coded.is_empty() {
        // What was written, added or taken out a moment ago is written again.
        out.writes.push(Write {
            field: 1,
            rows: coded.clone(),
            values: cells([(3, 5)]),
        });
    }
    if !coded.is_empty() {
        out.writes.push(Write {
            field: 3,
            rows: coded.clone(),
            values: cells([(3, 2)]),
        });
        out.writes.push(Write {
            field: 4,
            rows: coded.clone(),
            values: cells([(1, u64::from(replaced))]),
        });
        out.writes.push(Write {
            field: 5,
            rows: coded,
            values: cells([(3, 77)]),
        });
    }
    let env = (1, u64::from(env));
    if plan.all & 1 != 0 {
        out.writes.push(Write {
            field: 10,
            rows: vec![],
            values: cells([env]),
        });
    }
    if plan.all & 2 != 0 {
        out.writes.push(Write {
            field: 7,
            rows: vec![],
            values: cells([env]),
        });
    }
    if plan.all & 4 != 0 {
        out.writes.push(Write {
            field: 8,
            rows: vec![],
            values: cells([(2, 1)]),
        });
    }
    if plan.all & 8 != 0 {
        out.writes.push(Write {
            field: 6,
            rows: vec![],
            values: cells([(0, 0)]),
        });
    }
    if plan.all & 16 != 0 {
        out.writes.push(Write {
            field: 9,
            rows: vec![],
            values: cells([(0, 0)]),
        });
    }
    let list = view
        .tables
        .iter()
        .find(|table| table.context == Context::Span)
        .unwrap();
    let ColumnView::Attributes(list) = list.columns[1] else {
        panic!("no list")
    };
    let entries = list.keys.len().min(plan.entries.len());
    let chosen = |what: u8| (0..entries as u32).filter(move |e| plan.entries[*e as usize] == what);
    // Entries whose key is k1 belong to the write by row.
    let k1 = text_index(view, "k1");
    let free = |entry: &u32| Some(list.keys[*entry as usize]) != k1;
    let written: Vec<u32> = chosen(0).filter(free).collect();
    if !written.is_empty() {
        let values = cells(written.iter().map(|_| (4, 1.5f64.to_bits())));
        out.entry_writes.push(EntryWrite {
            field: 2,
            entries: written,
            values,
        });
    }
    let removed: Vec<u32> = chosen(1).filter(free).collect();
    if !removed.is_empty() {
        out.removals.push(Removal {
            field: 2,
            entries: removed,
        });
    }
    let appended_rows = picked(&plan.appends);
    if !appended_rows.is_empty() {
        out.appends.push(Append {
            field: 2,
            keys: vec![appended; appended_rows.len()],
            values: cells(appended_rows.iter().map(|_| (2, 1))),
            rows: appended_rows,
        });
    }
    if let Some(old) = plan
        .replace
        .and_then(|n| text_index(view, &format!("v{n}")))
    {
        for field in [2, 0] {
            out.replacements.push(Replacement {
                field,
                old: vec![old],
                new: vec![replaced],
            });
        }
    }
    out
}

fn any_value(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn set(attributes: &mut Vec<KeyValue>, key: &str, value: Option<Value>) {
    let at = attributes.iter().position(|attribute| attribute.key == key);
    attributes.retain(|attribute| attribute.key != key);
    if let Some(value) = value {
        let attribute = KeyValue {
            key: key.to_owned(),
            value: any_value(value),
            ..Default::default()
        };
        // Those with the key were all behind the first of them.
        attributes.insert(at.unwrap_or(attributes.len()), attribute);
    }
}

/// The plan on decoded structs. The second reading of what the WIT says, on purpose written another way.
pub fn reference(plan: &Plan, request: &mut ExportTraceServiceRequest, seen: &BatchTexts) {
    let (mut row, mut event_row, mut entry) = (0, 0, 0);
    for resource in &mut request.resource_spans {
        if plan.all & 1 != 0 {
            let resource = resource.resource.get_or_insert_default();
            set(
                &mut resource.attributes,
                "env",
                Some(Value::StringValue("prod".into())),
            );
        }
        if plan.all & 8 != 0
            && let Some(resource) = &mut resource.resource
        {
            set(&mut resource.attributes, "k1", None);
        }
        let had_scopes = resource.scope_spans.len();
        let mut emptied = 0;
        resource.scope_spans.retain_mut(|scope| {
            if plan.all & 2 != 0 {
                scope.scope.get_or_insert_default().name = "prod".into();
            }
            let had = scope.spans.len();
            scope.spans.retain_mut(|span| {
                let this = row;
                row += 1;
                let first_entry = entry;
                entry += span.attributes.len();
                edit_span(plan, span, this, first_entry, &mut event_row, seen);
                !on(&plan.drop_spans, this)
            });
            let gone = had > 0 && scope.spans.is_empty();
            emptied += usize::from(gone);
            !gone
        });
        if had_scopes > 0 && emptied == had_scopes {
            resource.scope_spans.clear();
            resource.schema_url = "\u{0}gone".into();
        }
    }
    request
        .resource_spans
        .retain(|resource| resource.schema_url != "\u{0}gone");
}

/// Which of the values v0 to v3 the batch's pool had.
pub type BatchTexts = Vec<bool>;

fn edit_span(
    plan: &Plan,
    span: &mut Span,
    row: usize,
    first_entry: usize,
    event_row: &mut usize,
    seen: &BatchTexts,
) {
    let old = plan
        .replace
        .filter(|n| seen[usize::from(*n)])
        .map(|n| format!("v{n}"));
    let stars = || Value::StringValue("****".into());
    let mut k1_seen = false;
    let mut kept = Vec::new();
    for (at, mut attribute) in std::mem::take(&mut span.attributes).into_iter().enumerate() {
        if let Some(AnyValue {
            value: Some(Value::StringValue(text)),
        }) = &attribute.value
            && Some(text) == old.as_ref()
        {
            attribute.value = any_value(stars());
        }
        if attribute.key == "k1" {
            let first = !std::mem::replace(&mut k1_seen, true);
            match plan.keyed.get(row).copied().flatten() {
                Some(Some(value)) if first => attribute.value = any_value(Value::IntValue(value)),
                Some(_) => continue,
                None => {}
            }
            kept.push(attribute);
            continue;
        }
        match plan.entries.get(first_entry + at) {
            Some(0) => attribute.value = any_value(Value::DoubleValue(1.5)),
            Some(1) => continue,
            _ => {}
        }
        kept.push(attribute);
    }
    span.attributes = kept;
    if let Some(Some(Some(value))) = plan.keyed.get(row)
        && !k1_seen
    {
        set(&mut span.attributes, "k1", Some(Value::IntValue(*value)));
    }
    if plan.all & 32 != 0 {
        let value = Value::IntValue(row as i64 % 3);
        set(&mut span.attributes, "extra", Some(value));
    }
    if plan.all & 64 != 0 && on(&plan.codes, row) {
        set(&mut span.attributes, "k1", Some(Value::IntValue(5)));
    }
    if on(&plan.appends, row) {
        span.attributes.push(KeyValue {
            key: "appended.key".into(),
            value: any_value(Value::BoolValue(true)),
            ..Default::default()
        });
    }
    if Some(&span.name) == old.as_ref() {
        span.name = "****".into();
    }
    if on(&plan.names, row) {
        span.name = "renamed".into();
    }
    if on(&plan.codes, row) {
        let status = span.status.get_or_insert_default();
        status.code = 2;
        status.message = "****".into();
        span.start_time_unix_nano = 77;
    }
    span.events.retain_mut(|event: &mut Event| {
        let this = *event_row;
        *event_row += 1;
        if plan.all & 4 != 0 {
            set(&mut event.attributes, "k2", Some(Value::BoolValue(true)));
        }
        if plan.all & 16 != 0 {
            event.name.clear();
        }
        !on(&plan.drop_events, this)
    });
}
