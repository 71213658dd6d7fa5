//! Maps: their keys and their values.

use spanmill_sdk::{Value, nested};

use crate::coerce::Kind::Map;
use crate::datum::ListBuilder;
use crate::function::Make::Plain;
use crate::function::{Answer, Input, Signature, converter, takes};

pub(super) static FUNCTIONS: &[Signature] = &[
    converter("Keys", &[takes("target", Map)], Plain(keys)),
    converter("Values", &[takes("target", Map)], Plain(values)),
];

fn keys<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let mut list = ListBuilder::default();
    for (key, _) in nested::entries(input.map(0)?) {
        list.push_value(&Value::Text(key));
    }
    Ok(list.finish())
}

fn values<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let mut list = ListBuilder::default();
    for (_, value) in nested::entries(input.map(0)?) {
        list.push_value(&value);
    }
    Ok(list.finish())
}
