//! `spanmill replay`.

use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use super::Failure;
use super::manifest::{self, ManifestArgs};
use crate::files;
use crate::otlp_json::{self, JsonError, Request};
use crate::pipeline::Offline;
use crate::service::Folders;

/// A recording is processed in memory, several times its size.
const MAX_INPUT_BYTES: u64 = 2 * 1024 * 1024 * 1024;

pub(super) fn replay(
    args: &ManifestArgs,
    input: &Path,
    output: Option<&Path>,
) -> Result<(), Failure> {
    let mut loader = Folders::from_environment()?.loader()?;
    let (manifest, mut plugins) = manifest::load(&args.source()?, &mut loader)?;
    let requests = read(input)?;
    let replayed = Offline::new(&manifest, &mut plugins)?.run(requests)?;
    let mut out: Box<dyn Write> = match output {
        Some(path) => {
            let file = std::fs::File::create(path).map_err(|error| {
                Failure(format!("error: cannot write {}: {error}", path.display()))
            })?;
            Box::new(std::io::BufWriter::new(file))
        }
        None => Box::new(std::io::stdout().lock()),
    };
    for (_, batches) in &replayed.traces {
        for batch in batches {
            write_line(&mut out, &batch.bytes, Request::Traces)?;
        }
    }
    for (_, flushed) in &replayed.metrics {
        write_line(&mut out, &flushed.request.encode_to_vec(), Request::Metrics)?;
    }
    out.flush()?;
    Ok(())
}

fn write_line(out: &mut impl Write, protobuf: &[u8], request: Request) -> Result<(), Failure> {
    let mut line = Vec::new();
    otlp_json::to_json(protobuf, request, &mut line)?;
    line.push(b'\n');
    out.write_all(&line)?;
    Ok(())
}

fn traces_from_json(json: &[u8]) -> Result<Bytes, JsonError> {
    otlp_json::to_protobuf(json, Request::Traces)
}

/// The recorded requests, each with the time it would have been received at: when its last span ended.
fn read(input: &Path) -> Result<Vec<(Bytes, u64)>, Failure> {
    let unreadable =
        |why: &dyn std::fmt::Display| Failure(format!("error: {}: {why}", input.display()));
    let bytes = files::read_regular(input, MAX_INPUT_BYTES).map_err(|error| unreadable(&error))?;
    let mut requests = Vec::new();
    match input.extension().and_then(|extension| extension.to_str()) {
        Some("pb") => requests.push(Bytes::from(bytes)),
        Some("json" | "jsonl") => match traces_from_json(&bytes) {
            Ok(request) => requests.push(request),
            // Not one object: one a line, as the file exporter writes.
            Err(whole) => {
                for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
                    if line.iter().all(u8::is_ascii_whitespace) {
                        continue;
                    }
                    match traces_from_json(line) {
                        Ok(request) => requests.push(request),
                        Err(_) if number == 0 => return Err(unreadable(&whole)),
                        Err(error) => {
                            return Err(unreadable(&format!("line {}: {error}", number + 1)));
                        }
                    }
                }
            }
        },
        _ => {
            return Err(unreadable(
                &"the name must end in .json or .pb, which says how to read it",
            ));
        }
    }
    let timed = requests.into_iter().map(|bytes| {
        let request =
            ExportTraceServiceRequest::decode(bytes.clone()).map_err(|error| unreadable(&error))?;
        let spans = request
            .resource_spans
            .iter()
            .flat_map(|r| &r.scope_spans)
            .flat_map(|s| &s.spans);
        let end = spans.map(|span| span.end_time_unix_nano).max().unwrap_or(0);
        Ok((bytes, end))
    });
    timed.collect()
}
