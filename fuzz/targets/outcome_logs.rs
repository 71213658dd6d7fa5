#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use spanmill_fuzz::{outcome, plant};

fuzz_target!(init: plant(outcome::inputs()), |data: &[u8]| outcome::check::<ExportLogsServiceRequest>(data));
