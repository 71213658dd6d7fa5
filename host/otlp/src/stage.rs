//! A stage's own view of the batch: its columns, the rows still alive, the texts it may read.
//! Where nothing was dropped and nothing hidden, the batch's own memory is shown; else it is gathered.

mod gathered;

use spanmill_model::{Context, PerContext, Signal};

use self::gathered::{Gathered, Mode, gather};
use crate::ABSENT;
use crate::alive::Alive;
use crate::attributes::{Store, row_of};
use crate::projection::{Read, StagePlan};
use crate::table::Table;
use crate::texts::Texts;
use crate::view::{BatchView, PoolView, TableView};

#[derive(Clone, Default)]
struct TableScratch {
    parents: Option<Vec<u32>>,
    columns: Vec<Gathered>,
    /// Which column is the attribute list, if it had to be gathered.
    list: Option<usize>,
}

impl TableScratch {
    /// Gathers the rows above those that are left. `above` is what is left of those, if not all, and how many there were.
    fn parents(&mut self, table: &Table, alive: &Alive, above: Option<(&Alive, usize)>) {
        if alive.all && above.is_none() {
            self.parents = None;
            return;
        }
        let mut parents = self.parents.take().unwrap_or_default();
        parents.clear();
        gather(&table.parents, alive, &mut parents);
        if let Some((above, rows)) = above {
            renumber(&mut parents, above, rows);
        }
        self.parents = Some(parents);
    }

    /// Gathers the columns that a stage reads.
    fn columns(&mut self, reads: &[Read], table: &Table, alive: &Alive, texts: &Texts) {
        self.columns.resize_with(reads.len(), Gathered::default);
        self.list = None;
        for (at, (read, gathered)) in reads.iter().zip(&mut self.columns).enumerate() {
            match (read, &table.attributes) {
                (Read::Column(number), _) => match table.columns.get(*number) {
                    Some(column) => gathered.column(column, alive),
                    None => gathered.mode = Mode::Base,
                },
                (Read::Attributes, Some(store)) if !alive.all => {
                    gathered.mode = Mode::Gathered;
                    gathered.list(store, alive);
                    self.list = Some(at);
                }
                (Read::Attribute(key), Some(store)) => {
                    gathered.by_key(store, texts.find(key), alive, table.rows());
                }
                (Read::Request(number), _) => {
                    let known = table.request.get(*number).copied();
                    gathered.same_in_every_row(known, alive.count(table));
                }
                _ => gathered.mode = Mode::Base,
            }
        }
    }
}

/// The contexts that a stage has a table of in a batch of a signal.
fn shown(plan: &StagePlan, signal: Signal) -> impl Iterator<Item = Context> {
    let contexts = signal.contexts().iter().copied();
    contexts.filter(|&context| *plan.tables.get(context))
}

/// What a stage is shown that is not the batch's own memory. Reused between batches.
#[derive(Clone, Default)]
pub(crate) struct Scratch {
    tables: PerContext<TableScratch>,
    pool: Option<(Vec<u32>, Vec<u8>)>,
    /// Memory for the next batch that needs a pool of its own.
    spare_pool: (Vec<u32>, Vec<u8>),
    pub(crate) pool_len: u32,
}

impl Scratch {
    /// Gathers what has to be gathered for a stage.
    pub(crate) fn prepare(
        &mut self,
        plan: &StagePlan,
        signal: Signal,
        tables: &PerContext<Table>,
        alive: &PerContext<Alive>,
        texts: &Texts,
    ) {
        self.pool_len = texts.len() as u32;
        self.prepare_pool(plan.bit, texts);
        for context in shown(plan, signal) {
            let (table, rows) = (tables.get(context), alive.get(context));
            let above = context.parent().map(|parent| {
                let rows = tables.get(parent).rows();
                (alive.get(parent), rows)
            });
            let scratch = self.tables.get_mut(context);
            scratch.parents(table, rows, above.filter(|(above, _)| !above.all));
            scratch.columns(plan.reads.get(context), table, rows, texts);
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
        // Hidden texts seldom alternate with others, so runs of either are taken together.
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
        signal: Signal,
        tables: &'a PerContext<Table>,
        alive: &PerContext<Alive>,
        texts: &'a Texts,
        received_unix_nano: u64,
    ) -> BatchView<'a> {
        let mut views = Vec::with_capacity(signal.contexts().len());
        for context in shown(plan, signal) {
            let (scratch, table) = (self.tables.get(context), tables.get(context));
            let columns = plan.reads.get(context).iter().zip(&scratch.columns);
            views.push(TableView {
                context,
                rows: alive.get(context).count(table) as u32,
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
            signal,
            received_unix_nano,
            texts,
            tables: views,
        }
    }

    /// Where the rows of a context's attribute list end, if it was gathered.
    fn ends_shown(&self, context: Context) -> Option<&[u32]> {
        let table = self.tables.get(context);
        Some(&table.columns.get(table.list?)?.ends)
    }

    /// Maps an entry of the list as shown to its entry and row in the batch. `last` is the row, as shown, of the entry
    /// asked for before, which stands before this one; at first 0.
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

/// How long the first run of texts is that a stage may read, or may not.
fn run(readers: &[u64], bit: u64, shown: bool) -> usize {
    let other = if shown { bit } else { 0 };
    let (eights, _) = readers.as_chunks::<8>();
    let all = |eight: &&[u64; 8]| eight.iter().fold(0, |any, it| any | it ^ other) & bit == 0;
    let together = eights.iter().take_while(all).count() * 8;
    let rest = readers.get(together..).unwrap_or(&[]).iter();
    together + rest.take_while(|it| (*it ^ other) & bit == 0).count()
}

/// Turns rows of the table above into rows among those that are left of it.
fn renumber(parents: &mut [u32], above: &Alive, rows: usize) {
    let mut places = vec![ABSENT; rows];
    for (place, &row) in (0u32..).zip(&above.rows) {
        if let Some(slot) = places.get_mut(row as usize) {
            *slot = place;
        }
    }
    for parent in parents {
        *parent = places.get(*parent as usize).copied().unwrap_or(ABSENT);
    }
}
