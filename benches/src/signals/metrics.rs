//! Data points: of services, as SDKs send them (HTTP and database histograms, counters of a shop, gauges of a
//! runtime), and of hosts, as the Collector's host metrics receiver does.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value as ExemplarValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::values::{TIME, int, pair, scope, service, skewed, text};

const CUMULATIVE: i32 = 2;
/// Bounds of durations in seconds, of the semantic conventions.
const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
/// Between two collections.
const INTERVAL: u64 = 60_000_000_000;
const HOSTMETRICS: &str = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver/internal/scraper";

#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    /// Whether it is monotonic.
    Sum(bool),
    Histogram,
}

/// What resources are made of while there are data points left to give out.
struct Batch {
    rng: StdRng,
    left: usize,
    time: u64,
}

impl Batch {
    /// A metric with these points, or with the first of them if there are not so many left.
    fn metric(
        &mut self,
        (name, unit, description): (&str, &str, &str),
        kind: Kind,
        mut points: Vec<Vec<KeyValue>>,
    ) -> Option<Metric> {
        points.truncate(self.left);
        self.left -= points.len();
        if points.is_empty() {
            return None;
        }
        let data = match kind {
            Kind::Gauge => Data::Gauge(Gauge {
                data_points: self.numbers(points, 0),
            }),
            Kind::Sum(is_monotonic) => Data::Sum(Sum {
                data_points: self.numbers(points, TIME),
                aggregation_temporality: CUMULATIVE,
                is_monotonic,
            }),
            Kind::Histogram => Data::Histogram(Histogram {
                data_points: points
                    .into_iter()
                    .map(|attributes| self.durations(attributes))
                    .collect(),
                aggregation_temporality: CUMULATIVE,
            }),
        };
        Some(Metric {
            name: name.to_owned(),
            unit: unit.to_owned(),
            description: description.to_owned(),
            data: Some(data),
            ..Metric::default()
        })
    }

    fn numbers(&mut self, points: Vec<Vec<KeyValue>>, start: u64) -> Vec<NumberDataPoint> {
        let point = |attributes| NumberDataPoint {
            attributes,
            start_time_unix_nano: start,
            time_unix_nano: self.time,
            value: Some(match self.rng.random_bool(0.5) {
                true => Value::AsInt(self.rng.random_range(0..1 << 33)),
                false => Value::AsDouble(self.rng.random_range(0.0..90_000.0)),
            }),
            ..NumberDataPoint::default()
        };
        points.into_iter().map(point).collect()
    }

    fn durations(&mut self, attributes: Vec<KeyValue>) -> HistogramDataPoint {
        let buckets = 0..=BOUNDS.len();
        let bucket_counts: Vec<u64> = buckets
            .map(|_| u64::from(skewed(&mut self.rng, 5000)))
            .collect();
        let exemplar = self.rng.random_bool(0.2).then(|| Exemplar {
            time_unix_nano: self.time - u64::from(skewed(&mut self.rng, 1_000_000_000)),
            value: Some(ExemplarValue::AsDouble(self.rng.random_range(0.0..5.0))),
            span_id: self.rng.random::<u64>().to_be_bytes().to_vec(),
            trace_id: self.rng.random::<u128>().to_be_bytes().to_vec(),
            ..Exemplar::default()
        });
        HistogramDataPoint {
            attributes,
            start_time_unix_nano: TIME,
            time_unix_nano: self.time,
            count: bucket_counts.iter().sum(),
            sum: Some(self.rng.random_range(1.0..5000.0)),
            min: Some(self.rng.random_range(0.001..0.01)),
            max: Some(self.rng.random_range(0.1..10.0)),
            bucket_counts,
            explicit_bounds: BOUNDS.to_vec(),
            exemplars: exemplar.into_iter().collect(),
            ..HistogramDataPoint::default()
        }
    }

