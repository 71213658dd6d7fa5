//! A stage's own view of the batch: its columns, the rows still alive, the texts it may read.
//! Where nothing was dropped and nothing hidden, the batch's own memory is shown; else it is gathered.

use crate::ABSENT;
use crate::attributes::{Store, kind};
use crate::path::Context;
use crate::projection::{Read, StagePlan};
use crate::table::{Column, Data, Table};
use crate::texts::Texts;
use crate::view::{AttributesView, BatchView, CellsView, ColumnView, PoolView, TableView};

/// The rows of a context that are still there.
#[derive(Clone, Default)]
pub(crate) struct Alive {
    /// Whether that is every row; `rows` is then not used.
    pub(crate) all: bool,
    pub(crate) rows: Vec<u32>,
}

impl Alive {
    pub(crate) fn count(&self, table: &Table) -> usize {
        if self.all {
            table.rows()
        } else {
            self.rows.len()
        }
    }

    /// Whether one of the batch's own rows is still there.
    pub(crate) fn has(&self, row: u32) -> bool {
        self.all || self.rows.binary_search(&row).is_ok()
    }

    /// The batch's own row that a stage's row is.
    #[inline]
    pub(crate) fn base(&self, row: u32) -> u32 {
        if self.all {
            row
        } else {
            self.rows.get(row as usize).copied().unwrap_or(ABSENT)
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    /// Shown from the batch's own memory.
    #[default]
    Base,
    Gathered,
    Text,
    Cells,
}

/// Memory for one column that cannot be shown as it is.
#[derive(Clone, Default)]
struct Gathered {
    mode: Mode,
    ends: Vec<u32>,
    narrow: Vec<u32>,
    wide: Vec<u64>,
    kinds: Vec<u8>,
}

#[derive(Clone, Default)]
struct TableScratch {
    parents: Option<Vec<u32>>,
    columns: Vec<Gathered>,
    /// Which column is the attribute list, if it had to be gathered.
    list: Option<usize>,
}

/// What a stage is shown that is not the batch's own memory. Reused between batches.
#[derive(Clone, Default)]
pub(crate) struct Scratch {
    tables: [TableScratch; 5],
    pool: Option<(Vec<u32>, Vec<u8>)>,
    /// Kept for the next batch that needs them.
    spare_pool: (Vec<u32>, Vec<u8>),
    pub(crate) pool_len: u32,
}

impl Scratch {
    /// Gathers what has to be gathered for a stage.
    pub(crate) fn prepare(
        &mut self,
        plan: &StagePlan,
        tables: &[Table; 5],
        alive: &[Alive; 5],
        texts: &Texts,
    ) {
        self.pool_len = texts.len() as u32;
        self.prepare_pool(plan.bit, texts);
        let [_, _, span_alive, ..] = alive;
        let [_, _, span_table, ..] = tables;
        for ((((scratch, table), alive), reads), wanted) in self
            .tables
            .iter_mut()
            .zip(tables)
            .zip(alive)
            .zip(&plan.reads)
            .zip(&plan.tables)
        {
            if !wanted {
                continue;
            }
            let below_span = matches!(table.context, Context::SpanEvent | Context::SpanLink);
            scratch.parents = if alive.all && (!below_span || span_alive.all) {
                None
            } else {
                let mut parents = scratch.parents.take().unwrap_or_default();
                parents.clear();
                gather(&table.parents, alive, &mut parents);
                if below_span && !span_alive.all {
                    renumber(&mut parents, span_alive, span_table.rows());
                }
                Some(parents)
            };
            scratch.columns.resize_with(reads.len(), Gathered::default);
            scratch.list = None;
            for (at, (read, gathered)) in reads.iter().zip(&mut scratch.columns).enumerate() {
                match read {
                    Read::Column(number) => match table.columns.get(*number) {
                        Some(column) => gathered.column(column, alive),
                        None => gathered.mode = Mode::Base,
                    },
                    Read::Attributes => {
                        gathered.mode = if alive.all {
                            Mode::Base
                        } else {
                            Mode::Gathered
                        };
                        if let (Some(store), false) = (&table.attributes, alive.all) {
                            gathered.list(store, alive);
                            scratch.list = Some(at);
                        }
                    }
                    Read::Attribute(key) => match &table.attributes {
                        Some(store) => gathered.by_key(store, texts.find(key), alive, table.rows()),
                        None => gathered.mode = Mode::Base,
                    },
                }
            }
        }
    }

    fn prepare_pool(&mut self, bit: u64, texts: &Texts) {
        if let Some(pool) = self.pool.take() {
            self.spare_pool = pool;
        }
        let mut readers = texts.readers();
        if run(readers, bit, true) == readers.len() {
            return;
        }
        let (mut ends, mut bytes) = std::mem::take(&mut self.spare_pool);
        ends.clear();
        bytes.clear();
        // Hidden texts are few or many, but seldom alternate with others: runs of them are taken together.
        let (mut rest, mut start, mut shown) = (texts.ends(), 0, false);
        while !readers.is_empty() {
            let Some((texts_of_run, others)) = rest.split_at_checked(run(readers, bit, shown))
            else {
                break;
            };
            readers = readers.get(texts_of_run.len()..).unwrap_or(&[]);
            rest = others;
            let shift = start - bytes.len() as u32;
            let end = texts_of_run.last().copied().unwrap_or(start);
            if shown {
                ends.extend(texts_of_run.iter().map(|end| end - shift));
                let pool = texts.pool().get(start as usize..end as usize);
                bytes.extend_from_slice(pool.unwrap_or(&[]));
            } else {
                ends.resize(ends.len() + texts_of_run.len(), start - shift);
            }
            (start, shown) = (end, !shown);
        }
        self.pool = Some((ends, bytes));
    }

    /// The batch as the stage sees it, after [`Scratch::prepare`].
    pub(crate) fn view<'a>(
        &'a self,
        plan: &StagePlan,
        tables: &'a [Table; 5],
        alive: &[Alive; 5],
        texts: &'a Texts,
        received_unix_nano: u64,
    ) -> BatchView<'a> {
        let mut views = Vec::with_capacity(5);
        for ((((scratch, table), alive), reads), wanted) in self
            .tables
            .iter()
            .zip(tables)
            .zip(alive)
            .zip(&plan.reads)
            .zip(&plan.tables)
        {
            if !wanted {
                continue;
            }
            let columns = reads.iter().zip(&scratch.columns);
            views.push(TableView {
                context: table.context,
                rows: alive.count(table) as u32,
                parents: scratch.parents.as_deref().unwrap_or(&table.parents),
                columns: columns
                    .map(|(read, gathered)| gathered.view(read, table))
                    .collect(),
            });
        }
        let texts = match &self.pool {
            Some((ends, bytes)) => PoolView { ends, bytes },
            None => PoolView {
                ends: texts.ends(),
                bytes: texts.pool(),
            },
        };
        BatchView {
            received_unix_nano,
            texts,
            tables: views,
        }
    }

