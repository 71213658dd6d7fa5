//! Times with a zone, as Go's `time.Time` has them.

/// Seconds a day.
pub(crate) const DAY: i64 = 86_400;

/// A time, and the offset that it is shown with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Since 1970, UTC.
    pub seconds: i64,
    /// Behind the second.
    pub nanoseconds: u32,
    /// Seconds east of UTC.
    pub offset: i32,
    /// What the zone is called, filled up with zeros.
    pub zone: [u8; 6],
}

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        (self.seconds, self.nanoseconds) == (other.seconds, other.nanoseconds)
    }
}

/// A time as a calendar and a clock show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub year: i64,
    /// From 1.
    pub month: u32,
    /// From 1.
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    /// 0 is Sunday.
    pub weekday: u32,
}

/// Days since 1970 of a day of the Gregorian calendar.
pub(crate) fn days(year: i64, month: u32, day: u32) -> i64 {
    // Years begin in March, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// How many days a month has.
pub(crate) fn days_of_month(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Moment {
    pub(crate) const UTC: [u8; 6] = *b"UTC\0\0\0";

    /// A time in UTC.
    pub(crate) fn utc(seconds: i64, nanoseconds: u32) -> Self {
        Moment {
            seconds,
            nanoseconds,
            offset: 0,
            zone: Self::UTC,
        }
    }

    pub(crate) fn from_unix_nanos(nanoseconds: i64) -> Self {
        Moment::utc(
            nanoseconds.div_euclid(1_000_000_000),
            nanoseconds.rem_euclid(1_000_000_000) as u32,
        )
    }

    fn total(&self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds)
    }

    fn with_total(self, total: i128) -> Self {
        Moment {
            seconds: total.div_euclid(1_000_000_000) as i64,
            nanoseconds: total.rem_euclid(1_000_000_000) as u32,
            ..self
        }
    }

    /// In ns since 1970; wraps around beyond 64 bits, as in Go.
    pub(crate) fn unix_nanos(&self) -> i64 {
        self.seconds
            .wrapping_mul(1_000_000_000)
            .wrapping_add(i64::from(self.nanoseconds))
    }

    /// This time, `nanoseconds` later.
    pub(crate) fn plus(self, nanoseconds: i64) -> Self {
        self.with_total(self.total() + i128::from(nanoseconds))
    }

    /// From another time to this one, in ns; the nearest that 64 bits hold.
    pub(crate) fn since(&self, other: &Moment) -> i64 {
        let difference = self.total() - other.total();
        difference.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    /// Rounded down to a multiple of a duration since the year 1, as in Go.
    pub(crate) fn truncated(self, duration: i64) -> Self {
        if duration <= 0 {
            return self;
        }
        let since_year_one = self.total() + i128::from(-days(1, 1, 1) * DAY) * 1_000_000_000;
        self.with_total(self.total() - since_year_one.rem_euclid(duration.into()))
    }

    pub(crate) fn cmp_time(&self, other: &Moment) -> std::cmp::Ordering {
        (self.seconds, self.nanoseconds).cmp(&(other.seconds, other.nanoseconds))
    }

    /// What a calendar and a clock show.
    pub(crate) fn civil(&self) -> Civil {
        let local = self.seconds.saturating_add(self.offset.into());
        let (day_number, second) = (local.div_euclid(DAY), local.rem_euclid(DAY) as u32);
        let shifted = day_number.saturating_add(719_468);
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
        let month = ((month_from_march + 2) % 12 + 1) as u32;
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
            weekday: (day_number + 4).rem_euclid(7) as u32,
        }
    }

    /// As Go writes times in JSON.
    pub(crate) fn rfc3339(&self) -> String {
        let civil = self.civil();
        let mut text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second
        );
        if self.nanoseconds > 0 {
            let digits = format!("{:09}", self.nanoseconds);
            text.push('.');
            text.push_str(digits.trim_end_matches('0'));
        }
        match self.offset {
            0 => text.push('Z'),
            offset => {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.unsigned_abs() / 60;
                text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
            }
        }
        text
    }

    /// The zone's name.
    pub(crate) fn zone_name(&self) -> String {
        let end = self.zone.iter().position(|&byte| byte == 0).unwrap_or(6);
        String::from_utf8_lossy(&self.zone[..end]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendars_and_seconds_agree() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (-62_135_596_800, "0001-01-01T00:00:00Z"),
        ] {
            let moment = Moment::utc(seconds, 0);
            assert_eq!(moment.rfc3339(), text);
            let civil = moment.civil();
            let day = days(civil.year, civil.month, civil.day);
            let second = civil.hour * 3_600 + civil.minute * 60 + civil.second;
            assert_eq!(day * DAY + i64::from(second), seconds, "{text}");
        }
        assert_eq!(Moment::utc(1_700_000_000, 0).civil().weekday, 2);
        assert_eq!(days_of_month(1900, 2), 28);
        assert_eq!(days_of_month(2000, 2), 29);
    }

    #[test]
    fn times_are_rounded_down_from_the_year_one() {
        let moment = Moment::utc(1_700_000_000, 5);
        assert_eq!(
            moment.truncated(3_600_000_000_000).rfc3339(),
            "2023-11-14T22:00:00Z"
        );
        assert_eq!(moment.truncated(0), moment);
        let week = moment.truncated(7 * 24 * 3_600_000_000_000);
        assert_eq!(week.civil().weekday, 1);
    }
}
