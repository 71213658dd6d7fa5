//! OTTL, the OpenTelemetry Transformation Language, over a plugin's columns.
//!
//! Conditions and statements are read ([`parse`], [`parse_statement`]), checked against a context: paths become declared
//! columns (`slots`), functions are looked up in a table (`functions`, a file a family), patterns are compiled, and constants
//! computed. [`Conditions`] asks them of every row of a batch. The rules are those of `pkg/ottl` of the Collector.
//!
//! One evaluator serves all: an expression (`expression`) is worked out for a row, and what it is worked out of is a few cells
//! of columns. Cells with the same bits are the same value in a whole batch, so it is worked out once for each distinct
//! combination of them (`memo`): a pattern meets each text once, however many rows have it. Conditions are answered a
//! test at a time, a column at a time (`mask`).

mod action;
pub mod ast;
mod cell;
mod check;
mod coerce;
mod compare;
mod conditions;
mod contexts;
mod datum;
mod duplicates;
mod editor;
mod editors;
mod edits;
mod enumeration;
mod error;
mod expression;
mod field;
mod frame;
mod function;
mod functions;
mod index;
mod lexer;
mod mask;
mod math;
mod memo;
mod mode;
mod moment;
mod parser;
mod paths;
mod program;
mod running;
mod slots;
mod span_name;
mod statement;
mod target;
mod unique;
mod whole;
mod zone;

pub use ast::Statement;
pub use conditions::{Conditions, EvaluationError, FirstOutcome};
pub use contexts::{inferred_context, misplaced, written_context};
pub use editors::unknown_editor;
pub use error::{OttlError, Position};
pub use mode::ErrorMode;
pub use parser::{parse, parse_statement, parse_value};
pub use program::{Mistake, Part, Program, StatementError, Written};
