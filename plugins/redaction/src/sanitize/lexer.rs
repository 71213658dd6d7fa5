//! The tokens of SQL, as far as they tell values from what is none.

/// What becomes of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// It is replaced.
    Value,
    /// Its digits are replaced.
    Name,
    /// A statement between tags.
    Function,
    /// It stays.
    Other,
}

/// Cuts a statement into tokens. A NUL ends it.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Where the next NUL is, or the end.
    end: usize,
    is_mysql: bool,
}

/// Words of SQL that end where a point follows; in any other name it goes on.
const KEYWORDS: &str = "ADD ALL ALTER ANALYZE AND ANY AS ASC ASSERTION BEGIN BETWEEN BY CASE CHECK CLONE CLUSTER COLUMN \
    COMMIT CONSTRAINT COPY CREATE CUBE DATABASE DECLARE DEFAULT DELETE DESC DISTINCT DOMAIN DROP ELSE \
    END ESCAPE EXEC EXECUTE EXISTS EXPLAIN FOREIGN FROM GRANT GROUP HAVING IF ILIKE IN INDEX INNER \
    INSERT INTO IS JOIN KEY LEFT LIKE LIMIT LITERAL MERGE NOT OF OFFSET ON ONLY OR ORDER OUT OUTER \
    PLPGSQL PRIMARY PROC PROCEDURE RECURSIVE REPLACE RETURNING RETURNS REVOKE RIGHT ROLLBACK ROLLUP \
    ROWNUM SELECT SET SKIP SOME STRAIGHT_JOIN TABLE TEMPORARY TOP TRIGGER TRUNCATE UNION UNIQUE UNLOGGED \
    UPDATE USE USING VACCUM VALUES VIEW WHERE WINDOW WITH";

/// What a function's body stands between, in PostgreSQL. A tag ends the body at its next place, so bodies do not nest.
pub(super) const FUNCTION: &str = "$func$";

