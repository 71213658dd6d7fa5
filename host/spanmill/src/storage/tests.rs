//! A journal against a model of it: what was written is there again, what is gone is not, and files do not pile up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use spanmill_runtime::Snapshot;
use tempfile::TempDir;

use super::journal::ShardJournal;
use super::{PreviousRun, ShardWriter, StorageError, StorageSettings, Storages};

fn settings(directory: &Path) -> StorageSettings {
    StorageSettings {
        directory: directory.to_owned(),
        interval: Duration::from_secs(1),
        fsync: false,
    }
}

fn write(journal: &mut ShardJournal, writer: &mut ShardWriter) {
    writer.write(|work| work(journal)).unwrap();
}

/// Rows are told apart by number; a request is the traces of its rows and their numbers.
fn request(rows: &[(u128, u32)]) -> Vec<u8> {
    let row = |(trace, row): &(u128, u32)| [&trace.to_le_bytes()[..], &row.to_le_bytes()].concat();
    rows.iter().flat_map(row).collect()
}

fn rows(request: &[u8]) -> Vec<(u128, u32)> {
    let row = |row: &[u8]| {
        (
            u128::from_le_bytes(row[..16].try_into().unwrap()),
            u32::from_le_bytes(row[16..].try_into().unwrap()),
        )
    };
    request.chunks(20).map(row).collect()
}

fn found(previous: &PreviousRun) -> BTreeSet<(u128, u32)> {
    let mut found = BTreeSet::new();
    let read = previous.each(|stored| {
        for (trace, row) in rows(stored.request) {
            if !stored.is_gone(trace) {
                assert!(found.insert((trace, row)), "row {row} is there twice");
            }
        }
    });
    read.unwrap();
    found
}

