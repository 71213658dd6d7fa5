//! Times and durations.

use super::strptime;
use crate::coerce::Kind::{Duration, Int, LiteralText, Text, Time};
use crate::datum::{Datum, Failure};
use crate::function::Make::{Plain, Prepared, Special};
use crate::function::{
    Answer, Constants, Function, Input, Signature, Special as Specials, converter, function,
    may_take, takes,
};
use crate::moment::{Civil, Moment};
use crate::zone::Zone;

/// A part of what a calendar and a clock show.
macro_rules! part {
    ($name:literal, $part:expr) => {
        converter(
            $name,
            &[takes("time", Time)],
            Plain(|input| {
                let part: fn(&Civil) -> i64 = $part;
                Ok(Datum::Int(part(&moment(input)?.civil())))
            }),
        )
    };
}

/// A whole number made of a time.
macro_rules! unix {
    ($name:literal, $number:expr) => {
        converter(
            $name,
            &[takes("time", Time)],
            Plain(|input| {
                let number: fn(&Moment) -> i64 = $number;
                Ok(Datum::Int(number(moment(input)?)))
            }),
        )
    };
}

/// A duration in another unit.
macro_rules! unit {
    ($name:literal, $made:expr) => {
        converter(
            $name,
            &[takes("duration", Duration)],
            Plain(|input| {
                let made: fn(i64) -> Datum<'static> = $made;
                Ok(made(duration(input.value(0))?))
            }),
        )
    };
}

pub(super) static FUNCTIONS: &[Signature] = &[
    part!("Year", |civil| civil.year),
    part!("Month", |civil| civil.month.into()),
    part!("Day", |civil| civil.day.into()),
    part!("Hour", |civil| civil.hour.into()),
    part!("Minute", |civil| civil.minute.into()),
    part!("Second", |civil| civil.second.into()),
    part!("Weekday", |civil| civil.weekday.into()),
    unix!("Nanosecond", |moment| moment.nanoseconds.into()),
    unix!("UnixSeconds", |moment| moment.seconds),
    unix!("UnixMilli", |moment| moment
        .seconds
        .wrapping_mul(1_000)
        .wrapping_add(i64::from(moment.nanoseconds / 1_000_000))),
    unix!("UnixMicro", |moment| moment
        .seconds
        .wrapping_mul(1_000_000)
        .wrapping_add(i64::from(moment.nanoseconds / 1_000))),
    unix!("UnixNano", Moment::unix_nanos),
    unit!("Hours", |ns| Datum::Float(ns as f64 / 3.6e12)),
    unit!("Minutes", |ns| Datum::Float(ns as f64 / 6e10)),
    unit!("Seconds", |ns| Datum::Float(ns as f64 / 1e9)),
    unit!("Milliseconds", |ns| Datum::Int(ns / 1_000_000)),
    unit!("Microseconds", |ns| Datum::Int(ns / 1_000)),
    unit!("Nanoseconds", Datum::Int),
    converter("Now", &[], Special(Specials::Now)),
    converter(
        "Duration",
        &[takes("duration", Text)],
        Plain(|input| {
            let parsed = spanmill_settings::parse_duration(input.text(0)?);
            parsed
                .map(Datum::Duration)
                .ok_or("Duration got a string that is not a duration; write one such as 1m30s")
        }),
    ),
    converter(
        "TruncateTime",
        &[takes("time", Time), takes("duration", Duration)],
        Plain(|input| {
            let duration = duration(input.value(1))?;
            Ok(Datum::Time(moment(input)?.truncated(duration)))
        }),
    ),
    converter(
        "Unix",
        &[takes("seconds", Int), may_take("nanoseconds", Int)],
        Plain(from_unix),
    ),
    converter(
        "Time",
        &[
            takes("time", Text),
            takes("format", LiteralText),
            may_take("location", LiteralText),
            may_take("locale", LiteralText),
        ],
        Prepared(time),
    ),
    converter(
        "FormatTime",
        &[takes("time", Time), takes("format", LiteralText)],
        Prepared(format_time),
    ),
];

fn moment<'x>(input: &'x Input<'_, '_>) -> Result<&'x Moment, Failure> {
    match input.value(0) {
        Datum::Time(moment) => Ok(moment),
        _ => Err("a function expected a time but got nil"),
    }
}

fn duration(datum: &Datum<'_>) -> Result<i64, Failure> {
    match datum {
        Datum::Duration(nanoseconds) => Ok(*nanoseconds),
        _ => Err("a function expected a duration but got nil"),
    }
}

fn from_unix<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let nanoseconds = match input.value(1) {
        Datum::Int(nanoseconds) => *nanoseconds,
        _ => 0,
    };
    Ok(Datum::Time(Moment::utc(input.int(0)?, 0).plus(nanoseconds)))
}

fn time(constants: &Constants<'_>) -> Result<Function, String> {
    let format = constants.text("format").unwrap_or("");
    strptime::check(format)?;
    if let Some(locale) = constants.text("locale")
        && !locale.to_ascii_lowercase().starts_with("en")
    {
        return Err(
            "names of months and days are read in English only; the locale is `en`".to_owned(),
        );
    }
    let name = constants.text("location").unwrap_or("");
    let zone = Zone::named(name).ok_or_else(|| {
        format!("there is no time zone {name:?}; write one such as \"Europe/Berlin\"")
    })?;
    let format = strptime::expanded(format);
    Ok(function(move |input| match input.text(0)? {
        "" => Err("Time got an empty string"),
        text => strptime::parsed(&format, text, &zone, &input.now).map(Datum::Time),
    }))
}

fn format_time(constants: &Constants<'_>) -> Result<Function, String> {
    let format = constants.text("format").unwrap_or("");
    strptime::check(format)?;
    let format = strptime::expanded(format);
    Ok(function(move |input| {
        Ok(Datum::text(strptime::formatted(&format, moment(input)?)))
    }))
}

/// A duration as Go writes it: `1m30s`.
pub(super) fn duration_text(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let decimal = |unit: u64, name: &str| {
        let fraction = format!(
            "{:0width$}",
            magnitude % unit,
            width = unit.ilog10() as usize
        );
        match fraction.trim_end_matches('0') {
            "" => format!("{}{name}", magnitude / unit),
            fraction => format!("{}.{fraction}{name}", magnitude / unit),
        }
    };
    let text = match magnitude {
        0 => "0s".to_owned(),
        1..=999 => format!("{magnitude}ns"),
        1_000..=999_999 => decimal(1_000, "µs"),
        1_000_000..=999_999_999 => decimal(1_000_000, "ms"),
        _ => {
            let minutes = magnitude / 60_000_000_000;
            let seconds = magnitude % 60_000_000_000;
            let fraction = format!("{:09}", seconds % 1_000_000_000);
            let fraction = match fraction.trim_end_matches('0') {
                "" => String::new(),
                fraction => format!(".{fraction}"),
            };
            let seconds = format!("{}{fraction}s", seconds / 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    };
    format!("{sign}{text}")
}
