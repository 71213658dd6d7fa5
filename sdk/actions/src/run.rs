//! Runs the actions over the attributes of a context.

use spanmill_sdk::{
    AttributeField, Batch, Cell, Context, Contract, ListField, Outcome, Problems, Values,
    WriteField,
};

use crate::action::{Action, Keys, Kind};
use crate::config::ActionConfig;
use crate::edit;

/// Actions on the attributes of one context.
#[derive(Debug)]
pub struct Actions {
    context: Context,
    keys: Vec<String>,
    actions: Vec<Action>,
    access: Access,
    /// What is the same in every row of the batch at hand, as cells: value, also of the request, and default.
    constants: Vec<[Cell; 2]>,
    /// The row at hand: each key's value, and what it was.
    now: Vec<Cell>,
    before: Vec<Cell>,
    /// Hashes by pool index; `u32::MAX` not made yet.
    hashes: Vec<u32>,
}

#[derive(Debug)]
enum Access {
    /// Every key is known: columns by key.
    ByKey {
        reads: Vec<Option<AttributeField>>,
        writes: Vec<Option<WriteField>>,
        /// Actions that do the same to every row, and need to know nothing of it.
        blind: Vec<bool>,
    },
    /// A pattern finds keys: the whole list.
    List {
        read: ListField,
        write: WriteField,
        /// By pool index: 0 not looked at, else 1 + known key, or `UNKNOWN`.
        known: Vec<u32>,
        /// By action and pool index: whether its pattern matches the key. 0 not looked at, 1 no, 2 yes.
        matches: Vec<Vec<u8>>,
        /// The entries of the row at hand: key, now, before, number.
        entries: Vec<Entry>,
        /// The entry of each known key in the row at hand.
        places: Vec<Option<u32>>,
        /// Texts of keys to append, made once a batch.
        names: Vec<Option<u32>>,
    },
}

#[derive(Debug)]
struct Entry {
    key: u32,
    now: Cell,
    before: Cell,
    number: u32,
}

const UNKNOWN: u32 = u32::MAX;

impl Actions {
    /// Compiles actions that stand at `path` in the settings, and declares what they read and write.
    /// `filtered`: they will not run on every row. After a problem, what is returned does nothing of use.
    pub fn new(
        configs: &[ActionConfig],
        path: &str,
        context: Context,
        filtered: bool,
        contract: &mut Contract,
        problems: &mut Problems,
    ) -> Self {
        let mut keys = Keys::default();
        if configs.is_empty() {
            problems.push(path, "at least one action is required");
        }
        let actions: Vec<Action> = configs
            .iter()
            .enumerate()
            .filter_map(|(place, config)| {
                config.compile(&format!("{path}/{place}"), &mut keys, contract, problems)
            })
            .collect();
        let keys = keys.0;
        let access = if actions.iter().any(|action| action.key_pattern().is_some()) {
            Access::List {
                read: contract.read_attributes(context),
                write: contract.write_attributes(context),
                known: Vec::new(),
                matches: vec![Vec::new(); actions.len()],
                entries: Vec::new(),
                places: Vec::new(),
                names: Vec::new(),
            }
        } else {
            by_key(&actions, &keys, context, filtered, contract)
        };
        Actions {
            context,
            constants: vec![[Cell::Absent; 2]; actions.len()],
            now: vec![Cell::Absent; keys.len()],
            before: vec![Cell::Absent; keys.len()],
            hashes: Vec::new(),
            keys,
            actions,
            access,
        }
    }

    /// Runs the actions on the rows whose place in `skip` is 0 (empty: all rows).
    pub fn run(&mut self, batch: &Batch<'_>, outcome: &mut Outcome, skip: &[u8]) {
        for (action, constants) in self.actions.iter_mut().zip(&mut self.constants) {
            match &mut action.kind {
                Kind::Put { source, .. } => {
                    let cell = |constant: &Option<_>, outcome: &mut Outcome| {
                        constant
                            .as_ref()
                            .map_or(Cell::Absent, |constant: &crate::action::Constant| {
                                constant.cell(outcome)
                            })
                    };
                    let value = match &source.context {
                        Some(request) => request.cell(batch, outcome),
                        None => cell(&source.value, outcome),
                    };
                    *constants = [value, cell(&source.default, outcome)];
                }
                Kind::Extract { memo, found, .. } => {
                    memo.clear();
                    memo.resize(batch.texts.len(), 0);
                    found.clear();
                }
                Kind::Hash(_) => {
                    self.hashes.clear();
                    self.hashes.resize(batch.texts.len(), UNKNOWN);
                }
                _ => {}
            }
        }
        if batch.rows(self.context) == 0 {
            return;
        }
        match &self.access {
            Access::ByKey { .. } => self.run_by_key(batch, outcome, skip),
            Access::List { .. } => self.run_on_lists(batch, outcome, skip),
        }
    }

