//! A request between two services, as far as its spans have come.

use serde::{Deserialize, Serialize};

/// What a request is found by: its trace, and the span of its client's side; 0: the server's span has no parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub trace: u128,
    pub client_span: u64,
}

/// What leads from one service to the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Connection {
    #[default]
    Unknown,
    MessagingSystem,
    Database,
    VirtualNode,
}

/// The side of a request that sent no span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum VirtualNode {
    #[default]
    None,
    Client,
    Server,
}

/// A side of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client = 0,
    Server = 1,
}

/// A request. Texts are numbers, of which 0 is the empty one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Edge {
    pub key: Key,
    /// When it has waited long enough, ns since 1970.
    pub expires: u64,
    pub client: u32,
    pub server: u32,
    pub client_ns: u64,
    pub server_ns: u64,
    pub connection: Connection,
    pub virtual_node: VirtualNode,
    pub has_failed: bool,
    /// The most telling of the peer attributes that was found: which one, and its value.
    pub peer: Option<(u32, u32)>,
    /// The values of the dimensions, the client's and the server's of each; 0: not there. Empty: none is.
    pub dimensions: Vec<u32>,
}

impl Edge {
    pub(crate) fn new(key: Key, expires: u64) -> Self {
        Edge {
            key,
            expires,
            client: 0,
            server: 0,
            client_ns: 0,
            server_ns: 0,
            connection: Connection::Unknown,
            virtual_node: VirtualNode::None,
            has_failed: false,
            peer: None,
            dimensions: Vec::new(),
        }
    }

    /// Whether both services are known.
    pub(crate) fn is_complete(&self) -> bool {
        self.client != 0 && self.server != 0
    }

    /// Notes the value of one of `count` dimensions.
    pub(crate) fn set_dimension(&mut self, side: Side, dimension: usize, count: usize, value: u32) {
        if self.dimensions.is_empty() {
            self.dimensions.resize(2 * count, 0);
        }
        if let Some(known) = self.dimensions.get_mut(2 * dimension + side as usize) {
            *known = value;
        }
    }

    /// Notes a peer, unless one that tells more is known.
    pub(crate) fn set_peer(&mut self, attribute: u32, value: u32) {
        if self.peer.is_none_or(|(known, _)| attribute <= known) {
            self.peer = Some((attribute, value));
        }
    }

    /// All numbers of texts.
    pub(crate) fn texts_mut(&mut self) -> impl Iterator<Item = &mut u32> {
        [&mut self.client, &mut self.server]
            .into_iter()
            .chain(self.peer.as_mut().map(|(_, value)| value))
            .chain(&mut self.dimensions)
    }
}
