//! What an instance hands to the one that takes its place, under other settings too: what is guarded in both is known by
//! its name.

use serde::{Deserialize, Serialize};
use spanmill_sdk::{RestoreError, State};
use spanmill_traces::{end, put, take};

use crate::process::CardinalityGuard;
use crate::trie::{Kind, Node};

#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    subject: String,
    quiet_until: u64,
    values: Vec<(u64, u64)>,
    nodes: Vec<SavedNode>,
}

/// A node, behind its parent.
#[derive(Debug, Serialize, Deserialize)]
struct SavedNode {
    parent: u32,
    label: u64,
    used: u64,
    kind: u8,
}

impl State for CardinalityGuard {
    const FORMAT: u32 = 1;

    fn snapshot(&self) -> Vec<u8> {
        let mut out = put(Vec::new(), &(self.seed, self.guards.len() as u32));
        for guard in &self.guards {
            let nodes = guard.trie.as_ref().map(|trie| trie.in_order(0));
            let nodes = nodes.unwrap_or_default().into_iter().map(|node| SavedNode {
                parent: node.parent,
                label: node.label,
                used: node.used,
                kind: match node.kind {
                    Kind::Value => 0,
                    Kind::Placeholder => 1,
                    Kind::Wild => 2,
                    Kind::Free => 3,
                },
            });
            let saved = Saved {
                subject: guard.subject.name(),
                quiet_until: guard.quiet_until,
                values: guard.values.saved(),
                nodes: nodes.collect(),
            };
            out = put(out, &saved);
        }
        out
    }

    fn restore(&mut self, format: u32, mut data: &[u8]) -> Result<(), RestoreError> {
        if format != Self::FORMAT {
            return Err(RestoreError::Format);
        }
        let data = &mut data;
        let (seed, guards): (u64, u32) = take(data)?;
        self.seed = seed;
        for _ in 0..guards {
            let saved: Saved = take(data)?;
            let mut guards = self.guards.iter_mut();
            // The new settings may guard less.
            let Some(guard) = guards.find(|guard| guard.subject.name() == saved.subject) else {
                continue;
            };
            guard.quiet_until = saved.quiet_until;
            guard.values.restore(saved.values);
            if let Some(trie) = &mut guard.trie {
                let nodes = saved.nodes.iter().map(|node| {
                    let kind = match node.kind {
                        0 => Kind::Value,
                        1 => Kind::Placeholder,
                        2 => Kind::Wild,
                        _ => Kind::Free,
                    };
                    Node::new(node.parent, node.label, kind, node.used)
                });
                if !trie.replace(nodes.collect()) {
                    return Err(RestoreError::data("its segments are in no order"));
                }
            }
        }
        end(data)
    }
}
