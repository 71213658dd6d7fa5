//! What has been seen of names, segment by segment. A segment that takes too many values becomes one that takes any.
//!
//! Nothing of a text is kept but hashes of its segments. Where there is no room, what was not used for longest is
//! forgotten, half of all at a time.

use hashbrown::HashTable;

/// Where every name begins.
pub(crate) const ROOT: u32 = 0;

/// No node.
pub(crate) const NONE: u32 = u32::MAX;

/// Bytes that a node takes, with its place in the index, and what is needed while lists grow or half is forgotten.
pub(crate) const NODE_BYTES: usize = 96;

/// Most nodes that one name adds.
pub(crate) const MOST_SEGMENTS: usize = 32;

#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The hash of the segment that leads here.
    pub label: u64,
    /// When it was last used, in names that were looked at.
    pub used: u64,
    pub parent: u32,
    first_child: u32,
    next_sibling: u32,
    /// The child that any value leads to, once there were too many.
    wild: u32,
    /// Children but for placeholders and that one.
    values: u32,
    pub kind: Kind,
}

/// What leads to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value like others.
    Value,
    /// A placeholder, which does not count as a value.
    Placeholder,
    /// Any value.
    Wild,
    /// Nothing: there is no such node.
    Free,
}

impl Node {
    pub(crate) fn new(parent: u32, label: u64, kind: Kind, used: u64) -> Self {
        Node {
            label,
            used,
            parent,
            first_child: NONE,
            next_sibling: NONE,
            wild: NONE,
            values: 0,
            kind,
        }
    }
}

/// The segments of the names seen.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
    free: Vec<u32>,
    /// Nodes by parent and label, but for wild ones.
    edges: HashTable<u32>,
    /// How many values a segment may have, and how many nodes there may be.
    most_values: u32,
    most_nodes: usize,
    now: u64,
    /// How often a segment has become one that takes any value.
    pub learned: u64,
    /// How many nodes were forgotten for want of room.
    pub forgotten: u64,
}

