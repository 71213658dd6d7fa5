//! Where a parser stands among its tokens.

use crate::error::{OttlError, Position};
use crate::lexer::{Token, tokens};

/// How deep brackets and `not` may be nested, so that no text overflows a stack.
const DEPTH_LIMIT: usize = 64;

/// How many arithmetic operators a statement may have: a chain of them is as deep as it is long.
const OPERATOR_LIMIT: usize = 512;

/// How often a token may be looked at again: a bracket may turn out to be another than it seemed.
const STEPS_A_TOKEN: usize = 64;

pub(super) struct Parser {
    tokens: Vec<(Token, Position)>,
    pub(super) at: usize,
    depth: usize,
    pub(super) operators: usize,
    steps: usize,
}

impl Parser {
    pub(super) fn new(text: &str) -> Result<Self, OttlError> {
        let tokens = tokens(text)?;
        let steps = STEPS_A_TOKEN * tokens.len();
        Ok(Parser {
            tokens,
            at: 0,
            depth: 0,
            operators: 0,
            steps,
        })
    }

    pub(super) fn refuse_nothing(&self, message: &str) -> Result<(), OttlError> {
        match self.token() {
            Token::End => Err(OttlError::at(Position::START, message)),
            _ => Ok(()),
        }
    }

    pub(super) fn end(&self, instead: &str) -> Result<(), OttlError> {
        match self.token() {
            Token::End => Ok(()),
            _ => Err(self.expected(instead)),
        }
    }

    /// The token ahead; that behind it with `1`, and so on. There is no end to ends.
    pub(super) fn ahead(&self, further: usize) -> &Token {
        let last = self.tokens.len().saturating_sub(1);
        match self.tokens.get((self.at + further).min(last)) {
            Some((token, _)) => token,
            None => &Token::End,
        }
    }

    pub(super) fn token(&self) -> &Token {
        self.ahead(0)
    }

    pub(super) fn position(&self) -> Position {
        self.tokens
            .get(self.at)
            .map_or(Position::START, |(_, position)| *position)
    }

    pub(super) fn step(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len().saturating_sub(1));
    }

    pub(super) fn expected(&self, what: &str) -> OttlError {
        let hint = match self.token() {
            Token::Upper(word) if ["AND", "OR", "NOT", "WHERE"].contains(&word.as_str()) => {
                "; it is written in lower case"
            }
            _ => "",
        };
        let found = self.token().describe();
        OttlError::at(
            self.position(),
            format!("expected {what}, found {found}{hint}"),
        )
    }

    pub(super) fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.token(), Token::Lower(name) if name == word);
        if found {
            self.step();
        }
        found
    }

    pub(super) fn is_sign(&self, sign: &'static str) -> bool {
        *self.token() == Token::Sign(sign)
    }

    pub(super) fn sign(&mut self, sign: &'static str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.step();
        }
        found
    }

    pub(super) fn require(&mut self, sign: &'static str) -> Result<(), OttlError> {
        if self.sign(sign) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{sign}`")))
        }
    }

    /// Reads what stands within brackets, a level deeper.
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, OttlError>,
    ) -> Result<T, OttlError> {
        let is_endless = self.steps == 0;
        if self.depth >= DEPTH_LIMIT || is_endless {
            let message = "too much is nested here; split it into several";
            return Err(OttlError::at(self.position(), message));
        }
        self.steps -= 1;
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Goes past an arithmetic operator.
    pub(super) fn operator(&mut self) -> Result<Position, OttlError> {
        let position = self.position();
        self.operators += 1;
        if self.operators > OPERATOR_LIMIT {
            let message = format!(
                "more than {OPERATOR_LIMIT} arithmetic operators; work it out in several statements"
            );
            return Err(OttlError::at(position, message));
        }
        self.step();
        Ok(position)
    }

    /// Items between commas, up to the closing sign.
    pub(super) fn list<T>(
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
}
