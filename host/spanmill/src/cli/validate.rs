//! `spanmill validate`.

use std::io::Write as _;
use std::sync::Arc;

use super::manifest::{self, ManifestArgs};
use super::output::{Failure, colour, say};
use crate::config::Diagnostics;
use crate::pipeline::check_senders;

pub(super) fn validate(args: &ManifestArgs) -> Result<(), Failure> {
    let (source, mut loader) = args.open()?;
    let (manifest, plugins) = manifest::load_to_run(&source, &mut loader)?;
    let mut found = Diagnostics::new(Arc::clone(&manifest.source));
    check_senders(&manifest, &plugins, &mut found);
    if !found.is_empty() {
        let _ = writeln!(std::io::stderr(), "{}", found.render(colour()).trim_end());
    }
    say(format_args!(
        "{}: {} pipelines, {} plugins configured; no mistakes",
        manifest.source.name(),
        manifest.pipelines.len(),
        plugins.len()
    ));
    Ok(())
}
