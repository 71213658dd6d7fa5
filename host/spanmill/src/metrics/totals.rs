//! The running totals of one connector.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, Gauge, Histogram, Metric, ResourceMetrics,
    ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use spanmill_runtime::{InstrumentKind, MetricStream, Temporality};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::buckets::Buckets;
use super::measurements::Measurements;
use super::point::{Exemplar, Point, Wire};
use super::series::{Known, Series};

/// The metrics of a flush.
#[derive(Clone, Debug)]
pub struct Flushed {
    /// The request.
    pub request: ExportMetricsServiceRequest,
    /// How many data points it holds.
    pub points: u64,
}

/// The running totals of one connector, shared by its instances.
pub struct Totals {
    stream: MetricStream,
    state: Mutex<State>,
    /// Measurements that are not committed yet.
    uncommitted: TaskTracker,
}

#[derive(Default)]
struct State {
    /// By resource key.
    resources: HashMap<Box<[u8]>, Resources>,
    /// When each resource was measured last, ns since 1970, by its number.
    resources_touched: Vec<u64>,
    free_resources: Vec<u32>,
    /// What every measurement looks at of its row, which is kept small.
    marks: Vec<Mark>,
    /// The points of each row, one an instrument.
    points: Vec<Option<Point>>,
    /// By instrument.
    buckets: Vec<Option<Buckets>>,
    /// The attributes of each row.
    attributes: Vec<Vec<KeyValue>>,
    free: Vec<u32>,
    /// Whether measurements went to an overflow series, and whether that was told.
    has_overflowed: bool,
    is_told: bool,
}

struct Resources {
    attributes: Vec<KeyValue>,
    series: HashMap<Box<[u8]>, u32>,
    number: u32,
}

/// Rows are reused; a place's generation tells whether it is still the same series'.
#[derive(Clone, Copy, Default)]
struct Mark {
    generation: u32,
    resource: u32,
    touched_unix_nano: u64,
}

impl Totals {
    /// Totals that begin at zero.
    pub fn new(stream: MetricStream) -> Arc<Self> {
        let kinds = stream.instruments.iter().map(|instrument| &instrument.kind);
        let state = State {
            buckets: kinds.map(Buckets::new).collect(),
            ..State::default()
        };
        Arc::new(Totals {
            stream,
            state: Mutex::new(state),
            uncommitted: TaskTracker::new(),
        })
    }

    /// Held by measurements until they are committed or dropped.
    pub(super) fn uncommitted(&self) -> TaskTrackerToken {
        self.uncommitted.token()
    }

    /// Whether no measurements are on their way into these totals.
    pub(super) fn is_settled(&self) -> bool {
        self.uncommitted.is_empty()
    }

    /// Waits until no measurements are on their way into these totals.
    pub(super) async fn settled(&self) {
        self.uncommitted.close();
        self.uncommitted.wait().await;
        // They may be used again, when a change is taken back.
        self.uncommitted.reopen();
    }

    /// What the connector declared about its metrics.
    pub fn stream(&self) -> &MetricStream {
        &self.stream
    }

    /// Whether measurements went to an overflow series for the first time.
    pub(super) fn has_newly_overflowed(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = state.has_overflowed && !state.is_told;
        state.is_told = state.has_overflowed;
        is_new
    }

