//! The resources and scopes of held items, each kept once for as long as an item refers to it.

use std::collections::HashMap;
use std::sync::Arc;

use spanmill_otlp::Request;

/// A scope below its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ScopeRef(u32);

impl ScopeRef {
    pub(super) fn number(self) -> u32 {
        self.0
    }

    pub(super) fn from_number(number: u32) -> Self {
        ScopeRef(number)
    }
}

/// Numbered texts, each of which is there once.
#[derive(Default)]
struct Table {
    numbers: HashMap<Arc<[u8]>, u32>,
    entries: Vec<Option<TableEntry>>,
    free: Vec<u32>,
    bytes: usize,
}

struct TableEntry {
    fields: Arc<[u8]>,
    /// How many refer to it.
    users: usize,
}

/// What an entry takes beside its bytes.
const ENTRY: usize = 64;

impl Table {
    fn number(&mut self, fields: &[u8]) -> (u32, bool) {
        if let Some(number) = self.numbers.get(fields) {
            return (*number, false);
        }
        let fields: Arc<[u8]> = fields.into();
        self.bytes += fields.len() + ENTRY;
        let entry = Some(TableEntry {
            fields: Arc::clone(&fields),
            users: 0,
        });
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(slot) = self.entries.get_mut(number as usize) {
                    *slot = entry;
                }
                number
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
        };
        self.numbers.insert(fields, number);
        (number, true)
    }

    fn entry(&mut self, number: u32) -> Option<&mut TableEntry> {
        self.entries.get_mut(number as usize)?.as_mut()
    }

    fn fields(&self, number: u32) -> &[u8] {
        let entry = self.entries.get(number as usize).and_then(Option::as_ref);
        entry.map_or(&[], |entry| &entry.fields)
    }

    /// Removes an entry that nothing refers to. Returns whether it did.
    fn remove_unused(&mut self, number: u32) -> bool {
        let Some(slot) = self.entries.get_mut(number as usize) else {
            return false;
        };
        let Some(entry) = slot.take_if(|entry| entry.users == 0) else {
            return false;
        };
        self.bytes = self.bytes.saturating_sub(entry.fields.len() + ENTRY);
        self.numbers.remove(&entry.fields);
        self.free.push(number);
        true
    }
}

/// Resources and scopes.
#[derive(Default)]
pub(super) struct Groups {
    resources: Table,
    /// Of each its resource's number in front of its own fields.
    scopes: Table,
    /// Scopes that may have no users any more.
    unused: Vec<u32>,
    /// Memory for the fields at hand.
    scratch: Vec<u8>,
}

/// Bytes of the resource's number in front of a scope's fields.
const NUMBER: usize = 4;

impl Groups {
    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.resources.bytes.saturating_add(self.scopes.bytes)
    }

    /// A scope of a request, to be referred to by what is held.
    pub(super) fn scope(&mut self, request: &Request, resource: u32, scope: u32) -> ScopeRef {
        self.scratch.clear();
        request.resource_fields(resource, &mut self.scratch);
        let (resource, _) = self.resources.number(&self.scratch);
        self.scratch.clear();
        self.scratch.extend_from_slice(&resource.to_le_bytes());
        request.scope_fields(scope, &mut self.scratch);
        let (number, is_new) = self.scopes.number(&self.scratch);
        if is_new {
            // Should nothing refer to it after all.
            self.unused.push(number);
            if let Some(resource) = self.resources.entry(resource) {
                resource.users += 1;
            }
        }
        ScopeRef(number)
    }

    pub(super) fn refer(&mut self, scope: ScopeRef) {
        if let Some(scope) = self.scopes.entry(scope.0) {
            scope.users += 1;
        }
    }

    pub(super) fn unrefer(&mut self, scope: ScopeRef) {
        if let Some(entry) = self.scopes.entry(scope.0) {
            entry.users = entry.users.saturating_sub(1);
            if entry.users == 0 {
                self.unused.push(scope.0);
            }
        }
    }

    /// Forgets what nothing refers to.
    pub(super) fn sweep(&mut self) {
        for scope in std::mem::take(&mut self.unused) {
            let resource = self.resource_of(ScopeRef(scope));
            if !self.scopes.remove_unused(scope) {
                continue;
            }
            if let Some(entry) = self.resources.entry(resource) {
                entry.users = entry.users.saturating_sub(1);
            }
            self.resources.remove_unused(resource);
        }
    }

    pub(super) fn resource_of(&self, scope: ScopeRef) -> u32 {
        let number = self.scopes.fields(scope.0).first_chunk::<NUMBER>();
        number.map_or(u32::MAX, |number| u32::from_le_bytes(*number))
    }

    pub(super) fn resource_fields(&self, resource: u32) -> &[u8] {
        self.resources.fields(resource)
    }

    pub(super) fn scope_fields(&self, scope: u32) -> &[u8] {
        self.scopes.fields(scope).get(NUMBER..).unwrap_or(&[])
    }
}
