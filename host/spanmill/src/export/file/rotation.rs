//! Files that have grown are put aside under a name with the time in it: `data.json` becomes
//! `data-2022-09-14T05-02-14.173.json`.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::export::file::config::Rotation;

const FORMAT: &str = "%Y-%m-%dT%H-%M-%S%.3f";
/// Names that are tried for a file; several that are put aside within a millisecond get later ones.
const TRIES: i64 = 10_000;
const DAY_HOURS: i64 = 24;

/// What time it is, where.
pub(super) trait Clock: Send {
    fn now(&self) -> Timestamp;

    fn zone(&self) -> TimeZone;
}

pub(super) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn zone(&self) -> TimeZone {
        TimeZone::system()
    }
}

fn zone(rotation: &Rotation, clock: &dyn Clock) -> TimeZone {
    match rotation.local_time {
        true => clock.zone(),
        false => TimeZone::UTC,
    }
}

/// The file name before and after the time.
fn around(path: &Path) -> (String, String) {
    let text = |part: Option<&OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let extension = text(path.extension()).map(|extension| format!(".{extension}"));
    let stem = text(path.file_stem()).unwrap_or_default();
    (format!("{stem}-"), extension.unwrap_or_default())
}

/// Renames a file after the time; never replaces another file.
pub(super) fn put_aside(path: &Path, rotation: &Rotation, clock: &dyn Clock) -> io::Result<()> {
    let (before, behind) = around(path);
    let now = clock.now();
    for millis in 0..TRIES {
        let at = now.saturating_add(SignedDuration::from_millis(millis));
        let at = at.map_err(io::Error::other)?;
        let at = at.to_zoned(zone(rotation, clock));
        let name = format!("{before}{}{behind}", at.strftime(FORMAT));
        let aside = path.with_file_name(name);
        // A link, unlike another name, does not take the place of a file that is there.
        match fs::hard_link(path, &aside) {
            Ok(()) => return fs::remove_file(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // File systems without links.
            Err(_) if !aside.exists() => return fs::rename(path, aside),
            Err(_) => {}
        }
    }
    Err(io::Error::other(
        "there is no name left to put the file aside",
    ))
}

/// Deletes files that were put aside too long ago, or are too many.
pub(super) fn clean(path: &Path, rotation: &Rotation, clock: &dyn Clock) -> io::Result<()> {
    if rotation.max_days == 0 && rotation.max_backups == 0 {
        return Ok(());
    }
    let mut aside = put_aside_before(path)?;
    // The newest first.
    aside.sort_by(|one, other| other.cmp(one));
    let kept = match rotation.max_backups {
        0 => usize::MAX,
        max => usize::try_from(max).unwrap_or(usize::MAX),
    };
    let oldest = oldest(rotation, clock);
    for (place, (time, file)) in aside.iter().enumerate() {
        if place >= kept || oldest.is_some_and(|oldest| *time < oldest) {
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// Files that were put aside before this are deleted.
fn oldest(rotation: &Rotation, clock: &dyn Clock) -> Option<DateTime> {
    let days = i64::try_from(rotation.max_days)
        .ok()
        .filter(|days| *days > 0)?;
    let age = SignedDuration::from_hours(
        days.checked_mul(DAY_HOURS)
            .filter(|hours| *hours < 1 << 40)?,
    );
    let oldest = clock.now().checked_sub(age).ok()?;
    Some(oldest.to_zoned(zone(rotation, clock)).datetime())
}

/// Files with a time in their name, as [`put_aside`] writes it.
fn put_aside_before(path: &Path) -> io::Result<Vec<(DateTime, PathBuf)>> {
    let (before, behind) = around(path);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let time = name.to_str().and_then(|name| {
            let time = name.strip_prefix(&*before)?.strip_suffix(&*behind)?;
            DateTime::strptime(FORMAT, time).ok()
        });
        if let Some(time) = time {
            found.push((time, entry.path()));
        }
    }
    Ok(found)
}
