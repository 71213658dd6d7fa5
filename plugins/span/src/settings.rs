//! The settings, as the Collector reads them.

use serde::Deserialize;
use spanmill_matching::Match;
use spanmill_sdk::{Problems, Signal};

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default)]
    pub(crate) name: Option<Name>,
    #[serde(default)]
    pub(crate) status: Option<Status>,
    /// Which spans are changed, with the properties that have a meaning for traces; looked at before `exclude`.
    #[serde(default)]
    pub(crate) include: Option<Match>,
    /// Which are not.
    #[serde(default)]
    pub(crate) exclude: Option<Match>,
}

/// What is done with names: first `from_attributes`, then `to_attributes`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Name {
    /// The values of these attributes, joined, are the name of spans that have all of them.
    pub from_attributes: Option<Vec<String>>,
    /// What stands between the values.
    pub separator: String,
    pub to_attributes: Option<ToAttributes>,
}

/// Which parts of names become attributes.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ToAttributes {
    /// Regular expressions: what named groups match becomes attributes, and a placeholder in the name; one after the
    /// other, after `from_attributes`.
    pub rules: Option<Vec<String>>,
    /// The first rule that matches is the last.
    pub break_after_match: bool,
    /// The name stays as it is.
    pub keep_original_name: bool,
}

/// The status that spans get.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Status {
    /// Required: the status that spans get.
    #[cfg_attr(test, schemars(extend("enum" = ["Unset", "Ok", "Error"])))]
    pub code: String,
    /// The status message; for `Error` only.
    pub description: String,
}

impl Settings {
    /// Notes what is wrong but for the patterns.
    pub(crate) fn check(&self, problems: &mut Problems) {
        let is_none = |list: Option<&Vec<String>>| list.is_none_or(Vec::is_empty);
        let name = self.name.as_ref();
        let joins = name.is_some_and(|name| !is_none(name.from_attributes.as_ref()));
        let extract = name.and_then(|name| name.to_attributes.as_ref());
        if !joins && extract.is_none() && self.status.is_none() {
            problems.push(
                "",
                "does nothing; give name.from_attributes, name.to_attributes or status",
            );
        }
        if !joins && name.is_some_and(|name| !name.separator.is_empty()) {
            problems.push(
                "/name/separator",
                "stands between from_attributes, of which there are none; take it out",
            );
        }
        if extract.is_some_and(|extract| is_none(extract.rules.as_ref())) {
            problems.push("/name/to_attributes/rules", "needs a pattern at least");
        }
        for (filter, path) in [(&self.include, "/include"), (&self.exclude, "/exclude")] {
            match filter.as_ref().map(Match::signals) {
                Some(Ok(signals)) if !signals.contains(&Signal::Traces) => problems.push(
                    path,
                    "describes no spans; give services, span_names, span_kinds, attributes, resources or libraries",
                ),
                Some(Err(why)) => problems.push(path, why),
                _ => {}
            }
        }
    }
}
