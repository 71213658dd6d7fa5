//! `spanmill validate`.

use std::path::Path;

use super::{Failure, colour, manifest, say};
use crate::service::Folders;

pub(super) fn validate(path: Option<&Path>) -> Result<(), Failure> {
    let manifest = manifest::load(path)?;
    let mut loader = Folders::from_environment().loader()?;
    let plugins = loader
        .load_all(&manifest)
        .map_err(|problems| Failure(problems.render(colour())))?;
    say(format_args!(
        "{}: {} pipelines, {} plugins configured; no mistakes",
        manifest.source.name(),
        manifest.pipelines.len(),
        plugins.len()
    ));
    Ok(())
}
