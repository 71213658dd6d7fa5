//! The tree of a statement or a condition as it was written, before any name in it means something.

use crate::error::Position;

/// `editor(arguments) where condition`.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What is done.
    pub editor: Call,
    /// When; always, if there is none.
    pub condition: Option<Condition>,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// `true` or `false`.
    Literal(bool),
    /// A function that answers true or false.
    Call(Call),
    /// `not x`.
    Not(Box<Condition>),
    /// `x and y`.
    And(Box<Condition>, Box<Condition>),
    /// `x or y`.
    Or(Box<Condition>, Box<Condition>),
    /// `left op right`.
    Compare {
        /// The left side.
        left: Value,
        /// How the sides are compared.
        operator: Comparison,
        /// The right side.
        right: Value,
    },
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// An arithmetic operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Value {
    Nil,
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Bytes(Vec<u8>),
    /// `[a, b]`.
    List(Vec<Value>),
    /// `{"a": 1}`.
    Map(Vec<(String, Value)>),
    /// `STATUS_CODE_ERROR`, or the name of a function, and where it stands.
    Name(String, Position),
    Path(Path),
    Call(Call),
    /// `left op right`, and where the operator stands.
    Math(Box<Value>, Arithmetic, Box<Value>, Position),
    /// `-value`.
    Negative(Box<Value>, Position),
    /// `(a, b) => body`.
    Lambda(Box<Lambda>),
}

/// `resource.attributes["k"]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The names between the dots, each with its keys.
    pub segments: Vec<Segment>,
    /// Where it starts.
    pub position: Position,
}

/// One name of a path.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// The name.
    pub name: String,
    /// What stands in brackets after it.
    pub keys: Vec<Key>,
}

/// What stands in brackets.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// A key of a map.
    Text(String),
    /// A place in a list.
    Int(i64),
    /// What gives one of the two.
    Value(Box<Value>),
}

/// `Name(argument, ...)["key"]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function's name.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// What stands in brackets after it.
    pub keys: Vec<Key>,
    /// Where it starts.
    pub position: Position,
}

/// `name = value`, or a value alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// Its name, if that was given.
    pub name: Option<String>,
    /// Its value.
    pub value: Value,
    /// Where it starts.
    pub position: Position,
}

/// `(a, b) => body`.
#[derive(Debug, Clone, PartialEq)]
pub struct Lambda {
    /// What it takes; `_` is not used.
    pub parameters: Vec<String>,
    /// What it gives.
    pub body: Body,
    /// Where it starts.
    pub position: Position,
}

/// What a lambda gives.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Body {
    Value(Value),
    Condition(Condition),
}

/// Something that is met on a walk through a tree.
#[derive(Debug, Clone, Copy)]
pub enum Met<'a> {
    /// A path of telemetry, not a parameter of a lambda.
    Path(&'a Path),
    /// A function or an editor.
    Call(&'a Call),
}

impl Statement {
    /// Calls `visit` for every path and every call in the statement.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(Met<'a>)) {
        self.editor.walk(&mut Vec::new(), visit);
        if let Some(condition) = &self.condition {
            condition.walk(visit);
        }
    }
}

impl Condition {
    /// Calls `visit` for every path and every call in the condition.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(Met<'a>)) {
        self.walk_within(&mut Vec::new(), visit);
    }

    fn walk_within<'a>(&'a self, locals: &mut Vec<&'a str>, visit: &mut dyn FnMut(Met<'a>)) {
        match self {
            Condition::Literal(_) => {}
            Condition::Call(call) => call.walk(locals, visit),
            Condition::Not(inner) => inner.walk_within(locals, visit),
            Condition::And(left, right) | Condition::Or(left, right) => {
                left.walk_within(locals, visit);
                right.walk_within(locals, visit);
            }
            Condition::Compare { left, right, .. } => {
                left.walk(locals, visit);
                right.walk(locals, visit);
            }
        }
    }
}

impl Value {
    fn walk<'a>(&'a self, locals: &mut Vec<&'a str>, visit: &mut dyn FnMut(Met<'a>)) {
        match self {
            Value::Path(path) => {
                let first = path.segments.first().map(|segment| segment.name.as_str());
                if !first.is_some_and(|first| locals.contains(&first)) {
                    visit(Met::Path(path));
                }
                let keys = path.segments.iter().flat_map(|segment| &segment.keys);
                keys.for_each(|key| key.walk(locals, visit));
            }
            Value::Call(call) => call.walk(locals, visit),
            Value::List(items) => items.iter().for_each(|item| item.walk(locals, visit)),
            Value::Map(entries) => entries
                .iter()
                .for_each(|(_, entry)| entry.walk(locals, visit)),
            Value::Math(left, _, right, _) => {
                left.walk(locals, visit);
                right.walk(locals, visit);
            }
            Value::Negative(inner, _) => inner.walk(locals, visit),
            Value::Lambda(lambda) => {
                let before = locals.len();
                locals.extend(lambda.parameters.iter().map(String::as_str));
                match &lambda.body {
                    Body::Value(value) => value.walk(locals, visit),
                    Body::Condition(condition) => condition.walk_within(locals, visit),
                }
                locals.truncate(before);
            }
            _ => {}
        }
    }
}

impl Key {
    fn walk<'a>(&'a self, locals: &mut Vec<&'a str>, visit: &mut dyn FnMut(Met<'a>)) {
        if let Key::Value(value) = self {
            value.walk(locals, visit);
        }
    }
}

impl Call {
    fn walk<'a>(&'a self, locals: &mut Vec<&'a str>, visit: &mut dyn FnMut(Met<'a>)) {
        visit(Met::Call(self));
        for argument in &self.arguments {
            argument.value.walk(locals, visit);
        }
        self.keys.iter().for_each(|key| key.walk(locals, visit));
    }
}