    /// Where the rows of a context's attribute list end, if it was gathered.
    fn ends_shown(&self, context: Context) -> Option<&[u32]> {
        let table = self.tables.get(context as usize)?;
        Some(&table.columns.get(table.list?)?.ends)
    }

    /// The batch's own entry that an entry of a list shown is, and its row. `last` is the row shown of the entry asked
    /// for before, which stands before this one; at first 0.
    pub(crate) fn base_entry(
        &self,
        context: Context,
        store: &Store,
        alive: &Alive,
        entry: u32,
        last: &mut u32,
    ) -> (usize, u32) {
        if alive.all {
            *last = row_of(&store.ends, entry, *last);
            return (entry as usize, *last);
        }
        let ends = self.ends_shown(context).unwrap_or(&[]);
        *last = row_of(ends, entry, *last);
        let before = last.checked_sub(1).and_then(|row| ends.get(row as usize));
        let within = entry.saturating_sub(before.copied().unwrap_or(0));
        let row = alive.base(*last);
        (store.entries(row).start + within as usize, row)
    }

    /// How many entries the list of a context shows.
    pub(crate) fn entries_shown(&self, context: Context, table: &Table, alive: &Alive) -> usize {
        let Some(store) = &table.attributes else {
            return 0;
        };
        if alive.all {
            return store.keys.len();
        }
        let last = self.ends_shown(context).and_then(<[u32]>::last);
        last.copied().unwrap_or(0) as usize
    }
}

