//! Formats of times with `%`, as the Collector reads and writes them.

use crate::datum::Failure;
use crate::moment::{Civil, DAY, Moment, days, days_of_month};
use crate::zone::Zone;

/// The directives that stand for others.
const COMPOSED: [(char, &str); 8] = [
    ('D', "%m/%d/%Y"),
    ('x', "%m/%d/%Y"),
    ('F', "%Y-%m-%d"),
    ('T', "%H:%M:%S"),
    ('X', "%H:%M:%S"),
    ('r', "%I:%M:%S %P"),
    ('R', "%H:%M"),
    ('c', "%a %b %d %H:%M:%S %Y"),
];

const PLAIN: &str = "YymoqbhBdegaAHlIpPMSLfsZzwijknt%";

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// What is wrong with a format, if something is.
pub(super) fn check(format: &str) -> Result<(), String> {
    if format.is_empty() {
        return Err("the format is empty".to_owned());
    }
    if format.chars().any(|character| character.is_ascii_digit()) {
        return Err("a format has no digits in it; write it with directives such as %Y".to_owned());
    }
    let characters: Vec<char> = format.chars().collect();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        if character != '%' {
            at += 1;
            continue;
        }
        let Some(&directive) = characters.get(at + 1) else {
            break;
        };
        let is_composed = COMPOSED.iter().any(|(known, _)| *known == directive);
        if !is_composed && !PLAIN.contains(directive) {
            return Err(format!("%{directive} is no directive of a time's format"));
        }
        let before = at.checked_sub(1).and_then(|at| characters.get(at));
        if "Lfs".contains(directive) && before.is_some_and(|before| !matches!(before, '.' | ',')) {
            return Err(format!(
                "%{directive} is a fraction of a second; it must follow `.` or `,`"
            ));
        }
        at += 2;
    }
    Ok(())
}

/// A format with composed directives written out.
pub(super) fn expanded(format: &str) -> String {
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(character) = rest.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let Some(directive) = rest.next() else {
            out.push('%');
            break;
        };
        match COMPOSED.iter().find(|(known, _)| *known == directive) {
            Some((_, composed)) => out.push_str(composed),
            None => out.extend(['%', directive]),
        }
    }
    out
}

fn offset_text(offset: i32, colon: &str, seconds: bool, minutes: bool) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let total = offset.unsigned_abs();
    let mut text = format!("{sign}{:02}", total / 3_600);
    if minutes {
        text.push_str(&format!("{colon}{:02}", total / 60 % 60));
    }
    if seconds {
        text.push_str(&format!("{colon}{:02}", total % 60));
    }
    text
}

