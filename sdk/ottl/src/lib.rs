//! OTTL, the OpenTelemetry Transformation Language, over a plugin's columns.
//!
//! Conditions are read ([`parse`]), checked against a context ([`Conditions::add`]: paths become declared
//! columns, patterns are compiled, constants are typed) and evaluated a column at a time. The rules are those
//! of `pkg/ottl` of the Collector. Statements (editors, `where`) are not supported.

pub mod ast;
mod check;
mod compare;
mod conditions;
mod datum;
mod enumeration;
mod error;
mod expression;
mod function;
mod lexer;
mod mask;
mod parser;
mod paths;

pub use conditions::{Conditions, ErrorMode, EvaluationError, FirstOutcome, inferred_context};
pub use error::OttlError;
pub use parser::parse;
