//! A request of spans or log records, put together from pieces: resources, scopes and items as they stand in requests.

use spanmill_model::Signal;

use crate::joined::Spliced;
use crate::schema::number;
use crate::wire::put_delimited;

/// Puts a request together. Pieces are what [`Request::resource_fields`](crate::Request::resource_fields),
/// [`Request::scope_fields`](crate::Request::scope_fields) and [`Request::rows`](crate::Request::rows) return; items go
/// below the scope, and scopes below the resource, that was begun last.
///
/// ```
/// use spanmill_otlp::{Assembly, Request, Signal};
///
/// let request = Request::parse(Signal::Logs, vec![0x0a, 2, 0x12, 0].into()).unwrap();
/// let mut resource = Vec::new();
/// request.resource_fields(0, &mut resource);
/// let mut assembly = Assembly::new(Signal::Logs);
/// assembly.begin_resource(&resource);
/// assembly.begin_scope(&[]);
/// assembly.item(&[0x10, 9]);
/// assert_eq!(&assembly.finish().bytes[..], [0x0a, 6, 0x12, 4, 0x12, 2, 0x10, 9]);
/// ```
#[derive(Clone, Debug)]
pub struct Assembly {
    signal: Signal,
    out: Vec<u8>,
    /// What the resource and scope begun last hold so far.
    resource: Option<Vec<u8>>,
    scope: Option<Vec<u8>>,
    items: usize,
}

impl Assembly {
    /// An empty request of traces or logs.
    pub fn new(signal: Signal) -> Self {
        Assembly {
            signal,
            out: Vec::new(),
            resource: None,
            scope: None,
            items: 0,
        }
    }

    /// What it will carry.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// About how many bytes it has.
    pub fn len(&self) -> usize {
        let open = [&self.resource, &self.scope].map(|open| open.as_ref().map_or(0, Vec::len));
        self.out.len() + open.iter().sum::<usize>()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.resource.is_none()
    }

    /// Begins another resource. `fields` are those of the message around it: itself, and its schema URL.
    pub fn begin_resource(&mut self, fields: &[u8]) {
        self.end_resource();
        self.resource
            .get_or_insert_default()
            .extend_from_slice(fields);
    }

    /// Begins another scope of the resource. `fields` are those of the message around it.
    pub fn begin_scope(&mut self, fields: &[u8]) {
        self.end_scope();
        self.scope.get_or_insert_default().extend_from_slice(fields);
    }

    /// Adds a span or log record: the message, without a tag and length.
    pub fn item(&mut self, message: &[u8]) {
        put_delimited(self.scope.get_or_insert_default(), number::ROWS, message);
        self.items += 1;
    }

    fn end_scope(&mut self) {
        if let Some(scope) = self.scope.take() {
            put_delimited(self.resource.get_or_insert_default(), number::ROWS, &scope);
        }
    }

    fn end_resource(&mut self) {
        self.end_scope();
        if let Some(resource) = self.resource.take() {
            put_delimited(&mut self.out, number::RESOURCES, &resource);
        }
    }

    /// The request.
    pub fn finish(mut self) -> Spliced {
        self.end_resource();
        Spliced {
            bytes: self.out.into(),
            items: self.items,
        }
    }
}
