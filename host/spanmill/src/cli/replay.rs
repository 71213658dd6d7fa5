//! `spanmill replay`.

use std::io::Write;
use std::path::Path;

use super::manifest::{self, ManifestArgs};
use super::output::Failure;
use super::recording;
use crate::otlp_json;
use crate::pipeline::Offline;
use spanmill_model::Signal;

pub(super) fn replay(
    args: &ManifestArgs,
    input: &Path,
    signal: Signal,
    output: Option<&Path>,
) -> Result<(), Failure> {
    let (source, mut loader) = args.open()?;
    let (manifest, mut plugins) = manifest::load(&source, &mut loader)?;
    let requests = recording::read(input, signal)?;
    let replayed = Offline::new(&manifest, &mut plugins)?.run(&requests)?;
    let mut out: Box<dyn Write> = match output {
        Some(path) => {
            let file = std::fs::File::create(path).map_err(|error| {
                Failure(format!("error: cannot write {}: {error}", path.display()))
            })?;
            Box::new(std::io::BufWriter::new(file))
        }
        None => Box::new(std::io::stdout().lock()),
    };
    for (pipeline, batches) in &replayed {
        for batch in batches {
            write_line(&mut out, &batch.bytes, pipeline.signal)?;
        }
    }
    out.flush()?;
    Ok(())
}

fn write_line(out: &mut impl Write, protobuf: &[u8], signal: Signal) -> Result<(), Failure> {
    let mut line = Vec::new();
    otlp_json::to_json(protobuf, signal, &mut line)?;
    line.push(b'\n');
    out.write_all(&line)?;
    Ok(())
}
