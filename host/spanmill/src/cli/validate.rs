//! `spanmill validate`.

use super::manifest::{self, ManifestArgs};
use super::output::{Failure, say};

pub(super) fn validate(args: &ManifestArgs) -> Result<(), Failure> {
    let (source, mut loader) = args.open()?;
    let (manifest, plugins) = manifest::load_to_run(&source, &mut loader)?;
    say(format_args!(
        "{}: {} pipelines, {} plugins configured; no mistakes",
        manifest.source.name(),
        manifest.pipelines.len(),
        plugins.len()
    ));
    Ok(())
}
