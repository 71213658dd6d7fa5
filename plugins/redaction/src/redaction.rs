//! Applies the rules to the attribute lists of resources, scopes, spans, span events, log records and data points, and to
//! the bodies of log records.

use spanmill_sdk::{
    ABSENT, Attributes, Batch, Cell, ConfigError, Context, Contract, Counter, ListField, Outcome,
    PluginError, Processor, Signal, Value, WriteField,
};

use crate::body::{Bodies, Body};
use crate::keys::{Key, KeyClass, Keys, Role};
use crate::memo::{Fate, Memo};
use crate::names::{About, Names};
use crate::sanitize::{Plan, System};
use crate::settings::{Rules, Settings};
use crate::summary::{Detail, Event, OF_ATTRIBUTES, OF_BODY, Summary, Target};

/// The redaction processor.
pub struct Redaction {
    rules: Rules,
    memo: Memo,
    keys: Keys,
    /// The names of spans, where they are sanitized.
    names: Option<Names>,
    /// What is done to texts in bodies.
    body_plan: Plan,
    /// Whether a value's fate depends on its text alone, and nothing is said about it: then rows are not looked at one
    /// by one.
    by_text: bool,
    keys_matter: bool,
    /// Whether nothing of an empty text is masked.
    empty_is_clean: bool,
    bodies: Bodies,
    lists: Vec<(Context, ListField, WriteField)>,
    summary: Summary,
    body_summary: Summary,
    /// Entries of the list at hand whose texts may have to be masked.
    open: Vec<u32>,
    /// Entries changed in the row at hand: their new text, or none if removed.
    changed: Vec<(usize, Option<u32>)>,
    masked: u64,
    removed: u64,
    renamed: u64,
    attributes_masked: Counter,
    attributes_removed: Counter,
    body_values_masked: Counter,
    body_values_removed: Counter,
    span_names_sanitized: Counter,
}

impl Processor for Redaction {
    type Config = Settings;

