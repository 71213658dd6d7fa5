//! Which keys and texts look like secrets.

/// Words that make a key one of a secret wherever they stand in it.
const SECRET: &[&str] = &[
    "apikey",
    "authorization",
    "bearer",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "dsn",
    "hmac",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "pwd",
    "salt",
    "secret",
    "secrets",
    "signature",
    "token",
    "tokens",
];
/// Words that make one of the `key` or `keys` behind them; a key alone names an attribute more often than not.
const BEFORE_KEY: &[&str] = &[
    "access",
    "account",
    "api",
    "auth",
    "client",
    "encryption",
    "hash",
    "ingest",
    "license",
    "master",
    "private",
    "secret",
    "shared",
    "signing",
    "ssh",
    "write",
];
/// What a key ends in that says where a secret is, or something else about it.
const ABOUT: &[&str] = &[
    "endpoint", "file", "files", "interval", "name", "path", "paths", "reload", "timeout", "ttl",
    "type", "uri", "url",
];
/// Lists of names.
const NAMES: &[&str] = &["allowed", "exposed"];
/// What stands in front of credentials in a header.
const SCHEMES: &[&str] = &["basic ", "bearer ", "digest "];

/// What a key says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is a secret, all of it.
    Secret,
    /// It holds headers or variables, whose values are secrets more often than not.
    Values,
    /// Nothing.
    Plain,
}

/// What a key says about its value.
pub(super) fn meaning(key: &str) -> Meaning {
    let words = words(key);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let is_about = words
        .last()
        .is_some_and(|last| ABOUT.contains(&last.as_str()));
    if is_about {
        return Meaning::Plain;
    }
    let keyed = words.windows(2).any(|pair| match pair {
        [before, key] => {
            (key == "key" || key == "keys") && BEFORE_KEY.contains(&before.as_str())
                || before == "key" && key == "pem"
        }
        _ => false,
    });
    if keyed || has(SECRET) {
        return Meaning::Secret;
    }
    match has(&["headers", "environment", "env"]) && !has(NAMES) {
        true => Meaning::Values,
        false => Meaning::Plain,
    }
}

/// A key's words in small letters: `clientSecret`, `client-secret` and `client_secret` have the same.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for char in key.chars() {
        let begins = char.is_uppercase() && was_small;
        was_small = char.is_lowercase() || char.is_ascii_digit();
        if begins || !char.is_alphanumeric() {
            words.push(String::new());
        }
        if char.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(char.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a text only names a variable, `${env:NAME}`: what that holds is not in it.
pub(super) fn is_reference(text: &str) -> bool {
    let inner = text.trim().strip_prefix("${");
    inner
        .and_then(|inner| inner.strip_suffix('}'))
        .is_some_and(|name| {
            let name = name.strip_prefix("env:").unwrap_or(name);
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
}

/// Whether a text is a secret whatever its key: an `Authorization` header's value, a key in PEM, a JSON Web Token.
pub(super) fn is_secret(text: &str) -> bool {
    let text = text.trim();
    let begins = |scheme: &&str| {
        let head = text.get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme)) && text.len() > scheme.len() + 7
    };
    let is_token = text.starts_with("eyJ") && text.matches('.').count() == 2;
    let is_pem = text.contains("PRIVATE KEY-----");
    (SCHEMES.iter().any(begins)
        && !text
            .trim_start_matches(char::is_alphabetic)
            .trim()
            .contains(' '))
        || is_token
        || is_pem
}

/// The parts of a text that are the credentials or the query of a URL in it, in bytes.
pub(super) fn url_parts(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find("://")) {
        let start = from + found + "://".len();
        let rest = text.get(start..).unwrap_or_default();
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '}' | ']');
        let url = rest.split(is_end).next().unwrap_or_default();
        let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
        if let Some(at) = authority.rfind('@') {
            parts.push(start..start + at);
        }
        if let Some(query) = url.find('?') {
            parts.push(start + query + 1..start + url.len());
        }
        from = start + url.len();
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_by_what_they_hold() {
        for key in [
            "token",
            "API-Key",
            "apiKey",
            "client_secret",
            "password",
            "key_pem",
            "hash_key",
            "x-api-key",
            "api.token",
            "exporters::otlp::password",
            "SecretAccessKey",
            "hmac_key",
            "bearer_token",
            "tokens",
        ] {
            assert_eq!(meaning(key), Meaning::Secret, "{key}");
        }
        for key in ["headers", "response_headers", "environment", "headers_list"] {
            assert_eq!(meaning(key), Meaning::Values, "{key}");
        }
        for key in [
            "key",
            "keys",
            "metadata_keys",
            "key_file",
            "token_file",
            "token_url",
            "secret_name",
            "allowed_headers",
            "exposed_headers",
            "endpoint",
            "blocked_values",
            "cert_pem",
            "authenticator",
            "keyboard",
            "",
            "--",
        ] {
            assert_eq!(meaning(key), Meaning::Plain, "{key}");
        }
    }

    #[test]
    fn texts_by_their_look() {
        for text in [
            "Bearer abcdefgh123",
            "basic dXNlcjpwYXNz",
            "eyJhbGciOi.eyJzdWIi.c2ln",
            "-----BEGIN EC PRIVATE KEY-----\nabc",
        ] {
            assert!(is_secret(text), "{text}");
        }
        for text in [
            "bearer",
            "Basic settings of a pipeline",
            "eyJ",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert!(!is_secret(text), "{text}");
        }
        assert!(is_reference("${env:TOKEN}") && is_reference("${TOKEN}"));
        assert!(!is_reference("${env:TOKEN:-abc}") && !is_reference("a${env:TOKEN}"));
    }

    #[test]
    fn the_parts_of_urls_that_hold_credentials() {
        let parts = |text: &str| -> Vec<String> {
            let parts = url_parts(text).into_iter();
            parts.map(|part| text[part].to_owned()).collect()
        };
        assert_eq!(
            parts("https://me:pass@host:4318/v1?sig=abc"),
            ["me:pass", "sig=abc"]
        );
        assert_eq!(parts("http://a, http://u:p@b"), ["u:p"]);
        assert_eq!(parts("http://host/a@b"), Vec::<String>::new());
        assert_eq!(parts("://@?"), Vec::<String>::new());
    }
}