    /// Adds measurements of some of the known series.
    pub(super) fn record(
        &self,
        known: &mut Known,
        series: &[u32],
        recordings: &[Measurements],
        now_unix_nano: u64,
    ) {
        // A panic elsewhere leaves counts that are still the best there are.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let rows: Vec<u32> = series
            .iter()
            .map(|&number| state.row(known, number as usize, &self.stream, now_unix_nano))
            .collect();
        let instruments = self.stream.instruments.len();
        for measurements in recordings {
            let at = measurements.instrument as usize;
            let Some(instrument) = self.stream.instruments.get(at) else {
                continue;
            };
            if let Some(Some(buckets)) = state.buckets.get_mut(at) {
                buckets.record(&rows, measurements);
            }
            for (number, series) in measurements.series.iter().enumerate() {
                let row = rows.get(*series as usize).copied().unwrap_or(u32::MAX);
                let Some(slot) = state.points.get_mut(row as usize * instruments + at) else {
                    continue;
                };
                let point = slot.get_or_insert_with(|| Point::new(&instrument.kind, now_unix_nano));
                let (value, count) = measurements.at(number);
                point.record(value, count);
                if let Some(Some((trace_id, span_id))) = measurements.ids.get(number)
                    && instrument.exemplars > 0
                {
                    let exemplar = Exemplar {
                        value: value.unwrap_or(1.0),
                        trace_id: *trace_id,
                        span_id: *span_id,
                        time_unix_nano: now_unix_nano,
                    };
                    point.exemplar(exemplar, instrument.exemplars as usize);
                }
            }
        }
    }

    /// The totals as a request; nothing if there are none. Delta totals start over. A running sum that is new is 0 at
    /// first, and has its value from the next flush on, unless this is the last.
    pub fn flush(&self, now_unix_nano: u64, is_last: bool) -> Option<Flushed> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.expire(&self.stream, now_unix_nano);
        let delta = self.stream.temporality == Temporality::Delta;
        let mut points = 0;
        let mut resource_metrics = Vec::new();
        let State {
            resources,
            points: all_points,
            buckets: all_buckets,
            attributes,
            ..
        } = &mut *state;
        let instruments = self.stream.instruments.len();
        // In the order in which they were first seen, so that equal input gives equal output.
        let mut resources: Vec<(&Resources, Vec<u32>)> = resources
            .values()
            .map(|resource| {
                let mut rows: Vec<u32> = resource.series.values().copied().collect();
                rows.sort_unstable();
                (resource, rows)
            })
            .collect();
        resources.sort_by_key(|(_, rows)| rows.first().copied());
        for (resource, series) in resources {
            let mut metrics: Vec<Metric> = Vec::new();
            for (at, instrument) in self.stream.instruments.iter().enumerate() {
                let mut data = empty(&instrument.kind, self.stream.temporality);
                for row in &series {
                    let row = *row as usize;
                    let Some(slot) = all_points.get_mut(row * instruments + at) else {
                        continue;
                    };
                    let Some(point) = slot.as_mut().filter(|point| !delta || point.touched) else {
                        continue;
                    };
                    let mut buckets = all_buckets.get_mut(at).and_then(Option::as_mut);
                    let counts = buckets.as_ref().map_or(&[][..], |buckets| buckets.of(row));
                    let is_counter = instrument.kind == InstrumentKind::Sum;
                    let begins = is_counter && point.is_new && !delta && !is_last;
                    let zero = begins.then(|| point.zero(now_unix_nano)).flatten();
                    push(
                        &mut data,
                        zero.unwrap_or_else(|| point.wire(&instrument.kind, counts, now_unix_nano)),
                        attributes.get(row).map_or(&[], Vec::as_slice),
                    );
                    points += 1;
                    point.forget_exemplars();
                    (point.touched, point.is_new) = (false, false);
                    if delta {
                        *slot = Some(Point::new(&instrument.kind, now_unix_nano));
                        if let Some(buckets) = &mut buckets {
                            buckets.clear(row);
                        }
                    }
                }
                if count(&data) > 0 {
                    metrics.push(Metric {
                        name: instrument.name.clone(),
                        description: instrument.description.clone(),
                        unit: instrument.unit.clone(),
                        metadata: Vec::new(),
                        data: Some(data),
                    });
                }
            }
            if metrics.is_empty() {
                continue;
            }
            resource_metrics.push(ResourceMetrics {
                resource: Some(Resource {
                    attributes: resource.attributes.clone(),
                    ..Resource::default()
                }),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(InstrumentationScope {
                        name: self.stream.scope.clone(),
                        ..InstrumentationScope::default()
                    }),
                    metrics,
                    schema_url: String::new(),
                }],
                schema_url: String::new(),
            });
        }
        (points > 0).then_some(Flushed {
            request: ExportMetricsServiceRequest { resource_metrics },
            points,
        })
    }
}

