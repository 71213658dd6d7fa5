//! Reads a condition into its tree.

use crate::OttlError;
use crate::ast::{Arithmetic, Call, Comparison, Condition, Key, Path, Segment, Value};
use crate::lexer::{Token, tokens};

/// How deep brackets and `not` may be nested, so that no condition overflows a stack.
const DEPTH_LIMIT: usize = 64;

/// Reads a condition.
pub fn parse(text: &str) -> Result<Condition, OttlError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    if *parser.token() == Token::End {
        return Err(OttlError::at(1, "the condition is empty"));
    }
    let condition = parser.or()?;
    match parser.token() {
        Token::End => Ok(condition),
        _ => Err(parser.expected("`and`, `or` or the end")),
    }
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn token(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn column(&self) -> usize {
        self.tokens[self.at].1
    }

    fn step(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    fn expected(&self, what: &str) -> OttlError {
        OttlError::at(
            self.column(),
            format!("expected {what}, found {}", self.token().describe()),
        )
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.token(), Token::Lower(name) if name == word);
        if found {
            self.step();
        }
        found
    }

    fn sign(&mut self, sign: &'static str) -> bool {
        let found = *self.token() == Token::Sign(sign);
        if found {
            self.step();
        }
        found
    }

    fn require(&mut self, sign: &'static str) -> Result<(), OttlError> {
        if self.sign(sign) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{sign}`")))
        }
    }

    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, OttlError>,
    ) -> Result<T, OttlError> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(OttlError::at(
                self.column(),
                "the condition is nested too deep",
            ));
        }
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn or(&mut self) -> Result<Condition, OttlError> {
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
        if *self.token() == Token::Sign("(") {
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
                        (Err(error), Err(earlier)) if self.at < furthest => {
                            let _ = error;
                            Err(earlier)
                        }
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

    fn comparison(&self) -> Option<Comparison> {
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
                _ if *self.token() == Token::Sign("=") => {
                    Err(OttlError::at(self.column(), "equality is written `==`"))
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

    fn sum(&mut self) -> Result<Value, OttlError> {
        let mut left = self.product()?;
        loop {
            let operator = match self.token() {
                Token::Sign("+") => Arithmetic::Add,
                Token::Sign("-") => Arithmetic::Subtract,
                _ => return Ok(left),
            };
            let column = self.column();
            self.step();
            left = Value::Math(Box::new(left), operator, Box::new(self.product()?), column);
        }
    }

    fn product(&mut self) -> Result<Value, OttlError> {
        let mut left = self.signed()?;
        loop {
            let operator = match self.token() {
                Token::Sign("*") => Arithmetic::Multiply,
                Token::Sign("/") => Arithmetic::Divide,
                _ => return Ok(left),
            };
            let column = self.column();
            self.step();
            left = Value::Math(Box::new(left), operator, Box::new(self.signed()?), column);
        }
    }

    fn signed(&mut self) -> Result<Value, OttlError> {
        if self.sign("+") {
            return self.nested(Self::signed);
        }
        let column = self.column();
        if !self.sign("-") {
            return self.value();
        }
        Ok(match self.nested(Self::signed)? {
            Value::Int(number) => Value::Int(number.wrapping_neg()),
            Value::Float(number) => Value::Float(-number),
            other => Value::Math(
                Box::new(Value::Int(0)),
                Arithmetic::Subtract,
                Box::new(other),
                column,
            ),
        })
    }

    fn value(&mut self) -> Result<Value, OttlError> {
        let column = self.column();
        let value = match self.token().clone() {
            Token::Text(text) => Value::Text(text),
            Token::Int(number) => Value::Int(number),
            Token::Float(number) => Value::Float(number),
            Token::Bytes(bytes) => Value::Bytes(bytes),
            Token::Upper(name) => {
                self.step();
                if *self.token() == Token::Sign("(") {
                    return self.call(name, column).map(Value::Call);
                }
                return Ok(Value::Enum(name, column));
            }
            Token::Lower(word) => match word.as_str() {
                "nil" => Value::Nil,
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "and" | "or" | "not" => return Err(self.expected("a value")),
                _ => return self.path().map(Value::Path),
            },
            Token::Sign("(") => {
                return self.nested(|parser| {
                    parser.step();
                    let inner = parser.sum()?;
                    parser.require(")")?;
                    Ok(inner)
                });
            }
            Token::Sign("[") => {
                self.step();
                return self.nested(|parser| parser.list("]", Self::sum).map(Value::List));
            }
            _ => return Err(self.expected("a value")),
        };
        self.step();
        Ok(value)
    }

    /// Items between commas, up to the closing sign.
    fn list<T>(
        &mut self,
        close: &'static str,
        mut item: impl FnMut(&mut Self) -> Result<T, OttlError>,
    ) -> Result<Vec<T>, OttlError> {
        let mut items = Vec::new();
        if self.sign(close) {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.sign(close) {
                return Ok(items);
            }
            if !self.sign(",") {
                return Err(self.expected(&format!("`,` or `{close}`")));
            }
        }
    }

    fn call(&mut self, name: String, column: usize) -> Result<Call, OttlError> {
        self.require("(")?;
        let arguments = self.nested(|parser| {
            parser.list(")", |parser| {
                let named = match (parser.token(), parser.tokens.get(parser.at + 1)) {
                    (Token::Lower(name), Some((Token::Sign("="), _))) => Some(name.clone()),
                    _ => None,
                };
                if named.is_some() {
                    parser.step();
                    parser.step();
                }
                Ok((named, parser.sum()?))
            })
        })?;
        if *self.token() == Token::Sign("[") {
            return Err(OttlError::at(
                self.column(),
                "what a function gives cannot be indexed yet",
            ));
        }
        Ok(Call {
            name,
            arguments,
            column,
        })
    }

    fn path(&mut self) -> Result<Path, OttlError> {
        let column = self.column();
        let mut segments = Vec::new();
        loop {
            let Token::Lower(name) = self.token().clone() else {
                return Err(self.expected("a name"));
            };
            self.step();
            let mut keys = Vec::new();
            while self.sign("[") {
                keys.push(match self.token().clone() {
                    Token::Text(text) => Key::Text(text),
                    Token::Int(place) => Key::Int(place),
                    _ => return Err(self.expected("a string or a number")),
                });
                self.step();
                self.require("]")?;
            }
            segments.push(Segment { name, keys });
            if !self.sign(".") {
                return Ok(Path { segments, column });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fails(text: &str, message: &str) {
        assert_eq!(parse(text).unwrap_err().to_string(), message);
    }

    #[test]
    fn errors_say_where_and_what_was_expected() {
        fails("", "column 1: the condition is empty");
        fails("name = \"a\"", "column 6: equality is written `==`");
        fails("name ==", "column 8: expected a value, found the end");
        fails(
            "name == \"a\" or",
            "column 15: expected a value, found the end",
        );
        fails("(name == \"a\"", "column 13: expected `)`, found the end");
        fails(
            "name == 'a'",
            "column 9: `'` has no place in a condition; strings stand in double quotes",
        );
        fails(
            "name == \"a",
            "column 9: the string has no end; close it with a double quote",
        );
        fails(
            "attributes[x] == 1",
            "column 12: expected a string or a number, found `x`",
        );
        fails(
            "IsMatch(name \"a\")",
            "column 14: expected `,` or `)`, found a string",
        );
        fails(
            "name == \"a\" name",
            "column 13: expected `and`, `or` or the end, found `name`",
        );
        fails(
            "name",
            "column 5: expected a comparison such as `==`, found the end",
        );
        fails(
            "name == 0x1",
            "column 9: a byte literal takes two hex digits a byte",
        );
        fails(
            &"(".repeat(100),
            "column 65: the condition is nested too deep",
        );
    }

    #[test]
    fn escapes_are_those_of_go() {
        let right = |text: &str| match parse(&format!("name == \"{text}\"")) {
            Ok(Condition::Compare { right, .. }) => Ok(right),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        };
        for (escaped, text) in [
            (r"\141\x62\u0063\U00000064", "abcd"),
            (r"\303\244\xc3\xb6ü", "äöü"),
            (r"\000\a\b\f\v\\\t", "\0\u{7}\u{8}\u{c}\u{b}\\\t"),
        ] {
            assert_eq!(
                right(escaped),
                Ok(Value::Text(text.to_owned())),
                "{escaped}"
            );
        }
        for escaped in [
            r"\0", r"\08", r"\777", r"\x4", r"\x+4", r"\u12", r"\ud800", r"\q",
        ] {
            let message = right(escaped).unwrap_err();
            assert!(
                message.starts_with("column 10: `\\"),
                "{escaped}: {message}"
            );
        }
        let message = right(r"\xff").unwrap_err();
        assert!(message.starts_with("column 9: the string's bytes are not UTF-8"));
    }

    #[test]
    fn and_binds_closer_than_or() {
        let condition = parse("true or false and not true").unwrap();
        let literal = |value| Box::new(Condition::Literal(value));
        let and = Condition::And(literal(false), Box::new(Condition::Not(literal(true))));
        assert_eq!(condition, Condition::Or(literal(true), Box::new(and)));
    }

    #[test]
    fn literals_and_brackets() {
        let right = |text: &str| match parse(&format!("name == {text}")).unwrap() {
            Condition::Compare { right, .. } => right,
            other => panic!("{other:?}"),
        };
        assert_eq!(right(r#""a\"b\\n\n""#), Value::Text("a\"b\\n\n".to_owned()));
        assert_eq!(right("-12"), Value::Int(-12));
        assert_eq!(right("1.5"), Value::Float(1.5));
        assert_eq!(right(".5e1"), Value::Float(5.0));
        assert_eq!(right("0x00ff"), Value::Bytes(vec![0, 255]));
        assert_eq!(right("nil"), Value::Nil);
        assert!(matches!(
            parse("((name == \"a\"))").unwrap(),
            Condition::Compare { .. }
        ));
        assert!(matches!(
            parse("(flags + 1) * 2 > 3").unwrap(),
            Condition::Compare { .. }
        ));
    }
}