    fn configure(mut settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let rules = settings.rules()?;
        // A value that is no string reads as an empty one; where that would be masked, rows must be looked at.
        let empty_is_clean = rules.allowed_values.is_match("")
            || !rules.blocked.iter().any(|pattern| pattern.is_match(""));
        let texts_only = !settings.redact_all_types && empty_is_clean;
        let keys = Keys::new(
            settings.allow_all_keys,
            settings.allowed_keys,
            settings.ignored_keys,
        );
        let keys_matter = keys.matter(&rules);
        let lists = [
            Context::Resource,
            Context::Scope,
            Context::Span,
            Context::SpanEvent,
            Context::Log,
            Context::DataPoint,
        ]
        .map(|context| {
            (
                context,
                contract.read_attributes(context),
                contract.write_attributes(context),
            )
        });
        contract.take(Signal::ALL);
        Ok(Redaction {
            bodies: Bodies::new(contract),
            empty_is_clean,
            by_text: !keys_matter && texts_only && rules.detail == Detail::Silent,
            names: Names::new(&rules.sanitizers, contract),
            body_plan: rules.sanitizers.of_bodies(),
            rules,
            memo: Memo::new(settings.redact_all_types),
            keys,
            keys_matter,
            lists: lists.to_vec(),
            summary: Summary::new(OF_ATTRIBUTES),
            body_summary: Summary::new(OF_BODY),
            open: Vec::new(),
            changed: Vec::new(),
            masked: 0,
            removed: 0,
            renamed: 0,
            attributes_masked: contract.counter("attributes_masked"),
            attributes_removed: contract.counter("attributes_removed"),
            body_values_masked: contract.counter("body_values_masked"),
            body_values_removed: contract.counter("body_values_removed"),
            span_names_sanitized: contract.counter("span_names_sanitized"),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        self.memo.start(&self.rules, batch);
        if self.keys_matter {
            self.keys.start(batch);
        }
        if let Some(names) = &mut self.names {
            names.start();
        }
        self.summary.start();
        self.body_summary.start();
        (self.masked, self.removed, self.renamed) = (0, 0, 0);
        self.bodies.start();
        for (context, read, write) in self.lists.clone() {
            let list = batch.attributes(read);
            let is_log = context == Context::Log;
            if self.by_text {
                self.mask_texts(batch, list, write, outcome);
            }
            if self.by_text && !is_log {
                continue;
            }
            for row in 0..batch.rows(context) {
                if !self.by_text {
                    self.row(batch, list, write, row, outcome);
                }
                if is_log {
                    self.body(batch, list, write, row, outcome);
                }
                if context == Context::Span {
                    self.name(batch, list, row, outcome);
                }
            }
        }
        for (counter, count) in [
            (self.attributes_masked, self.masked),
            (self.attributes_removed, self.removed),
            (self.body_values_masked, self.bodies.masked),
            (self.body_values_removed, self.bodies.removed),
            (self.span_names_sanitized, self.renamed),
        ] {
            if count > 0 {
                counter.add(count);
            }
        }
        Ok(())
    }
}

impl Redaction {
    /// Masks what of a list's texts has to be masked.
    #[inline(never)]
    fn mask_texts(
        &mut self,
        batch: &Batch<'_>,
        list: Attributes<'_>,
        write: WriteField,
        outcome: &mut Outcome,
    ) {
        if !self.memo.any_open {
            return;
        }
        self.open.clear();
        self.memo
            .open_entries(list.values.kinds, list.values.bits, &mut self.open);
        for &entry in &self.open {
            let cell = list.values.cell(entry as usize);
            let fate = self
                .memo
                .fate(&self.rules, batch, outcome, cell, Plan::NOTHING);
            if let Fate::Masked(text) = fate {
                self.masked += 1;
                outcome.set_entry(write, entry, Cell::Text(text));
            }
        }
    }

    /// Applies the rules to one attribute list.
    fn row(
        &mut self,
        batch: &Batch<'_>,
        list: Attributes<'_>,
        write: WriteField,
        row: usize,
        outcome: &mut Outcome,
    ) {
        let noted = self.rules.detail != Detail::Silent;
        let system = self.system(batch, list, row);
        self.changed.clear();
        for entry in list.entries(row) {
            let (Some(&key), Some(&kind), Some(&bits)) = (
                list.keys.get(entry),
                list.values.kinds.get(entry),
                list.values.bits.get(entry),
            ) else {
                break;
            };
            let known = match self.keys_matter {
                true => self.keys.of(&self.rules, batch, key),
                false => Key::PLAIN,
            };
            let event = match known.class {
                KeyClass::Ignored => Event::Ignored,
                KeyClass::Redacted => {
                    self.removed += 1;
                    self.changed.push((entry, None));
                    outcome.remove_entry(write, entry as u32);
                    Event::Redacted
                }
                KeyClass::Plain | KeyClass::Blocked => {
                    let fate = if known.class == KeyClass::Blocked {
                        self.blocked(batch, outcome, (kind, bits))
                    } else {
                        let plan = known.plan.within(system);
                        let cell = (kind, bits);
                        self.memo.fate(&self.rules, batch, outcome, cell, plan)
                    };
                    match fate {
                        Fate::Allowed => Event::Allowed,
                        Fate::Masked(text) => {
                            self.masked += 1;
                            self.changed.push((entry, Some(text)));
                            outcome.set_entry(write, entry as u32, Cell::Text(text));
                            Event::Masked
                        }
                        Fate::Clean => continue,
                    }
                }
            };
            if noted {
                self.summary.note(event, key);
            }
        }
        if noted {
            let target = Target {
                batch,
                list,
                write,
                row,
                changed: &self.changed,
            };
            self.summary.write(self.rules.detail, &target, outcome);
        }
    }

    /// The database that a list is about, as it came.
    fn system(&mut self, batch: &Batch<'_>, list: Attributes<'_>, row: usize) -> System {
        if !self.rules.sanitizers.ask_for_system() {
            return System::NONE;
        }
        self.changed.clear();
        match self.about(batch, list, row, None).system {
            Some(system) => system,
            None if batch.signal == Signal::Logs => System::ANY,
            None => System::NONE,
        }
    }

    /// What a list says of its span, as the rules have left it so far; the outcome is needed where they have masked something.
    fn about(
        &mut self,
        batch: &Batch<'_>,
        list: Attributes<'_>,
        row: usize,
        outcome: Option<&Outcome>,
    ) -> About {
        let mut about = About::default();
        let mut system = None;
        for entry in list.entries(row) {
            let key = list.keys.get(entry).copied().unwrap_or(ABSENT);
            let role = self.keys.of(&self.rules, batch, key).role;
            let change = self.changed.iter().find(|(changed, _)| *changed == entry);
            let text = match (change, list.values.get(entry, &batch.texts)) {
                (Some((_, None)), _) => continue,
                (Some((_, Some(text))), _) => {
                    let added = outcome.and_then(|outcome| outcome.added(*text));
                    std::str::from_utf8(added.unwrap_or_default()).unwrap_or("")
                }
                (None, Value::Text(text)) => text,
                _ => "",
            };
            match role {
                Role::Http => about.is_http = true,
                Role::System if !text.is_empty() => system = Some(text),
                Role::OlderSystem if !text.is_empty() => system = system.or(Some(text)),
                _ => {}
            }
        }
        about.system = system.map(|system| self.rules.sanitizers.system(system));
        about
    }

    /// Sanitizes the name of a span.
    fn name(&mut self, batch: &Batch<'_>, list: Attributes<'_>, row: usize, outcome: &mut Outcome) {
        if self.names.is_none() {
            return;
        }
        let about = self.about(batch, list, row, Some(outcome));
        if let Some(names) = &mut self.names {
            let is_new = names.sanitize(&self.rules, batch, row, about, outcome);
            self.renamed += u64::from(is_new);
        }
    }

    /// Applies the rules to the body of a log record, and sums up in its attributes.
    fn body(
        &mut self,
        batch: &Batch<'_>,
        list: Attributes<'_>,
        write: WriteField,
        row: usize,
        outcome: &mut Outcome,
    ) {
        let noted = self.rules.detail != Detail::Silent;
        let mut body = Body {
            rules: &self.rules,
            memo: &mut self.memo,
            keys: &self.keys,
            plan: self.body_plan,
            keys_matter: self.keys_matter,
            empty_is_clean: self.empty_is_clean,
            summary: noted.then_some(&mut self.body_summary),
        };
        self.bodies.redact(&mut body, batch, row, outcome);
        if noted {
            let target = Target {
                batch,
                list,
                write,
                row,
                changed: &self.changed,
            };
            self.body_summary.write(self.rules.detail, &target, outcome);
        }
    }

    /// The fate of a value under a blocked key: masked as a whole, unless it is allowed.
    fn blocked(&mut self, batch: &Batch<'_>, outcome: &mut Outcome, value: (u8, u64)) -> Fate {
        let text = self.memo.text(batch, value);
        if self.rules.allowed_values.is_match(&text) {
            return Fate::Allowed;
        }
        Fate::Masked(outcome.text(&self.rules.mask.whole(&text)))
    }
}
