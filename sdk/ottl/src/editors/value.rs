//! Editors of a single value.

use spanmill_sdk::nested;

use crate::datum::{Datum, Failure, ListBuilder};
use crate::editor::{Change, Prepared, change};

pub(super) fn append(prepared: &Prepared<'_>) -> Result<Change, String> {
    let has_one = prepared.constants.is_given("value");
    if !has_one && !prepared.constants.is_given("values") {
        return Err("it takes `value`, `values` or both".to_owned());
    }
    // A list that stands there as it is becomes an item, as in the Collector; one that is read is refused.
    let is_written = has_one && prepared.has_list;
    Ok(change(move |old, input| {
        let mut list = ListBuilder::default();
        match old {
            Datum::Nil => {}
            Datum::List(items) => {
                nested::items(items).for_each(|item| list.push_value(&item));
            }
            old => push(&mut list, old)?,
        }
        match input.value(1) {
            value if is_written => list.push(value)?,
            value if has_one => push(&mut list, value)?,
            _ => {}
        }
        for value in input.list {
            list.push(value)?;
        }
        Ok(Some(list.finish()))
    }))
}

fn push(list: &mut ListBuilder, value: &Datum<'_>) -> Result<(), Failure> {
    match value {
        Datum::List(_) | Datum::Map(_) => Err("append takes single values, not lists and maps"),
        value => list.push(value),
    }
}

pub(super) fn delete_index(prepared: &Prepared<'_>) -> Result<Change, String> {
    let has_end = prepared.constants.is_given("end_index");
    Ok(change(move |old, input| {
        let Datum::List(list) = old else {
            return Err("delete_index takes a list");
        };
        let count = nested::items(list).count() as i64;
        let start = input.int(1)?;
        let end = if has_end { input.int(2)? } else { start + 1 };
        let is_all = start == 0 && end == count;
        if !is_all && (start < 0 || start >= count || end < start || end > count) {
            return Err("delete_index got places that are beyond the list");
        }
        if start == end {
            return Ok(None);
        }
        let mut rest = ListBuilder::default();
        for (at, item) in nested::items(list).enumerate() {
            if !(start..end).contains(&(at as i64)) {
                rest.push_value(&item);
            }
        }
        Ok(Some(rest.finish()))
    }))
}
