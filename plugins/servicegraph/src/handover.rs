//! What an instance hands to the one that takes its place, under other settings too: the requests that wait.

use serde::{Deserialize, Serialize};
use spanmill_sdk::{RestoreError, State};
use spanmill_series::TextIds;

use crate::connector::ServiceGraph;
use crate::edge::Edge;

/// Requests and what their numbers mean.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    dimensions: Vec<String>,
    peers: Vec<String>,
    /// Text 1 and those that follow.
    texts: Vec<String>,
    edges: Vec<Edge>,
}

impl State for ServiceGraph {
    const FORMAT: u32 = 1;

    fn snapshot(&self) -> Vec<u8> {
        let mut texts = TextIds::default();
        let mut edges: Vec<Edge> = self.store.in_order().cloned().collect();
        for id in edges.iter_mut().flat_map(Edge::texts_mut) {
            *id = renumber(*id, self.texts.text(*id), &mut texts);
        }
        let saved = Saved {
            dimensions: self.dimensions.clone(),
            peers: self.peers.clone(),
            texts: (1..=texts.len() as u32)
                .map(|id| String::from_utf8_lossy(texts.text(id)).into_owned())
                .collect(),
            edges,
        };
        // Writing to memory does not fail, nor do these types.
        postcard::to_allocvec(&saved).unwrap_or_default()
    }

    fn restore(&mut self, format: u32, data: &[u8]) -> Result<(), RestoreError> {
        if format != Self::FORMAT {
            return Err(RestoreError::Format);
        }
        let (saved, rest): (Saved, &[u8]) = postcard::take_from_bytes(data)
            .map_err(|_| RestoreError::data("it is not what servicegraph hands on"))?;
        if !rest.is_empty() {
            return Err(RestoreError::data("its parts do not fit together"));
        }
        // A host may have tried this before, and what was known then is out of date.
        self.store.clear();
        self.texts = TextIds::default();
        self.is_restored = true;
        let places = |own: &[String], other: &[String]| -> Vec<Option<usize>> {
            let place = |name: &String| other.iter().position(|it| it == name);
            own.iter().map(place).collect()
        };
        let dimensions = places(&self.dimensions, &saved.dimensions);
        let peers = places(&saved.peers, &self.peers);
        for mut edge in saved.edges {
            let count = edge.dimensions.len();
            if count != 0 && count != 2 * saved.dimensions.len() {
                return Err(RestoreError::data("a request has other dimensions"));
            }
            for id in edge.texts_mut().filter(|id| **id != 0) {
                let text = saved.texts.get(*id as usize - 1);
                let text = text.ok_or_else(|| RestoreError::data("a text is missing"))?;
                *id = renumber(*id, text.as_bytes(), &mut self.texts);
            }
            edge.dimensions = match count {
                0 => Vec::new(),
                _ => own_dimensions(&edge.dimensions, &dimensions),
            };
            // One that is not asked for any more tells nothing.
            edge.peer = edge.peer.and_then(|(attribute, value)| {
                let place = peers.get(attribute as usize).copied().flatten()?;
                Some((place as u32, value))
            });
            if !self.store.is_full() && self.store.find(edge.key).is_none() {
                self.store.insert(edge);
            }
        }
        Ok(())
    }
}

/// The number of a text elsewhere; 0 stays the empty one.
fn renumber(id: u32, text: &[u8], texts: &mut TextIds) -> u32 {
    match id {
        0 => 0,
        _ => texts.intern(text),
    }
}

/// The values of this instance's dimensions, of those of another's.
fn own_dimensions(values: &[u32], places: &[Option<usize>]) -> Vec<u32> {
    let sides = places.iter().flat_map(|place| [(*place, 0), (*place, 1)]);
    let value = |(place, side): (Option<usize>, usize)| {
        place
            .and_then(|place| values.get(2 * place + side))
            .copied()
            .unwrap_or(0)
    };
    sides.map(value).collect()
}
