//! `spanmill validate`.

use super::manifest::{self, ManifestArgs};
use super::output::{Failure, say};
use crate::service::Folders;

pub(super) fn validate(args: &ManifestArgs) -> Result<(), Failure> {
    let mut loader = Folders::from_environment()?.loader()?;
    let (manifest, plugins) = manifest::load_to_run(&args.source()?, &mut loader)?;
    say(format_args!(
        "{}: {} pipelines, {} plugins configured; no mistakes",
        manifest.source.name(),
        manifest.pipelines.len(),
        plugins.len()
    ));
    Ok(())
}
