//! A processor that misbehaves two calls deep, as its settings say: a host's log must name this file and the line, or the functions.

use std::hint::black_box;

use serde::Deserialize;
use spanmill_sdk::{Batch, ConfigError, Contract, Outcome, PluginError, Processor};

/// How to misbehave.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    Throw,
    Loop,
    Leak,
}

#[derive(Deserialize)]
pub struct Settings {
    how: How,
}

pub struct Misbehave(How);

impl Processor for Misbehave {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        contract.read_text("span.name");
        Ok(Misbehave(settings.how))
    }

    fn process(&mut self, _: &Batch<'_>, _: &mut Outcome) -> Result<(), PluginError> {
        prepare(self.0);
        Ok(())
    }
}

#[inline(never)]
fn prepare(how: How) {
    misbehave(how);
}

#[inline(never)]
fn misbehave(how: How) {
    let mut kept = Vec::new();
    match how {
        How::Throw => panic!("misbehaving as asked"),
        How::Loop => loop {
            black_box(&kept);
        },
        How::Leak => loop {
            kept.push(black_box(vec![1u8; 1 << 20]));
        },
    }
}

spanmill_sdk::register_processor!(Misbehave);
