//! JSON without values: `{"name": "x", "ages": [1, 2]}` becomes `{"name":"?","ages":["?","?"]}`.

/// Nested deeper than this, it is not taken for JSON.
const DEEPEST: usize = 10_000;

/// JSON with each text, number, boolean and null replaced, and without the spaces between; keys stay. `None` if it is no JSON.
pub(super) fn without_values(text: &str) -> Option<String> {
    let mut scanner = Scanner {
        rest: text.as_bytes(),
        out: String::with_capacity(text.len()),
    };
    // Whether each structure that is open is an object.
    let mut open: Vec<bool> = Vec::new();
    scanner.skip_space();
    'value: loop {
        match scanner.next()? {
            b'{' => {
                scanner.push("{");
                if !scanner.take(b'}') {
                    open.push(true);
                    scanner.key()?;
                    if open.len() > DEEPEST {
                        return None;
                    }
                    continue;
                }
                scanner.push("}");
            }
            b'[' => {
                scanner.push("[");
                if !scanner.take(b']') {
                    open.push(false);
                    if open.len() > DEEPEST {
                        return None;
                    }
                    continue;
                }
                scanner.push("]");
            }
            first => {
                scanner.literal(first)?;
                scanner.push("\"?\"");
            }
        }
        // A value has ended, and with it maybe what it stands in.
        loop {
            let behind = scanner.rest;
            scanner.skip_space();
            let Some(&is_object) = open.last() else {
                // Spaces behind the whole stay.
                scanner.push(std::str::from_utf8(behind).ok()?);
                return scanner.rest.is_empty().then_some(scanner.out);
            };
            match scanner.next()? {
                b',' => {
                    scanner.push(",");
                    scanner.skip_space();
                    if is_object {
                        scanner.key()?;
                    }
                    continue 'value;
                }
                b'}' if is_object => scanner.push("}"),
                b']' if !is_object => scanner.push("]"),
                _ => return None,
            }
            open.pop();
        }
    }
}

struct Scanner<'a> {
    rest: &'a [u8],
    out: String,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn skip_space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Skips spaces, and takes a byte if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_next = self.rest.first() == Some(&byte);
        if is_next {
            self.rest = &self.rest[1..];
        }
        is_next
    }

    /// Takes a key and its colon over.
    fn key(&mut self) -> Option<()> {
        let before = self.rest;
        if self.next()? != b'"' {
            return None;
        }
        self.string()?;
        let key = &before[..before.len() - self.rest.len()];
        self.push(std::str::from_utf8(key).ok()?);
        self.push(":");
        if !self.take(b':') {
            return None;
        }
        self.skip_space();
        Some(())
    }

    /// Skips a value that began with a byte and has nothing inside.
    fn literal(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => self.string(),
            b't' => self.word(b"rue"),
            b'f' => self.word(b"alse"),
            b'n' => self.word(b"ull"),
            b'-' | b'0'..=b'9' => self.number(first),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    /// Skips what follows a quote, up to the next.
    fn string(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        let (digits, rest) = self.rest.split_first_chunk::<4>()?;
                        if !digits.iter().all(u8::is_ascii_hexdigit) {
                            return None;
                        }
                        self.rest = rest;
                    }
                    _ => return None,
                },
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    fn number(&mut self, mut first: u8) -> Option<()> {
        if first == b'-' {
            first = self.next()?;
        }
        match first {
            b'0' => {}
            b'1'..=b'9' => _ = self.digits(),
            _ => return None,
        }
        if let Some(rest) = self.rest.strip_prefix(b".") {
            self.rest = rest;
            (self.digits() > 0).then_some(())?;
        }
        if let [b'e' | b'E', rest @ ..] = self.rest {
            self.rest = match rest {
                [b'+' | b'-', rest @ ..] => rest,
                rest => rest,
            };
            (self.digits() > 0).then_some(())?;
        }
        Some(())
    }

    fn digits(&mut self) -> usize {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        self.rest = &self.rest[digits..];
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_and_keys_stay() {
        for (text, expected) in [
            (
                r#" {"find": "users", "filter": {"age": {"$gt": 21}, "x": null}, "tags": [1, "a", {"b": true}]}"#,
                r#"{"find":"?","filter":{"age":{"$gt":"?"},"x":"?"},"tags":["?","?",{"b":"?"}]}"#,
            ),
            (r#"{"a b\"\u00e9" : -1.5e+3}"#, r#"{"a b\"\u00e9":"?"}"#),
            ("[[], {}, [ ] , 0]", r#"[[],{},[],"?"]"#),
            ("\"x\" ", "\"?\" "),
            ("12", "\"?\""),
        ] {
            assert_eq!(without_values(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_stays() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            "-",
            "tru",
            "\"\\x\"",
            "\"\n\"",
            "1 2",
            "{\"a\":1]",
            "[1}",
            "\"\\u00g0\"",
        ] {
            assert_eq!(without_values(text), None, "{text}");
        }
        assert_eq!(without_values(&"[".repeat(200_000)), None);
        let deep = format!("{}1{}", "[".repeat(9_000), "]".repeat(9_000));
        assert!(without_values(&deep).is_some());
    }
}