    /// A service of about a hundred points.
    fn service(&mut self, number: usize) -> ResourceMetrics {
        let server = self.requests();
        let active = ["GET", "POST"].map(|method| {
            vec![
                text("http.request.method", method),
                text("url.scheme", "https"),
            ]
        });
        let queries = (0..10)
            .map(|_| {
                vec![
                    text("db.system.name", "postgresql"),
                    text("db.namespace", "shop"),
                    text(
                        "db.operation.name",
                        ["SELECT", "INSERT", "UPDATE"][skewed(&mut self.rng, 3) as usize],
                    ),
                    text(
                        "db.collection.name",
                        format!("t{}", skewed(&mut self.rng, 40)),
                    ),
                    text(
                        "server.address",
                        format!("db-{}.example.internal", skewed(&mut self.rng, 4)),
                    ),
                    int("server.port", 5432),
                ]
            })
            .collect();
        let orders = (0..16).map(|_| self.order()).collect();
        let pools = [
            "CodeHeap 'profiled nmethods'",
            "G1 Eden Space",
            "G1 Old Gen",
            "Metaspace",
        ];
        let memory: Vec<Vec<KeyValue>> = pools
            .map(|pool| {
                let kind = if pool.starts_with("G1") {
                    "heap"
                } else {
                    "non_heap"
                };
                vec![
                    text("jvm.memory.type", kind),
                    text("jvm.memory.pool.name", pool),
                ]
            })
            .into();
        let threads = ["runnable", "waiting", "timed_waiting", "blocked"].map(|state| {
            vec![
                text("jvm.thread.state", state),
                pair("jvm.thread.daemon", any_value::Value::BoolValue(true)),
            ]
        });
        let http = [
            self.metric(
                (
                    "http.server.request.duration",
                    "s",
                    "Duration of HTTP server requests.",
                ),
                Kind::Histogram,
                server,
            ),
            self.metric(
                (
                    "http.server.active_requests",
                    "{request}",
                    "Number of active HTTP server requests.",
                ),
                Kind::Sum(false),
                active.into(),
            ),
        ];
        let db = [self.metric(
            (
                "db.client.operation.duration",
                "s",
                "Duration of database client operations.",
            ),
            Kind::Histogram,
            queries,
        )];
        let shop = [self.metric(
            ("shop.orders", "{order}", "Orders placed."),
            Kind::Sum(true),
            orders,
        )];
        let jvm = [
            self.metric(
                ("jvm.memory.used", "By", "Measure of memory used."),
                Kind::Sum(false),
                memory.clone(),
            ),
            self.metric(
                ("jvm.memory.committed", "By", "Measure of memory committed."),
                Kind::Sum(false),
                memory.clone(),
            ),
            self.metric(
                (
                    "jvm.memory.limit",
                    "By",
                    "Measure of max obtainable memory.",
                ),
                Kind::Sum(false),
                memory,
            ),
            self.metric(
                (
                    "jvm.thread.count",
                    "{thread}",
                    "Number of executing platform threads.",
                ),
                Kind::Sum(false),
                threads.into(),
            ),
            self.metric(
                (
                    "jvm.cpu.recent_utilization",
                    "1",
                    "Recent CPU utilization for the process.",
                ),
                Kind::Gauge,
                vec![Vec::new()],
            ),
            self.metric(
                (
                    "jvm.class.count",
                    "{class}",
                    "Number of classes currently loaded.",
                ),
                Kind::Sum(false),
                vec![Vec::new()],
            ),
        ];
        resource_metrics(
            service(number),
            vec![
                scoped("io.opentelemetry.tomcat-10.0", "2.20.0-alpha", http),
                scoped("io.opentelemetry.jdbc", "2.20.0-alpha", db),
                scoped("com.example.shop", "", shop),
                scoped(
                    "io.opentelemetry.runtime-telemetry-java17",
                    "2.20.0-alpha",
                    jvm,
                ),
            ],
        )
    }

