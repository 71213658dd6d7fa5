//! Measures a batch: groups its spans by a few words, and names a series only where none is known.

mod naming;
mod rows;

use naming::Metric;
use rows::SpanRows;
use spanmill_sdk::{
    ABSENT, Attributes, Batch, ConfigError, Connector, Context, Contract, Emission, ListField,
    MetricStream, NarrowField, PluginError, TextField, WideField,
};

use crate::adjusted::{Adjusted, kept};
use crate::dimensions::Dimensions;
use crate::groups::Groups;
use crate::resources::Resources;
use crate::series::{Names, SeriesTable};
use crate::settings::{BUILT_IN, Settings};
use crate::texts::TextIds;

/// The numbering of series starts over beyond this many.
const SERIES_LIMIT: u32 = 100_000;

const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
const CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

/// The words of a key before those of the dimensions: resource and name; kind, code, sampling and scope.
const BASE: usize = 2;

/// The span metrics connector.
#[derive(Debug)]
pub struct SpanMetrics {
    fields: Fields,
    /// Which of the built-in attributes are left out.
    excluded: [bool; 4],
    scopes: Vec<String>,
    sampling_method: bool,
    divider: f64,
    exemplars: bool,
    /// The instruments' numbers; calls is 0.
    duration: Option<u32>,
    events: Option<u32>,
    /// Dimensions of spans: those of both metrics, then of calls, then of durations.
    span_dimensions: Dimensions,
    event_dimensions: Dimensions,
    /// Which span dimensions each metric has.
    calls_plan: Vec<usize>,
    duration_plan: Vec<usize>,
    span_groups: Groups,
    event_groups: Groups,
    resources: Resources,
    /// By metric.
    tables: [SeriesTable; 3],
    /// How many series have been named.
    series: u32,
    texts: TextIds,
    names: Names,
    adjusted: Adjusted,
    buffers: Buffers,
}

#[derive(Debug)]
struct Fields {
    resource: ListField,
    name: TextField,
    kind: NarrowField,
    code: NarrowField,
    start: WideField,
    end: WideField,
    trace_state: TextField,
    scope: Option<(TextField, TextField)>,
}

#[derive(Debug, Default)]
struct Buffers {
    key: Vec<u64>,
    series_key: Vec<u64>,
    /// The group of each span; `ABSENT`: not measured.
    group_of: Vec<u32>,
    counts: Vec<u64>,
    /// By group: how many spans it stands for, and a span of it.
    totals: Vec<(u64, u32)>,
    /// By scope: whether its name is to be shown.
    shown: Vec<bool>,
}

impl Connector for SpanMetrics {
    type Config = Settings;

    fn configure(
        mut settings: Settings,
        contract: &mut Contract,
    ) -> Result<(Self, MetricStream), ConfigError> {
        settings.check()?;
        let stream = settings.stream();
        let mut span_dimensions = Dimensions::default();
        span_dimensions.add(&settings.dimensions, false, contract);
        span_dimensions.add(&settings.calls_dimensions, false, contract);
        let (shared, calls) = (
            settings.dimensions.len(),
            settings.dimensions.len() + settings.calls_dimensions.len(),
        );
        if !settings.histogram.disable {
            span_dimensions.add(&settings.histogram.dimensions, false, contract);
        }
        let mut event_dimensions = Dimensions::default();
        if settings.events.enabled {
            event_dimensions.add(&settings.dimensions, true, contract);
            event_dimensions.add(&settings.events.dimensions, true, contract);
        }
        let exemplars = stream.instruments[0].exemplars > 0;
        let fields = Fields {
            resource: contract.read_attributes(Context::Resource),
            name: contract.read_text("span.name"),
            kind: contract.read_narrow("span.kind"),
            code: contract.read_narrow("span.status.code"),
            start: contract.read_wide("span.start_time_unix_nano"),
            end: contract.read_wide("span.end_time_unix_nano"),
            trace_state: contract.read_text("span.trace_state"),
            scope: (!settings.include_instrumentation_scope.is_empty()).then(|| {
                (
                    contract.read_text("scope.name"),
                    contract.read_text("scope.version"),
                )
            }),
        };
        let width = |dimensions: usize| naming::width(fields.scope.is_some(), dimensions);
        let (calls_plan, duration_plan): (Vec<usize>, Vec<usize>) = (
            (0..calls).collect(),
            (0..shared)
                .chain(calls..span_dimensions.list.len())
                .collect(),
        );
        let tables = [
            calls_plan.len(),
            duration_plan.len(),
            event_dimensions.list.len(),
        ];
        let connector = SpanMetrics {
            tables: tables.map(|dimensions| SeriesTable::new(width(dimensions))),
            fields,
            excluded: BUILT_IN.map(|name| {
                settings
                    .exclude_dimensions
                    .iter()
                    .any(|excluded| excluded == name)
            }),
            sampling_method: settings.enable_metrics_sampling_method,
            divider: settings.divider(),
            exemplars,
            duration: (!settings.histogram.disable).then_some(1),
            events: settings
                .events
                .enabled
                .then_some(if settings.histogram.disable { 1 } else { 2 }),
            calls_plan,
            duration_plan,
            span_groups: Groups::new(BASE + span_dimensions.width()),
            event_groups: Groups::new(BASE + event_dimensions.width()),
            span_dimensions,
            event_dimensions,
            resources: Resources::new(settings.resource_metrics_key_attributes),
            scopes: settings.include_instrumentation_scope,
            series: 0,
            texts: TextIds::default(),
            names: Names::default(),
            adjusted: Adjusted::default(),
            buffers: Buffers::default(),
        };
        Ok((connector, stream))
    }

