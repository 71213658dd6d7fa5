//! The table of editors.

mod map;
mod replace;
mod value;

use spanmill_sdk::closest;

use crate::ast::{Call, Statement};
use crate::coerce::Kind::{
    Any, Function, Int, LiteralBool, LiteralInt, LiteralText, LiteralTexts, Map, Target,
    TargetList, TargetMap, Text, Texts, Values,
};
use crate::editor::{Does, Editor, UNKNOWN};
use crate::error::OttlError;
use crate::function::{may_take, takes};
pub(crate) use map::{Strategy, delete_key, merge, of_values, strategy};

/// Why a metric cannot become one of another type.
const OTHER_TYPE: &str = "plugins cannot change the type of a metric";
/// Why there is no new metric.
const NEW_METRIC: &str = "plugins cannot add metrics to those of a batch";
/// Why points are not put together.
const NEW_POINTS: &str = "plugins cannot add data points to those of a batch";

const fn not(name: &'static str, why: &'static str) -> Editor {
    Editor {
        name,
        parameters: UNKNOWN,
        does: Does::Not(why),
    }
}

/// Why a statement's editor cannot be had, if it cannot.
pub fn unknown_editor(statement: &Statement) -> Option<OttlError> {
    editor_of(&statement.editor).err()
}

/// The editor that a call names.
pub(crate) fn editor_of(call: &Call) -> Result<&'static Editor, OttlError> {
    let editor = EDITORS.iter().find(|editor| editor.name == call.name);
    let editor = editor.ok_or_else(|| no_editor(call))?;
    match editor.does {
        Does::Not(why) => {
            let message = format!("{} is not supported: {why}", editor.name);
            Err(OttlError::at(call.position, message))
        }
        _ => Ok(editor),
    }
}

fn no_editor(call: &Call) -> OttlError {
    let Call { name, position, .. } = call;
    let names = EDITORS.iter().map(|editor| editor.name);
    let message = match closest(name, names) {
        Some(meant) => format!("there is no editor {name}; did you mean {meant}?"),
        None => format!("the editor {name} is not supported"),
    };
    OttlError::at(*position, message)
}

/// Every editor.
pub(crate) static EDITORS: &[Editor] = &[
    Editor {
        name: "append",
        parameters: &[
            takes("target", Target),
            may_take("value", Any),
            may_take("values", Values),
        ],
        does: Does::Change(value::append),
    },
    Editor {
        name: "delete_index",
        parameters: &[
            takes("target", TargetList),
            takes("start_index", Int),
            may_take("end_index", Int),
        ],
        does: Does::Change(value::delete_index),
    },
    Editor {
        name: "delete_key",
        parameters: &[takes("target", TargetMap), takes("key", Text)],
        does: Does::DeleteKey,
    },
    Editor {
        name: "delete_matching_keys",
        parameters: &[takes("target", TargetMap), takes("pattern", Text)],
        does: Does::ChangeMap(map::delete_matching_keys),
    },
    Editor {
        name: "flatten",
        parameters: &[
            takes("target", TargetMap),
            may_take("prefix", LiteralText),
            may_take("depth", LiteralInt),
            may_take("resolve_conflicts", LiteralBool),
        ],
        does: Does::ChangeMap(map::flatten),
    },
    Editor {
        name: "keep_keys",
        parameters: &[takes("target", TargetMap), takes("keys", Texts)],
        does: Does::ChangeMap(map::keep_keys),
    },
    Editor {
        name: "keep_matching_keys",
        parameters: &[takes("target", TargetMap), takes("pattern", Text)],
        does: Does::ChangeMap(map::keep_matching_keys),
    },
    Editor {
        name: "limit",
        parameters: &[
            takes("target", TargetMap),
            takes("limit", LiteralInt),
            takes("priority_keys", LiteralTexts),
        ],
        does: Does::ChangeMap(map::limit),
    },
    Editor {
        name: "merge_maps",
        parameters: &[
            takes("target", TargetMap),
            takes("source", Map),
            takes("strategy", LiteralText),
        ],
        does: Does::Merge,
    },
    Editor {
        name: "replace_all_matches",
        parameters: &[
            takes("target", TargetMap),
            takes("pattern", Text),
            takes("replacement", Text),
            may_take("function", Function),
            may_take("replacement_format", Text),
        ],
        does: Does::ChangeMap(replace::all_matches),
    },
    Editor {
        name: "replace_all_patterns",
        parameters: &[
            takes("target", TargetMap),
            takes("mode", LiteralText),
            takes("regex_pattern", Text),
            takes("replacement", Text),
            may_take("function", Function),
            may_take("replacement_format", Text),
        ],
        does: Does::ChangeMap(replace::all_patterns),
    },
    Editor {
        name: "replace_match",
        parameters: &[
            takes("target", Target),
            takes("pattern", Text),
            takes("replacement", Text),
            may_take("function", Function),
            may_take("replacement_format", Text),
        ],
        does: Does::Change(replace::one_match),
    },
    Editor {
        name: "replace_pattern",
        parameters: &[
            takes("target", Target),
            takes("regex_pattern", Text),
            takes("replacement", Text),
            may_take("function", Function),
            may_take("replacement_format", Text),
        ],
        does: Does::Change(replace::one_pattern),
    },
    Editor {
        name: "set",
        parameters: &[takes("target", Target), takes("value", Any)],
        does: Does::Set,
    },
    Editor {
        name: "set_semconv_span_name",
        parameters: &[
            takes("semconv_version", LiteralText),
            may_take("original_span_name_attribute", LiteralText),
        ],
        does: Does::NameSpan,
    },
    Editor {
        name: "stringify_all",
        parameters: &[takes("target", TargetMap)],
        does: Does::ChangeMap(map::stringify_all),
    },
    Editor {
        name: "truncate_all",
        parameters: &[
            takes("target", TargetMap),
            takes("limit", LiteralInt),
            may_take("utf8_safe", LiteralBool),
            may_take("truncation_marker", LiteralText),
        ],
        does: Does::ChangeMap(map::truncate_all),
    },
    not("aggregate_on_attribute_value", NEW_POINTS),
    not("aggregate_on_attributes", NEW_POINTS),
    not("convert_exponential_histogram_to_histogram", OTHER_TYPE),
    not("convert_gauge_to_sum", OTHER_TYPE),
    not("convert_sum_to_gauge", OTHER_TYPE),
    not("convert_summary_count_val_to_sum", NEW_METRIC),
    not("convert_summary_quantile_val_to_gauge", NEW_METRIC),
    not("convert_summary_sum_val_to_sum", NEW_METRIC),
    not("copy_metric", NEW_METRIC),
    not("extract_count_metric", NEW_METRIC),
    not("extract_percentile_metric", NEW_METRIC),
    not("extract_sum_metric", NEW_METRIC),
    not(
        "merge_histogram_buckets",
        "plugins cannot write the buckets of histograms",
    ),
    not(
        "scale_metric",
        "plugins cannot write the buckets and sums of histograms; `set` on `datapoint.value_double` scales gauges and sums",
    ),
];

#[cfg(test)]
mod tests;
