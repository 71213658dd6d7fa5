//! The names of spans, where URLs or what is asked of a database may stand in them.

use std::collections::HashMap;

use spanmill_sdk::{Batch, Cell, Contract, NarrowField, Outcome, TextField, WriteField};

use crate::sanitize::{Sanitizers, System};
use crate::settings::Rules;

const INTERNAL: u32 = 1;
const SERVER: u32 = 2;
const CLIENT: u32 = 3;

/// Sanitizes names, each once a batch.
#[derive(Debug)]
pub(crate) struct Names {
    name: TextField,
    kind: NarrowField,
    write: WriteField,
    /// By name, whether it may hold a URL, and the database that the span is about: the new name.
    known: HashMap<(u32, bool, System), Option<u32>>,
}

/// What the attributes of a span say, as the rules have left them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct About {
    pub is_http: bool,
    /// The database that it is about, if it says so.
    pub system: Option<System>,
}

impl Names {
    /// `None`: names stay as they are.
    pub(crate) fn new(sanitizers: &Sanitizers, contract: &mut Contract) -> Option<Self> {
        let are_sanitized = sanitizers.url_names || sanitizers.database_names;
        are_sanitized.then(|| Names {
            name: contract.read_text("span.name"),
            kind: contract.read_narrow("span.kind"),
            write: contract.write("span.name"),
            known: HashMap::new(),
        })
    }

    /// Begins a batch.
    pub(crate) fn start(&mut self) {
        self.known.clear();
    }

    /// Sanitizes the name of a span: whether it got another.
    pub(crate) fn sanitize(
        &mut self,
        rules: &Rules,
        batch: &Batch<'_>,
        span: usize,
        about: About,
        outcome: &mut Outcome,
    ) -> bool {
        let kind = batch.narrow(self.kind).get(span).copied().unwrap_or(0);
        let Some(&name) = batch.text(self.name).get(span) else {
            return false;
        };
        let text = batch.texts.get(name);
        let may_be_url = rules.sanitizers.url_names
            && matches!(kind, CLIENT | SERVER)
            && (about.is_http || text.contains('/'));
        let system = match kind {
            CLIENT | SERVER | INTERNAL if rules.sanitizers.database_names => {
                about.system.unwrap_or(System::NONE)
            }
            _ => System::NONE,
        };
        if !may_be_url && system == System::NONE {
            return false;
        }
        let known = self.known.entry((name, may_be_url, system));
        let new = *known.or_insert_with(|| {
            let new = sanitized(rules, text, may_be_url, system)?;
            Some(outcome.text(&new))
        });
        if let Some(new) = new {
            outcome.set(self.write, span as u32, Cell::Text(new));
        }
        new.is_some()
    }
}

/// The name that takes another's place.
fn sanitized(rules: &Rules, name: &str, may_be_url: bool, system: System) -> Option<String> {
    if rules.allowed_values.is_match(name) {
        return None;
    }
    let as_url = || {
        may_be_url
            .then(|| rules.sanitizers.url_name(name))
            .flatten()
    };
    let new = as_url().or_else(|| rules.sanitizers.database_name(name, system))?;
    // A span keeps a name, whatever it is.
    (!new.is_empty()).then_some(new)
}
