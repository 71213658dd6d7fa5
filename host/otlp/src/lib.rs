//! OTLP on the wire, as bytes, for traces, logs and metrics: find the rows, lift out the columns a pipeline reads,
//! apply what its plugins answered, and splice what is left into one request. No decoding into structs, no
//! WebAssembly, no I/O. Only this crate knows protobuf tags.
//!
//! A batch goes through the modules in this order:
//!
//! 1. [`Batch`] cuts a large one into parts, each a [`Request`], which checks the bytes and records where each
//!    row stands, by the tree of contexts that `spanmill-model` has; then, part by part:
//! 2. [`Workspace::load_next`] extracts the columns that a [`Projection`] asks for;
//! 3. [`Workspace::view`] shows a stage its own columns, [`Workspace::apply`] checks and takes its [`Outcome`];
//! 4. [`Workspace::splice_onto`] writes the surviving bytes behind those of the parts before, into [`Joined`].
//!
//! Beside the chain: rows that a stage puts under other resources go there by [`Workspace::regroup`]; those that it holds
//! leave by [`Workspace::held`], one by one by [`Request::rows`], and come together again in an [`Assembly`];
//! [`Request::split_by_trace`] has each trace go one way; [`Workspace::route`] and [`Workspace::records`] take what
//! connectors answer.
//!
//! No input panics: malformed bytes are a [`Malformed`], a bad outcome an [`OutcomeError`].

mod any_value;
mod ascii;
mod key_value;
mod kind;
mod place;
mod wire;

mod limits;
mod malformed;
mod schema;
mod validate;

mod batch;
mod index;
mod joined;
mod joined_requests;
mod request;

mod path;
mod projection;

mod texts;
mod window;

mod attributes;
mod extract;
mod table;

mod alive;
mod stage;
mod view;

mod answer_texts;
mod apply;
mod check;
mod edit;
mod groups;
mod outcome;

mod touched;

mod patch;
mod regroup;
mod splice;

mod assembly;
mod records;
mod routes;
mod row_set;
mod rows;
mod shard;

mod workspace;

pub use assembly::Assembly;
pub use batch::Batch;
pub use joined::{Joined, Spliced};
pub use joined_requests::JoinedRequests;
pub use limits::{ItemLimits, ParseError};
pub use malformed::Malformed;
pub use outcome::{
    Append, CellColumn, EntryWrite, Groups, Outcome, OutcomeError, Pool, Removal, Replacement,
    Verdicts, Write,
};
pub use path::{Path, PathError};
pub use projection::{ContractError, Projection, StageContract};
pub use records::{RecordColumn, RecordPlan, RecordPlanError, Records};
pub use request::Request;
pub use routes::{MAX_PIPELINES, Routed, Routes};
pub use row_set::RowSet;
pub use rows::Row;
pub use shard::shard_of;
pub use spanmill_model::{Context, PerContext, Shape, Signal};
pub use touched::Touched;
pub use view::{AttributesView, BatchView, CellsView, ColumnView, PoolView, TableView};
pub use workspace::{Applied, ItemIds, Sender, Workspace};

/// The pool index that stands for "no text".
pub const ABSENT: u32 = u32::MAX;
