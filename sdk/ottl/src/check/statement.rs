//! Statements: which editor, what it writes, and what it needs to know.

use spanmill_sdk::Context;

use crate::action::{Action, Edit, EntriesEdit, Merge};
use crate::ast::{self, Comparison, Value};
use crate::check::Checker;
use crate::check::call::{Given, arguments_of, bound};
use crate::coerce::Kind;
use crate::datum::Datum;
use crate::editor::{Does, Editor, MapChange, Prepared};
use crate::editors::{Strategy, delete_key, editor_of, merge, of_values, strategy};
use crate::error::{OttlError, Position};
use crate::expression::{Arguments, Call, Expression, Test};
use crate::field::{Field, View};
use crate::function::{Constant, Constants, function};
use crate::mask::Tree;
use crate::paths::{Declaring, is_writable};
use crate::span_name;
use crate::statement::Compiled;
use crate::target::Target;

impl Checker<'_> {
    pub(crate) fn statement(&mut self, statement: &ast::Statement) -> Result<Compiled, OttlError> {
        let actions = self.editor(&statement.editor)?;
        let condition = match &statement.condition {
            Some(condition) => Some(Tree::new(self.condition(condition)?, self.context)),
            None => None,
        };
        Ok(Compiled::new(condition, actions))
    }

    fn editor(&mut self, call: &ast::Call) -> Result<Vec<(Option<Tree>, Action)>, OttlError> {
        let fail = |message: String| Err(OttlError::at(call.position, message));
        let editor = editor_of(call)?;
        let arguments = bound(call, editor.parameters)?;
        if let Does::NameSpan = editor.does {
            return self.name_span(call, &arguments);
        }
        let mut given = Vec::new();
        let mut function = None;
        for (at, (argument, parameter)) in arguments.iter().zip(editor.parameters).enumerate() {
            given.push(match (argument, parameter.kind) {
                (None, _) | (_, Kind::Target | Kind::TargetMap | Kind::TargetList) => {
                    Given::nothing()
                }
                (Some(argument), Kind::Function) => {
                    function = Some(self.function_of_text(argument)?);
                    Given::nothing()
                }
                (Some(argument), kind) => self.argument(&call.name, at, argument, kind)?,
            });
        }
        let target = arguments.first().copied().flatten();
        let Some(target) = target else {
            return fail(format!("{} takes a path", call.name));
        };
        let Value::Path(path) = &target.value else {
            let message = format!("argument 1 of {} must be a path", call.name);
            return Err(OttlError::at(target.position, message));
        };
        // Without a map to look through, the key alone is written.
        if let (Does::DeleteKey, Some(Constant::Datum(Datum::Text(key)))) = (
            editor.does,
            given.get(1).and_then(|key| key.constant.as_ref()),
        ) && let Some(field) = self.attribute(path, key)?
        {
            return Ok(vec![(None, Action::Remove(field))]);
        }
        let target = self.target(path, target.position)?;
        let action = self.action(editor, call, target, given, function)?;
        Ok(vec![(None, action)])
    }

    /// The attribute of a key, if a path names all attributes of a context.
    fn attribute(&mut self, path: &ast::Path, key: &str) -> Result<Option<Field>, OttlError> {
        let Some(last) = path.segments.last() else {
            return Ok(None);
        };
        let named = crate::contexts::named(path);
        let context = named.context.unwrap_or(self.context);
        let is_whole = named.rest.len() == 1 && last.name == context.attributes();
        if !is_whole || !last.keys.is_empty() {
            return Ok(None);
        }
        let mut path = path.clone();
        if let Some(last) = path.segments.last_mut() {
            last.keys.push(ast::Key::Text(key.to_owned()));
        }
        Ok(Some(self.target(&path, path.position)?.field))
    }

    /// A field that is written.
    fn target(&mut self, path: &ast::Path, position: Position) -> Result<Target, OttlError> {
        let (field, keys) = self.field(path)?;
        let (context, slot) = (field.context, field.place.slot);
        let is_cache = field.view == View::Cache;
        let is_status = field.name == "span.status";
        let path = self.slots.list.get(slot).map_or("", |slot| &slot.path);
        if !is_cache && (is_status || !is_writable(context, path)) {
            let message = match is_status {
                true => "write `status.code` and `status.message`".to_owned(),
                false => format!("plugins cannot write `{}`", field.name),
            };
            return Err(OttlError::at(position, message));
        }
        self.slots.write(self.contract, slot);
        Ok(Target { field, keys })
    }

    fn action(
        &self,
        editor: &Editor,
        call: &ast::Call,
        target: Target,
        given: Vec<Given>,
        function: Option<crate::function::Function>,
    ) -> Result<Action, OttlError> {
        let values: Vec<Option<Constant>> =
            given.iter().map(|given| given.constant.clone()).collect();
        let is_given: Vec<bool> = given.iter().map(Given::is_given).collect();
        let prepared = Prepared {
            constants: Constants {
                parameters: editor.parameters,
                values: &values,
                given: &is_given,
            },
            function,
            has_list: call.arguments.iter().enumerate().any(|(place, argument)| {
                argument
                    .name
                    .as_deref()
                    .map_or(place == 1, |name| name == "value")
                    && matches!(argument.value, Value::List(_))
            }),
        };
        let arguments = arguments_of(given, editor.parameters);
        let is_list = target.field.view == View::Entries && target.keys.is_empty();
        let wrong = |why: String| OttlError::at(call.position, format!("{}: {why}", call.name));
        let edit = |change, arguments: Arguments| {
            Action::Edit(Box::new(Edit::new(target.clone(), change, arguments)))
        };
        let merged = |strategy, arguments| {
            Action::Merge(Box::new(Merge::new(
                target.field.clone(),
                strategy,
                arguments,
            )))
        };
        let of_map = |change: MapChange, arguments| match is_list {
            true => Action::Entries(Box::new(EntriesEdit::new(
                target.field.clone(),
                change,
                arguments,
            ))),
            false => edit(Some(of_values(change)), arguments),
        };
        Ok(match editor.does {
            Does::Set if is_list => merged(Strategy::Replace, arguments),
            Does::Set => edit(None, arguments),
            Does::Merge => {
                let strategy = strategy(&prepared).map_err(wrong)?;
                match is_list {
                    true => merged(strategy, arguments),
                    false => edit(Some(merge(strategy)), arguments),
                }
            }
            Does::DeleteKey => of_map(MapChange::Whole(delete_key()), arguments),
            Does::ChangeMap(make) => of_map(make(&prepared).map_err(wrong)?, arguments),
            Does::Change(_) if is_list => {
                return Err(wrong(
                    "it takes a single value, not all attributes".to_owned(),
                ));
            }
            Does::Change(make) => edit(Some(make(&prepared).map_err(wrong)?), arguments),
            Does::NameSpan | Does::Not(_) => {
                return Err(wrong("it stands alone".to_owned()));
            }
        })
    }

    /// Names spans by the semantic conventions, and keeps the name that they had if it was another.
    fn name_span(
        &mut self,
        call: &ast::Call,
        arguments: &[Option<&ast::Argument>],
    ) -> Result<Vec<(Option<Tree>, Action)>, OttlError> {
        let fail = |message: &str| {
            let message = format!("{}: {message}", call.name);
            Err(OttlError::at(call.position, message))
        };
        if self.context != Context::Span {
            return fail("it is for spans only");
        }
        let mut texts = Vec::new();
        for (at, argument) in arguments.iter().enumerate() {
            let text = match argument {
                Some(argument) => self.argument(&call.name, at, argument, Kind::LiteralText)?,
                None => Given::nothing(),
            };
            texts.push(match text.constant {
                Some(Constant::Datum(Datum::Text(text))) => Some(text.into_owned()),
                _ => None,
            });
        }
        let mut texts = texts.into_iter();
        let version = texts.next().flatten().unwrap_or_default();
        if !span_name::knows(&version) {
            return fail("the versions of the semantic conventions are 1.37.0 to 1.40.0");
        }
        let kept = texts.next().flatten();
        if kept.as_deref() == Some("") {
            return fail("the attribute for the original name is not empty");
        }
        let mut values = Vec::new();
        let field = |checker: &mut Self, name: &str, key: Option<&str>| {
            let mut declaring = Declaring {
                slots: checker.slots,
                contract: checker.contract,
            };
            declaring
                .field(Context::Span, name, key, call.position)
                .map(|(field, _)| field)
        };
        let name = field(self, "name", None)?;
        for of in ["name", "kind"] {
            let field = field(self, of, None)?;
            values.push((Kind::Any, Some(Expression::Field(field, Vec::new()))));
        }
        for key in span_name::KEYS {
            let field = field(self, "attributes", Some(key))?;
            values.push((Kind::Any, Some(Expression::Field(field, Vec::new()))));
        }
        let derived = Expression::Call(Call {
            function: function(|input| Ok(Datum::text(span_name::derived(input)))),
            arguments: Arguments {
                values,
                list: (Kind::Any, Vec::new()),
            },
        });
        let set = |field: Field, value: Expression| {
            let target = Target {
                field,
                keys: Vec::new(),
            };
            let arguments = Arguments {
                values: vec![(Kind::Any, None), (Kind::Any, Some(value))],
                list: (Kind::Any, Vec::new()),
            };
            Action::Edit(Box::new(Edit::new(target, None, arguments)))
        };
        let mut actions = Vec::new();
        if let Some(key) = kept {
            let kept = field(self, "attributes", Some(&key))?;
            self.slots.write(self.contract, kept.place.slot);
            let old = Expression::Field(name.clone(), Vec::new());
            let differs = Test::Compare(derived.clone(), Comparison::NotEqual, old.clone());
            let differs = Tree::new(differs, Context::Span);
            actions.push((Some(differs), set(kept, old)));
        }
        self.slots.write(self.contract, name.place.slot);
        actions.push((None, set(name, derived)));
        Ok(actions)
    }
}
