//! Leads rows to their series, by what tells series apart.

use spanmill_sdk::{ABSENT, Attributes, Batch, Context, Emission, Values};

use super::state::{CODES, KINDS, Metric, SpanMetrics};
use crate::dimensions::{Columns, Dimensions};
use crate::globs::{Found, Globs};
use crate::words::Words;
use spanmill_series::{NONE, ROOT};

/// Where rows lead that are not measured.
const NOWHERE: u32 = 0;

/// What there is in a batch of the rows that are measured: spans, or events.
pub(super) struct Rows<'a> {
    pub batch: &'a Batch<'a>,
    /// The scope of each span, and the resource of each scope.
    pub scopes: &'a [u32],
    pub resources: &'a [u32],
    /// The span of each event; none: spans are measured.
    pub events: Option<&'a [u32]>,
    /// Empty where a built-in attribute is left out, as the next two.
    pub names: &'a [u32],
    kinds: &'a [u32],
    codes: &'a [u32],
    /// How many spans each stands for, where something says so.
    pub counts: &'a [u64],
    /// By scope: whether it is shown.
    shown: &'a [bool],
    sampling_method: bool,
    pub columns: Vec<Columns<'a>>,
    /// All attributes of spans and of events, where patterns name dimensions.
    span_attributes: Option<Attributes<'a>>,
    event_attributes: Option<Attributes<'a>>,
}

impl<'a> Rows<'a> {
    pub fn of_spans(
        plugin: &SpanMetrics,
        batch: &'a Batch<'a>,
        counts: &'a [u64],
        shown: &'a [bool],
    ) -> Self {
        let column = |excluded: bool, column: &'a [u32]| if excluded { &[][..] } else { column };
        let fields = &plugin.fields;
        Rows {
            batch,
            scopes: batch.parents(Context::Span),
            resources: batch.parents(Context::Scope),
            events: None,
            names: column(plugin.excluded[1], batch.text(fields.name)),
            kinds: column(plugin.excluded[2], batch.narrow(fields.kind)),
            codes: column(plugin.excluded[3], batch.narrow(fields.code)),
            counts,
            shown,
            sampling_method: plugin.sampling_method,
            columns: plugin.span_dimensions.columns(batch),
            span_attributes: fields.span.map(|field| batch.attributes(field)),
            event_attributes: None,
        }
    }

    pub fn of_events(
        plugin: &SpanMetrics,
        batch: &'a Batch<'a>,
        counts: &'a [u64],
        shown: &'a [bool],
    ) -> Self {
        Rows {
            events: Some(batch.parents(Context::SpanEvent)),
            columns: plugin.event_dimensions.columns(batch),
            event_attributes: plugin.fields.event.map(|field| batch.attributes(field)),
            ..Rows::of_spans(plugin, batch, counts, shown)
        }
    }

    /// The span of a row, its event if it is one, and its resource.
    pub fn place(&self, row: usize) -> Option<((usize, Option<usize>), u32)> {
        let (span, event) = match self.events {
            None => (row, None),
            Some(events) => (*events.get(row)? as usize, Some(row)),
        };
        let scope = *self.scopes.get(span)?;
        let resource = *self.resources.get(scope as usize)?;
        Some(((span, event), resource))
    }

    /// How many spans a span stands for.
    #[inline]
    pub fn count(&self, span: usize) -> u64 {
        self.counts.get(span).map_or(1, |&count| count.max(1))
    }

    pub fn kind(&self, span: usize) -> usize {
        let kind = self.kinds.get(span).copied().unwrap_or(0) as usize;
        kind.min(KINDS.len())
    }

    pub fn code(&self, span: usize) -> usize {
        let code = self.codes.get(span).copied().unwrap_or(0) as usize;
        code.min(CODES.len())
    }

    /// Whether the count of a span comes from a sampler, and is to be told.
    pub fn is_extrapolated(&self, span: usize) -> bool {
        self.sampling_method && self.counts.get(span).is_some_and(|&count| count > 0)
    }

    /// The name and version of a scope, if it is shown.
    pub fn scope(&self, plugin: &SpanMetrics, scope: u32) -> Option<[u32; 2]> {
        let (name, version) = plugin.fields.scope?;
        let is_shown = self.shown.get(scope as usize) == Some(&true);
        let text = |field| self.batch.text(field).get(scope as usize).copied();
        is_shown.then(|| [name, version].map(|field| text(field).unwrap_or(ABSENT)))
    }

    /// Puts what patterns find in a row into `found`.
    pub fn find(
        &self,
        globs: &mut Globs,
        words: &mut Words,
        (span, event): (usize, Option<usize>),
        resource: u32,
        found: &mut Vec<Found>,
    ) {
        let spans = self.span_attributes.iter().map(|list| (list, span));
        let events = self.event_attributes.iter();
        let events = events.filter_map(|list| Some((list, event?)));
        globs.find(self.batch, spans.chain(events), resource, words, found);
    }

    /// The word for what a span is, but for its dimensions: name, kind, code and whether it is extrapolated.
    #[inline]
    fn word(&self, words: &mut Words, span: usize) -> u32 {
        let name = match self.names.get(span) {
            Some(&name) => words.texts.id(self.batch, name),
            None => 0,
        };
        let (kind, code) = (self.kind(span) as u32, self.code(span) as u32);
        name << 6 | kind << 3 | code << 1 | u32::from(self.is_extrapolated(span))
    }
}

