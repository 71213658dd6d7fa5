//! The `nop` exporter: takes everything, and does nothing with it.

use std::sync::Arc;

use spanmill_manifest::ComponentId;

use super::build::StartContext;
use super::component::{ExporterComponent, ExporterConfig, Starting};
use super::{Attempt, Export, ExportResponse, Payload};
use crate::component::{ALL_SIGNALS, Component};

pub(crate) static COMPONENT: ExporterComponent = Component {
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

impl ExporterConfig for NopConfig {
    fn start<'a>(&'a self, id: &'a ComponentId, context: StartContext<'a>) -> Starting<'a> {
        Box::pin(async move { Ok(context.local(id, Nop, "")) })
    }
}

struct Nop;

impl Export for Nop {
    fn export<'a>(&'a self, _payload: &'a Payload) -> Attempt<'a> {
        Box::pin(async { Ok(ExportResponse::default()) })
    }
}
