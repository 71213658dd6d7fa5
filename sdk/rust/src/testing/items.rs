//! Telemetry of one signal to test with: items by resource and scope.

use std::collections::BTreeMap;
use std::net::IpAddr;

use spanmill_model::Signal;
use spanmill_otlp::Sender;

use super::attr::{Attr, AttrList, attributed};
use super::message::{Io, Message, decode, encode};

attributed!(Resource, Scope);

/// Where telemetry comes from.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Resource {
    pub attributes: AttrList,
    pub dropped_attributes_count: u32,
    pub schema_url: String,
}

/// An instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Scope {
    pub name: String,
    pub version: String,
    pub attributes: AttrList,
    pub dropped_attributes_count: u32,
    pub schema_url: String,
}

/// A span, log record or metric.
pub trait Item: Message + Clone {
    /// The signal it belongs to.
    const SIGNAL: Signal;
}

/// The items of one scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScopeItems<T> {
    /// The scope.
    pub scope: Scope,
    /// Its spans, log records or metrics.
    pub items: Vec<T>,
}

/// The items of one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceItems<T> {
    /// The resource.
    pub resource: Resource,
    /// Its scopes.
    pub scopes: Vec<ScopeItems<T>>,
}

/// Spans, log records or metrics that travel together: [`Spans`](super::Spans), [`Logs`](super::Logs) or
/// [`Metrics`](super::Metrics).
#[derive(Clone, Debug, PartialEq)]
pub struct Items<T> {
    /// When the host received them, ns since 1970.
    pub received_unix_nano: u64,
    /// Who sent them, if that is known.
    pub client_address: Option<IpAddr>,
    /// The headers that they came with, by names in lower case.
    pub headers: BTreeMap<String, Vec<Box<[u8]>>>,
    /// The items, by resource.
    pub resources: Vec<ResourceItems<T>>,
}

impl<T> Sender for Items<T> {
    fn header(&self, name: &str) -> &[Box<[u8]>] {
        self.headers.get(name).map_or(&[], Vec::as_slice)
    }

    fn address(&self) -> Option<IpAddr> {
        self.client_address
    }
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Items {
            received_unix_nano: 0,
            client_address: None,
            headers: BTreeMap::new(),
            resources: Vec::new(),
        }
    }
}

impl<T: Item> Items<T> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Items of one resource without attributes and one scope without a name.
    pub fn of(items: impl IntoIterator<Item = T>) -> Self {
        items.into_iter().fold(Self::new(), Self::item)
    }

    /// Adds a header that they came with, or another value of one.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let values = self.headers.entry(name.to_ascii_lowercase()).or_default();
        values.push(value.as_ref().into());
        self
    }

    /// Says who sent them.
    #[must_use]
    pub fn from_address(mut self, address: impl Into<IpAddr>) -> Self {
        self.client_address = Some(address.into());
        self
    }

    /// Starts a resource; what follows belongs to it.
    #[must_use]
    pub fn resource<K: Into<String>, V: Into<Attr>>(
        mut self,
        attributes: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let attributes = attributes
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()));
        self.resources.push(ResourceItems {
            resource: Resource {
                attributes: attributes.collect(),
                ..Resource::default()
            },
            scopes: Vec::new(),
        });
        self
    }

    /// Starts a scope; the items that follow belong to it.
    #[must_use]
    pub fn scope(mut self, name: &str, version: &str) -> Self {
        self.last_resource().scopes.push(ScopeItems {
            scope: Scope {
                name: name.to_owned(),
                version: version.to_owned(),
                ..Scope::default()
            },
            items: Vec::new(),
        });
        self
    }

    /// Adds an item.
    #[must_use]
    pub fn item(mut self, item: T) -> Self {
        let resource = self.last_resource();
        if resource.scopes.is_empty() {
            resource.scopes.push(ScopeItems {
                scope: Scope::default(),
                items: Vec::new(),
            });
        }
        if let Some(scope) = resource.scopes.last_mut() {
            scope.items.push(item);
        }
        self
    }

    fn last_resource(&mut self) -> &mut ResourceItems<T> {
        if self.resources.is_empty() {
            self.resources.push(ResourceItems {
                resource: Resource::default(),
                scopes: Vec::new(),
            });
        }
        let last = self.resources.len() - 1;
        &mut self.resources[last]
    }

    /// Every item, in order.
    pub fn items(&self) -> impl Iterator<Item = &T> {
        let scopes = self.resources.iter().flat_map(|resource| &resource.scopes);
        scopes.flat_map(|scope| &scope.items)
    }

    /// An OTLP export request.
    pub fn to_otlp(&self) -> Vec<u8> {
        let mut request = Request {
            resources: self.resources.clone(),
        };
        encode(&mut request)
    }

    /// What an OTLP export request holds.
    pub fn from_otlp(request: &[u8], received_unix_nano: u64) -> Self {
        Items {
            received_unix_nano,
            resources: decode::<Request<T>>(request).resources,
            ..Self::new()
        }
    }
}

struct Request<T> {
    resources: Vec<ResourceItems<T>>,
}

impl<T> Default for Request<T> {
    fn default() -> Self {
        Request {
            resources: Vec::new(),
        }
    }
}

impl<T: Item> Message for Request<T> {
    fn fields(&mut self, io: &mut Io<'_>) {
        io.messages(1, &mut self.resources);
    }
}

impl<T: Item> Message for ResourceItems<T> {
    fn fields(&mut self, io: &mut Io<'_>) {
        let Resource {
            attributes,
            dropped_attributes_count,
            schema_url,
        } = &mut self.resource;
        io.nested(1, false, |io| {
            io.attributes(1, attributes);
            io.varint(2, dropped_attributes_count);
        });
        io.messages(2, &mut self.scopes);
        io.text(3, schema_url);
    }
}

impl<T: Item> Message for ScopeItems<T> {
    fn fields(&mut self, io: &mut Io<'_>) {
        let Scope {
            name,
            version,
            attributes,
            dropped_attributes_count,
            schema_url,
        } = &mut self.scope;
        io.nested(1, false, |io| {
            io.text(1, name);
            io.text(2, version);
            io.attributes(3, attributes);
            io.varint(4, dropped_attributes_count);
        });
        io.messages(2, &mut self.items);
        io.text(3, schema_url);
    }
}
