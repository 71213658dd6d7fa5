//! The `nop` receiver: receives nothing. A pipeline must have a receiver, and this one opens no port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use spanmill_manifest::ComponentId;
use tokio_util::sync::CancellationToken;

use super::RequestIntake;
use super::component::{Binding, BoundReceiver, ReceiverComponent, ReceiverConfig, Serving};
use crate::component::{ALL_SIGNALS, Component};
use spanmill_net::Spare;

pub(crate) static COMPONENT: ReceiverComponent = Component {
    name: "nop",
    aliases: &[],
    signals: ALL_SIGNALS,
    read: |section, out| {
        section.finish(out);
        Arc::new(NopConfig)
    },
};

/// It has no settings.
#[derive(Debug, PartialEq)]
struct NopConfig;

impl ReceiverConfig for NopConfig {
    fn bind<'a>(&'a self, _: &'a ComponentId, _: &'a mut Spare) -> Binding<'a> {
        Box::pin(async { Ok(Box::new(NopReceiver) as Box<dyn BoundReceiver>) })
    }
}

struct NopReceiver;

impl BoundReceiver for NopReceiver {
    fn addresses(&self) -> Vec<(&'static str, SocketAddr)> {
        Vec::new()
    }

    fn handles(&self) -> Vec<(String, std::net::TcpListener)> {
        Vec::new()
    }

    fn serve(
        self: Box<Self>,
        _: Arc<dyn RequestIntake>,
        shutdown: CancellationToken,
        _: Duration,
    ) -> Serving {
        Box::pin(async move {
            shutdown.cancelled().await;
            0
        })
    }
}
