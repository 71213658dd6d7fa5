//! Measures a batch: leads each row to its series, and names a series only where none is known.
//!
//! What goes over rows is a small function of its own that is not inlined: what WebAssembly is compiled by keeps few
//! values in registers once a function is large, and fetches even the address of memory again for each access.

mod naming;
mod rows;
mod state;

use rows::Rows;
use spanmill_sdk::{
    ABSENT, Batch, ConfigError, Connector, Context, Contract, Emission, MetricStream, PluginError,
};
pub use state::SpanMetrics;
use state::{Buffers, Fields, Metric};

use crate::adjusted::Adjusted;
use crate::dimensions::Dimensions;
use crate::globs::Globs;
use crate::resources::Resources;
use crate::series::{Names, Touched};
use crate::settings::{BUILT_IN, Settings};
use crate::words::Words;
use spanmill_series::NONE;

/// The numbering of series starts over beyond this many.
const SERIES_LIMIT: u32 = 100_000;

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
        let shared = span_dimensions.list.len();
        span_dimensions.add(&settings.calls_dimensions, false, contract);
        let calls = span_dimensions.list.len();
        if !settings.histogram.disable {
            span_dimensions.add(&settings.histogram.dimensions, false, contract);
        }
        let mut event_dimensions = Dimensions::default();
        if settings.events.enabled {
            event_dimensions.add(&settings.dimensions, true, contract);
            event_dimensions.add(&settings.events.dimensions, true, contract);
        }
        let exemplars = stream.instruments[0].exemplars > 0;
        let globs = settings.globs().map(Globs::new);
        let reads_events = settings.events.enabled && !globs[Metric::Events as usize].is_empty();
        let reads_spans = !globs[Metric::Calls as usize].is_empty()
            || !settings.histogram.disable && !globs[Metric::Duration as usize].is_empty()
            || reads_events;
        let fields = Fields {
            resource: contract.read_attributes(Context::Resource),
            name: contract.read_text("span.name"),
            kind: contract.read_narrow("span.kind"),
            code: contract.read_narrow("span.status.code"),
            start: contract.read_wide("span.start_time_unix_nano"),
            end: contract.read_wide("span.end_time_unix_nano"),
            trace_state: contract.read_text("span.trace_state"),
            span: reads_spans.then(|| contract.read_attributes(Context::Span)),
            event: reads_events.then(|| contract.read_attributes(Context::SpanEvent)),
            scope: (!settings.include_instrumentation_scope.is_empty()).then(|| {
                (
                    contract.read_text("scope.name"),
                    contract.read_text("scope.version"),
                )
            }),
        };
        let plans: [Vec<usize>; 3] = [
            (0..calls).collect(),
            (0..shared)
                .chain(calls..span_dimensions.list.len())
                .collect(),
            (0..event_dimensions.list.len()).collect(),
        ];
        let connector = SpanMetrics {
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
            shared: plans[0] == plans[1] && settings.have_calls_and_durations_the_same_globs(),
            plans,
            globs,
            span_dimensions,
            event_dimensions,
            resources: Resources::new(settings.resource_metrics_key_attributes),
            scopes: settings.include_instrumentation_scope,
            series: 0,
            words: Words::default(),
            names: Names::default(),
            adjusted: Adjusted::default(),
            touched: Touched::default(),
            buffers: Buffers::default(),
        };
        Ok((connector, stream))
    }

    fn process(&mut self, batch: &Batch<'_>, emission: &mut Emission) -> Result<(), PluginError> {
        if self.series > SERIES_LIMIT || self.words.are_many() {
            emission.restart();
            self.series = 0;
            self.words = Words::default();
            self.touched = Touched::default();
            self.resources.restart();
            self.globs.iter_mut().for_each(Globs::restart);
        }
        let list = batch.attributes(self.fields.resource);
        self.names.start();
        self.words.start(batch);
        self.resources.start(batch, &list, &mut self.words);
        self.span_dimensions.start(batch, &list, &mut self.words);
        for globs in &mut self.globs {
            globs.start(batch, &list, &mut self.words);
        }
        let mut buffers = std::mem::take(&mut self.buffers);
        self.scopes_shown(batch, &mut buffers.shown);
        let states = batch.text(self.fields.trace_state);
        self.adjusted
            .counts(&batch.texts, states, &mut buffers.counts);
        self.measure_spans(batch, &mut buffers, emission);
        if let Some(instrument) = self.events {
            self.event_dimensions.start(batch, &list, &mut self.words);
            self.measure_events(batch, instrument, &mut buffers, emission);
        }
        self.buffers = buffers;
        Ok(())
    }
}

