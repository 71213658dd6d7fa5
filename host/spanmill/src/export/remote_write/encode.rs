//! From series to the requests that are posted: cut by their size, compressed.

use std::collections::{HashMap, HashSet};

use prost::Message;
use prost::encoding::encoded_len_varint;

use super::messages::{
    Exemplar, ExemplarV2, Label, MetadataV2, MetricMetadata, RequestV2, TimeSeries, TimeSeriesV2,
    WriteRequest,
};
use super::translate::{Series, Translation};
use crate::export::progress::WriteBody;
use crate::export::remote_write::config::{RemoteWriteConfig, RemoteWriteVersion};

/// Splits series into requests, each series in one of them. Returns `None` if one is too large to be compressed.
pub(super) fn encode(
    config: &RemoteWriteConfig,
    translated: &Translation,
) -> Option<Vec<WriteBody>> {
    let max = config.max_batch_size_bytes;
    let mut bodies = Vec::new();
    match config.version {
        RemoteWriteVersion::V1 => {
            let mut cut = Cut::<WriteRequest>::new(max);
            for series in &translated.series {
                let written = series_v1(series);
                let size = length_delimited(&written);
                cut.make_room(size, &mut bodies)?;
                cut.request.timeseries.push(written);
                cut.added(size, series);
            }
            cut.end(&mut bodies)?;
            if config.send_metadata {
                let mut told = HashSet::new();
                let families = translated.families.iter();
                for family in families.filter(|family| told.insert(&family.name)) {
                    let metadata = MetricMetadata {
                        r#type: family.kind,
                        metric_family_name: family.name.clone(),
                        help: family.help.clone(),
                        unit: family.unit.clone(),
                    };
                    let size = length_delimited(&metadata);
                    cut.make_room(size, &mut bodies)?;
                    cut.request.metadata.push(metadata);
                    cut.length = cut.length.saturating_add(size);
                }
                cut.end(&mut bodies)?;
            }
        }
        RemoteWriteVersion::V2 => {
            let mut cut = Cut::<RequestV2>::new(max);
            let mut symbols = Symbols::default();
            for series in &translated.series {
                let before = symbols.length;
                let mut written = series_v2(series, translated, &mut symbols);
                let mut size = length_delimited(&written);
                let more = symbols.length.saturating_sub(before);
                if cut.is_full(size.saturating_add(more)) {
                    // The series is written again, since texts that only it uses move with it.
                    symbols.truncate(cut.symbols);
                    cut.request.symbols = std::mem::take(&mut symbols).texts;
                    cut.end(&mut bodies)?;
                    written = series_v2(series, translated, &mut symbols);
                    size = length_delimited(&written);
                }
                cut.request.timeseries.push(written);
                cut.symbols = symbols.texts.len();
                cut.added(size, series);
                cut.length = cut.length_of_series.saturating_add(symbols.length);
            }
            cut.request.symbols = symbols.texts;
            cut.end(&mut bodies)?;
        }
    }
    Some(bodies)
}

fn length_delimited(message: &impl Message) -> usize {
    let length = message.encoded_len();
    length
        .saturating_add(encoded_len_varint(length as u64))
        .saturating_add(1)
}

/// A request under construction.
struct Cut<R> {
    max: usize,
    request: R,
    length: usize,
    length_of_series: usize,
    /// The symbols of its series.
    symbols: usize,
    points: u64,
    samples: u64,
    is_empty: bool,
}

impl<R: Message + Default> Cut<R> {
    fn new(max: usize) -> Self {
        Cut {
            max,
            request: R::default(),
            length: 0,
            length_of_series: 0,
            symbols: 0,
            points: 0,
            samples: 0,
            is_empty: true,
        }
    }

    /// Whether `more` bytes would exceed the limit; one series always fits.
    fn is_full(&self, more: usize) -> bool {
        self.length > 0 && self.length.saturating_add(more) > self.max
    }

    fn make_room(&mut self, more: usize, bodies: &mut Vec<WriteBody>) -> Option<()> {
        if self.is_full(more) {
            self.end(bodies)?;
        }
        self.is_empty = false;
        Some(())
    }

    fn added(&mut self, size: usize, series: &Series) {
        let samples = series.samples.len().saturating_add(series.histograms.len());
        self.is_empty = false;
        self.length = self.length.saturating_add(size);
        self.length_of_series = self.length_of_series.saturating_add(size);
        self.points = self.points.saturating_add(series.points);
        self.samples = self.samples.saturating_add(samples as u64);
    }

    fn end(&mut self, bodies: &mut Vec<WriteBody>) -> Option<()> {
        let full = std::mem::replace(self, Cut::new(self.max));
        if !full.is_empty {
            let mut compressor = snap::raw::Encoder::new();
            let bytes = compressor.compress_vec(&full.request.encode_to_vec());
            bodies.push(WriteBody {
                bytes: bytes.ok()?.into(),
                points: full.points,
                samples: full.samples,
            });
        }
        Some(())
    }
}

fn labels_v1(labels: &[(String, String)]) -> Vec<Label> {
    let labels = labels.iter().map(|(name, value)| Label {
        name: name.clone(),
        value: value.clone(),
    });
    labels.collect()
}

fn series_v1(series: &Series) -> TimeSeries {
    let exemplars = series.exemplars.iter().map(|exemplar| Exemplar {
        labels: labels_v1(&exemplar.labels),
        value: exemplar.value,
        timestamp: exemplar.timestamp,
    });
    TimeSeries {
        labels: labels_v1(&series.labels),
        samples: series.samples.clone(),
        exemplars: exemplars.collect(),
        histograms: series.histograms.clone(),
    }
}

fn series_v2(series: &Series, translated: &Translation, symbols: &mut Symbols) -> TimeSeriesV2 {
    let family = translated.families.get(series.family);
    let (kind, help, unit) = match family {
        Some(family) => (family.kind, family.help.as_str(), family.unit.as_str()),
        None => (0, "", ""),
    };
    let exemplars = series.exemplars.iter().map(|exemplar| ExemplarV2 {
        labels_refs: symbols.labels(&exemplar.labels),
        value: exemplar.value,
        timestamp: exemplar.timestamp,
    });
    let exemplars = exemplars.collect();
    let of_samples = series.samples.last().map(|sample| sample.start_timestamp);
    let of_histograms = series.histograms.last().map(|one| one.start_timestamp);
    TimeSeriesV2 {
        labels_refs: symbols.labels(&series.labels),
        samples: series.samples.clone(),
        histograms: series.histograms.clone(),
        exemplars,
        metadata: Some(MetadataV2 {
            r#type: kind,
            help_ref: symbols.place(help),
            unit_ref: symbols.place(unit),
        }),
        created_timestamp: of_samples.or(of_histograms).unwrap_or(0),
    }
}

/// The symbols of a request, each once; the first is empty.
struct Symbols {
    texts: Vec<String>,
    places: HashMap<String, u32>,
    length: usize,
}

impl Default for Symbols {
    fn default() -> Self {
        Symbols {
            texts: vec![String::new()],
            places: HashMap::from([(String::new(), 0)]),
            length: 2,
        }
    }
}

impl Symbols {
    fn place(&mut self, text: &str) -> u32 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        self.length = self.length.saturating_add(text.len()).saturating_add(4);
        place
    }

    fn labels(&mut self, labels: &[(String, String)]) -> Vec<u32> {
        let pairs = labels.iter();
        pairs
            .flat_map(|(name, value)| [self.place(name), self.place(value)])
            .collect()
    }

    /// Keeps only the first symbols.
    fn truncate(&mut self, to: usize) {
        self.texts.truncate(to.max(1));
    }
}