    fn run_by_key(&mut self, batch: &Batch<'_>, outcome: &mut Outcome, skip: &[u8]) {
        let Actions {
            context,
            actions,
            access,
            constants,
            now,
            before,
            hashes,
            ..
        } = self;
        let Access::ByKey {
            reads,
            writes,
            blind,
        } = access
        else {
            return;
        };
        for ((action, constants), _) in actions
            .iter()
            .zip(&*constants)
            .zip(&*blind)
            .filter(|(_, blind)| **blind)
        {
            if let Some(Some(write)) = action.key.map(|key| writes[key]) {
                outcome.set_all(write, constants[0]);
            }
        }
        if blind.iter().all(|&blind| blind) {
            return;
        }
        let columns: Vec<Option<Values<'_>>> = reads
            .iter()
            .map(|read| read.map(|read| batch.attribute(read)))
            .collect();
        for row in 0..batch.rows(*context) {
            if skip.get(row).is_some_and(|&skip| skip != 0) {
                continue;
            }
            for ((before, now), column) in before.iter_mut().zip(now.iter_mut()).zip(&columns) {
                let (kind, bits) = column.map_or((0, 0), |column| column.cell(row));
                *before = Cell::from_parts(kind, bits);
                *now = *before;
            }
            for ((action, constants), _) in actions
                .iter_mut()
                .zip(&*constants)
                .zip(&*blind)
                .filter(|(_, blind)| !**blind)
            {
                apply(action, constants, now, hashes, batch, outcome);
            }
            for ((now, before), write) in now.iter().zip(&*before).zip(&*writes) {
                if let Some(write) = write
                    && now.into_parts() != before.into_parts()
                {
                    outcome.set(*write, row as u32, *now);
                }
            }
        }
    }

    fn run_on_lists(&mut self, batch: &Batch<'_>, outcome: &mut Outcome, skip: &[u8]) {
        let Actions {
            context,
            keys,
            actions,
            access,
            constants,
            now,
            before,
            hashes,
        } = self;
        let Access::List {
            read,
            write,
            known,
            matches,
            entries,
            places,
            names,
        } = access
        else {
            return;
        };
        let (list, write) = (batch.attributes(*read), *write);
        known.clear();
        known.resize(batch.texts.len(), 0);
        for (matches, action) in matches.iter_mut().zip(&*actions) {
            matches.clear();
            if action.key_pattern().is_some() {
                matches.resize(batch.texts.len(), 0);
            }
        }
        names.clear();
        names.resize(keys.len(), None);
        for row in 0..batch.rows(*context) {
            if skip.get(row).is_some_and(|&skip| skip != 0) {
                continue;
            }
            entries.clear();
            places.clear();
            places.resize(keys.len(), None);
            now.fill(Cell::Absent);
            for number in list.entries(row) {
                let (Some(&key), Some(&kind), Some(&bits)) = (
                    list.keys.get(number),
                    list.values.kinds.get(number),
                    list.values.bits.get(number),
                ) else {
                    break;
                };
                let cell = Cell::from_parts(kind, bits);
                let Some(known) = known.get_mut(key as usize) else {
                    continue;
                };
                if *known == 0 {
                    let name = batch.texts.get(key);
                    *known = keys
                        .iter()
                        .position(|known| known == name)
                        .map_or(UNKNOWN, |known| known as u32 + 1);
                }
                let place = (*known != UNKNOWN).then(|| *known as usize - 1);
                match place {
                    Some(place) if places[place].is_none() => {
                        places[place] = Some(number as u32);
                        now[place] = cell;
                    }
                    _ => entries.push(Entry {
                        key,
                        now: cell,
                        before: cell,
                        number: number as u32,
                    }),
                }
            }
            before.copy_from_slice(now);
            for ((action, constants), matches) in
                actions.iter_mut().zip(&*constants).zip(&mut *matches)
            {
                apply(action, constants, now, hashes, batch, outcome);
                let Some(pattern) = action.key_pattern() else {
                    continue;
                };
                let deletes = matches!(action.kind, Kind::Delete(_));
                let mut change = |cell: &mut Cell, outcome: &mut Outcome| {
                    *cell = if deletes {
                        Cell::Absent
                    } else {
                        hashed(*cell, hashes, batch, outcome)
                    };
                };
                for (cell, key) in now.iter_mut().zip(&*keys) {
                    if *cell != Cell::Absent && pattern.is_match(key) {
                        change(cell, outcome);
                    }
                }
                for entry in &mut *entries {
                    let matched = &mut matches[entry.key as usize];
                    if *matched == 0 {
                        *matched = 1 + u8::from(pattern.is_match(batch.texts.get(entry.key)));
                    }
                    if *matched == 2 && entry.now != Cell::Absent {
                        change(&mut entry.now, outcome);
                    }
                }
            }
            let known = now.iter().zip(&*before).zip(&*places).enumerate();
            let changed =
                known.filter(|(_, ((now, before), _))| now.into_parts() != before.into_parts());
            for (key, ((&now, _), place)) in changed {
                match (place, now) {
                    (Some(entry), Cell::Absent) => outcome.remove_entry(write, *entry),
                    (Some(entry), now) => outcome.set_entry(write, *entry, now),
                    (None, now) => {
                        let name = *names[key].get_or_insert_with(|| outcome.text(&keys[key]));
                        outcome.append(write, row as u32, name, now);
                    }
                }
            }
            for entry in &*entries {
                match entry.now {
                    now if now.into_parts() == entry.before.into_parts() => {}
                    Cell::Absent => outcome.remove_entry(write, entry.number),
                    now => outcome.set_entry(write, entry.number, now),
                }
            }
        }
    }
}

