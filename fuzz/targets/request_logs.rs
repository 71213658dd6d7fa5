#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use spanmill_fuzz::export::Export;
use spanmill_fuzz::{plant, request};

fuzz_target!(init: plant(ExportLogsServiceRequest::seeds().into_iter()), |data: &[u8]| request::check::<ExportLogsServiceRequest>(data));
