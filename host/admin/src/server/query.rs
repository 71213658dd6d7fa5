//! What stands behind the `?`.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::Query;
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::control::{SwapOptions, TapRequest};
use crate::problem::Problem;

/// What an upload is called that has no name.
const UNNAMED: &str = "upload.wasm";
/// Longest name, in characters; it ends up in logs and reports.
const MAX_NAME: usize = 256;
/// How long a shadow runs unless told otherwise.
const DEFAULT_DURATION: &str = "60s";
const MIN_DURATION: Duration = Duration::from_millis(100);
const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SwapQuery {
    name: Option<String>,
    probation: Option<String>,
    allow_more: Option<bool>,
    save: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PromoteQuery {
    probation: Option<String>,
    allow_more: Option<bool>,
    save: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShadowQuery {
    name: Option<String>,
    r#for: Option<String>,
    allow_more: Option<bool>,
}

/// What a swap is told.
pub(super) struct SwapParameters {
    pub name: String,
    pub options: SwapOptions,
}

/// What promoting a shadow is told.
pub(super) struct PromoteParameters(pub SwapOptions);

/// What a shadow is told.
pub(super) struct ShadowParameters {
    pub name: String,
    pub duration: Duration,
    pub allow_more: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for SwapParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query: SwapQuery = read(parts)?;
        let options = options(query.probation, query.allow_more, query.save)?;
        let name = name(query.name)?;
        Ok(Self { name, options })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PromoteParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query: PromoteQuery = read(parts)?;
        Ok(Self(options(
            query.probation,
            query.allow_more,
            query.save,
        )?))
    }
}

fn options(
    batches: Option<String>,
    allow_more: Option<bool>,
    save: Option<bool>,
) -> Result<SwapOptions, Problem> {
    Ok(SwapOptions {
        probation: batches.map(|text| probation(&text)).transpose()?,
        allow_more: allow_more.unwrap_or(false),
        save: save.unwrap_or(false),
    })
}

impl<S: Send + Sync> FromRequestParts<S> for ShadowParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query: ShadowQuery = read(parts)?;
        let duration = duration(query.r#for.as_deref().unwrap_or(DEFAULT_DURATION))?;
        let name = name(query.name)?;
        let allow_more = query.allow_more.unwrap_or(false);
        Ok(Self {
            name,
            duration,
            allow_more,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TapQuery {
    target: Option<String>,
    when: Option<String>,
    filter: Option<String>,
    limit: Option<String>,
    rate: Option<String>,
}

/// What a tap is told.
pub(super) struct TapParameters(pub TapRequest);

impl<S: Send + Sync> FromRequestParts<S> for TapParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query: TapQuery = read(parts)?;
        let before = match query.when.as_deref() {
            None | Some("after") => false,
            Some("before") => true,
            Some(_) => return Err(bad_request("`when` is `before` or `after`")),
        };
        let number = |name: &str, text: Option<String>| {
            let read = |text: String| {
                let number_of = number(&text).filter(|number| *number > 0);
                number_of.ok_or_else(|| bad_request(format!("`{name}` must be a number above 0")))
            };
            text.map(read).transpose()
        };
        let rate = number("rate", query.rate)?;
        let filter = query.filter.filter(|filter| !filter.trim().is_empty());
        Ok(Self(TapRequest {
            target: query.target.filter(|target| !target.is_empty()),
            before,
            filter,
            limit: number("limit", query.limit)?,
            rate: rate.map(|rate| u32::try_from(rate).unwrap_or(u32::MAX)),
        }))
    }
}

fn bad_request(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

fn read<Q: DeserializeOwned>(parts: &Parts) -> Result<Q, Problem> {
    let Query(query) = Query::try_from_uri(&parts.uri).map_err(|error| {
        // The cause without axum's words around it.
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let cause = cause.unwrap_or_else(|| error.to_string());
        bad_request(format!("the query cannot be used: {cause}"))
    })?;
    Ok(query)
}

fn name(given: Option<String>) -> Result<String, Problem> {
    let name = given.unwrap_or_else(|| UNNAMED.to_owned());
    let fits = !name.is_empty() && name.chars().count() <= MAX_NAME;
    if !fits || name.chars().any(char::is_control) {
        return Err(bad_request(format!(
            "`name` must have 1 to {MAX_NAME} characters, and no control characters"
        )));
    }
    Ok(name)
}

fn probation(text: &str) -> Result<u32, Problem> {
    number(text)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| {
            bad_request(format!(
                "`probation` must be a number of batches from 0 to {}, such as 100",
                u32::MAX
            ))
        })
}

/// Digits only: `parse` alone takes a sign as well.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn duration(text: &str) -> Result<Duration, Problem> {
    let unit_at = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    let milliseconds = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60 * 1000),
        "h" => Some(60 * 60 * 1000),
        _ => None,
    };
    milliseconds
        .zip(number(digits))
        .and_then(|(unit, number)| number.checked_mul(unit))
        .map(Duration::from_millis)
        .filter(|duration| (MIN_DURATION..=MAX_DURATION).contains(duration))
        .ok_or_else(|| {
            bad_request(
                "`for` must be a whole number with a unit, ms, s, m or h, from 100ms to 24h, such as 60s",
            )
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{duration, name, probation};

    #[test]
    fn durations() {
        let taken = [
            ("100ms", 100),
            ("500ms", 500),
            ("60s", 60_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
        ];
        for (text, milliseconds) in taken {
            assert_eq!(
                duration(text).unwrap(),
                Duration::from_millis(milliseconds),
                "{text}"
            );
        }
        for text in [
            "",
            "s",
            "60",
            "99ms",
            "0s",
            "25h",
            "-1s",
            "+1s",
            "1.5s",
            "1 s",
            "1d",
            "1m30s",
            "99999999999999999999s",
            "9999999999999999999h",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn probations() {
        assert_eq!(probation("0").unwrap(), 0);
        assert_eq!(probation("4294967295").unwrap(), u32::MAX);
        for text in ["", "+1", "-1", "4294967296", "1.0", "many"] {
            assert!(probation(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names() {
        assert_eq!(name(None).unwrap(), "upload.wasm");
        assert_eq!(name(Some("ä".repeat(256))).unwrap().chars().count(), 256);
        for text in ["", "a\nb", "\u{1b}[2J"] {
            assert!(name(Some(text.to_owned())).is_err(), "{text:?}");
        }
        assert!(name(Some("a".repeat(257))).is_err());
    }
}
