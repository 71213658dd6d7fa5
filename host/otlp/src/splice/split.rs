//! A request cut into smaller ones.

use spanmill_model::PerContext;

use super::Splice;
use crate::joined::{Joined, Spliced};
use crate::patch::Patches;
use crate::request::Request;

/// How many parts are cut out of one request: each part costs a look at all of its items. More are cut from larger parts.
const AT_ONCE: usize = 64;

impl Request {
    /// Cuts the request into requests of at most `max` items each, in order. Resources, scopes and metrics are repeated
    /// where they are cut; those without items go with the first.
    pub fn split(&self, max: usize) -> Vec<Spliced> {
        let max = max.max(1);
        let parts = self.item_count().div_ceil(max);
        if parts <= AT_ONCE {
            return (0..parts).map(|part| self.part(part, max)).collect();
        }
        let larger = parts.div_ceil(AT_ONCE).saturating_mul(max);
        let larger = self.split(larger).into_iter();
        let cut = |part: Spliced| match Request::parse(self.signal(), part.bytes.clone()) {
            Ok(request) => request.split(max),
            // What was cut out of a request is one.
            Err(_) => vec![part],
        };
        larger.flat_map(cut).collect()
    }

    /// Flags of the resources, scopes and metrics without rows below.
    pub(crate) fn empty_groups(&self) -> PerContext<Vec<bool>> {
        let mut empty: PerContext<Vec<bool>> = PerContext::default();
        for &context in self.signal().contexts() {
            let groups = self.index.groups(context).unwrap_or(&[]);
            let flags = groups.iter().map(|group| group.first == group.last);
            *empty.get_mut(context) = flags.collect();
        }
        empty
    }

    /// One of the parts of at most `max` items.
    fn part(&self, number: usize, max: usize) -> Spliced {
        let total = self.item_count();
        let first = number.saturating_mul(max);
        let items = first..total.min(first.saturating_add(max));
        let mut dropped = match number {
            0 => PerContext::default(),
            _ => self.empty_groups(),
        };
        *dropped.get_mut(self.signal().item()) =
            (0..total).map(|row| !items.contains(&row)).collect();
        self.without(&dropped, items.len())
    }

    /// The request without the rows that `dropped` flags, which leaves `left` items.
    pub(crate) fn without(&self, dropped: &PerContext<Vec<bool>>, left: usize) -> Spliced {
        let mut joined = Joined::new(self.bytes.clone());
        Splice {
            request: self,
            tables: None,
            dropped,
            patches: &Patches::default(),
            came: None,
        }
        .run(left, &mut joined);
        joined.finish()
    }
}
