//! A value for each context.

use crate::Context;

/// A value for each context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerContext<T>([T; Context::ALL.len()]);

impl<T> PerContext<T> {
    /// Makes the value of each context.
    pub fn new(make: impl FnMut(Context) -> T) -> Self {
        PerContext(Context::ALL.map(make))
    }

    /// The value of a context.
    #[inline(always)]
    pub const fn get(&self, context: Context) -> &T {
        let PerContext([resource, scope, span, event, link, log, metric, point]) = self;
        match context {
            Context::Resource => resource,
            Context::Scope => scope,
            Context::Span => span,
            Context::SpanEvent => event,
            Context::SpanLink => link,
            Context::Log => log,
            Context::Metric => metric,
            Context::DataPoint => point,
        }
    }

    /// The value of a context, to be changed.
    #[inline(always)]
    pub const fn get_mut(&mut self, context: Context) -> &mut T {
        let PerContext([resource, scope, span, event, link, log, metric, point]) = self;
        match context {
            Context::Resource => resource,
            Context::Scope => scope,
            Context::Span => span,
            Context::SpanEvent => event,
            Context::SpanLink => link,
            Context::Log => log,
            Context::Metric => metric,
            Context::DataPoint => point,
        }
    }

    /// Every context's value, in the order of [`Context::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Context, &T)> {
        Context::ALL.into_iter().zip(&self.0)
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Context, &mut T)> {
        Context::ALL.into_iter().zip(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_context_has_its_own_value() {
        let mut each = PerContext::new(Context::prefix);
        for context in Context::ALL {
            assert_eq!(*each.get(context), context.prefix());
            *each.get_mut(context) = "";
        }
        assert!(each.iter().all(|(_, value)| value.is_empty()));
    }
}
