//! `spanmill replay`.

use std::io::Write;
use std::path::Path;

use super::explain::explain;
use super::files::check_output;
use super::manifest::{self, ManifestArgs};
use super::output::Failure;
use super::recording;
use crate::config::{Manifest, ManifestSource, Processor};
use crate::otlp_json;
use crate::pipeline::{Offline, PluginLoader, Recorded, Replayed};
use spanmill_model::Signal;

/// What is printed in place of what pipelines would have exported.
pub(super) struct Explained<'a> {
    /// Another manifest, to be compared.
    pub(super) against: Option<&'a str>,
}

pub(super) fn replay(
    args: &ManifestArgs,
    input: &Path,
    signal: Signal,
    output: Option<&Path>,
    explained: Option<&Explained<'_>>,
) -> Result<(), Failure> {
    if let Some(output) = output {
        check_output(output, [input])?;
    }
    let requests = recording::read(input, signal)?;
    let (source, mut loader) = args.open()?;
    let replayed = run(&source, &mut loader, &requests, explained.is_some())?;
    if let Some(explained) = explained {
        let others = match explained.against {
            Some(location) => {
                let source = args.another(location)?;
                Some((location, run(&source, &mut loader, &requests, true)?))
            }
            None => None,
        };
        let others = others.as_ref().map(|(location, of)| (*location, of));
        let text = explain(&requests, &replayed, others)?;
        std::io::stdout().lock().write_all(text.as_bytes())?;
        if output.is_none() {
            return Ok(());
        }
    }
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

fn run(
    source: &ManifestSource,
    loader: &mut PluginLoader,
    requests: &[Recorded],
    is_explained: bool,
) -> Result<Replayed, Failure> {
    let (manifest, mut plugins) = manifest::load_changed(source, loader, |manifest| {
        if is_explained {
            have_policies_recorded(manifest);
        }
    })?;
    Ok(Offline::new(&manifest, &mut plugins)?.run(requests)?)
}

/// Has tail samplers say by which policy a trace was sampled, as if the manifest asked for it.
fn have_policies_recorded(manifest: &mut Manifest) {
    for (id, processor) in &mut manifest.processors {
        if let (Processor::Plugin(plugin), "tail_sampling") = (processor, id.kind()) {
            plugin.settings.set("record_policy", true.into());
        }
    }
}

fn write_line(out: &mut impl Write, protobuf: &[u8], signal: Signal) -> Result<(), Failure> {
    let mut line = Vec::new();
    otlp_json::to_json(protobuf, signal, &mut line)?;
    line.push(b'\n');
    out.write_all(&line)?;
    Ok(())
}