    /// Attributes of a series of requests served.
    fn requests(&mut self) -> Vec<Vec<KeyValue>> {
        (0..40)
            .map(|_| {
                let route = match self.rng.random_bool(0.05) {
                    true => "/healthz".to_owned(),
                    false => format!("/api/v1/resource{}", skewed(&mut self.rng, 40)),
                };
                vec![
                    text(
                        "http.request.method",
                        ["GET", "POST", "PUT", "DELETE"][skewed(&mut self.rng, 4) as usize],
                    ),
                    text("http.route", route),
                    int(
                        "http.response.status_code",
                        [200, 201, 404, 500][skewed(&mut self.rng, 4) as usize],
                    ),
                    text("network.protocol.version", "1.1"),
                    text("url.scheme", "https"),
                ]
            })
            .collect()
    }

    /// Attributes of a counter that knows too much of customers.
    fn order(&mut self) -> Vec<KeyValue> {
        let user = skewed(&mut self.rng, 5000);
        let mut attributes = vec![
            text("shop.region", format!("eu-{}", skewed(&mut self.rng, 9))),
            text(
                "shop.payment",
                ["card", "transfer", "voucher"][skewed(&mut self.rng, 3) as usize],
            ),
            text("user.id", format!("u{user:05}")),
        ];
        if self.rng.random_bool(0.4) {
            attributes.push(text("user.email", format!("user{user}@example.com")));
        }
        attributes
    }

    /// A host of about a hundred points.
    fn host(&mut self, number: usize) -> ResourceMetrics {
        let resource = Resource {
            attributes: vec![
                text("host.name", format!("node-{number}.example.internal")),
                text(
                    "host.id",
                    format!("{:032x}", 0x9e37_79b9_7f4a_7c15_u128 * (number as u128 + 1)),
                ),
                text("os.type", "linux"),
            ],
            ..Resource::default()
        };
        let states = [
            "user",
            "system",
            "idle",
            "interrupt",
            "nice",
            "softirq",
            "steal",
            "wait",
        ];
        let of_states = |cpu: usize| {
            states.map(|state| vec![text("cpu", format!("cpu{cpu}")), text("state", state)])
        };
        let cpus: Vec<Vec<KeyValue>> = (0..4).flat_map(of_states).collect();
        let memory = [
            "buffered",
            "cached",
            "free",
            "slab_reclaimable",
            "slab_unreclaimable",
            "used",
        ]
        .map(|state| vec![text("state", state)]);
        let of_devices = |devices: &[&str], directions: [&str; 2]| -> Vec<Vec<KeyValue>> {
            let each = |device: &&str| {
                directions
                    .map(|direction| vec![text("device", *device), text("direction", direction)])
            };
            devices.iter().flat_map(each).collect()
        };
        let disks = of_devices(&["nvme0n1", "nvme0n1p1", "nvme1n1"], ["read", "write"]);
        let links = of_devices(&["lo", "eth0", "cni0"], ["receive", "transmit"]);
        let mounts = ["/", "/boot/efi", "/var/lib/containerd"];
        let filesystems = mounts.iter().flat_map(|mount| {
            ["free", "reserved", "used"].map(|state| {
                vec![
                    text("device", "/dev/nvme0n1p1"),
                    text("mode", "rw"),
                    text("mountpoint", *mount),
                    text("type", "ext4"),
                    text("state", state),
                ]
            })
        });
        let filesystems = filesystems.collect();
        let cpu = [
            self.metric(
                (
                    "system.cpu.time",
                    "s",
                    "Total seconds each logical CPU spent on each mode.",
                ),
                Kind::Sum(true),
                cpus,
            ),
            self.metric(
                (
                    "system.cpu.load_average.1m",
                    "{thread}",
                    "Average CPU Load over 1 minute.",
                ),
                Kind::Gauge,
                vec![Vec::new()],
            ),
            self.metric(
                (
                    "system.cpu.load_average.5m",
                    "{thread}",
                    "Average CPU Load over 5 minutes.",
                ),
                Kind::Gauge,
                vec![Vec::new()],
            ),
        ];
        let memory = [
            self.metric(
                ("system.memory.usage", "By", "Bytes of memory in use."),
                Kind::Sum(false),
                memory.clone().into(),
            ),
            self.metric(
                (
                    "system.memory.utilization",
                    "1",
                    "Percentage of memory bytes in use.",
                ),
                Kind::Gauge,
                memory.into(),
            ),
        ];
        let disk = [
            self.metric(
                ("system.disk.io", "By", "Disk bytes transferred."),
                Kind::Sum(true),
                disks.clone(),
            ),
            self.metric(
                (
                    "system.disk.operations",
                    "{operations}",
                    "Disk operations count.",
                ),
                Kind::Sum(true),
                disks,
            ),
        ];
        let network = [
            self.metric(
                (
                    "system.network.io",
                    "By",
                    "The number of bytes transmitted and received.",
                ),
                Kind::Sum(true),
                links.clone(),
            ),
            self.metric(
                (
                    "system.network.packets",
                    "{packets}",
                    "The number of packets transferred.",
                ),
                Kind::Sum(true),
                links.clone(),
            ),
            self.metric(
                (
                    "system.network.errors",
                    "{errors}",
                    "The number of errors encountered.",
                ),
                Kind::Sum(true),
                links,
            ),
        ];
        let filesystem = [self.metric(
            ("system.filesystem.usage", "By", "Filesystem bytes used."),
            Kind::Sum(false),
            filesystems,
        )];
        let scraper = |name: &str| format!("{HOSTMETRICS}/{name}scraper");
        resource_metrics(
            resource,
            vec![
                scoped(&scraper("cpu"), "0.158.0", cpu),
                scoped(&scraper("memory"), "0.158.0", memory),
                scoped(&scraper("disk"), "0.158.0", disk),
                scoped(&scraper("network"), "0.158.0", network),
                scoped(&scraper("filesystem"), "0.158.0", filesystem),
            ],
        )
    }
}

