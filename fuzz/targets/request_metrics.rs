#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use spanmill_fuzz::export::Export;
use spanmill_fuzz::{plant, request};

fuzz_target!(init: plant(ExportMetricsServiceRequest::seeds().into_iter()), |data: &[u8]| request::check::<ExportMetricsServiceRequest>(data));