    fn process(&mut self, batch: &Batch<'_>, emission: &mut Emission) -> Result<(), PluginError> {
        if self.series > SERIES_LIMIT {
            emission.restart();
            self.series = 0;
            self.tables.iter_mut().for_each(SeriesTable::restart);
            self.texts.restart();
            self.resources.restart();
        }
        self.texts.start(batch);
        let list = batch.attributes(self.fields.resource);
        self.names.start();
        self.resources.start(batch, &list);
        self.span_dimensions.start(batch, &list);
        self.span_groups.start();
        let mut buffers = std::mem::take(&mut self.buffers);
        self.prepare(batch, &mut buffers);
        self.group(batch, &mut buffers);
        self.record_spans(batch, &list, &buffers, emission);
        if let Some(instrument) = self.events {
            self.event_dimensions.start(batch, &list);
            self.event_groups.start();
            self.record_events(batch, &list, instrument, &mut buffers, emission);
        }
        self.buffers = buffers;
        Ok(())
    }
}

impl SpanMetrics {
    /// Finds out which scopes are shown, and how many spans each span stands for.
    fn prepare(&mut self, batch: &Batch<'_>, buffers: &mut Buffers) {
        buffers.shown.clear();
        if let Some((name, _)) = self.fields.scope {
            let shown = |&name: &u32| {
                name != ABSENT
                    && self
                        .scopes
                        .iter()
                        .any(|scope| scope == batch.texts.get(name))
            };
            buffers.shown.extend(batch.text(name).iter().map(shown));
        }
        buffers.counts.clear();
        let states = batch.text(self.fields.trace_state);
        if states.iter().all(|&state| state == ABSENT) {
            return;
        }
        // Consecutive spans of a trace share their trace state, and the count made of it. 0: not adjusted.
        let mut last = (ABSENT, 0);
        buffers.counts.extend(states.iter().map(|&state| {
            if state == ABSENT {
                return 0;
            }
            if state != last.0 {
                let kept = kept(batch.texts.bytes(state));
                last = (
                    state,
                    kept.filter(|&kept| kept > 0)
                        .map_or(0, |kept| self.adjusted.count(kept)),
                );
            }
            last.1
        }));
    }

    fn group(&mut self, batch: &Batch<'_>, buffers: &mut Buffers) {
        buffers.group_of.clear();
        buffers.totals.clear();
        let rows = SpanRows::new(self, batch);
        let columns = self.span_dimensions.columns(batch);
        // Spans of a scope stand together.
        let mut last = (ABSENT, None);
        for (span, &scope) in batch.parents(Context::Span).iter().enumerate() {
            if scope != last.0 {
                last = (scope, rows.resource(&self.resources, scope));
            }
            let Some(resource) = last.1 else {
                buffers.group_of.push(ABSENT);
                continue;
            };
            let base = rows.base(buffers, resource, scope, span);
            buffers.key.clear();
            buffers.key.extend(base);
            self.span_dimensions
                .key(&columns, resource as usize, span, 0, &mut buffers.key);
            let group = self.span_groups.find(&mut buffers.key);
            if group as usize == buffers.totals.len() {
                buffers.totals.push((0, span as u32));
            }
            buffers.totals[group as usize].0 +=
                buffers.counts.get(span).map_or(1, |&count| count.max(1));
            buffers.group_of.push(group);
        }
    }

