//! Collects what the service has counted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use spanmill_admin::{Control as _, ExporterStatus, PipelineLayout, PluginStatus, ServiceStatus};
use spanmill_model::{PerSignal, Signal};

use super::families::{Families, Family, FamilyKind, Labels};
use crate::memory::resident_bytes;
use crate::received::ReceivedItems;
use crate::service::{Admin, Controller};

/// Collects what a service has counted.
pub(super) struct Gatherer {
    admin: Admin,
    received: Arc<ReceivedItems>,
    began: Instant,
    /// When it began, ns since 1970.
    pub started_unix_nano: u64,
}

/// How names of the Collector end for each signal.
fn items_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "spans",
        Signal::Logs => "log_records",
        Signal::Metrics => "metric_points",
    }
}

/// What the state of the service is built from.
pub(super) struct Reports {
    pub service: ServiceStatus,
    pub plugins: Vec<PluginStatus>,
}

impl Gatherer {
    pub fn new(controller: Arc<Controller>) -> Self {
        Gatherer {
            received: controller.received(),
            admin: Admin(controller),
            began: Instant::now(),
            started_unix_nano: super::otlp::now_unix_nano(),
        }
    }

    /// What exporters and plugins report at the moment.
    pub fn reports(&self) -> Reports {
        Reports {
            service: self.admin.status(),
            plugins: self.admin.plugins(),
        }
    }

    /// Items of each signal that receivers took, and that they refused.
    pub fn received(&self) -> PerSignal<(u64, u64)> {
        let mut sums = PerSignal::<(u64, u64)>::default();
        for (_, counts) in self.received.all() {
            counts.each(|_, signal, counts| {
                let (accepted, refused) = sums.get_mut(signal);
                *accepted = accepted.saturating_add(counts.accepted());
                *refused = refused.saturating_add(counts.refused());
            });
        }
        sums
    }

    /// All metrics.
    pub fn gather(&self) -> Vec<Family> {
        let mut out = Families::default();
        let Reports { service, plugins } = self.reports();
        self.receivers(&mut out);
        plugins.iter().for_each(|status| plugin(status, &mut out));
        let pipelines = self.admin.layout().pipelines;
        for status in &service.exporters {
            exporter(status, given(status, &pipelines), &mut out);
        }
        for loss in &service.lost {
            let labels = vec![
                ("component", loss.component.clone()),
                ("items", loss.items.clone()),
                ("reason", loss.reason.clone()),
            ];
            let lost = (
                "spanmill_lost_items",
                "{item}",
                "Items that were accepted and are lost.",
            );
            out.count(lost, labels, loss.count);
        }
        self.process(&mut out);
        out.into_inner()
    }

    fn receivers(&self, out: &mut Families) {
        for (receiver, counts) in self.received.all() {
            counts.each(|transport, signal, counts| {
                let labels = || -> Labels {
                    vec![
                        ("receiver", receiver.to_string()),
                        ("transport", transport.to_string()),
                    ]
                };
                let items = items_name(signal);
                let unit = "{item}";
                let name = |what: &str| format!("otelcol_receiver_{what}_{items}");
                let accepted = "Items successfully pushed into the pipeline.";
                out.count(
                    (name("accepted"), unit, accepted),
                    labels(),
                    counts.accepted(),
                );
                let refused = "Items that could not be pushed into the pipeline.";
                out.count((name("refused"), unit, refused), labels(), counts.refused());
                let failed =
                    "Items that failed to be processed by the receiver due to internal errors.";
                out.count((name("failed"), unit, failed), labels(), counts.failed());
            });
            for signal in Signal::ALL {
                let unread = counts.unread(signal);
                if unread > 0 {
                    let labels = vec![
                        ("receiver", receiver.to_string()),
                        ("otel_signal", signal.to_string()),
                    ];
                    let help = "Requests that were refused before they were read: nobody knows how many items they had.";
                    out.count(
                        ("spanmill_receiver_refused_requests", "{request}", help),
                        labels,
                        unread,
                    );
                }
            }
        }
    }

