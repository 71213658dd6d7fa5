//! The messages of `io.prometheus.client`
//! (<https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto>), as far as they are written.

/// `MetricType`.
pub mod kind {
    pub const COUNTER: i32 = 0;
    pub const GAUGE: i32 = 1;
    pub const SUMMARY: i32 = 2;
    pub const HISTOGRAM: i32 = 4;
}

macro_rules! messages {
    ($($name:ident { $($(#[$tag:meta])* $field:ident: $kind:ty,)* })*) => {$(
        #[derive(Clone, PartialEq, prost::Message)]
        pub struct $name {
            $($(#[$tag])* pub $field: $kind,)*
        }
    )*};
}

messages! {
    MetricFamily {
        #[prost(string, optional, tag = "1")]
        name: Option<String>,
        #[prost(string, optional, tag = "2")]
        help: Option<String>,
        #[prost(int32, optional, tag = "3")]
        r#type: Option<i32>,
        #[prost(message, repeated, tag = "4")]
        metric: Vec<Metric>,
    }
    Metric {
        #[prost(message, repeated, tag = "1")]
        label: Vec<LabelPair>,
        #[prost(message, optional, tag = "2")]
        gauge: Option<Gauge>,
        #[prost(message, optional, tag = "3")]
        counter: Option<Counter>,
        #[prost(message, optional, tag = "4")]
        summary: Option<Summary>,
        #[prost(message, optional, tag = "7")]
        histogram: Option<Histogram>,
        #[prost(int64, optional, tag = "6")]
        timestamp_ms: Option<i64>,
    }
    LabelPair {
        #[prost(string, optional, tag = "1")]
        name: Option<String>,
        #[prost(string, optional, tag = "2")]
        value: Option<String>,
    }
    Gauge {
        #[prost(double, optional, tag = "1")]
        value: Option<f64>,
    }
    Counter {
        #[prost(double, optional, tag = "1")]
        value: Option<f64>,
        #[prost(message, optional, tag = "2")]
        exemplar: Option<Exemplar>,
        #[prost(message, optional, tag = "3")]
        created_timestamp: Option<Timestamp>,
    }
    Quantile {
        #[prost(double, optional, tag = "1")]
        quantile: Option<f64>,
        #[prost(double, optional, tag = "2")]
        value: Option<f64>,
    }
    Summary {
        #[prost(uint64, optional, tag = "1")]
        sample_count: Option<u64>,
        #[prost(double, optional, tag = "2")]
        sample_sum: Option<f64>,
        #[prost(message, repeated, tag = "3")]
        quantile: Vec<Quantile>,
        #[prost(message, optional, tag = "4")]
        created_timestamp: Option<Timestamp>,
    }
    Histogram {
        #[prost(uint64, optional, tag = "1")]
        sample_count: Option<u64>,
        #[prost(double, optional, tag = "2")]
        sample_sum: Option<f64>,
        #[prost(message, repeated, tag = "3")]
        bucket: Vec<Bucket>,
        #[prost(message, optional, tag = "15")]
        created_timestamp: Option<Timestamp>,
        #[prost(sint32, optional, tag = "5")]
        schema: Option<i32>,
        #[prost(double, optional, tag = "6")]
        zero_threshold: Option<f64>,
        #[prost(uint64, optional, tag = "7")]
        zero_count: Option<u64>,
        #[prost(message, repeated, tag = "9")]
        negative_span: Vec<BucketSpan>,
        #[prost(sint64, repeated, packed = "false", tag = "10")]
        negative_delta: Vec<i64>,
        #[prost(message, repeated, tag = "12")]
        positive_span: Vec<BucketSpan>,
        #[prost(sint64, repeated, packed = "false", tag = "13")]
        positive_delta: Vec<i64>,
        #[prost(message, repeated, tag = "16")]
        exemplars: Vec<Exemplar>,
    }
    Bucket {
        #[prost(uint64, optional, tag = "1")]
        cumulative_count: Option<u64>,
        #[prost(double, optional, tag = "2")]
        upper_bound: Option<f64>,
        #[prost(message, optional, tag = "3")]
        exemplar: Option<Exemplar>,
    }
    BucketSpan {
        #[prost(sint32, optional, tag = "1")]
        offset: Option<i32>,
        #[prost(uint32, optional, tag = "2")]
        length: Option<u32>,
    }
    Exemplar {
        #[prost(message, repeated, tag = "1")]
        label: Vec<LabelPair>,
        #[prost(double, optional, tag = "2")]
        value: Option<f64>,
        #[prost(message, optional, tag = "3")]
        timestamp: Option<Timestamp>,
    }
    Timestamp {
        #[prost(int64, tag = "1")]
        seconds: i64,
        #[prost(int32, tag = "2")]
        nanos: i32,
    }
}
