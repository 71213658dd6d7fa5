//! `spanmill validate`.

use std::path::Path;

use super::{Failure, manifest, say};
use crate::service::Folders;

pub(super) fn validate(path: Option<&Path>) -> Result<(), Failure> {
    let mut loader = Folders::from_environment()?.loader()?;
    let (manifest, plugins) = manifest::load(path, &mut loader)?;
    say(format_args!(
        "{}: {} pipelines, {} plugins configured; no mistakes",
        manifest.source.name(),
        manifest.pipelines.len(),
        plugins.len()
    ));
    Ok(())
}
