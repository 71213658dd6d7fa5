//! What becomes of attributes, as far as their keys say. Each key is looked at once a batch.

use std::collections::HashSet;

use spanmill_sdk::Batch;

use crate::sanitize::Plan;
use crate::settings::Rules;

/// What becomes of an attribute, as far as its key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyClass {
    /// Passes untouched.
    Ignored,
    /// Not on the list of allowed keys.
    Redacted,
    /// Its value decides.
    Plain,
    /// Masked, unless its value is allowed.
    Blocked,
}

/// What a key means beside that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    None,
    /// `db.system.name`, which names the database that a span is about, and the older `db.system`.
    System,
    OlderSystem,
    /// What only spans of HTTP have.
    Http,
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub class: KeyClass,
    pub role: Role,
    /// How its values are sanitized.
    pub plan: Plan,
}

impl Key {
    /// A key that says nothing.
    pub(crate) const PLAIN: Key = Key {
        class: KeyClass::Plain,
        role: Role::None,
        plan: Plan::NOTHING,
    };
}

/// The keys of the settings, and those of the batch at hand.
#[derive(Debug)]
pub(crate) struct Keys {
    allow_all: bool,
    allowed: HashSet<String>,
    ignored: HashSet<String>,
    /// By pool index.
    known: Vec<Option<Key>>,
}

/// Keys that stay allowed, so that the summary of an earlier redaction is not redacted.
const ALWAYS_ALLOWED: [&str; 5] = [
    "redaction.redacted.keys",
    "redaction.redacted.count",
    "redaction.masked.keys",
    "redaction.masked.count",
    "redaction.ignored.count",
];

const HTTP: [&str; 9] = [
    "http.route",
    "http.request.method",
    "http.request.method_original",
    "http.response.status_code",
    "url.full",
    "http.scheme",
    "http.target",
    "http.method",
    "http.url",
];

impl Keys {
    pub(crate) fn new(
        allow_all: bool,
        allowed: Option<Vec<String>>,
        ignored: Option<Vec<String>>,
    ) -> Self {
        let mut allowed: HashSet<String> = allowed.into_iter().flatten().collect();
        allowed.extend(ALWAYS_ALLOWED.map(str::to_owned));
        Keys {
            allow_all,
            allowed,
            ignored: ignored.into_iter().flatten().collect(),
            known: Vec::new(),
        }
    }

    /// Whether two values that are equal may fare differently under different keys.
    pub(crate) fn matter(&self, rules: &Rules) -> bool {
        !self.allow_all
            || !self.ignored.is_empty()
            || !rules.ignored_keys.is_empty()
            || !rules.blocked_keys.is_empty()
            || rules.sanitizers.are_on()
    }

    /// Begins a batch.
    pub(crate) fn start(&mut self, batch: &Batch<'_>) {
        self.known.clear();
        self.known.resize(batch.texts.len(), None);
    }

    /// What is known of a key of the batch.
    #[inline]
    pub(crate) fn of(&mut self, rules: &Rules, batch: &Batch<'_>, index: u32) -> Key {
        match self.known.get(index as usize) {
            Some(None) => {}
            Some(&Some(key)) => return key,
            None => return Key::PLAIN,
        }
        let text = batch.texts.get(index);
        let key = Key {
            class: self.class(rules, text),
            role: match text {
                "db.system.name" => Role::System,
                "db.system" => Role::OlderSystem,
                text if HTTP.contains(&text) => Role::Http,
                _ => Role::None,
            },
            plan: rules.sanitizers.of_key(text),
        };
        self.known[index as usize] = Some(key);
        key
    }

    /// The class of a key that may be no text of the batch.
    pub(crate) fn class(&self, rules: &Rules, key: &str) -> KeyClass {
        if self.ignored.contains(key) || rules.ignored_keys.is_match(key) {
            KeyClass::Ignored
        } else if !self.allow_all && !self.allowed.contains(key) {
            KeyClass::Redacted
        } else if rules.blocked_keys.is_match(key) {
            KeyClass::Blocked
        } else {
            KeyClass::Plain
        }
    }
}