fn edge(parent: u32, label: u64) -> u64 {
    label ^ u64::from(parent).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Trie {
    pub(crate) fn new(most_values: u32, most_nodes: usize) -> Self {
        Trie {
            nodes: vec![Node::new(NONE, 0, Kind::Value, 0)],
            free: Vec::new(),
            edges: HashTable::new(),
            most_values,
            most_nodes: most_nodes.max(4 * MOST_SEGMENTS),
            now: 0,
            learned: 0,
            forgotten: 0,
        }
    }

    fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// Begins a name: makes room for it.
    pub(crate) fn start(&mut self) {
        self.now = self.now.saturating_add(1);
        if self.len() + 2 * MOST_SEGMENTS > self.most_nodes {
            self.forget();
        }
    }

    /// Goes on to the node of a segment, which is new if it has not been seen here. The second is whether any
    /// value leads there.
    pub(crate) fn step(&mut self, node: u32, label: u64, kind: Kind) -> (u32, bool) {
        let at = &self.nodes[node as usize];
        let (wild, values) = (at.wild, at.values);
        if kind == Kind::Value && wild != NONE {
            self.nodes[wild as usize].used = self.now;
            return (wild, true);
        }
        if let Some(child) = self.find(node, label) {
            self.nodes[child as usize].used = self.now;
            return (child, false);
        }
        // The first segment says what kind of name it is: it never takes any value.
        if kind == Kind::Value && values >= self.most_values && node != ROOT {
            return (self.collapse(node), true);
        }
        (self.add(node, label, kind), false)
    }

    fn add(&mut self, parent: u32, label: u64, kind: Kind) -> u32 {
        let node = Node::new(parent, label, kind, self.now);
        let place = match self.free.pop() {
            Some(place) => {
                self.nodes[place as usize] = node;
                place
            }
            None => {
                // Not by doubling: there will be no more than so many.
                let len = self.nodes.len();
                if len == self.nodes.capacity() {
                    let most = self.most_nodes.saturating_sub(len).max(1);
                    self.nodes.reserve_exact((len / 2).clamp(1, most));
                }
                self.nodes.push(node);
                len as u32
            }
        };
        self.link(place);
        place
    }

    /// Makes a node its parent's child.
    fn link(&mut self, place: u32) {
        let Node {
            parent,
            label,
            kind,
            ..
        } = self.nodes[place as usize];
        let above = &mut self.nodes[parent as usize];
        let first = above.first_child;
        above.first_child = place;
        match kind {
            Kind::Value => above.values += 1,
            Kind::Wild => above.wild = place,
            Kind::Placeholder | Kind::Free => {}
        }
        self.nodes[place as usize].next_sibling = first;
        if kind != Kind::Wild {
            let nodes = &self.nodes;
            let hash = |child: &u32| {
                let child = &nodes[*child as usize];
                edge(child.parent, child.label)
            };
            self.edges.insert_unique(edge(parent, label), place, hash);
        }
    }

    /// Puts one child that any value leads to in the place of all values.
    fn collapse(&mut self, node: u32) -> u32 {
        self.learned += 1;
        let mut child = self.nodes[node as usize].first_child;
        let mut placeholders = Vec::new();
        let mut gone = Vec::new();
        while child != NONE {
            match self.nodes[child as usize].kind {
                Kind::Placeholder => placeholders.push(child),
                _ => gone.push(child),
            }
            child = self.nodes[child as usize].next_sibling;
        }
        while let Some(child) = gone.pop() {
            let mut below = self.nodes[child as usize].first_child;
            while below != NONE {
                gone.push(below);
                below = self.nodes[below as usize].next_sibling;
            }
            self.remove(child);
        }
        let above = &mut self.nodes[node as usize];
        (above.first_child, above.values) = (NONE, 0);
        for child in placeholders {
            let first = std::mem::replace(&mut self.nodes[node as usize].first_child, child);
            self.nodes[child as usize].next_sibling = first;
        }
        self.add(node, 0, Kind::Wild)
    }

    /// Takes a node out of the index; its parent still knows it.
    fn remove(&mut self, place: u32) {
        let node = &self.nodes[place as usize];
        let found = self
            .edges
            .find_entry(edge(node.parent, node.label), |it| *it == place);
        if let Ok(entry) = found {
            entry.remove();
        }
        self.nodes[place as usize].kind = Kind::Free;
        self.free.push(place);
    }

    /// Forgets the half that was not used for longest. A node is used whenever one below it is, so what stays hangs together.
    fn forget(&mut self) {
        let mut used: Vec<u64> = self.live().map(|(_, node)| node.used).collect();
        if used.is_empty() {
            return;
        }
        let middle = used.len() / 2;
        let (_, &mut cutoff, _) = used.select_nth_unstable(middle);
        let before = self.len();
        let kept: Vec<Node> = self.in_order(cutoff);
        self.replace(kept);
        self.forgotten += (before - self.len()) as u64;
    }

    /// Every node but the root.
    fn live(&self) -> impl Iterator<Item = (u32, &Node)> {
        let nodes = (0..).zip(&self.nodes).skip(1);
        nodes.filter(|(_, node)| node.kind != Kind::Free)
    }

    /// The nodes used after some time, each behind its parent, whose place it has by this order; the root is 0.
    pub(crate) fn in_order(&self, after: u64) -> Vec<Node> {
        let mut kept = Vec::new();
        let mut open = vec![(ROOT, ROOT)];
        while let Some((node, place)) = open.pop() {
            let mut child = self.nodes[node as usize].first_child;
            while child != NONE {
                let below = &self.nodes[child as usize];
                if below.used > after {
                    kept.push(Node::new(place, below.label, below.kind, below.used));
                    open.push((child, kept.len() as u32));
                }
                child = below.next_sibling;
            }
        }
        kept
    }

    /// Puts nodes, in the order of [`Trie::in_order`], in the place of all there are. False, and nothing left, if they are in
    /// no such order, or two are the same.
    pub(crate) fn replace(&mut self, nodes: Vec<Node>) -> bool {
        self.clear();
        for node in nodes {
            let place = self.nodes.len() as u32;
            let above = self.nodes.get(node.parent as usize);
            let is_right = above.is_some_and(|above| match node.kind {
                Kind::Wild => above.wild == NONE,
                kind => kind != Kind::Free && self.find(node.parent, node.label).is_none(),
            });
            if !is_right {
                self.clear();
                return false;
            }
            self.now = self.now.max(node.used);
            self.nodes.push(node);
            self.link(place);
        }
        true
    }

    fn clear(&mut self) {
        self.nodes.clear();
        self.nodes.push(Node::new(NONE, 0, Kind::Value, 0));
        self.free.clear();
        self.edges.clear();
    }

    fn find(&self, parent: u32, label: u64) -> Option<u32> {
        let is_it = |child: &u32| {
            let child = &self.nodes[*child as usize];
            child.parent == parent && child.label == label
        };
        self.edges.find(edge(parent, label), is_it).copied()
    }
}
