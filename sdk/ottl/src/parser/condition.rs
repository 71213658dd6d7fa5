//! Conditions: `or`, `and`, `not`, comparisons.

use super::cursor::Parser;
use crate::ast::{Comparison, Condition, Value};
use crate::error::OttlError;
use crate::lexer::Token;

/// Joins conditions to a tree as deep as the logarithm of their number: a thousand of them do not overflow a stack. They are asked in the
/// order in which they stand, and no further than they have to be, as in a chain.
fn joined(
    mut terms: Vec<Condition>,
    join: fn(Box<Condition>, Box<Condition>) -> Condition,
) -> Condition {
    while terms.len() > 1 {
        let mut rest = terms.into_iter();
        let mut halved = Vec::new();
        while let Some(left) = rest.next() {
            halved.push(match rest.next() {
                Some(right) => join(Box::new(left), Box::new(right)),
                None => left,
            });
        }
        terms = halved;
    }
    terms.pop().unwrap_or(Condition::Literal(true))
}

impl Parser {
    pub(super) fn or(&mut self) -> Result<Condition, OttlError> {
        let first = self.and()?;
        if !self.word("or") {
            return Ok(first);
        }
        let mut terms = vec![first, self.and()?];
        while self.word("or") {
            terms.push(self.and()?);
        }
        Ok(joined(terms, Condition::Or))
    }

    fn and(&mut self) -> Result<Condition, OttlError> {
        let first = self.boolean()?;
        if !self.word("and") {
            return Ok(first);
        }
        let mut terms = vec![first, self.boolean()?];
        while self.word("and") {
            terms.push(self.boolean()?);
        }
        Ok(joined(terms, Condition::And))
    }

    fn boolean(&mut self) -> Result<Condition, OttlError> {
        if self.word("not") {
            let inner = self.nested(Self::boolean)?;
            return Ok(Condition::Not(Box::new(inner)));
        }
        // A bracket holds a condition, or the left side of a comparison: `(a + b) * c > d`.
        if self.is_sign("(") && !self.is_lambda() {
            let (start, operators) = (self.at, self.operators);
            let condition = self.nested(|parser| {
                parser.step();
                let inner = parser.or()?;
                parser.require(")")?;
                Ok(inner)
            });
            match condition {
                Ok(condition) if self.comparison().is_none() && !self.arithmetic_follows() => {
                    return Ok(condition);
                }
                failed => {
                    let furthest = self.at;
                    (self.at, self.operators) = (start, operators);
                    return match (self.compared(), failed) {
                        (Ok(compared), _) => Ok(compared),
                        // The attempt that got further tells more.
                        (Err(_), Err(earlier)) if self.at < furthest => Err(earlier),
                        (Err(error), _) => Err(error),
                    };
                }
            }
        }
        self.compared()
    }

    fn arithmetic_follows(&self) -> bool {
        matches!(self.token(), Token::Sign("+" | "-" | "*" | "/"))
    }

    /// The comparison ahead, if there is one.
    pub(super) fn comparison(&self) -> Option<Comparison> {
        let Token::Sign(sign) = self.token() else {
            return None;
        };
        Some(match *sign {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterEqual,
            _ => return None,
        })
    }

    fn compared(&mut self) -> Result<Condition, OttlError> {
        let left = self.sum()?;
        let Some(operator) = self.comparison() else {
            return match left {
                Value::Bool(literal) => Ok(Condition::Literal(literal)),
                Value::Call(call) => Ok(Condition::Call(call)),
                _ if self.is_sign("=") => {
                    Err(OttlError::at(self.position(), "equality is written `==`"))
                }
                _ => Err(self.expected("a comparison such as `==`")),
            };
        };
        self.step();
        let right = self.sum()?;
        Ok(Condition::Compare {
            left,
            operator,
            right,
        })
    }
}
