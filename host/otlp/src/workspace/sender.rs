//! What is known of a request beside its telemetry, put where stages look for it.

use std::net::IpAddr;

use spanmill_model::Context;

use super::Workspace;
use crate::kind;
use crate::path::RequestField;
use crate::schema::number;
use crate::wire::put_delimited;

/// Who sent a request, and what was said beside it.
pub trait Sender {
    /// The values of a header, whose name is in lower case; none if it was not sent, or was not kept.
    fn header(&self, name: &str) -> &[Box<[u8]>];

    /// The sender's IP address.
    fn address(&self) -> Option<IpAddr>;
}

/// Nobody that anything is known of.
impl Sender for () {
    fn header(&self, _: &str) -> &[Box<[u8]>] {
        &[]
    }

    fn address(&self) -> Option<IpAddr> {
        None
    }
}

impl Workspace {
    /// Says who sent what was loaded last. Without it nothing is known of that. To be called before a stage is shown the batch.
    pub fn set_sender(&mut self, sender: &dyn Sender) {
        let plan = self.projection.context(Context::Resource);
        let known = &mut self.tables.get_mut(Context::Resource).request;
        for ((field, readers), cell) in plan.request.iter().zip(known) {
            let (kind, text) = match field {
                RequestField::ClientAddress => match sender.address() {
                    Some(address) => (kind::TEXT, address.to_string().into_bytes()),
                    None => continue,
                },
                RequestField::Metadata(name) => match sender.header(&name.to_ascii_lowercase()) {
                    [] => continue,
                    [value] => (kind_of(value), value.to_vec()),
                    values => (kind::ARRAY, array(values)),
                },
            };
            *cell = (kind, u64::from(self.texts.intern(&text, *readers)));
        }
    }
}

/// What was known of a request, a kind and text for each field that is wanted.
pub(super) type Known = Vec<(u8, Vec<u8>)>;

impl Workspace {
    /// What is known of who sent what is loaded.
    pub(super) fn sender(&self) -> Known {
        let known = self.tables.get(Context::Resource).request.iter();
        let known = known.map(|&(kind, index)| match kind {
            kind::ABSENT => (kind, Vec::new()),
            _ => (kind, self.texts.get(index as u32).to_vec()),
        });
        known.collect()
    }

    /// The same is known of what was loaded in its place.
    pub(super) fn put_sender(&mut self, known: &Known) {
        let plan = self.projection.context(Context::Resource);
        let cells = &mut self.tables.get_mut(Context::Resource).request;
        for (((kind, text), (_, readers)), cell) in known.iter().zip(&plan.request).zip(cells) {
            if *kind != kind::ABSENT {
                *cell = (*kind, u64::from(self.texts.intern(text, *readers)));
            }
        }
    }
}

/// Headers may have bytes that are no text.
fn kind_of(value: &[u8]) -> u8 {
    match std::str::from_utf8(value) {
        Ok(_) => kind::TEXT,
        Err(_) => kind::BYTES,
    }
}

/// Values as an encoded `ArrayValue`.
fn array(values: &[Box<[u8]>]) -> Vec<u8> {
    let mut array = Vec::new();
    for value in values {
        let of_any = match kind_of(value) {
            kind::TEXT => number::STRING,
            _ => number::BYTES,
        };
        let mut any = Vec::with_capacity(value.len() + 6);
        put_delimited(&mut any, of_any, value);
        put_delimited(&mut array, number::VALUES, &any);
    }
    array
}