/// The row that an entry belongs to. `last` is one before it, or its own: rows are looked for from there on, in wider
/// and wider steps, since entries mostly come in order and not far from each other.
pub(crate) fn row_of(ends: &[u32], entry: u32, last: u32) -> u32 {
    let before = |end: &u32| *end <= entry;
    let (mut from, mut step) = (last as usize, 1);
    while ends.get(from + step).is_some_and(before) {
        from += step;
        step *= 2;
    }
    let to = (from + step).min(ends.len());
    let within = ends.get(from..to).unwrap_or(&[]);
    (from + within.partition_point(before)) as u32
}

/// How many texts from the first on a stage may read, or may not.
fn run(readers: &[u64], bit: u64, shown: bool) -> usize {
    let other = if shown { bit } else { 0 };
    let (eights, _) = readers.as_chunks::<8>();
    let all = |eight: &&[u64; 8]| eight.iter().fold(0, |any, it| any | it ^ other) & bit == 0;
    let together = eights.iter().take_while(all).count() * 8;
    let rest = readers.get(together..).unwrap_or(&[]).iter();
    together + rest.take_while(|it| (*it ^ other) & bit == 0).count()
}

fn gather<T: Copy + Default>(values: &[T], alive: &Alive, out: &mut Vec<T>) {
    if alive.all {
        out.extend_from_slice(values);
    } else {
        let rows = alive.rows.iter();
        out.extend(rows.map(|&row| values.get(row as usize).copied().unwrap_or_default()));
    }
}

/// Turns the spans' own rows into rows among those alive.
fn renumber(parents: &mut [u32], spans: &Alive, rows: usize) {
    let mut places = vec![ABSENT; rows];
    for (place, &row) in (0u32..).zip(&spans.rows) {
        if let Some(slot) = places.get_mut(row as usize) {
            *slot = place;
        }
    }
    for parent in parents {
        *parent = places.get(*parent as usize).copied().unwrap_or(ABSENT);
    }
}

impl Gathered {
    fn column(&mut self, column: &Column, alive: &Alive) {
        if alive.all {
            self.mode = Mode::Base;
            return;
        }
        self.mode = Mode::Gathered;
        self.narrow.clear();
        self.wide.clear();
        match &column.data {
            Data::Narrow(values) | Data::Text(values) => gather(values, alive, &mut self.narrow),
            Data::Wide(values) => gather(values, alive, &mut self.wide),
            Data::TraceId(words) => {
                let (ids, _) = words.as_chunks::<2>();
                self.wide.reserve(2 * alive.rows.len());
                for &row in &alive.rows {
                    if let Some(id) = ids.get(row as usize) {
                        self.wide.extend_from_slice(id);
                    }
                }
            }
        }
    }

    fn list(&mut self, store: &Store, alive: &Alive) {
        self.ends.clear();
        self.narrow.clear();
        self.kinds.clear();
        self.wide.clear();
        // Rows that stand together are copied together.
        for rows in alive.rows.chunk_by(|row, next| row + 1 == *next) {
            let (Some(&first), Some(&last)) = (rows.first(), rows.last()) else {
                continue;
            };
            let entries = store.entries(first).start..store.entries(last).end;
            let shift = (entries.start as u32).wrapping_sub(self.narrow.len() as u32);
            let ends = store.ends.get(first as usize..=last as usize);
            self.ends.extend(
                ends.unwrap_or(&[])
                    .iter()
                    .map(|end| end.wrapping_sub(shift)),
            );
            self.narrow
                .extend_from_slice(store.keys.get(entries.clone()).unwrap_or(&[]));
            self.kinds
                .extend_from_slice(store.kinds.get(entries.clone()).unwrap_or(&[]));
            self.wide
                .extend_from_slice(store.bits.get(entries.clone()).unwrap_or(&[]));
        }
    }

