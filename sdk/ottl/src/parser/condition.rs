//! Conditions: `or`, `and`, `not`, comparisons.

use super::cursor::Parser;
use crate::ast::{Comparison, Condition, Value};
use crate::error::OttlError;
use crate::lexer::Token;

impl Parser {
    pub(super) fn or(&mut self) -> Result<Condition, OttlError> {
        let mut left = self.and()?;
        while self.word("or") {
            left = Condition::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Condition, OttlError> {
        let mut left = self.boolean()?;
        while self.word("and") {
            left = Condition::And(Box::new(left), Box::new(self.boolean()?));
        }
        Ok(left)
    }

    fn boolean(&mut self) -> Result<Condition, OttlError> {
        if self.word("not") {
            let inner = self.nested(Self::boolean)?;
            return Ok(Condition::Not(Box::new(inner)));
        }
        // A bracket holds a condition, or the left side of a comparison: `(a + b) * c > d`.
        if self.is_sign("(") && !self.is_lambda() {
            let start = self.at;
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
                    self.at = start;
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
