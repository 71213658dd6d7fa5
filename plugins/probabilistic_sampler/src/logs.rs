//! Log records: decides one by one, and writes into the attributes of those kept how they were chosen.

use spanmill_sdk::{
    AttributeField, Batch, Cell, Context, Contract, Counter, Outcome, TraceIdField, Value, Values,
    WriteField,
};

use crate::hash::{randomness, seeded, with_bytes};
use crate::rule::{ALL, Carried, Decision, Rule};
use crate::settings::Settings;
use spanmill_sampling::threshold::{self, NEVER, hex, of_share};
use spanmill_sampling::trace_state::threshold_digits;

/// The attributes that say how a record was chosen.
const RANDOMNESS: &str = "sampling.randomness";
const THRESHOLD: &str = "sampling.threshold";

/// Samples log records.
#[derive(Debug)]
pub(crate) struct LogSampler {
    seeded: u32,
    /// [`NEVER`] keeps nothing, but by priority.
    threshold: u64,
    /// In place of the threshold, in modes of consistent sampling.
    rule: Option<Rule>,
    precision: i64,
    failure: u64,
    trace_id: Option<TraceIdField>,
    from_attribute: Option<AttributeField>,
    priority: Option<AttributeField>,
    randomness: AttributeField,
    threshold_attribute: AttributeField,
    write_randomness: WriteField,
    write_threshold: WriteField,
    log_records_sampled: Counter,
    log_records_not_sampled: Counter,
}

impl LogSampler {
    pub(crate) fn new(settings: &Settings, contract: &mut Contract) -> Self {
        let rule = settings.rule();
        let named = |key: &str, contract: &mut Contract| {
            (!key.is_empty()).then(|| contract.read_attribute(Context::Log, key))
        };
        LogSampler {
            seeded: seeded(settings.hash_seed),
            threshold: settings.threshold(),
            precision: settings.sampling_precision,
            failure: settings.failure(),
            trace_id: (rule.is_some() || settings.by_trace_id())
                .then(|| contract.read_trace_id("log.trace_id")),
            from_attribute: match rule {
                Some(_) => None,
                None => named(&settings.from_attribute, contract),
            },
            rule,
            priority: named(&settings.sampling_priority, contract),
            randomness: contract.read_attribute(Context::Log, RANDOMNESS),
            threshold_attribute: contract.read_attribute(Context::Log, THRESHOLD),
            write_randomness: contract.write_attribute(Context::Log, RANDOMNESS),
            write_threshold: contract.write_attribute(Context::Log, THRESHOLD),
            log_records_sampled: contract.counter("log_records_sampled"),
            log_records_not_sampled: contract.counter("log_records_not_sampled"),
        }
    }

    pub(crate) fn process(&self, batch: &Batch<'_>, outcome: &mut Outcome) {
        let ids = self.trace_id.map(|field| batch.trace_ids(field));
        let sources = self.from_attribute.map(|field| batch.attribute(field));
        let priorities = self.priority.map(|field| batch.attribute(field));
        let randomnesses = batch.attribute(self.randomness);
        let thresholds = batch.attribute(self.threshold_attribute);
        let rows = batch.rows(Context::Log);
        let mut kept = 0;
        for row in 0..rows {
            let carried = carried(batch, randomnesses, thresholds, row);
            let mut decision = match (self.rule, self.threshold) {
                (Some(rule), _) => {
                    let trace = ids.and_then(|ids| trace_randomness(ids, row));
                    rule.decide(carried, trace, self.failure)
                }
                (None, NEVER) => self.without_hash(carried),
                _ => {
                    let hash = self.hash(batch, ids.unwrap_or(&[]), sources, row);
                    self.by_hash(carried, hash)
                }
            };
            if let Some(threshold) =
                priorities.and_then(|priorities| self.wanted(priorities.get(row, &batch.texts)))
            {
                decision.threshold = threshold;
            }
            if !decision.is_kept() {
                outcome.drop_row(Context::Log, row);
                continue;
            }
            kept += 1;
            if decision.is_new {
                let text = outcome.text(&format!("{:014x}", decision.randomness));
                outcome.set(self.write_randomness, row as u32, Cell::Text(text));
            }
            if decision.writes_threshold() {
                let text = outcome.text(&threshold_digits(decision.threshold));
                outcome.set(self.write_threshold, row as u32, Cell::Text(text));
            }
        }
        for (counter, count) in [
            (self.log_records_sampled, kept),
            (self.log_records_not_sampled, rows - kept),
        ] {
            if count > 0 {
                counter.add(count as u64);
            }
        }
    }

