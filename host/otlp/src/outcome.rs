//! What a stage answers, as it comes: nothing here is checked yet.

use spanmill_model::Context;

/// Values of mixed type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellColumn {
    /// How to read each of `bits`.
    pub kinds: Vec<u8>,
    /// The values.
    pub bits: Vec<u64>,
}

/// New texts, numbered on from the batch's pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// Where each text ends.
    pub ends: Vec<u32>,
    /// The texts, end to end.
    pub bytes: Vec<u8>,
}

/// What becomes of the rows of one context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdicts {
    /// Any but resource and scope.
    pub context: Context,
    /// 0 keep, 1 drop, 2 hold; empty keeps all.
    pub rows: Vec<u8>,
}

/// New values for one declared field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// Index into the declared writes.
    pub field: u32,
    /// Rows, strictly increasing; empty: all.
    pub rows: Vec<u32>,
    /// One a row, or a single one.
    pub values: CellColumn,
}

/// Texts replaced wherever they stand as a value of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replacement {
    /// Index into the declared writes.
    pub field: u32,
    /// The texts replaced.
    pub old: Vec<u32>,
    /// What each becomes.
    pub new: Vec<u32>,
}

/// Entries taken out of whole attribute lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Index into the declared writes.
    pub field: u32,
    /// Entries, strictly increasing.
    pub entries: Vec<u32>,
}

/// Entries of whole attribute lists given a new value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryWrite {
    /// Index into the declared writes.
    pub field: u32,
    /// Entries, strictly increasing.
    pub entries: Vec<u32>,
    /// One an entry.
    pub values: CellColumn,
}

/// New entries at the end of whole attribute lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Append {
    /// Index into the declared writes.
    pub field: u32,
    /// The row of each, never decreasing.
    pub rows: Vec<u32>,
    /// The key of each.
    pub keys: Vec<u32>,
    /// The value of each.
    pub values: CellColumn,
}

/// Which rows go under other resources, as it comes: nothing here is checked yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// For each span, log record or data point that the stage was shown, the number of its group; [`ABSENT`](crate::ABSENT):
    /// it stays under its resource. Empty: nothing moves.
    pub of_each: Vec<u32>,
    /// New texts, numbered on from the batch's pool.
    pub texts: Pool,
    /// Where the entries of each group end.
    pub ends: Vec<u32>,
    /// The key of each entry.
    pub keys: Vec<u32>,
    /// The value of each entry.
    pub values: CellColumn,
}

/// What a stage did with a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Rows dropped.
    pub verdicts: Vec<Verdicts>,
    /// New texts.
    pub texts: Pool,
    /// Writes by row.
    pub writes: Vec<Write>,
    /// Writes by entry.
    pub entry_writes: Vec<EntryWrite>,
    /// Texts replaced.
    pub replacements: Vec<Replacement>,
    /// Entries removed.
    pub removals: Vec<Removal>,
    /// Entries added.
    pub appends: Vec<Append>,
    /// Where rows go that are kept, if the stage says so.
    pub groups: Option<Box<Groups>>,
}

