//! The admin API's way to a service.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use spanmill_admin::{
    Control, ControlError, Event, EventKind, Layout, LossReport, ManifestReport, PluginStatus,
    ReceiverStatus, ReloadReport, ServiceState, ServiceStatus, ShadowReport, SwapOptions,
    SwapReport, TapLines, TapRequest, TraceReport,
};

use super::{Controller, lock};
use crate::health::Phase;

/// A service as the admin API sees it.
#[derive(Clone)]
pub struct Admin(pub Arc<Controller>);

impl Admin {
    fn refused<T>(
        &self,
        what: &str,
        target: &str,
        result: Result<T, ControlError>,
    ) -> Result<T, ControlError> {
        if let Err(error @ (ControlError::Invalid(_) | ControlError::Conflict(_))) = &result {
            let message = format!("{what} of {target} was refused: {error}");
            let history = &self.0.history;
            history.event(EventKind::Refused, vec![target.to_owned()], message);
        }
        result
    }
}

impl Control for Admin {
    fn status(&self) -> ServiceStatus {
        let lost = self.0.losses.report().into_iter().map(|loss| LossReport {
            component: loss.component,
            items: loss.signal.items().to_owned(),
            reason: loss.reason.to_string(),
            count: loss.items,
        });
        let mut receivers = Vec::new();
        for (receiver, counts) in self.0.received.all() {
            counts.each(|transport, signal, counts| {
                receivers.push(ReceiverStatus {
                    receiver: receiver.to_string(),
                    transport: transport.to_string(),
                    signal: signal.to_string(),
                    accepted: counts.accepted(),
                    refused: counts.refused(),
                    failed: counts.failed(),
                });
            });
        }
        ServiceStatus {
            receivers,
            exporters: self.0.exporters.status(),
            lost: lost.collect(),
        }
    }

    fn layout(&self) -> Layout {
        let health = &self.0.health;
        Layout {
            state: match health.phase() {
                Phase::Starting => ServiceState::Starting,
                Phase::Ready => ServiceState::Ready,
                Phase::Ending => ServiceState::Ending,
            },
            ready_since: health.uptime().map(|uptime| format!("{:.3}", uptime.since)),
            pipelines: self.0.shown.pipelines(),
        }
    }

    async fn manifest(&self) -> Result<ManifestReport, ControlError> {
        self.0.manifest_report().await
    }

    fn plugins(&self) -> Vec<PluginStatus> {
        self.0.history.plugins()
    }

    async fn swap(
        &self,
        component: String,
        name: String,
        wasm: Bytes,
        options: SwapOptions,
    ) -> Result<SwapReport, ControlError> {
        let swap = async {
            self.0.check_unsigned(&component).await?;
            let uploaded = self.0.compile(&name, wasm)?;
            self.0.swap_in(&component, uploaded, options).await
        };
        let swapped = swap.await;
        self.refused("a swap", &component, swapped)
    }

    async fn shadow(
        &self,
        component: String,
        name: String,
        wasm: Bytes,
        duration: Duration,
        allow_more: bool,
    ) -> Result<ShadowReport, ControlError> {
        let shadow = async {
            self.0.check_unsigned(&component).await?;
            let uploaded = self.0.compile(&name, wasm)?;
            self.0
                .start_shadow(&component, uploaded, duration, allow_more)
                .await
        };
        let shadowed = shadow.await;
        self.refused("a shadow", &component, shadowed)
    }

    fn shadow_report(&self, component: &str) -> Result<ShadowReport, ControlError> {
        self.0.shadow_report(component)
    }

    async fn end_shadow(&self, component: String) -> Result<ShadowReport, ControlError> {
        self.0.end_shadow(&component).await
    }

    async fn tap(&self, request: TapRequest) -> Result<TapLines, ControlError> {
        self.0.tap(request).await
    }

    async fn promote(
        &self,
        component: String,
        options: SwapOptions,
    ) -> Result<SwapReport, ControlError> {
        let promoted = self.0.promote(&component, options).await;
        self.refused("promoting the shadow", &component, promoted)
    }

    async fn reload(&self) -> Result<ReloadReport, ControlError> {
        let reloaded = self.0.reload_now().await;
        if reloaded.is_ok() {
            *lock(&self.0.refused) = None;
        }
        self.refused("a reload", "the manifest", reloaded)
    }

    fn trace(&self, trace_id: u128) -> Result<TraceReport, ControlError> {
        let Some(ledger) = &self.0.ledger else {
            return Err(ControlError::Conflict(
                "this service keeps no account of what becomes of spans; put `ledger: {}` into its manifest and start it again"
                    .to_owned(),
            ));
        };
        ledger.trace(trace_id).ok_or_else(|| {
            ControlError::NotFound(format!(
                "nothing is known of trace {trace_id:032x}; what came before {} may be forgotten, and ledger.mib says how much is kept",
                ledger.since()
            ))
        })
    }

    fn events(&self) -> Vec<Event> {
        self.0.history.events()
    }
}