#[derive(Clone, Debug)]
enum Operation {
    Hold(Vec<u128>),
    /// A trace is gone, as far as it was held so many records ago.
    Gone(u128, u64),
    Write,
    /// The process dies, and another one starts.
    Restart,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => prop::collection::vec(1u128..8, 1..6).prop_map(Operation::Hold),
        3 => (1u128..8, 0u64..3).prop_map(|(trace, ago)| Operation::Gone(trace, ago)),
        2 => Just(Operation::Write),
        1 => Just(Operation::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_held_again_and_what_is_gone_is_not(
        operations in prop::collection::vec(operation(), 1..60),
    ) {
        let folder = TempDir::new().unwrap();
        let settings = settings(folder.path());
        let mut storages = Storages::default();
        let (mut generation, previous) = storages.open(&settings, "traces", "tail_sampling").unwrap();
        generation.replaces(previous.generations()).unwrap();
        let mut journal = ShardJournal::default();
        let mut writer = ShardWriter::new(generation.path(), 0, 1, false);
        // By row: its trace and its record.
        let mut held: BTreeMap<u32, (u128, u64)> = BTreeMap::new();
        let mut written = held.clone();
        let mut next_row = 0;
        for operation in operations {
            match operation {
                Operation::Hold(traces) => {
                    let numbered: Vec<(u128, u32)> = traces
                        .iter()
                        .map(|trace| {
                            next_row += 1;
                            (*trace, next_row)
                        })
                        .collect();
                    journal.held(&request(&numbered), traces.iter().copied(), 7);
                    held.extend(numbered.iter().map(|(trace, row)| (*row, (*trace, journal.number()))));
                }
                Operation::Gone(trace, ago) => {
                    let number = journal.number().saturating_sub(ago);
                    journal.gone(std::iter::once(trace), number);
                    held.retain(|_, (of, record)| *of != trace || *record > number);
                }
                Operation::Write => {
                    write(&mut journal, &mut writer);
                    written = held.clone();
                }
                Operation::Restart => {
                    drop(generation);
                    drop(storages);
                    storages = Storages::default();
                    let (next, previous) = storages.open(&settings, "traces", "tail_sampling").unwrap();
                    let expected: BTreeSet<(u128, u32)> =
                        written.iter().map(|(row, (trace, _))| (*trace, *row)).collect();
                    prop_assert_eq!(&found(&previous), &expected);
                    journal = ShardJournal::default();
                    writer = ShardWriter::new(next.path(), 0, 1, false);
                    held.clear();
                    for (trace, row) in expected {
                        journal.held(&request(&[(trace, row)]), std::iter::once(trace), 7);
                        held.insert(row, (trace, journal.number()));
                    }
                    write(&mut journal, &mut writer);
                    next.replaces(previous.generations()).unwrap();
                    written = held.clone();
                    generation = next;
                }
            }
            prop_assert_eq!(journal.is_empty(), held.is_empty());
        }
    }
}

/// A journal that holds one trace for good, and many that come and go.
#[test]
fn files_go_with_what_stands_in_them_and_one_that_stays_is_written_anew() {
    let folder = TempDir::new().unwrap();
    let storages = Storages::default();
    let settings = settings(folder.path());
    let (generation, _) = storages.open(&settings, "traces", "tail_sampling").unwrap();
    let mut journal = ShardJournal::default();
    let mut writer = ShardWriter::new(generation.path(), 0, 1, false);
    journal.held(&request(&[(1, 1)]), std::iter::once(1), 7);
    let mut large = request(&[(2, 2)]);
    large.resize(1 << 20, 0);
    let mut most = 0;
    for _ in 0..400 {
        journal.held(&large, std::iter::once(2), 7);
        let number = journal.number();
        journal.gone(std::iter::once(2), number);
        for trace in journal.in_the_way(20, 10) {
            assert_eq!(trace, 1);
            journal.held_anew(&request(&[(1, 1)]), &[1], 7);
        }
        write(&mut journal, &mut writer);
        most = most.max(fs::read_dir(generation.path()).unwrap().count());
    }
    assert!((2..8).contains(&most), "{most} files");
    assert_eq!(journal.memory(), 48);
}

#[test]
fn what_stands_behind_half_a_block_is_passed_over_and_what_stands_before_is_not() {
    let folder = TempDir::new().unwrap();
    let settings = settings(folder.path());
    let storages = Storages::default();
    let (generation, previous) = storages.open(&settings, "traces", "tail_sampling").unwrap();
    generation.replaces(previous.generations()).unwrap();
    let mut journal = ShardJournal::default();
    let mut writer = ShardWriter::new(generation.path(), 0, 1, false);
    for row in 1..4 {
        let trace = u128::from(row);
        journal.held(&request(&[(trace, row)]), std::iter::once(trace), 7);
        write(&mut journal, &mut writer);
    }
    let file = generation.path().join("0-0.held");
    let whole = fs::read(&file).unwrap();
    drop((generation, storages));
    for cut in [whole.len() - 1, whole.len() - 20, 9, 3, 0] {
        let mut damaged = whole[..cut].to_vec();
        fs::write(&file, &damaged).unwrap();
        let found = reopened(&settings);
        assert!(found.len() < 3, "{cut}: {found:?}");
        // The same length, and other bytes.
        damaged.resize(whole.len(), 0xa5);
        fs::write(&file, &damaged).unwrap();
        assert_eq!(reopened(&settings), found, "{cut}");
    }
}

/// What another process would find, without taking it over.
fn reopened(settings: &StorageSettings) -> BTreeSet<(u128, u32)> {
    let storages = Storages::default();
    let (generation, previous) = storages.open(settings, "traces", "tail_sampling").unwrap();
    let found = found(&previous);
    generation.delete();
    found
}

#[test]
fn a_generation_counts_once_it_is_whole_and_takes_the_place_of_those_before() {
    let folder = TempDir::new().unwrap();
    let settings = settings(folder.path());
    let hold = |row: u32, is_whole: bool| {
        let storages = Storages::default();
        let (generation, previous) = storages
            .open(&settings, "traces/a", "tail_sampling/b")
            .unwrap();
        let found = found(&previous);
        let mut journal = ShardJournal::default();
        let mut writer = ShardWriter::new(generation.path(), 0, 1, false);
        let mut all = found.clone();
        all.insert((u128::from(row), row));
        for (trace, row) in all {
            journal.held(&request(&[(trace, row)]), std::iter::once(trace), 7);
        }
        write(&mut journal, &mut writer);
        if is_whole {
            generation.replaces(previous.generations()).unwrap();
        }
        found
    };
    assert_eq!(hold(1, true).len(), 0);
    // This one dies before it has noted that it has everything.
    assert_eq!(hold(2, false).len(), 1);
    assert_eq!(hold(3, true).len(), 1);
    assert_eq!(hold(4, true), BTreeSet::from([(1, 1), (3, 3)]));
    let folder = folder.path().join("traces%2fa+tail_sampling%2fb");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
}

#[test]
fn a_directory_is_one_process_s() {
    let folder = TempDir::new().unwrap();
    let settings = settings(folder.path());
    let storages = Storages::default();
    let _generation = storages.open(&settings, "traces", "tail_sampling").unwrap();
    // Another component of the same process, and the same one again while pipelines are exchanged.
    let _other = storages.open(&settings, "logs", "hold").unwrap();
    let (_again, previous) = storages.open(&settings, "traces", "tail_sampling").unwrap();
    assert!(previous.generations().is_empty());
    let another = Storages::default().open(&settings, "traces", "tail_sampling");
    assert!(matches!(another, Err(StorageError::InUse(_))));
}

#[test]
fn states_are_taken_over_by_as_many_instances_as_there_were() {
    let folder = TempDir::new().unwrap();
    let settings = settings(folder.path());
    let storages = Storages::default();
    let (generation, previous) = storages.open(&settings, "traces", "tail_sampling").unwrap();
    for shard in 0..2 {
        let mut journal = ShardJournal::default();
        journal.set_state(&Snapshot {
            format: 3,
            data: vec![shard; 5],
        });
        write(
            &mut journal,
            &mut ShardWriter::new(generation.path(), shard.into(), 2, true),
        );
    }
    generation.replaces(previous.generations()).unwrap();
    drop((generation, storages));
    let storages = Storages::default();
    let (_, previous) = storages.open(&settings, "traces", "tail_sampling").unwrap();
    let states = previous.states(2);
    let state = states[1].as_ref().unwrap();
    assert_eq!((state.0.format, &state.0.data[..]), (3, &[1; 5][..]));
    assert_eq!(previous.states(1), [None]);
    assert_eq!(previous.states(3), [None, None, None]);
}
