//! The operations that were seen, and how they are written down.

use std::collections::{BTreeMap, BTreeSet};

/// The operations of each service.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Known {
    services: BTreeMap<String, BTreeSet<String>>,
    len: usize,
}

impl Known {
    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether an operation was seen.
    pub fn contains(&self, service: &str, operation: &str) -> bool {
        let operations = self.services.get(service);
        operations.is_some_and(|operations| operations.contains(operation))
    }

    /// Notes that an operation was seen.
    pub fn insert(&mut self, service: &str, operation: &str) {
        let operations = self.services.entry(service.to_owned()).or_default();
        if operations.insert(operation.to_owned()) {
            self.len += 1;
        }
    }

    /// Each service, followed by the number of its operations and by them. Texts begin with their length. Numbers have 32
    /// bits, the lowest first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (service, operations) in &self.services {
            put_text(&mut bytes, service);
            put_number(&mut bytes, operations.len());
            for operation in operations {
                put_text(&mut bytes, operation);
            }
        }
        bytes
    }

    /// Reads what [`Known::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        let mut known = Known::default();
        while !rest.0.is_empty() {
            let service = rest.text()?;
            for _ in 0..rest.number()? {
                known.insert(service, rest.text()?);
            }
        }
        Some(known)
    }
}

fn put_number(bytes: &mut Vec<u8>, number: usize) {
    // Texts of a batch and the limit of operations are far below.
    bytes.extend((number as u32).to_le_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_number(bytes, text.len());
    bytes.extend(text.as_bytes());
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number))
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.number()?;
        let (text, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}