impl State {
    /// The row of a known series, made if there is none.
    #[inline]
    fn row(&mut self, known: &mut Known, number: usize, stream: &MetricStream, now: u64) -> u32 {
        let Some(place) = known.places.get_mut(number) else {
            return u32::MAX;
        };
        let (generation, at) = ((*place >> 32) as u32, *place as u32);
        if let Some(mark) = self.marks.get_mut(at as usize)
            && mark.generation == generation
        {
            mark.touched_unix_nano = now;
            if let Some(touched) = self.resources_touched.get_mut(mark.resource as usize) {
                *touched = now;
            }
            return at;
        }
        let Some(series) = known.series.get(number) else {
            return u32::MAX;
        };
        let at = self.place(series, stream, now);
        let generation = self
            .marks
            .get(at as usize)
            .map_or(0, |mark| mark.generation);
        *place = u64::from(generation) << 32 | u64::from(at);
        at
    }

    /// Finds a row by what its series is, or makes one.
    #[cold]
    fn place(&mut self, series: &Series, stream: &MetricStream, now: u64) -> u32 {
        if !self.resources.contains_key(&series.resource_key) {
            self.make_room(stream.resource_limit as usize);
        }
        let total = stream.total_limit as usize;
        let is_full = total > 0 && self.marks.len().saturating_sub(self.free.len()) >= total;
        // Further resources have one in common, when there are as many of them as there may be series.
        let shared = is_full
            && self.resources.len() >= total
            && !self.resources.contains_key(&series.resource_key);
        let (resource_key, resource_attributes) = match shared {
            true => (Box::default(), &[][..]),
            false => (series.resource_key.clone(), &series.resource[..]),
        };
        let State {
            resources,
            resources_touched,
            free_resources,
            marks,
            points,
            buckets,
            attributes: all_attributes,
            free,
            has_overflowed,
            ..
        } = self;
        let resource = resources.entry(resource_key).or_insert_with(|| Resources {
            attributes: resource_attributes.to_vec(),
            series: HashMap::new(),
            number: free_resources.pop().unwrap_or_else(|| {
                resources_touched.push(now);
                resources_touched.len() as u32 - 1
            }),
        });
        if let Some(touched) = resources_touched.get_mut(resource.number as usize) {
            *touched = now;
        }
        let limit = stream.series_limit as usize;
        let full = (is_full || limit > 0 && resource.series.len() >= limit)
            && !resource.series.contains_key(&series.key);
        *has_overflowed |= full;
        let (key, attributes) = match full {
            true => (Box::from(&b"overflow"[..]), overflow()),
            false => (series.key.clone(), series.attributes.clone()),
        };
        let at = *resource.series.entry(key).or_insert_with(|| {
            let at = free.pop().unwrap_or(marks.len() as u32);
            if marks.len() <= at as usize {
                let rows = at as usize + 1;
                marks.resize(rows, Mark::default());
                all_attributes.resize_with(rows, Vec::new);
                points.resize(rows * stream.instruments.len(), None);
                buckets
                    .iter_mut()
                    .flatten()
                    .for_each(|buckets| buckets.grow(rows));
            }
            if let Some(of_row) = all_attributes.get_mut(at as usize) {
                *of_row = attributes;
            }
            at
        });
        if let Some(mark) = marks.get_mut(at as usize) {
            mark.resource = resource.number;
            mark.touched_unix_nano = now;
        }
        at
    }

    /// Forgets the resource idle for longest while there is no room for one more.
    fn make_room(&mut self, limit: usize) {
        while limit > 0 && self.resources.len() >= limit {
            let touched = &self.resources_touched;
            let all = self.resources.iter();
            let oldest = all.min_by_key(|(_, resource)| touched.get(resource.number as usize));
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            if let Some(resource) = self.resources.remove(&key) {
                self.free_resources.push(resource.number);
                for row in resource.series.into_values() {
                    self.release(row);
                }
            }
        }
    }

