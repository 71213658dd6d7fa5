//! The control groups that this process is in, both versions of them; see cgroups(7).

use std::path::{Path, PathBuf};

/// The folder of a group, of one that is above it, or of the root.
pub(crate) struct GroupFolder {
    /// Where its files are.
    pub(crate) path: PathBuf,
    /// Whether it is of version 2, where one tree has all controllers.
    pub(crate) is_unified: bool,
}

/// The folders that may limit what a controller (`cpu`, `memory`) hands out: those of the groups that `/proc/self/cgroup` names, and of all
/// above them. `mounted` is where control groups are, `/sys/fs/cgroup`.
pub(crate) fn folders(mounted: &Path, groups: &str, controller: &str) -> Vec<GroupFolder> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let is_unified = controllers.is_empty();
        let root = match is_unified {
            true => mounted.to_owned(),
            false if controllers.split(',').any(|one| one == controller) => {
                mounted.join(controller)
            }
            false => continue,
        };
        // In a container the path may be the host's; then only the root is there.
        let relative = Path::new(path.trim_start_matches('/'));
        found.extend(relative.ancestors().map(|folder| GroupFolder {
            path: root.join(folder),
            is_unified,
        }));
    }
    found
}