    /// One attribute of every row alive: as text while that serves, else as cells.
    fn by_key(&mut self, store: &Store, key: Option<u32>, alive: &Alive, rows: usize) {
        self.mode = Mode::Text;
        self.narrow.clear();
        let count = if alive.all { rows } else { alive.rows.len() };
        let Some(key) = key else {
            self.narrow.resize(count, ABSENT);
            return;
        };
        self.narrow.reserve(count);
        let mut place = 0;
        for row in 0..count as u32 {
            match find_key(store, alive.base(row), key, &mut place) {
                None => self.narrow.push(ABSENT),
                Some(entry) => {
                    let kind = store.kinds.get(entry).copied().unwrap_or(kind::ABSENT);
                    let bits = store.bits.get(entry).copied().unwrap_or(0);
                    if kind != kind::TEXT {
                        return self.cells_by_key(store, key, alive, count);
                    }
                    self.narrow.push(bits as u32);
                }
            }
        }
    }

    fn cells_by_key(&mut self, store: &Store, key: u32, alive: &Alive, count: usize) {
        self.mode = Mode::Cells;
        self.kinds.clear();
        self.wide.clear();
        let mut place = 0;
        for row in 0..count as u32 {
            let entry = find_key(store, alive.base(row), key, &mut place);
            let kind = entry.and_then(|entry| store.kinds.get(entry)).copied();
            let bits = entry.and_then(|entry| store.bits.get(entry)).copied();
            self.kinds.push(kind.unwrap_or(kind::ABSENT));
            self.wide.push(bits.unwrap_or(0));
        }
    }

    fn view<'a>(&'a self, read: &Read, table: &'a Table) -> ColumnView<'a> {
        let cells = CellsView {
            kinds: &self.kinds,
            bits: &self.wide,
        };
        match (read, self.mode) {
            (_, Mode::Text) => ColumnView::Text(&self.narrow),
            (_, Mode::Cells) => ColumnView::Cells(cells),
            (Read::Attributes, Mode::Gathered) => ColumnView::Attributes(AttributesView {
                ends: &self.ends,
                keys: &self.narrow,
                values: cells,
            }),
            (Read::Column(at), mode) => {
                let base = mode == Mode::Base;
                match table.columns.get(*at).map(|column| &column.data) {
                    Some(Data::Narrow(values)) => {
                        ColumnView::Narrow(if base { values } else { &self.narrow })
                    }
                    Some(Data::Text(values)) => {
                        ColumnView::Text(if base { values } else { &self.narrow })
                    }
                    Some(Data::Wide(values)) => {
                        ColumnView::Wide(if base { values } else { &self.wide })
                    }
                    Some(Data::TraceId(words)) => {
                        ColumnView::TraceId(if base { words } else { &self.wide })
                    }
                    None => ColumnView::Text(&[]),
                }
            }
            (_, _) => match &table.attributes {
                Some(store) => ColumnView::Attributes(AttributesView {
                    ends: &store.ends,
                    keys: &store.keys,
                    values: CellsView {
                        kinds: &store.kinds,
                        bits: &store.bits,
                    },
                }),
                None => ColumnView::Text(&[]),
            },
        }
    }
}

/// The first entry of a row with a key. `place` is where in a row the last one stood.
#[inline]
fn find_key(store: &Store, row: u32, key: u32, place: &mut usize) -> Option<usize> {
    let entries = store.entries(row);
    let keys = store.keys.get(entries.clone())?;
    let before = keys.get(..*place).unwrap_or(&[]);
    // Without a branch on each: those before are few, and seldom the key.
    let is_first = !before
        .iter()
        .fold(false, |any, &known| any | (known == key));
    if !is_first || keys.get(*place) != Some(&key) {
        *place = keys.iter().position(|&known| known == key)?;
    }
    Some(entries.start + *place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_of_an_entry_is_found_from_any_row_before_it() {
        let ends = [0, 2, 2, 2, 3, 7, 7, 8, 8, 12, 13, 13];
        for entry in 0..13 {
            let row = ends.iter().position(|&end| end > entry).unwrap() as u32;
            for last in 0..=row {
                assert_eq!(row_of(&ends, entry, last), row, "{entry} from {last}");
            }
        }
    }
}
