//! Commands of Redis, Valkey and memcached without what is stored: `SET key secret` becomes `SET key ?`.

/// A memcached command without the value that follows in the next line.
pub(super) fn without_memcached_value(text: &str) -> &str {
    text.split("\r\n").next().unwrap_or_default().trim()
}

/// Redis commands, one a line, without values.
pub(super) fn without_redis_values(text: &str) -> String {
    let mut scanner = Scanner {
        text: text.trim(),
        at: 0,
        is_command: true,
    };
    let mut out = String::with_capacity(text.len());
    let (mut command, mut arguments) = ("", Vec::new());
    loop {
        let is_command = scanner.is_command;
        let (token, is_last) = match is_command {
            true => scanner.command(),
            false => scanner.argument(),
        };
        if is_command {
            if !command.is_empty() {
                write(&mut out, command, &mut arguments);
                out.push('\n');
            }
            command = token;
            arguments.clear();
        } else {
            arguments.push(token);
        }
        if is_last {
            write(&mut out, command, &mut arguments);
            return out;
        }
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    is_command: bool,
}

impl<'a> Scanner<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next command, and whether the text ends with it.
    fn command(&mut self) -> (&'a str, bool) {
        if self.byte() == Some(b' ') {
            self.skip_space();
        }
        let start = self.at;
        while let Some(byte) = self.byte() {
            let end = self.at;
            match byte {
                b' ' => {
                    self.is_command = false;
                    self.skip_space();
                    return (&self.text[start..end], false);
                }
                b'\n' => {
                    self.at += 1;
                    return (&self.text[start..end], false);
                }
                _ => self.at += 1,
            }
        }
        (&self.text[start..], true)
    }

    /// The next argument, and whether the text ends with it. Spaces and lines between quotes belong to it.
    fn argument(&mut self) -> (&'a str, bool) {
        let start = self.at;
        let (mut is_quoted, mut is_escaped) = (false, false);
        while let Some(byte) = self.byte() {
            let end = self.at;
            let was_escaped = std::mem::take(&mut is_escaped);
            match byte {
                b'\\' => is_escaped = !was_escaped,
                b'"' if !was_escaped => is_quoted = !is_quoted,
                b'\n' if !is_quoted => {
                    self.is_command = true;
                    self.at += 1;
                    return (&self.text[start..end], false);
                }
                b' ' if !is_quoted => {
                    self.skip_space();
                    return (&self.text[start..end], false);
                }
                _ => {}
            }
            self.at += 1;
        }
        (&self.text[start..], true)
    }

    /// Skips spaces. A new line behind them begins a command.
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r') = self.byte() {
            self.at += 1;
        }
        if self.byte() == Some(b'\n') {
            self.at += 1;
            self.is_command = true;
        }
    }
}

/// Writes a command with its arguments but for the values among them.
fn write(out: &mut String, command: &str, arguments: &mut Vec<&str>) {
    out.push_str(command);
    if arguments.is_empty() {
        return;
    }
    match command.to_uppercase().as_str() {
        "AUTH" => keep(arguments, 0),
        "APPEND" | "GETSET" | "LPUSHX" | "GEORADIUSBYMEMBER" | "RPUSHX" | "SET" | "SETNX"
        | "SISMEMBER" | "ZRANK" | "ZREVRANK" | "ZSCORE" => mask(arguments, 1),
        "HSETNX" | "LREM" | "LSET" | "SETBIT" | "SETEX" | "PSETEX" | "SETRANGE" | "ZINCRBY"
        | "SMOVE" | "RESTORE" => mask(arguments, 2),
        "LINSERT" => mask(arguments, 3),
        "GEOHASH" | "GEOPOS" | "GEODIST" | "LPUSH" | "RPUSH" | "SREM" | "ZREM" | "SADD" => {
            keep(arguments, 1);
        }
        "GEOADD" => mask_each(arguments, 1, 3),
        "HSET" | "HMSET" => mask_each(arguments, 1, 2),
        "MSET" | "MSETNX" => mask_each(arguments, 0, 2),
        "CONFIG" if arguments[0].to_uppercase() == "SET" => mask(arguments, 2),
        "BITFIELD" => mask_bits(arguments),
        "ZADD" => {
            let is_option = |argument: &&str| matches!(*argument, "NX" | "XX" | "CH" | "INCR");
            let behind = arguments.iter().skip(1).take_while(|it| is_option(it));
            let first = (1 + behind.count()).min(arguments.len() - 1);
            mask_each(arguments, first, 2);
        }
        _ => {}
    }
    for argument in arguments {
        out.push(' ');
        out.push_str(argument);
    }
}

/// Masks an argument and what follows.
fn keep(arguments: &mut Vec<&str>, count: usize) {
    if arguments.len() > count {
        arguments.truncate(count);
        arguments.push("?");
    }
}

fn mask(arguments: &mut [&str], place: usize) {
    if let Some(argument) = arguments.get_mut(place) {
        *argument = "?";
    }
}

/// Masks the last of every `step` arguments from `start` on.
fn mask_each(arguments: &mut [&str], start: usize, step: usize) {
    let behind = arguments.iter_mut().skip(start + step - 1);
    behind.step_by(step).for_each(|argument| *argument = "?");
}

/// Masks the third argument of the first `SET` that has as many.
fn mask_bits(arguments: &mut [&str]) {
    let mut set = 0;
    for (place, argument) in arguments.iter_mut().enumerate() {
        if argument.to_uppercase() == "SET" {
            set = place;
        }
        if set > 0 && place - set == 3 {
            *argument = "?";
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_redis_go() {
        for (text, expected) in [
            ("AUTH my-secret-password", "AUTH ?"),
            ("SET key value EX 10", "SET key ? EX 10"),
            (
                "set \"a key\" \"some \\\" value\"\nGET x",
                "set \"a key\" ?\nGET x",
            ),
            ("HSETNX key field value", "HSETNX key field ?"),
            (
                "LINSERT key BEFORE pivot value",
                "LINSERT key BEFORE pivot ?",
            ),
            ("SADD key a b c", "SADD key ?"),
            ("GEOADD key 1 2 member 3 4 other", "GEOADD key 1 2 ? 3 4 ?"),
            ("HMSET key f1 v1 f2 v2", "HMSET key f1 ? f2 ?"),
            ("MSET k1 v1 k2 v2", "MSET k1 ? k2 ?"),
            ("CONFIG SET parameter value", "CONFIG SET parameter ?"),
            ("CONFIG GET parameter", "CONFIG GET parameter"),
            (
                "BITFIELD key GET u8 1 SET u8 1 255",
                "BITFIELD key GET u8 1 SET u8 1 ?",
            ),
            ("ZADD key NX CH 1 member 2 other", "ZADD key NX CH 1 ? 2 ?"),
            ("ZADD key", "ZADD key"),
            ("  PING \r\n  GET  a ", "PING\nGET a"),
            ("", ""),
        ] {
            assert_eq!(without_redis_values(text), expected, "{text}");
        }
    }

    #[test]
    fn values_of_memcached_go() {
        let value = "set mykey 0 60 5\r\nvalue";
        assert_eq!(without_memcached_value(value), "set mykey 0 60 5");
        assert_eq!(without_memcached_value(" get key "), "get key");
    }
}
