//! The settings of the `file_storage` extension: the Collector's, and how often what changed is written.

use std::path::PathBuf;
use std::time::Duration;

use spanmill_manifest::{Diagnostics, Section, TextRange};

use crate::storage::StorageSettings;

/// Where the Collector keeps its files, unless it is told another place.
const DIRECTORY: &str = "/var/lib/otelcol/file_storage";

/// The `file_storage` extension.
#[derive(Clone, Debug)]
pub(super) struct FileStorageConfig {
    pub storage: StorageSettings,
    /// The mode of missing folders, if they are to be created.
    pub create_directory: Option<u32>,
    /// Where the manifest names the directory.
    pub place: TextRange,
}

impl PartialEq for FileStorageConfig {
    /// Where it stands in the manifest does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.storage == other.storage && self.create_directory == other.create_directory
    }
}

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> FileStorageConfig {
    let directory = section.text("directory", out);
    let directory = directory.filter(|directory| !directory.is_empty());
    let place = section
        .value("directory")
        .map_or(section.place(), |node| node.place);
    let storage = StorageSettings {
        directory: PathBuf::from(directory.as_deref().unwrap_or(DIRECTORY)),
        interval: section.nonzero_duration("flush_interval", Duration::from_secs(1), out),
        fsync: section.flag("fsync", false, out),
    };
    let create = section.flag("create_directory", false, out);
    let mode = mode(&mut section, out);
    let create_directory = create.then_some(mode).flatten();
    section.refuse(
        "max_size",
        "is not supported",
        "set `limits.held_mib`: what is stored is what is held, and about as large",
        out,
    );
    // Files are deleted as what stands in them is delivered, and what cannot be read of one is passed over.
    for key in ["timeout", "recreate", "compaction"] {
        section.entry(key);
    }
    section.finish(out);
    FileStorageConfig {
        storage,
        create_directory,
        place,
    }
}

/// `directory_permissions`, which are octal.
fn mode(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<u32> {
    const KEY: &str = "directory_permissions";
    let Some(node) = section.value(KEY).cloned() else {
        return Some(0o750);
    };
    let mode = u32::from_str_radix(&node.raw, 8).ok();
    let mode = mode.filter(|mode| mode & !0o777 == 0);
    if mode.is_none() {
        out.push(
            section
                .wrong(KEY, &node, "these are no permissions")
                .help("write them in octal, like \"0750\""),
        );
    }
    mode
}
