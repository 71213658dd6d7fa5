#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use spanmill_fuzz::{outcome, plant};

fuzz_target!(init: plant(outcome::inputs()), |data: &[u8]| outcome::check::<ExportMetricsServiceRequest>(data));
