//! The tree of a condition as it was written, before any name in it means something.

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
    /// `STATUS_CODE_ERROR`, and the column it stands in.
    Enum(String, usize),
    Path(Path),
    Call(Call),
    /// `left op right`, and the column of the operator.
    Math(Box<Value>, Arithmetic, Box<Value>, usize),
}

/// `resource.attributes["k"]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The names between the dots, each with its keys.
    pub segments: Vec<Segment>,
    /// The column it starts in.
    pub column: usize,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A key of a map.
    Text(String),
    /// A place in a list.
    Int(i64),
}

/// `Name(argument, ...)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function's name.
    pub name: String,
    /// Its arguments, each with its name if that was given.
    pub arguments: Vec<(Option<String>, Value)>,
    /// The column it starts in.
    pub column: usize,
}

impl Condition {
    /// Calls `visit` for every path in the condition.
    pub fn paths<'a>(&'a self, visit: &mut impl FnMut(&'a Path)) {
        match self {
            Condition::Literal(_) => {}
            Condition::Call(call) => call.paths(visit),
            Condition::Not(inner) => inner.paths(visit),
            Condition::And(left, right) | Condition::Or(left, right) => {
                left.paths(visit);
                right.paths(visit);
            }
            Condition::Compare { left, right, .. } => {
                left.paths(visit);
                right.paths(visit);
            }
        }
    }
}

impl Value {
    fn paths<'a>(&'a self, visit: &mut impl FnMut(&'a Path)) {
        match self {
            Value::Path(path) => visit(path),
            Value::Call(call) => call.paths(visit),
            Value::List(items) => items.iter().for_each(|item| item.paths(visit)),
            Value::Math(left, _, right, _) => {
                left.paths(visit);
                right.paths(visit);
            }
            _ => {}
        }
    }
}

impl Call {
    fn paths<'a>(&'a self, visit: &mut impl FnMut(&'a Path)) {
        self.arguments
            .iter()
            .for_each(|(_, value)| value.paths(visit));
    }
}
