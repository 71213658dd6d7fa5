//! What leaves a workspace: the rows that are left, and those that are held.

use spanmill_model::PerContext;

use super::Workspace;
use crate::joined::{Joined, Spliced};
use crate::request::Request;
use crate::splice::Splice;

impl Workspace {
    /// Writes what is left of the request.
    pub fn splice(&mut self) -> Spliced {
        let bytes = self.request.as_ref().map(|request| request.bytes.clone());
        let mut joined = Joined::new(bytes.unwrap_or_default());
        self.splice_onto(&mut joined);
        joined.finish()
    }

    /// Appends what is left of the request, the next part of a batch, to what is left of the parts before.
    pub fn splice_onto(&mut self, joined: &mut Joined) {
        let items = self.item_count();
        let Some(request) = self.request.take() else {
            return;
        };
        let splice = Splice {
            came: self.came,
            ..self.splice_of(&request, &self.dropped)
        };
        match self.is_untouched() {
            true => splice.keep(joined),
            false => splice.run(items, joined),
        }
    }

    /// What is left of the request at the moment, as edited. The workspace is as it was afterwards; `None` if nothing is
    /// loaded.
    pub fn copy(&self) -> Option<Spliced> {
        let request = self.request.as_ref()?;
        let mut joined = Joined::new(request.bytes().clone());
        match self.is_untouched() {
            true => joined.keep(request),
            false => self.write(request, &self.dropped, self.item_count(), &mut joined),
        }
        Some(joined.finish())
    }

    /// Whether nothing of the request was edited or dropped since it was loaded, or put together anew.
    pub(super) fn is_untouched(&self) -> bool {
        self.patches.list.is_empty() && self.alive.iter().all(|(_, alive)| alive.all)
    }

    /// Writes the rows of a request that are not dropped, which hold `items` items, as edited.
    pub(super) fn write(
        &self,
        request: &Request,
        dropped: &PerContext<Vec<bool>>,
        items: usize,
        joined: &mut Joined,
    ) {
        self.splice_of(request, dropped).run(items, joined);
    }

    fn splice_of<'a>(
        &'a self,
        request: &'a Request,
        dropped: &'a PerContext<Vec<bool>>,
    ) -> Splice<'a> {
        Splice {
            request,
            tables: Some(&self.tables),
            dropped,
            patches: &self.patches,
            came: None,
        }
    }

    /// The spans or log records that the last [`Workspace::apply`] held, as edited so far, with their resources and scopes;
    /// `None` if it held none. To be called before the next stage edits what they share with others.
    pub fn held(&self) -> Option<Request> {
        if let Some(held) = &self.held_before {
            return Some(held.clone());
        }
        let request = self.request.as_ref()?;
        let count = self.held.iter().filter(|held| **held).count();
        if count == 0 {
            return None;
        }
        if count == request.item_count() && self.patches.list.is_empty() {
            return Some(request.clone());
        }
        let signal = request.signal();
        let mut dropped = request.empty_groups();
        *dropped.get_mut(signal.item()) = self.held.iter().map(|held| !held).collect();
        // Events and links that are dropped go from held spans too.
        for &context in signal.contexts() {
            if context.parent() == Some(signal.item()) {
                dropped
                    .get_mut(context)
                    .clone_from(self.dropped.get(context));
            }
        }
        let mut joined = Joined::new(request.bytes.clone());
        self.write(request, &dropped, count, &mut joined);
        // What was spliced is a request.
        Request::parse(signal, joined.finish().bytes).ok()
    }
}