    fn record_spans(
        &mut self,
        batch: &Batch<'_>,
        list: &Attributes<'_>,
        buffers: &Buffers,
        emission: &mut Emission,
    ) {
        let groups = self.span_groups.len();
        if groups == 0 {
            return;
        }
        let same = self.calls_plan == self.duration_plan;
        let mut series_of = Vec::with_capacity(groups);
        let mut key = Vec::new();
        for group in 0..groups {
            let calls = self.name_series(batch, list, group, &mut key, Metric::Calls, emission);
            let duration = if same || self.duration.is_none() {
                calls
            } else {
                self.name_series(batch, list, group, &mut key, Metric::Duration, emission)
            };
            series_of.push((calls, duration));
        }
        let measured = || {
            buffers
                .group_of
                .iter()
                .enumerate()
                .filter(|(_, group)| **group != ABSENT)
        };
        let counts: Vec<u64> = if buffers.counts.iter().any(|&count| count > 1) {
            measured()
                .map(|(span, _)| buffers.counts.get(span).map_or(1, |&count| count.max(1)))
                .collect()
        } else {
            Vec::new()
        };
        let rows: Vec<u32> = if self.exemplars {
            measured().map(|(span, _)| span as u32).collect()
        } else {
            Vec::new()
        };
        if self.exemplars {
            let series = measured()
                .map(|(_, &group)| series_of[group as usize].0)
                .collect();
            emission.record(0, series, Vec::new(), counts.clone(), rows.clone());
        } else {
            let series = series_of.iter().map(|series| series.0).collect();
            let totals = buffers.totals.iter().map(|total| total.0).collect();
            emission.record(0, series, Vec::new(), totals, Vec::new());
        }
        let Some(instrument) = self.duration else {
            return;
        };
        let (starts, ends) = (batch.wide(self.fields.start), batch.wide(self.fields.end));
        let values = measured().map(|(span, _)| {
            let (start, end) = (
                starts.get(span).copied().unwrap_or(0),
                ends.get(span).copied().unwrap_or(0),
            );
            end.saturating_sub(start) as f64 / self.divider
        });
        let values = values.collect();
        let series = measured()
            .map(|(_, &group)| series_of[group as usize].1)
            .collect();
        emission.record(instrument, series, values, counts, rows);
    }

    fn record_events(
        &mut self,
        batch: &Batch<'_>,
        list: &Attributes<'_>,
        instrument: u32,
        buffers: &mut Buffers,
        emission: &mut Emission,
    ) {
        let rows_of = SpanRows::new(self, batch);
        let columns = self.event_dimensions.columns(batch);
        let spans = batch.parents(Context::Span);
        let mut series_of: Vec<u32> = Vec::new();
        let (mut series, mut counts, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        let mut series_key = std::mem::take(&mut buffers.series_key);
        for (event, &span) in batch.parents(Context::SpanEvent).iter().enumerate() {
            let scope = spans.get(span as usize).copied().unwrap_or(ABSENT);
            let Some(resource) = rows_of.resource(&self.resources, scope) else {
                continue;
            };
            let base = rows_of.base(buffers, resource, scope, span as usize);
            buffers.key.clear();
            buffers.key.extend(base);
            self.event_dimensions.key(
                &columns,
                resource as usize,
                span as usize,
                event,
                &mut buffers.key,
            );
            let group = self.event_groups.find(&mut buffers.key) as usize;
            if group == series_of.len() {
                let named = self.name_series(
                    batch,
                    list,
                    group,
                    &mut series_key,
                    Metric::Events,
                    emission,
                );
                series_of.push(named);
            }
            series.push(series_of[group]);
            counts.push(
                buffers
                    .counts
                    .get(span as usize)
                    .map_or(1, |&count| count.max(1)),
            );
            if self.exemplars {
                rows.push(span);
            }
        }
        buffers.series_key = series_key;
        if !series.is_empty() {
            emission.record(instrument, series, Vec::new(), counts, rows);
        }
    }
}