/// The end of the text, and a NUL.
const END: char = '\0';

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, is_mysql: bool) -> Self {
        Lexer {
            text,
            at: 0,
            end: text.find(END).unwrap_or(text.len()),
            is_mysql,
        }
    }

    /// The next token and its text.
    pub(super) fn next(&mut self) -> Option<(Token, &'a str)> {
        let start = self.at;
        if start == self.end {
            return None;
        }
        let token = self.scan();
        // Whatever else happens, the text comes to an end.
        if self.at == start {
            self.skip(1);
        }
        Some((token, &self.text[start..self.at]))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..self.end]
    }

    /// The character a few bytes ahead, where all before it are ASCII.
    fn ahead(&self, bytes: usize) -> char {
        let rest = self.rest().get(bytes..).unwrap_or_default();
        rest.chars().next().unwrap_or(END)
    }

    /// Skips characters.
    fn skip(&mut self, count: usize) {
        let mut characters = self.rest().char_indices().skip(count);
        self.at = match characters.next() {
            Some((length, _)) => self.at + length,
            None => self.end,
        };
    }

    fn skip_while(&mut self, goes_on: impl Fn(char) -> bool) {
        let rest = self.rest();
        let length = rest.find(|character| !goes_on(character));
        self.at += length.unwrap_or(rest.len());
    }

    fn scan(&mut self) -> Token {
        let next = self.ahead(1);
        match self.ahead(0) {
            ' ' | '\t' | '\n' | '\r' => {
                self.skip_while(|it| matches!(it, ' ' | '\t' | '\n' | '\r'));
                Token::Other
            }
            first if is_letter(first) => self.word(first),
            '"' if self.is_mysql => self.string('"'),
            '"' => self.quoted_name('"'),
            '`' if self.is_mysql => self.quoted_name('`'),
            '\'' => self.string('\''),
            '-' if next == '-' => self.line(),
            '#' if self.is_mysql => self.line(),
            '/' if next == '*' => self.comment(),
            '+' | '-' if next.is_ascii_digit() || next == '.' => {
                self.skip(1);
                self.decimal()
            }
            '0' if matches!(next, 'x' | 'X') => {
                self.skip(2);
                self.skip_while(|it| it.is_ascii_hexdigit());
                Token::Value
            }
            '0' if matches!(next, '0'..='7') => {
                self.skip(2);
                self.skip_while(|it| matches!(it, '0'..='7'));
                Token::Value
            }
            '0'..='9' => {
                self.skip(1);
                self.decimal()
            }
            '$' if next.is_ascii_digit() => {
                self.skip(2);
                self.skip_while(|it| it.is_ascii_digit());
                Token::Value
            }
            '$' => self.dollars(),
            '@' => self.at_sign(next),
            '*' => self.take(1),
            first if is_operator(first) => self.operator(first),
            _ => self.take(1),
        }
    }

    fn take(&mut self, count: usize) -> Token {
        self.skip(count);
        Token::Other
    }

    /// The rest of a number: digits, points and exponents.
    fn decimal(&mut self) -> Token {
        loop {
            match self.ahead(0) {
                '0'..='9' | '.' => self.skip(1),
                'e' | 'E' => {
                    self.skip(1);
                    if matches!(self.ahead(0), '+' | '-') {
                        self.skip(1);
                    }
                }
                _ => return Token::Value,
            }
        }
    }

    /// A name, or a word that stands for a value.
    fn word(&mut self, first: char) -> Token {
        let start = self.at;
        if first.is_ascii() {
            self.skip_while(|it| it.is_ascii_alphabetic() || it == '_');
            let word = &self.text[start..self.at];
            let ends = matches!(self.ahead(0), END | ' ' | '\t' | '\n' | '\r')
                || is_punctuation(self.ahead(0));
            let is = |value: &&str| word.eq_ignore_ascii_case(value);
            if ends && ["NULL", "TRUE", "FALSE"].iter().any(is) {
                return Token::Value;
            }
            if self.ahead(0) == '.' && KEYWORDS.split(' ').any(|keyword| is(&keyword)) {
                return Token::Other;
            }
        }
        self.skip_while(is_in_name);
        match first.is_ascii() && self.ahead(0) == '(' {
            true => Token::Other,
            false => Token::Name,
        }
    }

    /// A text up to the next such quote, or to the end.
    fn string(&mut self, quote: char) -> Token {
        self.skip(1);
        let mut is_escaped = false;
        let end = self.rest().find(|character| {
            let was_escaped = std::mem::replace(&mut is_escaped, false);
            is_escaped = !was_escaped && character == '\\';
            !was_escaped && character == quote
        });
        self.at = match end {
            Some(end) => self.at + end + 1,
            None => self.end,
        };
        Token::Value
    }

    /// A name between quotes; one that is not closed stays as it is.
    fn quoted_name(&mut self, quote: char) -> Token {
        self.skip(1);
        loop {
            let Some(end) = self.rest().find(quote) else {
                self.at = self.end;
                return Token::Other;
            };
            self.at += end + 1;
            // As in `"schema"."table"`.
            match self.ahead(0) == '.' && self.ahead(1) == quote {
                true => self.skip(2),
                false => return Token::Name,
            }
        }
    }

    fn line(&mut self) -> Token {
        self.skip_while(|it| it != '\n');
        Token::Other
    }

    fn comment(&mut self) -> Token {
        self.skip(2);
        let end = self.rest().find("*/");
        self.at = end.map_or(self.end, |end| self.at + end + 2);
        Token::Other
    }

    /// A text between two equal tags such as `$$` or `$tag$`, which may hold NULs; one that is not closed stays as it is.
    fn dollars(&mut self) -> Token {
        let rest = &self.text[self.at..];
        let tag = rest[1..].find('$').map(|end| &rest[..end + 2]);
        let tag = tag.filter(|tag| tag.is_ascii()).unwrap_or(rest);
        let Some(length) = rest[tag.len()..].find(tag).filter(|_| tag != rest) else {
            self.at = self.text.len();
            self.end = self.text.len();
            return Token::Other;
        };
        self.at += length + 2 * tag.len();
        if self.at > self.end {
            let rest = &self.text[self.at..];
            self.end = self.at + rest.find(END).unwrap_or(rest.len());
        }
        match tag == FUNCTION {
            true => Token::Function,
            false => Token::Value,
        }
    }

    /// A variable, a parameter, or an operator for JSON.
    fn at_sign(&mut self, next: char) -> Token {
        match next {
            '@' if is_alphanumeric(self.ahead(2)) => {
                self.skip(2);
                self.variable()
            }
            '@' | '?' | '>' => self.take(2),
            next if is_alphanumeric(next) => {
                self.skip(1);
                self.variable()
            }
            _ => self.operator('@'),
        }
    }

    /// What a variable is called: up to the first letter that is not ASCII.
    fn variable(&mut self) -> Token {
        self.skip_while(|it| it.is_ascii() && is_alphanumeric(it));
        let last = self.ahead(0);
        if !last.is_ascii() && is_alphanumeric(last) {
            self.skip(1);
        }
        Token::Other
    }

    fn operator(&mut self, first: char) -> Token {
        self.skip(1);
        let next = self.ahead(0);
        match (first, next) {
            ('-' | '#', '>') => {
                let count = if self.ahead(1) == '>' { 2 } else { 1 };
                return self.take(count);
            }
            ('#', '-') | ('?', '|' | '&') | ('<', '@') => return self.take(1),
            _ => {}
        }
        let mut last = first;
        let rest = self.rest();
        let end = rest.find(|next| {
            // A parameter behind an equals sign is no part of it.
            let goes_on = is_operator(next) && !(last == '=' && matches!(next, '?' | '@'));
            last = next;
            !goes_on
        });
        self.at += end.unwrap_or(rest.len());
        Token::Other
    }
}

fn is_letter(character: char) -> bool {
    match character.is_ascii() {
        true => character.is_ascii_alphabetic() || character == '_',
        false => character.is_alphabetic(),
    }
}

fn is_alphanumeric(character: char) -> bool {
    is_letter(character)
        || match character.is_ascii() {
            true => character.is_ascii_digit(),
            false => character.is_numeric(),
        }
}

fn is_in_name(character: char) -> bool {
    is_letter(character) || character.is_ascii_digit() || "\".?$#/@!".contains(character)
}

fn is_operator(character: char) -> bool {
    "+-*/=<>!&|^%~?@:#".contains(character)
}

fn is_punctuation(character: char) -> bool {
    "(),;.:[]{}".contains(character)
}