impl SpanMetrics {
    /// The series of each row, or [`NONE`]: its resource is not measured. Those not known yet are named.
    #[inline(never)]
    pub(super) fn series_of(
        &mut self,
        rows: &Rows<'_>,
        metric: Metric,
        nodes: &mut Vec<u32>,
        found: &mut Vec<Found>,
        emission: &mut Emission,
    ) -> Vec<u32> {
        nodes.clear();
        match rows.events {
            None => self.lead_spans(rows, metric, nodes),
            Some(events) => self.lead_events(rows, events, nodes),
        }
        if !self.globs[metric as usize].is_empty() {
            self.lead_further(rows, metric, nodes, found);
        }
        let mut list = Vec::with_capacity(nodes.len());
        for (row, &node) in nodes.iter().enumerate() {
            let mut series = self.words.tree.value(node);
            if series == NONE && node != NOWHERE {
                series = self.series;
                self.name(rows, metric, row, found, emission);
                self.words.tree.set(node, series);
                self.series += 1;
            }
            list.push(series);
        }
        list
    }

    #[inline(never)]
    fn lead_spans(&mut self, rows: &Rows<'_>, metric: Metric, nodes: &mut Vec<u32>) {
        // Spans of a scope stand together.
        for run in rows.scopes.chunk_by(|one, next| one == next) {
            let spans = nodes.len()..nodes.len() + run.len();
            let scope = run.first().copied().unwrap_or(ABSENT);
            let Some((base, resource)) = self.base(rows, metric, scope) else {
                nodes.resize(spans.end, NOWHERE);
                continue;
            };
            let words = &mut self.words;
            nodes.extend(spans.clone().map(|span| {
                let word = rows.word(words, span);
                words.tree.next(base, word)
            }));
            for &dimension in &self.plans[metric as usize] {
                let (_, fallback) = self.span_dimensions.fallback(resource, dimension);
                let nodes = &mut nodes[spans.clone()];
                match rows.columns[dimension].0 {
                    Values::Text(texts) => {
                        for (node, &text) in nodes.iter_mut().zip(&texts[spans.clone()]) {
                            let word = match words.texts.id(rows.batch, text) {
                                0 => fallback,
                                word => word,
                            };
                            *node = words.tree.next(*node, word);
                        }
                    }
                    values => {
                        for (node, span) in nodes.iter_mut().zip(spans.clone()) {
                            let word = match words.of(rows.batch, values.cell(span)) {
                                0 => fallback,
                                word => word,
                            };
                            *node = words.tree.next(*node, word);
                        }
                    }
                }
            }
        }
    }

    #[inline(never)]
    fn lead_events(&mut self, rows: &Rows<'_>, events: &[u32], nodes: &mut Vec<u32>) {
        let mut last = (ABSENT, None);
        for (event, &span) in events.iter().enumerate() {
            let span = span as usize;
            let scope = rows.scopes.get(span).copied().unwrap_or(ABSENT);
            if scope != last.0 {
                last = (scope, self.base(rows, Metric::Events, scope));
            }
            let Some((base, resource)) = last.1 else {
                nodes.push(NOWHERE);
                continue;
            };
            let words = &mut self.words;
            let word = rows.word(words, span);
            let mut node = words.tree.next(base, word);
            for (dimension, columns) in rows.columns.iter().enumerate() {
                let cell = Dimensions::own(columns, span, Some(event));
                let word = match words.of(rows.batch, cell) {
                    0 => self.event_dimensions.fallback(resource, dimension).1,
                    word => word,
                };
                node = words.tree.next(node, word);
            }
            nodes.push(node);
        }
    }

    /// Leads rows on by what patterns find in them.
    #[inline(never)]
    fn lead_further(
        &mut self,
        rows: &Rows<'_>,
        metric: Metric,
        nodes: &mut [u32],
        found: &mut Vec<Found>,
    ) {
        let globs = &mut self.globs[metric as usize];
        for (row, node) in nodes.iter_mut().enumerate() {
            let Some((place, resource)) = rows.place(row).filter(|_| *node != NOWHERE) else {
                continue;
            };
            rows.find(globs, &mut self.words, place, resource, found);
            *node = self.words.tree.next(*node, found.len() as u32);
            for found in found.iter() {
                let value = self.words.of(rows.batch, found.cell);
                *node = self.words.path(*node, [found.word, value]);
            }
        }
    }

    /// Where the paths of a scope's spans begin, and its resource, if that is measured.
    fn base(&mut self, rows: &Rows<'_>, metric: Metric, scope: u32) -> Option<(u32, u32)> {
        let resource = *rows.resources.get(scope as usize)?;
        let (number, service) = (*self.resources.rows.get(resource as usize)?)?;
        let words = &mut self.words;
        let service = match self.excluded[0] {
            true => 0,
            false => words.of(rows.batch, service),
        };
        let mut node = words.path(ROOT, [metric as u32, number, service]);
        if self.fields.scope.is_some() {
            let shown = rows.scope(self, scope).unwrap_or([ABSENT; 2]);
            let words = &mut self.words;
            let ids = shown.map(|text| words.texts.id(rows.batch, text));
            node = words.path(node, ids);
        }
        Some((node, resource))
    }
}