/// Which columns the actions need, and which of them need none.
fn by_key(
    actions: &[Action],
    keys: &[String],
    context: Context,
    filtered: bool,
    contract: &mut Contract,
) -> Access {
    let uses = |key: usize| {
        actions
            .iter()
            .filter(|action| action.keys().contains(&key))
            .count()
    };
    let blind: Vec<bool> = actions
        .iter()
        .map(|action| {
            let constant = match &action.kind {
                Kind::Put {
                    source,
                    insert: true,
                    update: true,
                } => source.value.is_some(),
                Kind::Delete(_) => true,
                _ => false,
            };
            constant && !filtered && action.key.is_some_and(|key| uses(key) == 1)
        })
        .collect();
    let (mut reads, mut writes) = (vec![None; keys.len()], vec![None; keys.len()]);
    for (action, &blind) in actions.iter().zip(&blind) {
        for key in action.keys() {
            if !blind {
                reads[key] = Some(contract.read_attribute(context, &keys[key]));
            }
        }
        for key in action.changes() {
            writes[key] = Some(contract.write_attribute(context, &keys[key]));
        }
    }
    Access::ByKey {
        reads,
        writes,
        blind,
    }
}

/// The hash of a value, made once a distinct text of the batch.
fn hashed(cell: Cell, hashes: &mut [u32], batch: &Batch<'_>, outcome: &mut Outcome) -> Cell {
    let Cell::Text(index) = cell else {
        return edit::hash(batch, outcome, cell);
    };
    match hashes.get_mut(index as usize) {
        Some(&mut known) if known != UNKNOWN => Cell::Text(known),
        Some(known) => {
            let hash = edit::hash(batch, outcome, cell);
            if let Cell::Text(text) = hash {
                *known = text;
            }
            hash
        }
        None => edit::hash(batch, outcome, cell),
    }
}

/// What an action does to the keys that the settings name.
fn apply(
    action: &mut Action,
    constants: &[Cell; 2],
    now: &mut [Cell],
    hashes: &mut [u32],
    batch: &Batch<'_>,
    outcome: &mut Outcome,
) {
    let Some(key) = action.key else { return };
    let present = now[key] != Cell::Absent;
    match &mut action.kind {
        Kind::Put {
            source,
            insert,
            update,
        } => {
            if !(if present { *update } else { *insert }) {
                return;
            }
            let from = source.from.map_or(Cell::Absent, |from| now[from]);
            let value = [constants[0], from, constants[1]]
                .into_iter()
                .find(|cell| *cell != Cell::Absent);
            if let Some(value) = value {
                now[key] = value;
            }
        }
        Kind::Delete(_) => now[key] = Cell::Absent,
        Kind::Hash(_) if present => now[key] = hashed(now[key], hashes, batch, outcome),
        Kind::Convert(target) if present => {
            now[key] = edit::convert(batch, outcome, now[key], *target)
        }
        Kind::Extract {
            regex,
            targets,
            memo,
            found,
        } => {
            let Cell::Text(index) = now[key] else { return };
            let known = memo.get(index as usize).copied().unwrap_or(0);
            let known = if known != 0 {
                known
            } else {
                let text = edit::text(batch, outcome, now[key])
                    .unwrap_or("")
                    .to_owned();
                let start = found.len();
                if let Some(captures) = regex.captures(&text) {
                    for group in 1..=targets.len() {
                        let matched = captures.get(group).map_or("", |group| group.as_str());
                        found.push(outcome.text(matched));
                    }
                }
                let known = if found.len() > start {
                    2 + start as u32
                } else {
                    1
                };
                if let Some(memo) = memo.get_mut(index as usize) {
                    *memo = known;
                }
                known
            };
            if known >= 2 {
                for (target, &text) in targets.iter().zip(&found[known as usize - 2..]) {
                    now[*target] = Cell::Text(text);
                }
            }
        }
        _ => {}
    }
}