fn scoped(
    name: &str,
    version: &str,
    metrics: impl IntoIterator<Item = Option<Metric>>,
) -> ScopeMetrics {
    ScopeMetrics {
        scope: Some(scope(name, version)),
        metrics: metrics.into_iter().flatten().collect(),
        ..ScopeMetrics::default()
    }
}

fn resource_metrics(resource: Resource, mut scope_metrics: Vec<ScopeMetrics>) -> ResourceMetrics {
    scope_metrics.retain(|scope| !scope.metrics.is_empty());
    ResourceMetrics {
        resource: Some(resource),
        scope_metrics,
        schema_url: "https://opentelemetry.io/schemas/1.34.0".to_owned(),
    }
}

/// A batch of so many data points: services and hosts in turn.
pub fn metrics(count: usize, seed: u64) -> Bytes {
    let mut batch = Batch {
        rng: StdRng::seed_from_u64(seed),
        left: count,
        time: TIME + (seed + 1) * INTERVAL,
    };
    let mut resource_metrics = Vec::new();
    for number in 0.. {
        if batch.left == 0 {
            break;
        }
        resource_metrics.push(match number % 2 {
            0 => batch.service(number),
            _ => batch.host(number),
        });
    }
    ExportMetricsServiceRequest { resource_metrics }
        .encode_to_vec()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::batches::items_in;
    use spanmill_otlp::Signal;

    #[test]
    fn a_batch_has_as_many_points_as_asked_for_of_several_kinds() {
        for count in [1, 10, 100, 1000] {
            let encoded = metrics(count, 3);
            assert_eq!(items_in(Signal::Metrics, &encoded), Some(count as u64));
        }
        let request = ExportMetricsServiceRequest::decode(metrics(1000, 3)).unwrap();
        let scopes = request
            .resource_metrics
            .iter()
            .flat_map(|of| &of.scope_metrics);
        let metrics = scopes.flat_map(|of| &of.metrics);
        let (mut gauges, mut sums, mut histograms) = (0, 0, 0);
        for metric in metrics {
            match metric.data.as_ref().unwrap() {
                Data::Gauge(gauge) => gauges += gauge.data_points.len(),
                Data::Sum(sum) => sums += sum.data_points.len(),
                Data::Histogram(histogram) => histograms += histogram.data_points.len(),
                other => panic!("{other:?}"),
            }
        }
        assert!(
            gauges > 20 && sums > 400 && histograms > 200,
            "{gauges}, {sums}, {histograms}"
        );
    }
}
