#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use spanmill_fuzz::export::Export;
use spanmill_fuzz::{plant, request};

fuzz_target!(init: plant(ExportTraceServiceRequest::seeds().into_iter()), |data: &[u8]| request::check::<ExportTraceServiceRequest>(data));