impl SpanMetrics {
    fn scopes_shown(&self, batch: &Batch<'_>, shown: &mut Vec<bool>) {
        shown.clear();
        if let Some((name, _)) = self.fields.scope {
            let is_shown = |&name: &u32| {
                let text = batch.texts.bytes(name);
                name != ABSENT && self.scopes.iter().any(|scope| scope.as_bytes() == text)
            };
            shown.extend(batch.text(name).iter().map(is_shown));
        }
    }

    fn measure_spans(&mut self, batch: &Batch<'_>, buffers: &mut Buffers, emission: &mut Emission) {
        let rows = Rows::of_spans(self, batch, &buffers.counts, &buffers.shown);
        let (nodes, found) = (&mut buffers.nodes, &mut buffers.found);
        let series = self.series_of(&rows, Metric::Calls, nodes, found, emission);
        if series.iter().all(|&series| series == NONE) {
            return;
        }
        let counts = match rows.counts.iter().any(|&count| count > 1) {
            true => measured(&series, (0..series.len()).map(|span| rows.count(span))),
            false => Vec::new(),
        };
        let spans = match self.exemplars {
            true => measured(&series, 0..series.len() as u32),
            false => Vec::new(),
        };
        if self.exemplars {
            let series = measured(&series, series.iter().copied());
            emission.record(0, series, Vec::new(), counts.clone(), spans.clone());
        } else {
            self.touched.start(self.series);
            self.touched.count(&series, rows.counts);
            let (series, counts) = self.touched.take();
            emission.record(0, series, Vec::new(), counts, Vec::new());
        }
        let Some(instrument) = self.duration else {
            return;
        };
        let series = match self.shared {
            true => series,
            false => self.series_of(&rows, Metric::Duration, nodes, found, emission),
        };
        let (starts, ends) = (batch.wide(self.fields.start), batch.wide(self.fields.end));
        let values = measured(&series, durations(starts, ends, self.divider).into_iter());
        let series = measured(&series, series.iter().copied());
        emission.record(instrument, series, values, counts, spans);
    }

    fn measure_events(
        &mut self,
        batch: &Batch<'_>,
        instrument: u32,
        buffers: &mut Buffers,
        emission: &mut Emission,
    ) {
        let rows = Rows::of_events(self, batch, &buffers.counts, &buffers.shown);
        let (nodes, found) = (&mut buffers.nodes, &mut buffers.found);
        let series = self.series_of(&rows, Metric::Events, nodes, found, emission);
        if series.iter().all(|&series| series == NONE) {
            return;
        }
        let spans = batch.parents(Context::SpanEvent);
        let counts = spans.iter().map(|&span| rows.count(span as usize));
        let counts = measured(&series, counts);
        let spans = match self.exemplars {
            true => measured(&series, spans.iter().copied()),
            false => Vec::new(),
        };
        let series = measured(&series, series.iter().copied());
        emission.record(instrument, series, Vec::new(), counts, spans);
    }
}

/// How long spans took; one that ends before it starts took no time.
#[inline(never)]
fn durations(starts: &[u64], ends: &[u64], divider: f64) -> Vec<f64> {
    let each = starts.iter().zip(ends);
    each.map(|(start, end)| end.saturating_sub(*start) as f64 / divider)
        .collect()
}

/// What belongs to the rows that are measured, of what belongs to all.
fn measured<T>(series: &[u32], each: impl Iterator<Item = T>) -> Vec<T> {
    if series.contains(&NONE) {
        let each = each.zip(series).filter(|(_, series)| **series != NONE);
        each.map(|(it, _)| it).collect()
    } else {
        each.collect()
    }
}