    fn process(&self, out: &mut Families) {
        let uptime = ("otelcol_process_uptime", "s", "Uptime of the process");
        out.add(
            FamilyKind::Counter,
            uptime,
            Vec::new(),
            self.began.elapsed().as_secs_f64(),
        );
        let cpu = (
            "otelcol_process_cpu_seconds",
            "s",
            "Total CPU user and system time in seconds",
        );
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let used = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
        out.add(FamilyKind::Counter, cpu, Vec::new(), used);
        if let Some(resident) = resident_bytes() {
            let memory = (
                "otelcol_process_memory_rss",
                "By",
                "Total physical memory (resident set size)",
            );
            out.gauge(memory, Vec::new(), resident);
        }
    }
}

/// Which signals an exporter is given: `all` if there are several, or if it is of no pipeline any more.
fn given<'a>(status: &ExporterStatus, pipelines: &'a [PipelineLayout]) -> &'a str {
    let is_led_to = |pipeline: &&PipelineLayout| {
        let exporters = &pipeline.exporters;
        exporters
            .iter()
            .any(|stage| stage.component == status.exporter)
    };
    let signals = pipelines
        .iter()
        .filter(is_led_to)
        .map(|pipeline| pipeline.signal.as_str());
    let signals: BTreeSet<&str> = signals.collect();
    match (signals.first(), signals.len()) {
        (Some(only), 1) => only,
        _ => "all",
    }
}

fn exporter(status: &ExporterStatus, data_type: &str, out: &mut Families) {
    let labels = || -> Labels { vec![("exporter", status.exporter.clone())] };
    // The whole has counted what its endpoints send.
    for (signal, counts) in status.signals.iter().filter(|_| !status.part) {
        let Some(signal) = Signal::ALL.into_iter().find(|it| it.to_string() == *signal) else {
            continue;
        };
        let items = items_name(signal);
        let unit = "{item}";
        let name = |what: &str| format!("otelcol_exporter_{what}_{items}");
        out.count(
            (
                name("sent"),
                unit,
                "Items successfully sent to destination.",
            ),
            labels(),
            counts.sent,
        );
        out.count(
            (
                name("send_failed"),
                unit,
                "Items in failed attempts to send to destination.",
            ),
            labels(),
            counts.send_failed,
        );
        out.count(
            (
                name("enqueue_failed"),
                unit,
                "Items failed to be added to the sending queue.",
            ),
            labels(),
            counts.enqueue_failed,
        );
    }
    if let Some(queue) = &status.queue {
        // One queue for all signals of an exporter, where the Collector has one for each.
        let labels = || {
            let mut labels = labels();
            labels.insert(0, ("data_type", data_type.to_owned()));
            labels
        };
        out.gauge(
            (
                "otelcol_exporter_queue_size",
                "{batch}",
                "Current size of the sending queue, in the unit of its sizer.",
            ),
            labels(),
            queue.size,
        );
        out.gauge(
            (
                "otelcol_exporter_queue_capacity",
                "{batch}",
                "Fixed capacity of the sending queue, in the unit of its sizer.",
            ),
            labels(),
            queue.capacity,
        );
    }
    out.gauge(
        (
            "spanmill_exporter_waiting_items",
            "{item}",
            "Items that are queued or on their way.",
        ),
        labels(),
        status.waiting,
    );
    out.gauge(
        (
            "spanmill_exporter_failing",
            "1",
            "Whether the backend did not take the last attempt.",
        ),
        labels(),
        u64::from(status.failing),
    );
    for (quantile, micros) in [
        ("0.5", status.delivery_lag.p50_us),
        ("0.99", status.delivery_lag.p99_us),
    ] {
        let mut labels = labels();
        labels.push(("quantile", quantile.to_owned()));
        let help = "From the receipt of a batch until the backend had it: half and 99 of 100 took no longer.";
        out.add(
            FamilyKind::Gauge,
            ("spanmill_exporter_delivery_lag", "s", help),
            labels,
            micros as f64 / 1e6,
        );
    }
}

