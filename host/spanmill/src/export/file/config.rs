//! The settings of the `file` exporter.

use std::path::PathBuf;
use std::time::Duration;

use spanmill_manifest::{Diagnostics, Section};
use spanmill_net::endpoint;

/// The `file` exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConfig {
    /// Where to.
    pub path: PathBuf,
    /// Append to the file instead of truncating it.
    pub append: bool,
    /// What is written.
    pub format: FileFormat,
    /// The level that each request is compressed with, by zstd.
    pub compression: Option<i32>,
    /// Whether and how the file is rotated.
    pub rotation: Option<Rotation>,
    /// The mode of missing folders, if they are to be created.
    pub create_directory: Option<u32>,
}

/// What a file exporter writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// OTLP's JSON, a request a line.
    Json,
    /// Protobuf, each request behind its length.
    Proto,
}

/// When a file is rotated, and what becomes of rotated files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// No file grows beyond this.
    pub max_bytes: u64,
    /// Rotated files older than this are deleted; 0: never.
    pub max_days: u64,
    /// How many rotated files are kept, the newest ones; 0: all.
    pub max_backups: u64,
    /// Whether their names tell the local time, rather than UTC.
    pub local_time: bool,
}

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> FileConfig {
    let path = section.text("path", out);
    if path.as_ref().is_none_or(String::is_empty) {
        out.push(endpoint::missing(&section, "path", "the file to write"));
    }
    let append = section.flag("append", false, out);
    let formats = [("json", FileFormat::Json), ("proto", FileFormat::Proto)];
    let format = section.choice("format", &formats, out);
    let rotation = rotation(&mut section, out);
    if append
        && rotation.is_some()
        && let Some(node) = section.value("append")
    {
        out.push(
            section
                .wrong(
                    "append",
                    node,
                    "stands beside rotation, which goes on where the file ends by itself",
                )
                .help("remove it"),
        );
    }
    let file = FileConfig {
        path: path.unwrap_or_default().into(),
        append,
        format: format.unwrap_or(FileFormat::Json),
        compression: compression(&mut section, out),
        rotation,
        create_directory: create_directory(&mut section, out),
    };
    // Each request is written at once, which is earlier than any interval.
    section.duration("flush_interval", Duration::from_secs(1), out);
    section.refuse(
        "encoding",
        "is not supported: there are no extensions in this version",
        "use `format: json` or `format: proto`",
        out,
    );
    if let Some(mut group) = section.section("group_by", out) {
        group.refuse(
            "enabled",
            "is not supported",
            "have a `file` exporter for each group, behind pipelines that filter",
            out,
        );
        group.ignore(&["resource_attribute", "max_open_files"], out);
        group.finish(out);
    }
    section.finish(out);
    file
}

/// `rotation`, which without a value means its defaults.
fn rotation(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<Rotation> {
    const MEGABYTE: u64 = 1 << 20;
    let mut section = section.section("rotation", out)?;
    let mut number = |key, default| section.number(key, out).unwrap_or(default);
    let megabytes = match number("max_megabytes", 0) {
        0 => 100,
        megabytes => megabytes,
    };
    let rotation = Rotation {
        max_bytes: megabytes.saturating_mul(MEGABYTE),
        max_days: number("max_days", 0),
        max_backups: number("max_backups", 100),
        local_time: section.flag("localtime", false, out),
    };
    section.finish(out);
    Some(rotation)
}

fn compression(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<i32> {
    const LEVELS: std::ops::RangeInclusive<u64> = 0..=22;
    let zstd = section.choice("compression", &[("zstd", true), ("", false)], out);
    let mut level = 0;
    if let Some(mut section) = section.section("compression_params", out) {
        level = section.number("level", out).unwrap_or(0);
        if !LEVELS.contains(&level)
            && let Some(node) = section.value("level")
        {
            out.push(section.wrong("level", node, "zstd has levels from 1 to 22"));
        }
        section.finish(out);
    }
    (zstd == Some(true)).then(|| i32::try_from(level).unwrap_or(0))
}

fn create_directory(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<u32> {
    const KEY: &str = "directory_permissions";
    let create = section.flag("create_directory", false, out);
    let Some(node) = section.value(KEY).cloned() else {
        return create.then_some(0o755);
    };
    if !create {
        out.push(section.wrong(KEY, &node, "says nothing without create_directory"));
        return None;
    }
    let mode = u32::from_str_radix(&node.raw, 8).ok();
    let mode = mode.filter(|mode| mode & !0o777 == 0);
    if mode.is_none() {
        out.push(
            section
                .wrong(KEY, &node, "these are no permissions")
                .help("write them in octal, like \"0755\""),
        );
    }
    mode
}
