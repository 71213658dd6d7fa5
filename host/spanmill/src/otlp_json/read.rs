//! The walk over the text, by the tables. serde_json reads, and asks the visitors here at each value.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::JsonError;
use super::scalar::{self, Scalar};
use super::tables::{Field, Kind, Message, Rule};
use super::write::Writer;

/// Levels of nested messages: what the check of protobuf allows, and decoders do. It bounds the stack as well.
const DEPTH: usize = 100;

/// Reads a JSON object, or null, as a message.
pub(super) fn transcode(json: &[u8], message: &'static Message) -> Result<Vec<u8>, JsonError> {
    let mut walk = Walk {
        // Names and quotes go: most requests shrink to less than half.
        writer: Writer::with_room_for(json.len() / 2),
        depth: 0,
        path: Vec::new(),
        expected: "an object",
        problem: None,
    };
    let mut reader = serde_json::Deserializer::from_slice(json);
    // Nesting is counted in messages, here; what is skipped is skipped without a stack.
    reader.disable_recursion_limit();
    let request = Body {
        walk: &mut walk,
        message,
    };
    match request.deserialize(&mut reader).and_then(|()| reader.end()) {
        Ok(()) => Ok(walk.writer.finish()),
        Err(error) => Err(JsonError::new(&error, Reason(&walk))),
    }
}

/// What is written so far, and where the reading is.
struct Walk {
    writer: Writer,
    depth: usize,
    path: Vec<Step>,
    /// What the value that is being read must be.
    expected: &'static str,
    /// What is wrong, if it is not that.
    problem: Option<Problem>,
}

enum Step {
    Field(&'static str),
    Item(usize),
}

enum Problem {
    Twice(&'static str),
    TooDeep,
    NullItem,
}

/// Says what is wrong, with the fields that lead there. Their names are OTLP's, never the sender's.
struct Reason<'w>(&'w Walk);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        let walk = self.0;
        let left_out = walk.path.len().saturating_sub(SHOWN);
        let mut separator = "";
        if left_out > 0 {
            f.write_str("...")?;
            separator = ".";
        } else if walk.path.is_empty() {
            f.write_str("the request")?;
        }
        for step in walk.path.iter().skip(left_out) {
            match step {
                Step::Field(name) => write!(f, "{separator}{name}")?,
                Step::Item(at) => write!(f, "[{at}]")?,
            }
            separator = ".";
        }
        match walk.problem {
            None => write!(f, " must be {}", walk.expected),
            Some(Problem::Twice(name)) => write!(f, " has {name} twice"),
            Some(Problem::TooDeep) => write!(f, " is nested more than {DEPTH} levels deep"),
            Some(Problem::NullItem) => f.write_str(" is null, which an item of a list cannot be"),
        }
    }
}

impl Walk {
    fn fail<E: de::Error>(&mut self, problem: Problem) -> E {
        self.problem = Some(problem);
        E::custom("")
    }

    /// Reads a message's fields, and writes them.
    fn message<'de, A: MapAccess<'de>>(
        &mut self,
        message: &'static Message,
        mut map: A,
    ) -> Result<(), A::Error> {
        let body = self.writer.position();
        let mut seen = 0_u32;
        let mut near = 0;
        while let Some(found) = map.next_key_seed(Name { message, near })? {
            let Some((at, field)) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            near = at + 1;
            let bit = 1 << (at & 31);
            if field.rule != Rule::Choice && seen & bit != 0 {
                return Err(self.fail(Problem::Twice(field.name)));
            }
            seen |= bit;
            self.path.push(Step::Field(field.name));
            map.next_value_seed(Value {
                walk: self,
                field,
                item: false,
                body,
            })?;
            self.path.pop();
        }
        Ok(())
    }
}

/// The request itself.
struct Body<'w> {
    walk: &'w mut Walk,
    message: &'static Message,
}

impl<'de> DeserializeSeed<'de> for Body<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.walk.expected)
    }

    /// As the Collector: null is a request without a span.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.walk.message(self.message, map)
    }
}

/// A field's name. Fields mostly come in one order, so the search begins behind the last one.
struct Name {
    message: &'static Message,
    near: usize,
}

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<(usize, &'static Field)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Option<(usize, &'static Field)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let fields = || self.message.fields.iter().enumerate();
        let mut rotated = fields().skip(self.near).chain(fields().take(self.near));
        Ok(rotated.find(|(_, field)| field.name == name || field.proto_name == name))
    }
}

/// A field's value, or an item of it.
struct Value<'w> {
    walk: &'w mut Walk,
    field: &'static Field,
    item: bool,
    /// Where the message begins that the field is of.
    body: usize,
}

impl Value<'_> {
    fn is_list(&self) -> bool {
        self.field.rule == Rule::Repeated && !self.item
    }

    /// The last of a choice counts; what was chosen before goes.
    fn choose(&mut self) {
        if self.field.rule == Rule::Choice {
            self.walk.writer.forget_from(self.body);
        }
    }

    fn scalar<E: de::Error>(mut self, value: Scalar<'_>) -> Result<(), E> {
        self.choose();
        if self.is_list() || scalar::write(&mut self.walk.writer, self.field, value).is_err() {
            return Err(E::custom(""));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.walk.expected = if self.is_list() {
            "a list"
        } else {
            scalar::expected(self.field.kind)
        };
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.walk.expected)
    }

    /// Null stands for the default, except in a list.
    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        if self.item {
            return Err(self.walk.fail(Problem::NullItem));
        }
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.scalar(Scalar::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.scalar(Scalar::Whole(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.scalar(Scalar::Whole(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.scalar(Scalar::Fraction(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.scalar(Scalar::Text(value))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<(), A::Error> {
        let Kind::Message(message) = self.field.kind else {
            return Err(de::Error::custom(""));
        };
        if self.is_list() {
            return Err(de::Error::custom(""));
        }
        if self.walk.depth == DEPTH {
            return Err(self.walk.fail(Problem::TooDeep));
        }
        self.choose();
        self.walk.depth += 1;
        let open = self.walk.writer.open(self.field.number);
        self.walk.message(message, map)?;
        self.walk.writer.close(open);
        self.walk.depth -= 1;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if !self.is_list() {
            return Err(de::Error::custom(""));
        }
        let Value {
            walk, field, body, ..
        } = self;
        for at in 0.. {
            walk.path.push(Step::Item(at));
            let item = Value {
                walk,
                field,
                item: true,
                body,
            };
            let more = items.next_element_seed(item)?;
            walk.path.pop();
            if more.is_none() {
                break;
            }
        }
        Ok(())
    }
}