/// A time in an expanded format.
pub(super) fn formatted(format: &str, moment: &Moment) -> String {
    use std::fmt::Write as _;
    let civil = moment.civil();
    let twelve = match civil.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let name = |names: &[&'static str], at: u32| names.get(at as usize).copied().unwrap_or("");
    let month = name(&MONTHS, civil.month - 1);
    let weekday = name(&WEEKDAYS, civil.weekday);
    let mut out = String::new();
    let mut rest = format.chars().peekable();
    while let Some(character) = rest.next() {
        // A fraction goes without its zeros, and without its point if there is nothing behind it.
        if matches!(character, '.' | ',') && rest.peek() == Some(&'%') {
            let mut ahead = rest.clone();
            ahead.next();
            let digits = match ahead.next() {
                Some('L') => 3,
                Some('f') => 6,
                Some('s') => 9,
                _ => {
                    out.push(character);
                    continue;
                }
            };
            rest = ahead;
            let fraction = format!("{:09}", moment.nanoseconds);
            let fraction = fraction.get(..digits).unwrap_or("").trim_end_matches('0');
            if !fraction.is_empty() {
                out.push(character);
                out.push_str(fraction);
            }
            continue;
        }
        if character != '%' {
            out.push(character);
            continue;
        }
        let offset = moment.offset;
        // Writing to a string does not fail.
        let _ = match rest.next() {
            Some('Y') => write!(out, "{:04}", civil.year),
            Some('y') => write!(out, "{:02}", civil.year.rem_euclid(100)),
            Some('m') => write!(out, "{:02}", civil.month),
            Some('o') => write!(out, "{:2}", civil.month),
            Some('q') => write!(out, "{}", civil.month),
            Some('b' | 'h') => write!(out, "{}", month.get(..3).unwrap_or("")),
            Some('B') => write!(out, "{month}"),
            Some('d') => write!(out, "{:02}", civil.day),
            Some('e') => write!(out, "{:2}", civil.day),
            Some('g') => write!(out, "{}", civil.day),
            Some('a') => write!(out, "{}", weekday.get(..3).unwrap_or("")),
            Some('A') => write!(out, "{weekday}"),
            Some('H') => write!(out, "{:02}", civil.hour),
            Some('l') => write!(out, "{twelve}"),
            Some('I') => write!(out, "{twelve:02}"),
            Some('p') => write!(out, "{}", if civil.hour < 12 { "AM" } else { "PM" }),
            Some('P') => write!(out, "{}", if civil.hour < 12 { "am" } else { "pm" }),
            Some('M') => write!(out, "{:02}", civil.minute),
            Some('S') => write!(out, "{:02}", civil.second),
            Some('Z') => write!(out, "{}", moment.zone_name()),
            Some('z') if offset == 0 => write!(out, "Z"),
            Some('z') => write!(out, "{}", offset_text(offset, "", false, true)),
            Some('w') => write!(out, "{}", offset_text(offset, "", true, true)),
            Some('i') => write!(out, "{}", offset_text(offset, "", false, false)),
            Some('j') => write!(out, "{}", offset_text(offset, ":", false, true)),
            Some('k') => write!(out, "{}", offset_text(offset, ":", true, true)),
            Some('n') => out.write_char('\n'),
            Some('t') => write!(out, "\t"),
            Some('%') => write!(out, "%"),
            _ => Ok(()),
        };
    }
    out
}

/// A time as Go shows it where nobody says how.
pub(super) fn shown(moment: &Moment) -> String {
    let offset = offset_text(moment.offset, "", false, true);
    let zone = match moment.zone_name() {
        name if name.is_empty() => offset.clone(),
        name => name,
    };
    let time = formatted("%Y-%m-%d %H:%M:%S.%s", moment);
    format!("{time} {offset} {zone}")
}

/// Why a string is no time, whatever it is.
const NO_TIME: Failure = "Time got a string that does not have the format";

/// What has been read of a time.
#[derive(Debug, Default)]
struct Parts {
    year: Option<i64>,
    month: Option<u32>,
    day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanoseconds: u32,
    is_afternoon: Option<bool>,
    offset: Option<i32>,
    zone: Option<String>,
}

/// The number that a text begins with, of at least and at most so many digits, behind spaces.
fn number(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let text = text.trim_start_matches(' ');
    let digits = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    if digits < least {
        return None;
    }
    let (number, rest) = text.split_at(digits);
    Some((number.parse().ok()?, rest))
}

/// Which of some names a text begins with; of three letters only, if so.
fn named<'t>(text: &'t str, names: &[&str], is_short: bool) -> Option<(u32, &'t str)> {
    names.iter().enumerate().find_map(|(at, name)| {
        let name = if is_short { name.get(..3)? } else { name };
        let head = text.get(..name.len())?;
        let is_same = head.eq_ignore_ascii_case(name);
        is_same.then(|| (at as u32, &text[name.len()..]))
    })
}

/// The digits behind a point, as nanoseconds.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let rest = text.strip_prefix(['.', ','])?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let (digits, rest) = rest.split_at(digits);
    let nine: String = digits.chars().chain("000000000".chars()).take(9).collect();
    Some((nine.parse().ok()?, rest))
}

