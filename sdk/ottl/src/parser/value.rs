//! Values: literals, paths, calls, arithmetic, lambdas.

use super::cursor::Parser;
use crate::ast::{Argument, Arithmetic, Body, Call, Key, Lambda, Path, Segment, Value};
use crate::duplicates::last_of_each;
use crate::error::OttlError;
use crate::functions::meant;
use crate::lexer::Token;

impl Parser {
    /// The editor that a statement begins with.
    pub(super) fn editor(&mut self) -> Result<Call, OttlError> {
        let position = self.position();
        let name = match self.token().clone() {
            Token::Lower(name) => name,
            Token::Upper(name) => {
                let message = format!(
                    "a statement begins with an editor such as `set`, whose name is in lower case; {name} only gives a value"
                );
                return Err(OttlError::at(position, message));
            }
            _ => return Err(self.expected("an editor such as `set`")),
        };
        self.step();
        let call = self.call(name, position)?;
        if !call.keys.is_empty() {
            let message = format!("{} gives nothing that could be indexed", call.name);
            return Err(OttlError::at(position, message));
        }
        Ok(call)
    }

    pub(super) fn sum(&mut self) -> Result<Value, OttlError> {
        let mut left = self.product()?;
        loop {
            let operator = match self.token() {
                Token::Sign("+") => Arithmetic::Add,
                Token::Sign("-") => Arithmetic::Subtract,
                _ => return Ok(left),
            };
            let position = self.operator()?;
            let right = Box::new(self.product()?);
            left = Value::Math(Box::new(left), operator, right, position);
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
            let position = self.operator()?;
            let right = Box::new(self.signed()?);
            left = Value::Math(Box::new(left), operator, right, position);
        }
    }

    fn signed(&mut self) -> Result<Value, OttlError> {
        if self.sign("+") {
            return self.nested(Self::signed);
        }
        let position = self.position();
        if !self.sign("-") {
            return self.value();
        }
        Ok(match self.nested(Self::signed)? {
            Value::Int(number) => Value::Int(number.wrapping_neg()),
            Value::Float(number) => Value::Float(-number),
            other => Value::Negative(Box::new(other), position),
        })
    }

    fn value(&mut self) -> Result<Value, OttlError> {
        let position = self.position();
        let value = match self.token().clone() {
            Token::Text(text) => Value::Text(text),
            Token::Int(number) => Value::Int(number),
            Token::Float(number) => Value::Float(number),
            Token::Bytes(bytes) => Value::Bytes(bytes),
            Token::Upper(name) => {
                self.step();
                return match self.is_sign("(") {
                    true => self.call(name, position).map(Value::Call),
                    false => Ok(Value::Name(name, position)),
                };
            }
            Token::Lower(word) => match word.as_str() {
                "nil" => Value::Nil,
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "and" | "or" | "not" => return Err(self.expected("a value")),
                _ if *self.ahead(1) == Token::Sign("(") => {
                    let message = match meant(&word) {
                        Some(meant) => {
                            format!("there is no function {word}; did you mean {meant}?")
                        }
                        None => format!(
                            "{word} cannot be a value; functions that return one begin with a capital"
                        ),
                    };
                    return Err(OttlError::at(position, message));
                }
                _ => return self.path().map(Value::Path),
            },
            Token::Sign("(") if self.is_lambda() => {
                return self
                    .nested(Self::lambda)
                    .map(|lambda| Value::Lambda(Box::new(lambda)));
            }
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
            Token::Sign("{") => {
                self.step();
                return self.nested(Self::entries).map(Value::Map);
            }
            _ => return Err(self.expected("a value")),
        };
        self.step();
        Ok(value)
    }

    /// The entries of a map, behind its bracket. Commas between them are optional.
    fn entries(&mut self) -> Result<Vec<(String, Value)>, OttlError> {
        let mut entries: Vec<(String, Value)> = Vec::new();
        loop {
            if self.sign("}") {
                // Of a key that stands twice, the last value counts.
                return Ok(last_of_each(entries));
            }
            let Token::Text(key) = self.token().clone() else {
                return Err(self.expected("a key in double quotes or `}`"));
            };
            self.step();
            self.require(":")?;
            entries.push((key, self.sum()?));
            self.sign(",");
        }
    }

    fn call(&mut self, name: String, position: crate::error::Position) -> Result<Call, OttlError> {
        self.require("(")?;
        let arguments = self.nested(|parser| {
            parser.list(")", |parser| {
                let position = parser.position();
                let name = match (parser.token(), parser.ahead(1)) {
                    (Token::Lower(name), Token::Sign("=")) => Some(name.clone()),
                    _ => None,
                };
                if name.is_some() {
                    parser.step();
                    parser.step();
                }
                Ok(Argument {
                    name,
                    value: parser.sum()?,
                    position,
                })
            })
        })?;
        Ok(Call {
            name,
            arguments,
            keys: self.keys()?,
            position,
        })
    }

    fn path(&mut self) -> Result<Path, OttlError> {
        let position = self.position();
        let mut segments = Vec::new();
        loop {
            let Token::Lower(name) = self.token().clone() else {
                return Err(self.expected("a name"));
            };
            self.step();
            let keys = self.keys()?;
            segments.push(Segment { name, keys });
            if !self.sign(".") {
                return Ok(Path { segments, position });
            }
        }
    }

    fn keys(&mut self) -> Result<Vec<Key>, OttlError> {
        let mut keys = Vec::new();
        while self.sign("[") {
            let missing = self.is_sign("]");
            if missing {
                return Err(self.expected("a key in double quotes or a number"));
            }
            keys.push(match self.nested(Self::sum)? {
                Value::Text(text) => Key::Text(text),
                Value::Int(place) => Key::Int(place),
                value => Key::Value(Box::new(value)),
            });
            self.require("]")?;
        }
        Ok(keys)
    }

    /// Whether the bracket ahead holds the parameters of a lambda.
    pub(super) fn is_lambda(&self) -> bool {
        if !self.is_sign("(") {
            return false;
        }
        let mut ahead = 1;
        loop {
            match self.ahead(ahead) {
                Token::Lower(_) | Token::Sign("_" | ",") => ahead += 1,
                Token::Sign(")") => return *self.ahead(ahead + 1) == Token::Sign("=>"),
                _ => return false,
            }
        }
    }

    fn lambda(&mut self) -> Result<Lambda, OttlError> {
        let position = self.position();
        self.require("(")?;
        let parameters = self.list(")", |parser| {
            let name = match parser.token().clone() {
                Token::Lower(name) => name,
                Token::Sign("_") => "_".to_owned(),
                _ => return Err(parser.expected("a name or `_`")),
            };
            parser.step();
            Ok(name)
        })?;
        self.require("=>")?;
        // A value, unless what follows it makes it a condition.
        let (start, operators) = (self.at, self.operators);
        let value = self.sum();
        let ends = matches!(
            self.token(),
            Token::Sign("," | ")" | "]" | "}") | Token::End
        );
        let body = match value {
            Ok(Value::Lambda(_)) => {
                let message = "a lambda cannot give another lambda";
                return Err(OttlError::at(position, message));
            }
            Ok(value) if ends => Body::Value(value),
            _ => {
                (self.at, self.operators) = (start, operators);
                Body::Condition(self.or()?)
            }
        };
        Ok(Lambda {
            parameters,
            body,
            position,
        })
    }
}
