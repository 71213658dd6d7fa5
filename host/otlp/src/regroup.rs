//! A request whose items go under other resources, and in which what has equal resources and scopes stands together.
//!
//! Nothing is lost: messages are copied as they stand, with fields that this version does not know, once for each place that
//! they are needed in. Resources, scopes and metrics without rows stay.

mod fields;
mod identity;
mod tree;
mod write;

use std::collections::HashMap;

use spanmill_model::{Context, Signal};

use self::fields::{Fields, metric_fields, resource_with, scope_fields};
use self::identity::Identities;
use self::tree::{MetricNode, ResourceNode, ScopeNode, Tree};
pub(crate) use self::write::Regrouped;
use self::write::write;
use crate::ABSENT;
use crate::groups::Moves;
use crate::request::Request;

/// Puts the items of a request into their groups: `group_of` has the group of each, [`ABSENT`] for those that stay. `None` if
/// the request is like that already.
pub(crate) fn regroup(request: &Request, moves: &Moves, group_of: &[u32]) -> Option<Regrouped> {
    let index = &request.index;
    let stays = group_of.iter().all(|group| *group == ABSENT);
    if stays && index.resources.len() == 1 && index.scopes.len() <= 1 && index.metrics.len() <= 1 {
        return None;
    }
    let mut regrouping = Regrouping::new(request, moves);
    regrouping.items(group_of);
    let Regrouping {
        tree,
        scopes,
        metrics,
        ..
    } = regrouping;
    let counts = (tree.resources.len(), tree.scopes.len(), tree.metrics.len());
    let before = (
        index.resources.len(),
        index.scopes.len(),
        index.metrics.len(),
    );
    if stays && counts == before {
        return None;
    }
    Some(write(&tree, request, &scopes, &metrics))
}

/// A request on its way into a tree.
struct Regrouping<'a> {
    request: &'a Request,
    moves: &'a Moves,
    tree: Tree,
    /// The fields around each scope, and of each metric.
    scopes: Vec<Vec<u8>>,
    metrics: Vec<Fields>,
    /// Equal scopes, and metrics that go together, have equal numbers.
    scope_ids: Vec<u32>,
    metric_ids: Vec<u32>,
    /// The resource of the tree that a resource and group lead to.
    resource_of: HashMap<(u32, u32), u32>,
    resource_ids: Identities,
    scope_of: HashMap<(u32, u32), u32>,
    /// The resource, group and scope asked for last, and where they lead: neighbours go together.
    last_scope: Option<((u32, u32, u32), u32)>,
    metric_of: HashMap<(u32, u32), u32>,
}

impl<'a> Regrouping<'a> {
    fn new(request: &'a Request, moves: &'a Moves) -> Self {
        let index = &request.index;
        let scopes = 0..index.scopes.len() as u32;
        let scopes: Vec<Vec<u8>> = scopes.map(|scope| scope_fields(request, scope)).collect();
        let metrics = index.metrics.iter();
        let metrics: Vec<Fields> = metrics.map(|group| metric_fields(request, group)).collect();
        let mut identities = Identities::default();
        let scope_ids = scopes.iter();
        let scope_ids = scope_ids.map(|fields| identities.around(Context::Scope, fields));
        let scope_ids = scope_ids.collect();
        let mut identities = Identities::default();
        let metric_ids = metrics.iter().map(|fields| identities.metric(fields));
        let metric_ids = metric_ids.collect();
        Regrouping {
            request,
            moves,
            tree: Tree::default(),
            scopes,
            metrics,
            scope_ids,
            metric_ids,
            resource_of: HashMap::new(),
            resource_ids: Identities::default(),
            scope_of: HashMap::new(),
            last_scope: None,
            metric_of: HashMap::new(),
        }
    }

    /// Puts every item into its place, and what has none below where it was.
    fn items(&mut self, group_of: &[u32]) {
        let index = &self.request.index;
        let group = |item: u32| group_of.get(item as usize).copied().unwrap_or(ABSENT);
        for (resource, above) in (0u32..).zip(&index.resources) {
            if above.first == above.last {
                self.resource(resource, ABSENT);
            }
            let scopes = index.scopes.get(above.first as usize..above.last as usize);
            for (scope, above) in (above.first..).zip(scopes.unwrap_or(&[])) {
                if above.first == above.last {
                    self.scope(resource, ABSENT, scope);
                }
                if index.signal != Signal::Metrics {
                    for item in above.first..above.last {
                        let at = self.scope(resource, group(item), scope);
                        if let Some(node) = self.tree.scopes.get_mut(at as usize) {
                            node.items.push(item);
                        }
                    }
                    continue;
                }
                let metrics = index.metrics.get(above.first as usize..above.last as usize);
                for (metric, above) in (above.first..).zip(metrics.unwrap_or(&[])) {
                    if above.first == above.last {
                        let scope = self.scope(resource, ABSENT, scope);
                        self.metric(scope, metric);
                    }
                    for item in above.first..above.last {
                        let scope = self.scope(resource, group(item), scope);
                        let at = self.metric(scope, metric);
                        if let Some(node) = self.tree.metrics.get_mut(at as usize) {
                            node.points.push(item);
                        }
                    }
                }
            }
        }
    }

    /// The resource of the tree for a resource with what a group has on top.
    fn resource(&mut self, resource: u32, group: u32) -> u32 {
        if let Some(known) = self.resource_of.get(&(resource, group)) {
            return *known;
        }
        let fields = resource_with(self.request, resource, self.moves.entries(group));
        let number = self.resource_ids.around(Context::Resource, &fields);
        // Numbers are given as new resources come.
        if number as usize == self.tree.resources.len() {
            self.tree.resources.push(ResourceNode {
                fields,
                scopes: Vec::new(),
            });
        }
        self.resource_of.insert((resource, group), number);
        number
    }

    /// The scope of the tree for a scope below a resource with what a group has on top.
    fn scope(&mut self, resource: u32, group: u32, scope: u32) -> u32 {
        let asked = (resource, group, scope);
        if let Some((known, number)) = self.last_scope
            && known == asked
        {
            return number;
        }
        let resource = self.resource(resource, group);
        let number = self.scope_below(resource, scope);
        self.last_scope = Some((asked, number));
        number
    }

    /// The scope of a resource of the tree.
    fn scope_below(&mut self, resource: u32, scope: u32) -> u32 {
        let id = self.scope_ids.get(scope as usize).copied().unwrap_or(scope);
        if let Some(known) = self.scope_of.get(&(resource, id)) {
            return *known;
        }
        let number = self.tree.scopes.len() as u32;
        self.tree.scopes.push(ScopeNode {
            of: scope,
            metrics: Vec::new(),
            items: Vec::new(),
        });
        if let Some(node) = self.tree.resources.get_mut(resource as usize) {
            node.scopes.push(number);
        }
        self.scope_of.insert((resource, id), number);
        number
    }

    /// The metric of a scope of the tree.
    fn metric(&mut self, scope: u32, metric: u32) -> u32 {
        let id = self.metric_ids.get(metric as usize).copied();
        let key = (scope, id.unwrap_or(metric));
        if let Some(known) = self.metric_of.get(&key) {
            return *known;
        }
        let number = self.tree.metrics.len() as u32;
        self.tree.metrics.push(MetricNode {
            of: metric,
            points: Vec::new(),
        });
        if let Some(node) = self.tree.scopes.get_mut(scope as usize) {
            node.metrics.push(number);
        }
        self.metric_of.insert(key, number);
        number
    }
}