/// An offset: `Z`, or a sign and hours, minutes and seconds, with a colon between them or without.
fn offset(text: &str, parts: usize, colon: bool) -> Option<(i32, &str)> {
    let (sign, mut rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let mut total = 0;
    for (at, factor) in [3_600, 60, 1].into_iter().take(parts).enumerate() {
        if at > 0 && colon {
            rest = rest.strip_prefix(':')?;
        }
        let digits = rest
            .get(..2)
            .filter(|two| two.bytes().all(|digit| digit.is_ascii_digit()))?;
        total += digits.parse::<i32>().ok()? * factor;
        rest = rest.get(2..)?;
    }
    Some((sign * total, rest))
}

impl Parts {
    fn read<'t>(&mut self, directive: char, text: &'t str) -> Option<&'t str> {
        let set = |place: &mut u32, found: (u32, &'t str)| {
            *place = found.0;
            found.1
        };
        Some(match directive {
            'Y' => {
                let (year, rest) = number(text, 4, 4)?;
                self.year = Some(year.into());
                rest
            }
            'y' => {
                let (year, rest) = number(text, 2, 2)?;
                self.year = Some(i64::from(year) + if year >= 69 { 1900 } else { 2000 });
                rest
            }
            'm' | 'o' | 'q' => {
                let (month, rest) = number(text, 1, 2)?;
                self.month = Some(month);
                rest
            }
            'b' | 'h' | 'B' => {
                let (month, rest) = named(text, &MONTHS, directive != 'B')?;
                self.month = Some(month + 1);
                rest
            }
            'd' | 'e' | 'g' => {
                let (day, rest) = number(text, 1, 2)?;
                self.day = Some(day);
                rest
            }
            'a' | 'A' => named(text, &WEEKDAYS, directive == 'a')?.1,
            'H' | 'l' | 'I' => set(&mut self.hour, number(text, 1, 2)?),
            'M' => set(&mut self.minute, number(text, 1, 2)?),
            'S' => set(&mut self.second, number(text, 1, 2)?),
            'p' | 'P' => {
                let (head, rest) = text.split_at_checked(2)?;
                self.is_afternoon = Some(match (directive, head) {
                    ('p', "AM") | ('P', "am") => false,
                    ('p', "PM") | ('P', "pm") => true,
                    _ => return None,
                });
                rest
            }
            'Z' => {
                let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
                if !(3..=5).contains(&letters) {
                    return None;
                }
                let (zone, rest) = text.split_at(letters);
                self.zone = Some(zone.to_owned());
                rest
            }
            'z' if text.starts_with('Z') => {
                self.offset = Some(0);
                &text[1..]
            }
            'z' | 'w' | 'i' | 'j' | 'k' => {
                let ways: &[(usize, bool)] = match directive {
                    'z' => &[(2, false), (2, true), (1, false)],
                    'w' => &[(3, false)],
                    'i' => &[(1, false)],
                    'j' => &[(2, true)],
                    _ => &[(3, true)],
                };
                let found = ways
                    .iter()
                    .find_map(|(parts, colon)| offset(text, *parts, *colon));
                let (offset, rest) = found?;
                self.offset = Some(offset);
                rest
            }
            'n' => text.strip_prefix('\n')?,
            't' => text.strip_prefix('\t')?,
            '%' => text.strip_prefix('%')?,
            _ => return None,
        })
    }

    fn moment(self, zone: &Zone, now: &Moment) -> Result<Moment, Failure> {
        let hour = match self.is_afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        let is_known_year = self.year.is_some_and(|year| year > 0);
        let year = if is_known_year {
            self.year.unwrap_or(0)
        } else {
            now.civil().year
        };
        let is_date = (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day);
        if !is_date || hour > 23 || self.minute > 59 || self.second > 59 {
            return Err("Time got a string with a part that is out of range");
        }
        let civil = |year| Civil {
            year,
            month,
            day,
            hour,
            minute: self.minute,
            second: self.second,
            weekday: 0,
        };
        let at = |year: i64| -> Result<Moment, Failure> {
            if let Some(offset) = self.offset {
                let civil = civil(year);
                let local = days(year, month, day) * DAY
                    + i64::from(civil.hour * 3_600 + civil.minute * 60 + civil.second);
                return Ok(Moment {
                    seconds: local - i64::from(offset),
                    nanoseconds: self.nanoseconds,
                    offset,
                    zone: if offset == 0 { Moment::UTC } else { [0; 6] },
                });
            }
            let named = match self.zone.as_deref() {
                None => return Ok(zone.moment(&civil(year), self.nanoseconds)),
                Some(name) => Zone::named(name).ok_or("Time got a zone that is not known")?,
            };
            Ok(named.moment(&civil(year), self.nanoseconds))
        };
        let moment = at(year)?;
        // Without a year it is this one, or the last if that would lie ahead by more than a week.
        if !is_known_year && moment.since(now) > 7 * 86_400 * 1_000_000_000 {
            return at(year - 1);
        }
        Ok(moment)
    }
}

/// The time that a string of an expanded format says.
pub(super) fn parsed(
    format: &str,
    text: &str,
    zone: &Zone,
    now: &Moment,
) -> Result<Moment, Failure> {
    let mut parts = Parts::default();
    let mut rest = text;
    let mut format = format.chars().peekable();
    while let Some(character) = format.next() {
        if character == '%' {
            let directive = format.next().ok_or(NO_TIME)?;
            let read = parts.read(directive, rest);
            // A year of two digits, where one of four does not fit.
            let read = match (directive, read) {
                ('Y', None) => parts.read('y', rest),
                (_, read) => read,
            };
            rest = read.ok_or(NO_TIME)?;
            let is_fraction_ahead = matches!(format.peek(), Some('.' | ','));
            if directive == 'S'
                && !is_fraction_ahead
                && let Some((nanoseconds, behind)) = fraction(rest)
            {
                (parts.nanoseconds, rest) = (nanoseconds, behind);
            }
            continue;
        }
        let mut ahead = format.clone();
        let is_fraction = matches!(character, '.' | ',')
            && ahead.next() == Some('%')
            && matches!(ahead.next(), Some('L' | 'f' | 's'));
        if is_fraction {
            format = ahead;
            if let Some((nanoseconds, behind)) = fraction(rest) {
                (parts.nanoseconds, rest) = (nanoseconds, behind);
            }
            continue;
        }
        if character == ' ' {
            if !rest.is_empty() && !rest.starts_with(' ') {
                return Err(NO_TIME);
            }
            rest = rest.trim_start_matches(' ');
            while format.next_if_eq(&' ').is_some() {}
            continue;
        }
        rest = rest.strip_prefix(character).ok_or(NO_TIME)?;
    }
    match rest {
        "" => parts.moment(zone, now),
        _ => Err(NO_TIME),
    }
}
