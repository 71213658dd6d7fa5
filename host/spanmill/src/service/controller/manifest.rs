//! The manifest that runs, shown to operators.

use std::path::Path;

use spanmill_admin::{ControlError, ManifestPlace, ManifestReport, ManifestText, ManifestWarning};

use super::Controller;
use crate::config::{self, Diagnostic, Source};

impl Controller {
    /// The texts that were read, with secrets masked, and what is doubtful about them.
    pub(super) async fn manifest_report(&self) -> Result<ManifestReport, ControlError> {
        let source = {
            let guard = self.running.lock().await;
            let running = guard.as_ref().ok_or(ControlError::ShuttingDown)?;
            running.manifest().source.clone()
        };
        let env = |name: &str| std::env::var(name).ok();
        let (_, found) = config::examine(Source::clone(&source), Path::new("."), &env);
        let texts = source.masked().into_iter().map(|one| ManifestText {
            name: one.name,
            text: one.text,
        });
        let warnings = found.iter().map(|one| warning(one, &source));
        Ok(ManifestReport {
            texts: texts.collect(),
            warnings: warnings.collect(),
        })
    }
}

fn warning(diagnostic: &Diagnostic, source: &Source) -> ManifestWarning {
    let number = |at: usize| u64::try_from(at).unwrap_or(u64::MAX);
    ManifestWarning {
        message: diagnostic.message().to_owned(),
        help: diagnostic.helps().to_vec(),
        place: diagnostic.place().map(|place| {
            let position = source.position(place);
            ManifestPlace {
                text: position.text.to_owned(),
                line: number(position.line),
                column: number(position.column),
            }
        }),
    }
}
