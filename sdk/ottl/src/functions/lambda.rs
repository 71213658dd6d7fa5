//! Functions that take lambdas, and such that look at some of their arguments only.

use crate::coerce::Kind::{Any, Lambda, Values};
use crate::function::Make::Special;
use crate::function::Special::{
    All, Any as AnyOf, Coalesce, Filter, Find, MapEach, MapKeys, Reduce, When,
};
use crate::function::{Signature, any, converter, may_take, predicate, takes};

pub(super) static FUNCTIONS: &[Signature] = &[
    predicate(
        "All",
        &[takes("source", Any), takes("predicate", Lambda(2))],
        Special(All),
    ),
    predicate(
        "Any",
        &[takes("source", Any), takes("predicate", Lambda(2))],
        Special(AnyOf),
    ),
    any("Coalesce", &[takes("values", Values)], Special(Coalesce)),
    converter(
        "Filter",
        &[takes("source", Any), takes("predicate", Lambda(2))],
        Special(Filter),
    ),
    any(
        "Find",
        &[
            takes("source", Any),
            takes("predicate", Lambda(2)),
            may_take("mapper", Lambda(2)),
        ],
        Special(Find),
    ),
    converter(
        "MapEach",
        &[takes("source", Any), takes("mapper", Lambda(2))],
        Special(MapEach),
    ),
    converter(
        "MapKeys",
        &[takes("source", Any), takes("key_mapper", Lambda(2))],
        Special(MapKeys),
    ),
    any(
        "Reduce",
        &[
            takes("source", Any),
            takes("seed", Any),
            takes("accumulator", Lambda(3)),
        ],
        Special(Reduce),
    ),
    any(
        "When",
        &[
            takes("condition", Lambda(0)),
            takes("true_value", Any),
            takes("false_value", Any),
        ],
        Special(When),
    ),
];
