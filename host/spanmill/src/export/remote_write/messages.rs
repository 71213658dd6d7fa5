//! The messages of Remote-Write 1.0 and 2.0
//! (<https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>), with the fields that are written.

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($(#[$tag:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, prost::Message)]
        pub(super) struct $name {
            $($(#[$tag])* pub(super) $field: $kind,)*
        }
    )*};
}

messages! {
    /// `prometheus.WriteRequest`.
    WriteRequest {
        #[prost(message, repeated, tag = "1")]
        timeseries: Vec<TimeSeries>,
        #[prost(message, repeated, tag = "3")]
        metadata: Vec<MetricMetadata>,
    }
    TimeSeries {
        #[prost(message, repeated, tag = "1")]
        labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        exemplars: Vec<Exemplar>,
        #[prost(message, repeated, tag = "4")]
        histograms: Vec<Histogram>,
    }
    Label {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        value: String,
    }
    Exemplar {
        #[prost(message, repeated, tag = "1")]
        labels: Vec<Label>,
        #[prost(double, tag = "2")]
        value: f64,
        #[prost(int64, tag = "3")]
        timestamp: i64,
    }
    MetricMetadata {
        #[prost(int32, tag = "1")]
        r#type: i32,
        #[prost(string, tag = "2")]
        metric_family_name: String,
        #[prost(string, tag = "4")]
        help: String,
        #[prost(string, tag = "5")]
        unit: String,
    }
    /// Of both versions; 1.0 has no start time.
    Sample {
        #[prost(double, tag = "1")]
        value: f64,
        #[prost(int64, tag = "2")]
        timestamp: i64,
        #[prost(int64, tag = "3")]
        start_timestamp: i64,
    }
    /// Of both versions; 1.0 has no start time.
    Histogram {
        #[prost(uint64, optional, tag = "1")]
        count: Option<u64>,
        #[prost(double, tag = "3")]
        sum: f64,
        #[prost(sint32, tag = "4")]
        schema: i32,
        #[prost(double, tag = "5")]
        zero_threshold: f64,
        #[prost(uint64, optional, tag = "6")]
        zero_count: Option<u64>,
        #[prost(message, repeated, tag = "8")]
        negative_spans: Vec<BucketSpan>,
        #[prost(sint64, repeated, tag = "9")]
        negative_deltas: Vec<i64>,
        #[prost(message, repeated, tag = "11")]
        positive_spans: Vec<BucketSpan>,
        #[prost(sint64, repeated, tag = "12")]
        positive_deltas: Vec<i64>,
        #[prost(int64, tag = "15")]
        timestamp: i64,
        #[prost(int64, tag = "17")]
        start_timestamp: i64,
    }
    BucketSpan {
        #[prost(sint32, tag = "1")]
        offset: i32,
        #[prost(uint32, tag = "2")]
        length: u32,
    }
    /// `io.prometheus.write.v2.Request`: each text is there once, and referred to by index.
    RequestV2 {
        #[prost(string, repeated, tag = "4")]
        symbols: Vec<String>,
        #[prost(message, repeated, tag = "5")]
        timeseries: Vec<TimeSeriesV2>,
    }
    TimeSeriesV2 {
        #[prost(uint32, repeated, tag = "1")]
        labels_refs: Vec<u32>,
        #[prost(message, repeated, tag = "2")]
        samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        histograms: Vec<Histogram>,
        #[prost(message, repeated, tag = "4")]
        exemplars: Vec<ExemplarV2>,
        #[prost(message, optional, tag = "5")]
        metadata: Option<MetadataV2>,
        /// The start, for receivers that do not look for it in samples.
        #[prost(int64, tag = "6")]
        created_timestamp: i64,
    }
    ExemplarV2 {
        #[prost(uint32, repeated, tag = "1")]
        labels_refs: Vec<u32>,
        #[prost(double, tag = "2")]
        value: f64,
        #[prost(int64, tag = "3")]
        timestamp: i64,
    }
    MetadataV2 {
        #[prost(int32, tag = "1")]
        r#type: i32,
        #[prost(uint32, tag = "3")]
        help_ref: u32,
        #[prost(uint32, tag = "4")]
        unit_ref: u32,
    }
}

/// Kinds of metrics, in both versions.
pub(super) mod kind {
    pub const COUNTER: i32 = 1;
    pub const GAUGE: i32 = 2;
    pub const HISTOGRAM: i32 = 3;
    pub const SUMMARY: i32 = 5;
}