    /// The hash of a record's trace id, or else of its attribute; `None` if it has neither.
    fn hash(
        &self,
        batch: &Batch<'_>,
        ids: &[u64],
        sources: Option<Values<'_>>,
        row: usize,
    ) -> Option<u32> {
        if let Some(&[high, low]) = ids.get(2 * row..2 * row + 2)
            && (high, low) != (0, 0)
        {
            let id = u128::from(high) << 64 | u128::from(low);
            return Some(with_bytes(self.seeded, &id.to_be_bytes()));
        }
        let hash = |bytes: &[u8]| (!bytes.is_empty()).then(|| with_bytes(self.seeded, bytes));
        match sources?.get(row, &batch.texts) {
            Value::Absent => None,
            Value::Bytes(bytes) => hash(bytes),
            value => hash(value.to_text().as_bytes()),
        }
    }

    /// Nothing is sampled but by priority.
    fn without_hash(&self, carried: Carried) -> Decision {
        Decision {
            randomness: ALL,
            threshold: match carried.is_malformed {
                true => self.failure,
                false => NEVER,
            },
            is_new: false,
            may_write: true,
            floor: carried.threshold,
        }
    }

    fn by_hash(&self, carried: Carried, hash: Option<u32>) -> Decision {
        // Consistent sampling is at work: mixing it with hashes is an error.
        let is_in_use =
            carried.is_malformed || carried.randomness.is_some() || carried.threshold.is_some();
        Decision {
            randomness: hash.map_or(ALL, randomness),
            threshold: match hash {
                Some(_) if !is_in_use => self.threshold,
                _ => self.failure,
            },
            is_new: hash.is_some() && !is_in_use,
            may_write: !is_in_use,
            floor: carried.threshold,
        }
    }

    /// The threshold that a record's priority asks for: its share of 100.
    fn wanted(&self, priority: Value<'_>) -> Option<u64> {
        let percentage = match priority {
            Value::Double(number) => number,
            Value::Int(number) => number as f64,
            _ => return None,
        };
        of_share(percentage / 100.0, self.precision)
    }
}

/// What a record's attributes say of an earlier decision.
fn carried(
    batch: &Batch<'_>,
    randomnesses: Values<'_>,
    thresholds: Values<'_>,
    row: usize,
) -> Carried {
    let text = |values: Values<'_>| match values.get(row, &batch.texts) {
        Value::Text(text) if !text.is_empty() => Some(text.to_owned()),
        _ => None,
    };
    let mut carried = Carried::default();
    if let Some(digits) = text(thresholds) {
        carried.threshold = threshold::parse(&digits);
        carried.is_malformed |= carried.threshold.is_none();
    }
    if let Some(digits) = text(randomnesses) {
        carried.randomness = Some(digits)
            .filter(|it| it.len() == 14)
            .and_then(|it| hex(&it));
        carried.is_malformed |= carried.randomness.is_none();
    }
    carried
}

/// The randomness of a record's trace id; `None` if it has none.
fn trace_randomness(ids: &[u64], row: usize) -> Option<u64> {
    match ids.get(2 * row..2 * row + 2)? {
        [0, 0] => None,
        [_, low] => Some(low & (NEVER - 1)),
        _ => None,
    }
}