/// A rule of the contract that an outcome breaks. None of it is applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutcomeError {
    /// Verdicts on rows that have none.
    #[error(
        "verdicts on a {0}; rows that the plugin has a table of take verdicts, other than resources and scopes"
    )]
    VerdictContext(&'static str),
    /// Two lists of verdicts for one context.
    #[error("two lists of verdicts for one context")]
    VerdictsTwice,
    /// An unknown verdict.
    #[error("verdict {0}; 0 keeps, 1 drops and 2 holds")]
    Verdict(u8),
    /// Rows held by a plugin that may not.
    #[error(
        "verdict 2 (hold) by a plugin that may not: it needs to export `ticker`, and to declare sharding by-trace or whole"
    )]
    Hold,
    /// Rows held that belong to no trace.
    #[error("verdict 2 (hold) on a {0}; spans and log records can be held")]
    HoldContext(&'static str),
    /// A row held that has no trace id.
    #[error("verdict 2 (hold) on row {0}, which has no trace id")]
    HoldTrace(u32),
    /// A list has the wrong length.
    #[error("{what}: {got} values where there are {want}")]
    Length {
        /// Which list.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length it should have.
        want: usize,
    },
    /// Rows or entries out of range or out of order.
    #[error("{0}: a number is out of range or out of order")]
    Order(&'static str),
    /// A field index beyond the declared writes.
    #[error("field {0} is not among the declared writes")]
    Undeclared(u32),
    /// The edit does not fit the field.
    #[error("{edit} does not fit the field `{field}`")]
    Field {
        /// What was tried.
        edit: &'static str,
        /// The field's path.
        field: String,
    },
    /// An edit by entry or text of a field that the plugin does not read.
    #[error("{edit} of `{field}` needs it among the declared reads")]
    Unread {
        /// What was tried.
        edit: &'static str,
        /// The field's path.
        field: String,
    },
    /// A text index beyond the pool, or of a text the plugin may not read.
    #[error("text {0} is beyond the pool, or not one the plugin may read")]
    Text(u32),
    /// A new text is not UTF-8, or an array or map is not OTLP.
    #[error("new text {0} is not valid for the kind it is used as")]
    Encoding(u32),
    /// The text pool's ends are out of order.
    #[error("the ends of the new texts are out of order or beyond its bytes")]
    Pool,
    /// A text is written so often that the batch becomes too large.
    #[error("edits come to more than {limit_mib} MiB, a text counted as often as it is written")]
    Edits {
        /// How much they may come to.
        limit_mib: u64,
    },
    /// Edits in so many lists that applying them would take long.
    #[error("edits come in too many lists; those of one field belong into one")]
    Pieces,
    /// A column of the wrong case.
    #[error("the column of `{field}` is of the wrong case: {want} is right")]
    Column {
        /// The field's path.
        field: String,
        /// The case it should have.
        want: &'static str,
    },
    /// Too many records.
    #[error("{rows} records made of one batch; {limit} is the most")]
    Records {
        /// How many there are.
        rows: u32,
        /// How many there may be.
        limit: u32,
    },
    /// Routes for rows that are not routed.
    #[error(
        "routes for each {0}; the rows of resources, scopes and the signal's own contexts are routed, if they are in the batch"
    )]
    RouteContext(&'static str),
    /// A route to a pipeline that is not there.
    #[error("row {row} is routed to pipeline {pipeline}, and there are {pipelines}")]
    Route {
        /// The row.
        row: u32,
        /// The highest of its pipelines, numbered from 0.
        pipeline: u32,
        /// How many there are.
        pipelines: usize,
    },
    /// Groups by a plugin that may not write resources' attributes.
    #[error(
        "groups by a plugin that does not have `resource.attributes` among its declared writes"
    )]
    GroupsUndeclared,
    /// A row in a group that is not there.
    #[error("groups.of-each: group {group}, and there are {groups}")]
    Group {
        /// The group's number.
        group: u32,
        /// How many there are.
        groups: usize,
    },
    /// So many groups that the batch becomes too large.
    #[error(
        "resources, scopes and metrics repeated for each of their groups come to more than {limit_mib} MiB; fewer groups, or smaller \
         batches, have room"
    )]
    Repeated {
        /// How much they may come to.
        limit_mib: u64,
    },
    /// An unknown cell kind, or one that does not fit.
    #[error("kind {kind} does not fit the field `{field}`")]
    Kind {
        /// The cell's kind.
        kind: u8,
        /// The field's path.
        field: String,
    },
}

impl OutcomeError {
    /// Whether the answer is too much for a batch, and nothing else is wrong with it: of fewer rows it might be taken.
    pub fn is_of_size(&self) -> bool {
        matches!(
            self,
            OutcomeError::Edits { .. }
                | OutcomeError::Repeated { .. }
                | OutcomeError::Records { .. }
        )
    }
}
