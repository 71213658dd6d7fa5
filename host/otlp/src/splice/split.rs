//! A request cut into smaller ones.

use spanmill_model::PerContext;

use super::Splice;
use crate::joined::{Joined, Spliced};
use crate::patch::Patches;
use crate::request::Request;

impl Request {
    /// Cuts the request into requests of at most `max` items each, in order. Resources, scopes and metrics are repeated
    /// where they are cut; those without items go with the first.
    pub fn split(&self, max: usize) -> Vec<Spliced> {
        let (total, max) = (self.item_count(), max.max(1));
        let patches = Patches::default();
        let mut parts = Vec::with_capacity(total.div_ceil(max));
        for first in (0..total).step_by(max) {
            let part = first..total.min(first + max);
            let mut dropped: PerContext<Vec<bool>> = PerContext::default();
            if first > 0 {
                for &context in self.signal().contexts() {
                    let groups = self.index.groups(context).unwrap_or(&[]);
                    let flags = groups.iter().map(|group| group.first == group.last);
                    *dropped.get_mut(context) = flags.collect();
                }
            }
            *dropped.get_mut(self.signal().item()) =
                (0..total).map(|row| !part.contains(&row)).collect();
            let mut joined = Joined::new(self.bytes.clone());
            Splice {
                request: self,
                tables: None,
                dropped: &dropped,
                patches: &patches,
            }
            .run(part.len(), &mut joined);
            parts.push(joined.finish());
        }
        parts
    }
}
