//! Spans as rows of tables, and back.

use super::spans::{
    AttrList, Event, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, Spans,
};
use crate::Context;

/// Every context's rows, each with its row in the parent's table.
pub(super) struct Flat {
    pub received_unix_nano: u64,
    pub resources: Vec<Resource>,
    pub scopes: Vec<(u32, Scope)>,
    pub spans: Vec<(u32, Span)>,
    pub events: Vec<(u32, Event)>,
    pub links: Vec<(u32, Link)>,
}

impl Flat {
    pub fn new(spans: &Spans) -> Self {
        let mut flat = Flat {
            received_unix_nano: spans.received_unix_nano,
            resources: Vec::new(),
            scopes: Vec::new(),
            spans: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
        };
        for resource in &spans.resources {
            for scope in &resource.scopes {
                for span in &scope.spans {
                    let row = flat.spans.len() as u32;
                    flat.events
                        .extend(span.events.iter().map(|event| (row, event.clone())));
                    flat.links
                        .extend(span.links.iter().map(|link| (row, link.clone())));
                    let span = Span {
                        events: Vec::new(),
                        links: Vec::new(),
                        ..span.clone()
                    };
                    flat.spans.push((flat.scopes.len() as u32, span));
                }
                flat.scopes
                    .push((flat.resources.len() as u32, scope.scope.clone()));
            }
            flat.resources.push(resource.resource.clone());
        }
        flat
    }

    pub fn rows(&self, context: Context) -> usize {
        match context {
            Context::Resource => self.resources.len(),
            Context::Scope => self.scopes.len(),
            Context::Span => self.spans.len(),
            Context::SpanEvent => self.events.len(),
            Context::SpanLink => self.links.len(),
            Context::Log | Context::Metric | Context::DataPoint => 0,
        }
    }

    pub fn parents(&self, context: Context) -> Vec<u32> {
        match context {
            Context::Resource => Vec::new(),
            Context::Scope => self.scopes.iter().map(|row| row.0).collect(),
            Context::Span => self.spans.iter().map(|row| row.0).collect(),
            Context::SpanEvent => self.events.iter().map(|row| row.0).collect(),
            Context::SpanLink => self.links.iter().map(|row| row.0).collect(),
            Context::Log | Context::Metric | Context::DataPoint => Vec::new(),
        }
    }

    pub fn attributes(&mut self, context: Context, row: usize) -> &mut AttrList {
        match context {
            Context::Resource => &mut self.resources[row].attributes,
            Context::Scope => &mut self.scopes[row].1.attributes,
            Context::Span => &mut self.spans[row].1.attributes,
            Context::SpanEvent => &mut self.events[row].1.attributes,
            Context::SpanLink => &mut self.links[row].1.attributes,
            Context::Log | Context::Metric | Context::DataPoint => {
                panic!("spans have no {}", context.prefix())
            }
        }
    }

    /// The spans again, without the rows dropped and what became empty by that.
    pub fn into_spans(self, dropped_spans: &[u8], dropped_events: &[u8]) -> Spans {
        let dropped = |verdicts: &[u8], row: usize| verdicts.get(row) == Some(&1);
        let mut spans: Vec<(u32, Span)> = self.spans;
        for (row, (span, event)) in self.events.into_iter().enumerate() {
            if !dropped(dropped_events, row) {
                spans[span as usize].1.events.push(event);
            }
        }
        for (span, link) in self.links {
            spans[span as usize].1.links.push(link);
        }
        let mut scopes: Vec<(u32, ScopeSpans, bool)> = self
            .scopes
            .into_iter()
            .map(|(resource, scope)| {
                (
                    resource,
                    ScopeSpans {
                        scope,
                        spans: Vec::new(),
                    },
                    false,
                )
            })
            .collect();
        for (row, (scope, span)) in spans.into_iter().enumerate() {
            let scope = &mut scopes[scope as usize];
            if dropped(dropped_spans, row) {
                scope.2 = true;
            } else {
                scope.1.spans.push(span);
            }
        }
        let mut resources: Vec<(ResourceSpans, bool)> = self
            .resources
            .into_iter()
            .map(|resource| {
                (
                    ResourceSpans {
                        resource,
                        scopes: Vec::new(),
                    },
                    false,
                )
            })
            .collect();
        for (resource, scope, emptied) in scopes {
            let resource = &mut resources[resource as usize];
            if scope.spans.is_empty() && emptied {
                resource.1 = true;
            } else {
                resource.0.scopes.push(scope);
            }
        }
        Spans {
            received_unix_nano: self.received_unix_nano,
            resources: resources
                .into_iter()
                .filter(|(resource, emptied)| !(resource.scopes.is_empty() && *emptied))
                .map(|(resource, _)| resource)
                .collect(),
        }
    }
}
