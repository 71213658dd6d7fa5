//! Time zones by name, from the tables that are built in: a sandbox has no files.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::moment::{Civil, DAY, Moment, days};

/// A zone of the IANA database.
#[derive(Debug, Clone)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// The zone of a name such as `Europe/Berlin`.
    pub(crate) fn named(name: &str) -> Option<Zone> {
        match name {
            "UTC" | "" | "Local" => Some(Zone(TimeZone::UTC)),
            name => TimeZone::get(name).ok().map(Zone),
        }
    }

    /// The time at which clocks of the zone show this.
    pub(crate) fn moment(&self, civil: &Civil, nanoseconds: u32) -> Moment {
        let local = days(civil.year, civil.month, civil.day) * DAY
            + i64::from(civil.hour * 3_600 + civil.minute * 60 + civil.second);
        let date = i16::try_from(civil.year)
            .ok()
            .and_then(|year| Date::new(year, civil.month as i8, civil.day as i8).ok());
        let time =
            jiff::civil::Time::new(civil.hour as i8, civil.minute as i8, civil.second as i8, 0);
        let zoned = match (date, time) {
            (Some(date), Ok(time)) => self.0.to_timestamp(DateTime::from_parts(date, time)).ok(),
            _ => None,
        };
        let seconds = zoned.map_or(local, Timestamp::as_second);
        let info = zoned.map(|timestamp| self.0.to_offset_info(timestamp));
        let mut zone = [0; 6];
        let name = info.as_ref().map_or("UTC", |info| info.abbreviation());
        for (place, byte) in zone.iter_mut().zip(name.bytes()) {
            *place = byte;
        }
        Moment {
            seconds,
            nanoseconds,
            offset: info.map_or(0, |info| info.offset().seconds()),
            zone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_know_summer_and_winter() {
        let civil = |month| Civil {
            year: 2024,
            month,
            day: 15,
            hour: 12,
            minute: 0,
            second: 0,
            weekday: 0,
        };
        let zone = Zone::named("America/New_York").unwrap();
        let winter = zone.moment(&civil(1), 0);
        assert_eq!(winter.rfc3339(), "2024-01-15T12:00:00-05:00");
        assert_eq!(winter.zone_name(), "EST");
        let summer = zone.moment(&civil(7), 5);
        assert_eq!(summer.rfc3339(), "2024-07-15T12:00:00.000000005-04:00");
        assert_eq!(summer.zone_name(), "EDT");
        assert!(Zone::named("Mars/Olympus").is_none());
    }
}
