//! What the Collector's host metrics receiver sends of a host.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::batch::{Batch, Kind, resource_metrics, scoped};
use crate::values::text;

const HOSTMETRICS: &str = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver/internal/scraper";

/// A host of about a hundred points.
pub fn host(batch: &mut Batch, number: usize) -> ResourceMetrics {
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
            directions.map(|direction| vec![text("device", *device), text("direction", direction)])
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
        batch.metric(
            (
                "system.cpu.time",
                "s",
                "Total seconds each logical CPU spent on each mode.",
            ),
            Kind::Sum(true),
            cpus,
        ),
        batch.metric(
            (
                "system.cpu.load_average.1m",
                "{thread}",
                "Average CPU Load over 1 minute.",
            ),
            Kind::Gauge,
            vec![Vec::new()],
        ),
        batch.metric(
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
        batch.metric(
            ("system.memory.usage", "By", "Bytes of memory in use."),
            Kind::Sum(false),
            memory.clone().into(),
        ),
        batch.metric(
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
        batch.metric(
            ("system.disk.io", "By", "Disk bytes transferred."),
            Kind::Sum(true),
            disks.clone(),
        ),
        batch.metric(
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
        batch.metric(
            (
                "system.network.io",
                "By",
                "The number of bytes transmitted and received.",
            ),
            Kind::Sum(true),
            links.clone(),
        ),
        batch.metric(
            (
                "system.network.packets",
                "{packets}",
                "The number of packets transferred.",
            ),
            Kind::Sum(true),
            links.clone(),
        ),
        batch.metric(
            (
                "system.network.errors",
                "{errors}",
                "The number of errors encountered.",
            ),
            Kind::Sum(true),
            links,
        ),
    ];
    let filesystem = [batch.metric(
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
