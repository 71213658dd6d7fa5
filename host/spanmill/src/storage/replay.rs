//! What earlier runs have left.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use spanmill_runtime::Snapshot;

use super::checksum::checksum;
use super::error::StorageError;
use super::generation::{OpenGenerations, READY, numbers};
use super::record::{Record, Records};
use super::segment;

/// The generations that earlier runs have left, which are no longer written to.
#[derive(Debug)]
pub struct PreviousRun {
    generations: Vec<PathBuf>,
}

/// Rows that were held when a process ended.
pub struct StoredRows<'a> {
    /// An OTLP request.
    pub request: &'a [u8],
    /// When it was received.
    pub received_unix_nano: u64,
    number: u64,
    gone: &'a HashMap<u128, u64>,
}

impl StoredRows<'_> {
    /// Whether the request's rows of a trace are held no longer.
    pub fn is_gone(&self, trace: u128) -> bool {
        self.gone
            .get(&trace)
            .is_some_and(|last| *last >= self.number)
    }
}

/// What a plugin knew.
#[derive(Debug, PartialEq, Eq)]
pub struct StoredState(pub Snapshot);

/// In front of a state: its format, and the checksum of the rest.
const STATE_HEAD: usize = 4 + 8;

impl StoredState {
    /// As it stands in a file.
    pub(super) fn encode(snapshot: &Snapshot) -> Vec<u8> {
        let mut file = Vec::with_capacity(STATE_HEAD + snapshot.data.len());
        file.extend_from_slice(&snapshot.format.to_le_bytes());
        file.extend_from_slice(&checksum(&snapshot.data).to_le_bytes());
        file.extend_from_slice(&snapshot.data);
        file
    }

    fn decode(file: &[u8]) -> Option<Self> {
        let (format, rest) = file.split_first_chunk::<4>()?;
        let (written, data) = rest.split_first_chunk::<8>()?;
        (checksum(data) == u64::from_le_bytes(*written)).then(|| {
            StoredState(Snapshot {
                format: u32::from_le_bytes(*format),
                data: data.to_vec(),
            })
        })
    }
}

impl PreviousRun {
    /// Finds them in a component's folder. Those in `open` are of this process and still in use; those that were never made
    /// whole are deleted.
    pub(super) fn find(folder: &Path, open: &OpenGenerations) -> Result<Self, StorageError> {
        let mut generations = Vec::new();
        let mut replaced = Vec::new();
        for number in numbers(folder)? {
            let path = folder.join(number.to_string());
            if open.contain(&path) {
                continue;
            }
            match fs::read_to_string(path.join(READY)) {
                Ok(earlier) => {
                    replaced.extend(earlier.lines().map(|name| folder.join(name)));
                    generations.push(path);
                }
                Err(_) => {
                    fs::remove_dir_all(&path).map_err(StorageError::at(&path))?;
                }
            }
        }
        generations.retain(|path| !replaced.contains(path));
        Ok(PreviousRun { generations })
    }

    /// Their folders.
    pub fn generations(&self) -> &[PathBuf] {
        &self.generations
    }

    /// Shows what is still held, in the order in which it came to each shard.
    ///
    /// # Errors
    ///
    /// If a file cannot be read. What is damaged is passed over, and logged.
    pub fn each(&self, mut each: impl FnMut(StoredRows<'_>)) -> Result<(), StorageError> {
        for generation in &self.generations {
            for files in shards(generation)?.into_values() {
                let mut gone: HashMap<u128, u64> = HashMap::new();
                read_all(&files, true, |record| {
                    if let Record::Gone(traces) = record {
                        for (trace, number) in traces {
                            let last = gone.entry(trace).or_default();
                            *last = number.max(*last);
                        }
                    }
                })?;
                read_all(&files, false, |record| {
                    if let Record::Held {
                        number,
                        received_unix_nano,
                        request,
                    } = record
                    {
                        each(StoredRows {
                            request,
                            received_unix_nano,
                            number,
                            gone: &gone,
                        });
                    }
                })?;
            }
        }
        Ok(())
    }

    /// What the plugin's instances knew, by shard: those of as many shards as there are now.
    pub fn states(&self, shards: usize) -> Vec<Option<StoredState>> {
        let state = |shard| {
            let [generation] = self.generations.as_slice() else {
                return None;
            };
            let file = fs::read(generation.join(state_name(shard, shards))).ok()?;
            StoredState::decode(&file)
        };
        (0..shards).map(state).collect()
    }
}

/// The file of a shard's state.
pub(super) fn state_name(shard: usize, shards: usize) -> String {
    format!("{shard}-of-{shards}.state")
}

/// The file of a shard's segment.
pub(super) fn segment_name(shard: usize, segment: u64) -> String {
    format!("{shard}-{segment}.held")
}

/// The files of each shard, in order.
fn shards(generation: &Path) -> Result<HashMap<u64, Vec<PathBuf>>, StorageError> {
    let mut shards: HashMap<u64, Vec<(u64, PathBuf)>> = HashMap::new();
    let entries = fs::read_dir(generation).map_err(StorageError::at(generation))?;
    for entry in entries {
        let path = entry.map_err(StorageError::at(generation))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let numbers = name
            .and_then(|name| name.strip_suffix(".held"))
            .and_then(|name| name.split_once('-'));
        let Some((shard, segment)) = numbers else {
            continue;
        };
        if let (Ok(shard), Ok(segment)) = (shard.parse(), segment.parse()) {
            shards.entry(shard).or_default().push((segment, path));
        }
    }
    let in_order = |mut files: Vec<(u64, PathBuf)>| {
        files.sort();
        files.into_iter().map(|(_, path)| path).collect()
    };
    Ok(shards
        .into_iter()
        .map(|(shard, files)| (shard, in_order(files)))
        .collect())
}

fn read_all(
    files: &[PathBuf],
    is_first: bool,
    mut each: impl FnMut(Record<'_>),
) -> Result<(), StorageError> {
    for file in files {
        let mut is_whole = true;
        let read = segment::read(file, |block| {
            let mut records = Records(block);
            records.by_ref().for_each(&mut each);
            is_whole &= records.0.is_empty();
        });
        is_whole &= read.map_err(StorageError::at(file))?;
        if !is_whole && is_first {
            tracing::warn!(file = %file.display(),
                "the end of a file of held rows cannot be read: what was not written when the process ended is lost");
        }
    }
    Ok(())
}
