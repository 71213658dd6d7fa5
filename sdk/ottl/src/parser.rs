//! Reads statements and conditions into their trees, by the Collector's grammar (`pkg/ottl/grammar.go`).

mod condition;
mod cursor;
mod value;

use crate::ast::{Condition, Statement, Value};
use crate::error::OttlError;
use cursor::Parser;

/// Reads a condition.
pub fn parse(text: &str) -> Result<Condition, OttlError> {
    let mut parser = Parser::new(text)?;
    parser.refuse_nothing("the condition is empty")?;
    let condition = parser.or()?;
    parser.end("`and`, `or` or the end")?;
    Ok(condition)
}

/// Reads a statement.
pub fn parse_statement(text: &str) -> Result<Statement, OttlError> {
    let mut parser = Parser::new(text)?;
    parser.refuse_nothing("the statement is empty")?;
    let editor = parser.editor()?;
    let condition = match parser.word("where") {
        true => Some(parser.or()?),
        false => None,
    };
    match condition {
        Some(_) => parser.end("`and`, `or` or the end")?,
        None => parser.end("`where` or the end")?,
    }
    Ok(Statement { editor, condition })
}

/// Reads a value.
pub fn parse_value(text: &str) -> Result<Value, OttlError> {
    let mut parser = Parser::new(text)?;
    parser.refuse_nothing("the value is empty")?;
    let value = parser.sum()?;
    parser.end("an operator or the end")?;
    Ok(value)
}

#[cfg(test)]
mod tests;