    fn release(&mut self, at: u32) {
        let row = at as usize;
        let instruments = self.points.len().checked_div(self.marks.len()).unwrap_or(0);
        if let (Some(mark), Some(attributes), Some(points)) = (
            self.marks.get_mut(row),
            self.attributes.get_mut(row),
            self.points
                .get_mut(row * instruments..(row + 1) * instruments),
        ) {
            mark.generation = mark.generation.wrapping_add(1);
            *attributes = Vec::new();
            points.fill(None);
            self.buckets
                .iter_mut()
                .flatten()
                .for_each(|buckets| buckets.clear(row));
            self.free.push(at);
        }
    }

    fn expire(&mut self, stream: &MetricStream, now: u64) {
        if stream.expiration_ns == 0 {
            return;
        }
        let dead = now.saturating_sub(stream.expiration_ns);
        let mut released = Vec::new();
        let (marks, free_resources) = (&self.marks, &mut self.free_resources);
        self.resources.retain(|_, resource| {
            resource.series.retain(|_, at| {
                let alive = marks
                    .get(*at as usize)
                    .is_some_and(|mark| mark.touched_unix_nano > dead);
                if !alive {
                    released.push(*at);
                }
                alive
            });
            if resource.series.is_empty() {
                free_resources.push(resource.number);
            }
            !resource.series.is_empty()
        });
        released.into_iter().for_each(|at| self.release(at));
    }
}

fn overflow() -> Vec<KeyValue> {
    vec![KeyValue {
        key: "otel.metric.overflow".to_owned(),
        value: Some(AnyValue {
            value: Some(Value::BoolValue(true)),
        }),
        ..KeyValue::default()
    }]
}

fn empty(kind: &InstrumentKind, temporality: Temporality) -> Data {
    let aggregation_temporality = match temporality {
        Temporality::Delta => AggregationTemporality::Delta,
        Temporality::Cumulative => AggregationTemporality::Cumulative,
    } as i32;
    let data_points = Vec::new();
    match kind {
        InstrumentKind::Sum | InstrumentKind::UpDownSum => Data::Sum(Sum {
            data_points,
            aggregation_temporality,
            is_monotonic: *kind == InstrumentKind::Sum,
        }),
        InstrumentKind::Gauge => Data::Gauge(Gauge { data_points }),
        InstrumentKind::Histogram(_) => Data::Histogram(Histogram {
            data_points: Vec::new(),
            aggregation_temporality,
        }),
        InstrumentKind::ExponentialHistogram(_) => {
            Data::ExponentialHistogram(ExponentialHistogram {
                data_points: Vec::new(),
                aggregation_temporality,
            })
        }
    }
}

fn push(data: &mut Data, point: Wire, attributes: &[KeyValue]) {
    let attributes = attributes.to_vec();
    match (data, point) {
        (Data::Sum(sum), Wire::Number(mut point)) => {
            point.attributes = attributes;
            sum.data_points.push(point);
        }
        (Data::Gauge(gauge), Wire::Number(mut point)) => {
            point.attributes = attributes;
            gauge.data_points.push(point);
        }
        (Data::Histogram(histogram), Wire::Histogram(mut point)) => {
            point.attributes = attributes;
            histogram.data_points.push(point);
        }
        (Data::ExponentialHistogram(histogram), Wire::Exponential(mut point)) => {
            point.attributes = attributes;
            histogram.data_points.push(point);
        }
        _ => {}
    }
}

fn count(data: &Data) -> usize {
    match data {
        Data::Sum(sum) => sum.data_points.len(),
        Data::Gauge(gauge) => gauge.data_points.len(),
        Data::Histogram(histogram) => histogram.data_points.len(),
        Data::ExponentialHistogram(histogram) => histogram.data_points.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
