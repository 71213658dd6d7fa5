//! What stands in files, and beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use super::rotation::Clock;
use super::writer::Writer;
use super::{File, record};
use crate::export::file::config::{FileConfig, FileFormat, Rotation};
use crate::export::{Export as _, Payload, Signal};
use spanmill_manifest::ComponentId;

/// A clock that tests set, somewhere two hours east of Greenwich.
#[derive(Clone)]
struct Set(Arc<Mutex<Timestamp>>);

impl Set {
    fn new() -> Self {
        Set(Arc::new(Mutex::new(
            "2022-09-14T05:02:14.173Z".parse().unwrap(),
        )))
    }

    fn pass(&self, time: SignedDuration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for Set {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn zone(&self) -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(2))
    }
}

fn config(path: PathBuf) -> FileConfig {
    FileConfig {
        path,
        append: false,
        format: FileFormat::Json,
        compression: None,
        rotation: None,
        create_directory: None,
    }
}

fn rotating(path: PathBuf, rotation: Rotation) -> FileConfig {
    FileConfig {
        rotation: Some(rotation),
        ..config(path)
    }
}

const TEN: Rotation = Rotation {
    max_bytes: 10,
    max_days: 0,
    max_backups: 0,
    local_time: false,
};

/// The files of a folder and what is in them.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    pairs.iter().map(pair).collect()
}

#[test]
fn a_file_that_would_grow_too_large_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Set::new();
    let config = rotating(folder.path().join("data.json"), TEN);
    let mut writer = Writer::with_clock(&config, Box::new(clock.clone())).unwrap();
    // Two within a millisecond; and one that is too large for any file has one of its own.
    for record in ["12345\n", "1234\n", "6789\n", "0123456789abc\n"] {
        writer.write(record.as_bytes()).unwrap();
    }
    clock.pass(SignedDuration::from_secs(1));
    writer.write(b"z\n").unwrap();
    let expected = pairs(&[
        ("data-2022-09-14T05-02-14.173.json", "12345\n"),
        ("data-2022-09-14T05-02-14.174.json", "1234\n6789\n"),
        ("data-2022-09-14T05-02-15.173.json", "0123456789abc\n"),
        ("data.json", "z\n"),
    ]);
    assert_eq!(files(folder.path()), expected);
    // One that is gone is made anew.
    fs::remove_file(&config.path).unwrap();
    writer.write(b"012345678\n").unwrap();
    assert_eq!(files(folder.path()).pop().unwrap().1, "012345678\n");
    fs::write(&config.path, "z\n").unwrap();
    // After a restart it goes on where it ended.
    drop(writer);
    let mut writer = Writer::with_clock(&config, Box::new(clock)).unwrap();
    writer.write(b"y\n").unwrap();
    assert_eq!(files(folder.path())[3].1, "z\ny\n");
}

#[test]
fn old_files_go_by_number_and_by_age() {
    let day = SignedDuration::from_hours(24);
    for (max_backups, max_days, kept) in [(2, 0, 2), (0, 3, 4), (1, 3, 1), (0, 0, 5)] {
        let folder = tempfile::tempdir().unwrap();
        let clock = Set::new();
        for other in [
            "data-of-others.json",
            "data-2022-09-14T05-02-14.173.txt",
            "x-2022-09-14T05-02-14.173.json",
        ] {
            fs::write(folder.path().join(other), "").unwrap();
        }
        let rotation = Rotation {
            max_backups,
            max_days,
            ..TEN
        };
        let config = rotating(folder.path().join("data.json"), rotation);
        let mut writer = Writer::with_clock(&config, Box::new(clock.clone())).unwrap();
        for n in 0..6 {
            writer.write(format!("record {n}\n").as_bytes()).unwrap();
            clock.pass(day);
        }
        let files = files(folder.path());
        let aside = files.iter().filter(|(_, text)| text.starts_with("record"));
        let numbers: Vec<&str> = aside.map(|(_, text)| text[7..].trim()).collect();
        let all = ["0", "1", "2", "3", "4", "5"];
        assert_eq!(numbers, all[5 - kept..], "{max_backups} {max_days}");
        assert_eq!(files.len(), kept + 1 + 3, "others' files stay");
    }
}

#[test]
fn names_tell_the_local_time_if_they_are_to() {
    let folder = tempfile::tempdir().unwrap();
    let rotation = Rotation {
        local_time: true,
        max_days: 1,
        ..TEN
    };
    let config = rotating(folder.path().join("data"), rotation);
    let mut writer = Writer::with_clock(&config, Box::new(Set::new())).unwrap();
    writer.write(b"123456").unwrap();
    writer.write(b"7890ab").unwrap();
    let expected = pairs(&[
        ("data", "7890ab"),
        ("data-2022-09-14T07-02-14.173", "123456"),
    ]);
    assert_eq!(files(folder.path()), expected);
}

fn payload() -> Payload {
    Payload {
        signal: Signal::Traces,
        bytes: Bytes::from(crate::export::tests::request().encode_to_vec()),
        items: 1,
        metadata: Default::default(),
        received_unix_nano: 0,
        trace: Default::default(),
    }
}

#[test]
fn compressed_requests_stand_behind_their_length() {
    for (format, is_json) in [(FileFormat::Json, true), (FileFormat::Proto, false)] {
        let record = record(&payload(), format, Some(3)).unwrap();
        let (length, compressed) = record.split_at(4);
        assert_eq!(
            length,
            u32::try_from(compressed.len()).unwrap().to_be_bytes()
        );
        let plain = zstd::decode_all(compressed).unwrap();
        let read: ExportTraceServiceRequest = match is_json {
            true => serde_json::from_slice(&plain).unwrap(),
            false => ExportTraceServiceRequest::decode(plain.as_slice()).unwrap(),
        };
        assert_eq!(read, crate::export::tests::request());
    }
}

#[tokio::test]
async fn folders_are_made_if_they_are_to_be() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/spans.json");
    let id = ComponentId::parse("file").unwrap();
    assert!(File::new(&id, &config(path.clone())).is_err());
    let config = FileConfig {
        create_directory: Some(0o700),
        ..config(path.clone())
    };
    File::new(&id, &config)
        .unwrap()
        .export(&payload())
        .await
        .unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
    let mode = fs::metadata(path.parent().unwrap())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}