fn plugin(status: &PluginStatus, out: &mut Families) {
    let version = &status.version;
    let signals: BTreeSet<&str> = status
        .pipelines
        .iter()
        .map(|pipeline| pipeline.split('/').next().unwrap_or_default())
        .collect();
    let signal = match signals.len() {
        1 => signals.first().copied().unwrap_or_default(),
        _ => "all",
    };
    if status.role == "processor" {
        let labels = || -> Labels {
            vec![
                ("otel_signal", signal.to_owned()),
                ("processor", status.component.clone()),
            ]
        };
        out.count(
            (
                "otelcol_processor_incoming_items",
                "{item}",
                "Number of items passed to the processor.",
            ),
            labels(),
            version.items_in,
        );
        out.count(
            (
                "otelcol_processor_outgoing_items",
                "{item}",
                "Number of items emitted from the processor.",
            ),
            labels(),
            version.items_out.saturating_add(version.items_passed),
        );
    }
    let labels = || -> Labels { vec![("plugin", status.component.clone())] };
    out.count(
        (
            "spanmill_plugin_calls",
            "{call}",
            "Batches that a plugin was called with.",
        ),
        labels(),
        version.calls,
    );
    out.count(
        (
            "spanmill_plugin_dropped_items",
            "{item}",
            "Items that a plugin dropped.",
        ),
        labels(),
        version.items_dropped,
    );
    out.count(
        (
            "spanmill_plugin_passed_items",
            "{item}",
            "Items that went on without a plugin after a fault.",
        ),
        labels(),
        version.items_passed,
    );
    out.gauge(
        (
            "spanmill_plugin_held_items",
            "{item}",
            "Items that are held for a plugin until it decides.",
        ),
        labels(),
        version.items_held,
    );
    out.gauge(
        (
            "spanmill_plugin_instances",
            "{instance}",
            "Instances of a plugin.",
        ),
        labels(),
        status.instances,
    );
    out.gauge(
        (
            "spanmill_plugin_memory",
            "By",
            "Memory of all instances of a plugin.",
        ),
        labels(),
        status.memory_bytes,
    );
    out.gauge(
        (
            "spanmill_plugin_unwritten",
            "By",
            "What is held for a plugin and has yet to be stored.",
        ),
        labels(),
        status.unwritten_bytes,
    );
    out.count(
        (
            "spanmill_plugin_swaps",
            "{swap}",
            "How often a version was put in place of another.",
        ),
        labels(),
        status.swaps,
    );
    out.count(
        (
            "spanmill_plugin_rollbacks",
            "{rollback}",
            "How often a version was taken back.",
        ),
        labels(),
        status.rollbacks,
    );
    for (quantile, micros) in [
        ("0.5", version.latency.p50_us),
        ("0.99", version.latency.p99_us),
    ] {
        let mut labels = labels();
        labels.push(("quantile", quantile.to_owned()));
        let help = "How long a call of a plugin took: half and 99 of 100 took no longer.";
        out.add(
            FamilyKind::Gauge,
            ("spanmill_plugin_call_duration", "s", help),
            labels,
            micros as f64 / 1e6,
        );
    }
    for (kind, count) in &version.faults {
        let mut labels = labels();
        labels.push(("kind", kind.clone()));
        out.count(
            ("spanmill_plugin_faults", "{fault}", "Faults of a plugin."),
            labels,
            *count,
        );
    }
    for (name, count) in &version.counters {
        let help = "Counted by the plugin itself.";
        match name.strip_prefix("processor_") {
            // The Collector's own name.
            Some(_) => {
                let labels = vec![("processor", status.component.clone())];
                out.count((format!("otelcol_{name}"), "1", help), labels, *count);
            }
            None => {
                let mut labels = labels();
                labels.push(("counter", name.clone()));
                out.count(("spanmill_plugin_counter", "1", help), labels, *count);
            }
        }
    }
}
