#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use spanmill_fuzz::{outcome, plant};

fuzz_target!(init: plant(outcome::inputs()), |data: &[u8]| outcome::check::<ExportTraceServiceRequest>(data));
