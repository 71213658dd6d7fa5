//! Paths: what they name, and which columns that takes.

use spanmill_sdk::Context;

use crate::ast::{Key, Path};
use crate::check::Checker;
use crate::contexts::{Named, named};
use crate::datum::Datum;
use crate::error::OttlError;
use crate::expression::Expression;
use crate::field::{Field, View};
use crate::paths::{Declaring, spelled};

impl Checker<'_> {
    pub(crate) fn path(&mut self, path: &Path) -> Result<Expression, OttlError> {
        if let Some(local) = self.local(path)? {
            return Ok(local);
        }
        let (field, keys) = self.field(path)?;
        Ok(Expression::Field(field, keys))
    }

    /// The parameter of a lambda that a path names, if it names one.
    fn local(&mut self, path: &Path) -> Result<Option<Expression>, OttlError> {
        let Some((first, rest)) = path.segments.split_first() else {
            return Ok(None);
        };
        // The innermost of a name hides the others.
        let Some(at) = self.locals.iter().rposition(|name| *name == first.name) else {
            return Ok(None);
        };
        if !rest.is_empty() {
            let message = format!("`{}` is a parameter, which has no fields", first.name);
            return Err(OttlError::at(path.position, message));
        }
        let local = Expression::Local(at);
        let keys = self.keys(&first.keys)?;
        Ok(Some(match keys.is_empty() {
            true => local,
            false => Expression::Index(Box::new(local), keys),
        }))
    }

    /// The field that a path means, and what stands in brackets behind it.
    pub(crate) fn field(&mut self, path: &Path) -> Result<(Field, Vec<Expression>), OttlError> {
        let position = path.position;
        let fail = |message: String| Err(OttlError::at(position, message));
        let Named { context, rest } = named(path);
        let context = match context {
            Some(context) => context,
            None if self.prefixed => {
                return fail(format!(
                    "a path must name its context here; write `{}.{}`",
                    self.context.prefix(),
                    spelled(&path.segments)
                ));
            }
            None => self.context,
        };
        let visible = std::iter::successors(Some(self.context), |context| context.parent())
            .any(|above| above == context);
        if !visible {
            return fail(format!(
                "a {} does not see {} fields",
                self.context.prefix(),
                context.prefix()
            ));
        }
        let Some((last, before)) = rest.split_last() else {
            return fail("a path must name a field".to_owned());
        };
        let name = spelled(rest);
        if before.iter().any(|segment| !segment.keys.is_empty()) {
            return fail(format!(
                "brackets stand at the end of a path; `{name}` has them before it"
            ));
        }
        if name == "cache" {
            return self.cache(context, path);
        }
        let key = match last.keys.first() {
            Some(Key::Text(key)) => Some(key.as_str()),
            _ => None,
        };
        let mut declaring = Declaring {
            slots: self.slots,
            contract: self.contract,
        };
        let (field, is_in_field) = declaring.field(context, &name, key, position)?;
        let keys = last.keys.get(usize::from(is_in_field)..).unwrap_or(&[]);
        let keys = self.keys(keys)?;
        let takes_keys = matches!(
            field.view,
            View::Value | View::Body | View::Entries | View::TraceState | View::Header
        );
        if !keys.is_empty() && !takes_keys {
            return fail(format!("`{}` takes no brackets", field.name));
        }
        Ok((field, keys))
    }

    /// What a row has for itself while its statements run.
    fn cache(
        &mut self,
        context: Context,
        path: &Path,
    ) -> Result<(Field, Vec<Expression>), OttlError> {
        if context != self.context {
            let message = format!(
                "there is one cache, that of the {}: write `{}.cache`",
                self.context.prefix(),
                self.context.prefix()
            );
            return Err(OttlError::at(path.position, message));
        }
        let field = Field {
            context,
            place: self.slots.cache(context),
            view: View::Cache,
            of_types: None,
            name: format!("{}.cache", context.prefix()),
        };
        let keys = path.segments.last().map_or(&[][..], |last| &last.keys);
        Ok((field, self.keys(keys)?))
    }

    pub(crate) fn keys(&mut self, keys: &[Key]) -> Result<Vec<Expression>, OttlError> {
        let key = |key: &Key| {
            Ok(match key {
                Key::Text(text) => Expression::Constant(Datum::text(text.clone())),
                Key::Int(place) => Expression::Constant(Datum::Int(*place)),
                Key::Value(value) => self.value(value)?,
            })
        };
        keys.iter().map(key).collect()
    }
}
