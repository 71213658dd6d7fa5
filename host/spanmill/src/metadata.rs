//! What is known of a request beside its telemetry: who sent it, and its headers, kept where a receiver says `include_metadata`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use spanmill_manifest::{Diagnostics, Section, Value};
use spanmill_otlp::Sender;

/// The sender of a request, and its headers by name, in lower case. Clones share them. Values may be secrets.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestMetadata {
    headers: Option<Arc<BTreeMap<Box<str>, HeaderValues>>>,
    address: Option<IpAddr>,
}

/// The values of a header that stands once or several times.
type HeaderValues = Box<[Box<[u8]>]>;

/// Reads a list of headers, and returns them in lower case.
pub fn read_keys(
    section: &mut Section<'_>,
    key: &'static str,
    out: &mut Diagnostics,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for item in section.list(key, out).unwrap_or_default() {
        let Value::Text(name) = &item.value else {
            out.push(section.wrong(key, &item, "must be a list of the names of headers"));
            continue;
        };
        let name = name.trim().to_ascii_lowercase();
        if name.is_empty() {
            out.push(section.wrong(key, &item, "has an empty name"));
        } else if HeaderName::from_bytes(name.trim_start_matches(':').as_bytes()).is_err() {
            out.push(section.wrong(key, &item, "has a name that no header can have"));
        } else if names.contains(&name) {
            out.push(section.wrong(
                key,
                &item,
                format_args!("names {name} twice; case makes no difference"),
            ));
        } else {
            names.push(name);
        }
    }
    names
}

impl fmt::Debug for RequestMetadata {
    /// Shows names alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.headers.iter().flat_map(|headers| headers.keys());
        f.debug_set().entries(names).finish()
    }
}

/// What an entry takes beside its texts.
const ENTRY_BYTES: usize = 64;

impl RequestMetadata {
    /// Copies the headers of a request: what they lie in belongs to its connection. `authority` is whom the sender asked
    /// for, which HTTP/2 does not send as a header.
    pub fn of(headers: &HeaderMap, authority: Option<(&str, &str)>) -> Self {
        let mut metadata: BTreeMap<Box<str>, HeaderValues> = headers
            .keys()
            .map(|name| {
                let values = headers.get_all(name).iter();
                let values = values.map(|value| value.as_bytes().into());
                (name.as_str().into(), values.collect())
            })
            .collect();
        if let Some((name, authority)) = authority {
            let values = || Box::from([authority.as_bytes().into()]);
            metadata.entry(name.into()).or_insert_with(values);
        }
        RequestMetadata {
            headers: Some(Arc::new(metadata)),
            address: None,
        }
    }

    /// Notes the address of the sender.
    pub fn sent_by(&mut self, address: IpAddr) {
        self.address = Some(address);
    }

    /// Whether the headers of two requests are the same, whoever sent them.
    pub fn has_headers_of(&self, other: &RequestMetadata) -> bool {
        self.headers == other.headers
    }

    /// Whether two requests came from the same address.
    pub fn has_address_of(&self, other: &RequestMetadata) -> bool {
        self.address == other.address
    }

    /// The same headers, of several senders.
    pub fn of_several(&self) -> Self {
        RequestMetadata {
            headers: self.headers.clone(),
            address: None,
        }
    }

    /// What it says under some names, which are in lower case. Those that it does not have are left out, and the sender's address
    /// always.
    pub fn only(&self, names: &[String]) -> Self {
        let Some(metadata) = &self.headers else {
            return RequestMetadata::default();
        };
        let named = names
            .iter()
            .filter_map(|name| metadata.get_key_value(name.as_str()));
        let named: BTreeMap<_, _> = named
            .map(|(name, values)| (name.clone(), values.clone()))
            .collect();
        RequestMetadata {
            headers: (!named.is_empty()).then(|| Arc::new(named)),
            address: None,
        }
    }

    /// The bytes of a header's values; its name is in lower case.
    pub fn bytes_of(&self, name: &str) -> usize {
        self.header(name).iter().map(|value| value.len()).sum()
    }

    /// The memory that it takes, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let Some(metadata) = &self.headers else {
            return 0;
        };
        let of_values = |values: &HeaderValues| {
            values
                .iter()
                .map(|value| value.len() + ENTRY_BYTES)
                .sum::<usize>()
        };
        let entries = metadata.iter();
        entries
            .map(|(name, values)| name.len() + ENTRY_BYTES + of_values(values))
            .sum()
    }
}

impl Sender for RequestMetadata {
    fn header(&self, name: &str) -> &[Box<[u8]>] {
        let values = self.headers.as_ref().and_then(|headers| headers.get(name));
        values.map_or(&[], |values| values)
    }

    fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(headers: &[(&'static str, &'static str)]) -> RequestMetadata {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        RequestMetadata::of(&map, Some(("host", "example.org")))
    }

    #[test]
    fn names_tell_senders_apart() {
        let names = ["x-tenant".to_owned(), "x-team".to_owned()];
        let one = metadata(&[("x-tenant", "a"), ("user-agent", "sdk")]).only(&names);
        let same = metadata(&[("X-Tenant", "a"), ("user-agent", "another")]).only(&names);
        let twice = metadata(&[("x-tenant", "a"), ("x-tenant", "a")]).only(&names);
        let none = metadata(&[("user-agent", "sdk")]).only(&names);
        assert!(one == same && one != twice && one != none);
        assert!(none == RequestMetadata::default());
        assert_eq!(none.memory_bytes(), 0);
    }

    #[test]
    fn a_header_of_the_senders_own_goes_before_the_authority() {
        let names = ["host".to_owned()];
        assert!(metadata(&[]).only(&names) == metadata(&[("host", "example.org")]).only(&names));
        assert!(metadata(&[]).only(&names) != metadata(&[("host", "example.com")]).only(&names));
    }
}
