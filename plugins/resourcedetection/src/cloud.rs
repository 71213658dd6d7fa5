//! The detectors `heroku` and `lambda`: what these platforms put into the environment.

use serde::Deserialize;

use crate::environment::Environment;
use crate::facts::{Choice, Fact, Facts, Known};

/// `heroku` and `lambda` of the settings.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cloud {
    pub(crate) resource_attributes: Choice,
}

/// A platform that says in variables what it is.
#[derive(Debug)]
pub(crate) struct Platform {
    pub name: &'static str,
    /// Variables of which one at least is set on the platform.
    signs: &'static [&'static str],
    /// Attributes that are the same wherever the variable is set.
    constants: &'static [(&'static str, &'static str, &'static str)],
    /// Attributes and their variables.
    attributes: &'static [(&'static str, &'static str, bool)],
    /// Attributes that settings may name and that are never set.
    unset: &'static [&'static str],
    /// Whether there is nothing to say without a sign, or with one that is empty.
    needs_sign: bool,
}

pub(crate) const HEROKU: Platform = Platform {
    name: "heroku",
    signs: &["HEROKU_DYNO_ID", "HEROKU_APP_ID"],
    constants: &[("cloud.provider", "heroku", "HEROKU_APP_ID")],
    attributes: &[
        ("service.instance.id", "HEROKU_DYNO_ID", false),
        ("heroku.app.id", "HEROKU_APP_ID", false),
        ("service.name", "HEROKU_APP_NAME", false),
        (
            "heroku.release.creation_timestamp",
            "HEROKU_RELEASE_CREATED_AT",
            false,
        ),
        ("service.version", "HEROKU_RELEASE_VERSION", false),
        ("heroku.release.commit", "HEROKU_SLUG_COMMIT", false),
    ],
    unset: &["heroku.dyno.id"],
    needs_sign: false,
};

const FUNCTION: &str = "AWS_LAMBDA_FUNCTION_NAME";

pub(crate) const LAMBDA: Platform = Platform {
    name: "lambda",
    signs: &[FUNCTION],
    constants: &[
        ("cloud.provider", "aws", FUNCTION),
        ("cloud.platform", "aws_lambda", FUNCTION),
    ],
    attributes: &[
        ("cloud.region", "AWS_REGION", false),
        ("faas.name", FUNCTION, false),
        ("faas.version", "AWS_LAMBDA_FUNCTION_VERSION", false),
        ("faas.instance", "AWS_LAMBDA_LOG_STREAM_NAME", false),
        ("faas.max_memory", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", false),
        ("aws.log.group.names", "AWS_LAMBDA_LOG_GROUP_NAME", true),
        ("aws.log.stream.names", "AWS_LAMBDA_LOG_STREAM_NAME", true),
    ],
    unset: &[],
    needs_sign: true,
};

impl Platform {
    /// The attributes that this detector may set.
    pub(crate) fn known(&self) -> Vec<Known> {
        let constants = self.constants.iter().map(|(key, ..)| *key);
        let attributes = self.attributes.iter().map(|(key, ..)| *key);
        let keys = constants
            .chain(attributes)
            .chain(self.unset.iter().copied());
        keys.map(|key| (key, true)).collect()
    }

    /// Adds what the platform says.
    ///
    /// # Errors
    ///
    /// This is no such platform, and `must_be` says that it is.
    pub(crate) fn detect<E: Environment>(
        &self,
        choice: &Choice,
        must_be: bool,
        facts: &mut Facts,
    ) -> Result<(), String> {
        let is_sign = |name: &&str| {
            E::variable(name).is_some_and(|value| !self.needs_sign || !value.is_empty())
        };
        if !self.signs.iter().any(is_sign) {
            if must_be {
                return Err(format!("{} is not set", self.signs.join(" or ")));
            }
            if self.needs_sign {
                return Ok(());
            }
        }
        for &(key, value, variable) in self.constants {
            if choice.has((key, true)) && E::variable(variable).is_some() {
                facts.add_text(key, value);
            }
        }
        for &(key, variable, is_list) in self.attributes {
            let value = E::variable(variable).filter(|_| choice.has((key, true)));
            match (value, is_list) {
                (Some(value), false) => facts.add_text(key, value),
                (Some(value), true) => facts.add(key, Fact::List(vec![value])),
                (None, _) => {}
            }
        }
        Ok(())
    }
}
