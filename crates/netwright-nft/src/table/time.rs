//! Durations, hours of the day and points in time as text.

use std::fmt;

/// Milliseconds of each unit of a duration, longest first.
pub const DURATION_UNITS: &[(&str, u64)] =
    &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The zone of hours and points in time.
#[derive(Clone, Copy, Debug)]
pub struct Zone {
    /// Seconds that it lies east of UTC now: hours have no date.
    now: i32,
    /// The same at a point in time, in seconds since 1970, where the zone has rules.
    at: Option<fn(i64) -> i32>,
}

/// Two zones with the same rules are the same.
impl PartialEq for Zone {
    fn eq(&self, other: &Zone) -> bool {
        let rules = match (self.at, other.at) {
            (Some(one), Some(other)) => std::ptr::fn_addr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        self.now == other.now && rules
    }
}

impl Eq for Zone {}

impl Default for Zone {
    fn default() -> Zone {
        Zone::UTC
    }
}

impl Zone {
    /// No zone.
    pub const UTC: Zone = Zone::fixed(0);

    /// A zone without rules, so many seconds east of UTC.
    #[must_use]
    pub const fn fixed(seconds: i32) -> Zone {
        Zone { now: seconds, at: None }
    }

    /// A zone whose distance to UTC depends on the date: `at` tells how many seconds it lies east of UTC at a point in
    /// time, in seconds since 1970, and `now` is what it tells of now.
    #[must_use]
    pub const fn with_rules(now: i32, at: fn(i64) -> i32) -> Zone {
        Zone { now, at: Some(at) }
    }

    fn offset_at(self, seconds: i64) -> i64 {
        i64::from(self.at.map_or(self.now, |at| at(seconds)))
    }

    /// The point in time that clocks in the zone show so. Where two show the same it is the later one; what none shows,
    /// as clocks are put forward, is told by the rules from then on.
    fn moment(self, local: i64) -> i64 {
        let (before, after) =
            (self.offset_at(local - DAY_SECONDS), self.offset_at(local.saturating_add(DAY_SECONDS)));
        let shows = |offset: i64| self.offset_at(local - offset) == offset;
        if shows(before) && !shows(after) { local - before } else { local - after }
    }
}

const DAY_SECONDS: i64 = 86_400;
const NANOSECONDS: i128 = 1_000_000_000;

/// A duration as `1d2h3m4s5ms`, in milliseconds. Each unit may stand once, the longer before the shorter.
#[must_use]
pub fn parse_duration(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0u64;
    let mut units = DURATION_UNITS.iter();
    while !rest.is_empty() {
        let (digits, tail) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
        let (unit, tail) = tail.split_at(tail.bytes().take_while(u8::is_ascii_alphabetic).count());
        let (_, milliseconds) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(*milliseconds)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// Writes milliseconds as `1d2h3m4s5ms`; nothing at all is `0s`. With `numeric` as whole seconds, `93784s`.
///
/// # Errors
/// Those of `out`.
pub fn write_duration(out: &mut impl fmt::Write, milliseconds: u64, numeric: bool) -> fmt::Result {
    if numeric {
        return write!(out, "{}s", milliseconds / 1000);
    }
    if milliseconds == 0 {
        return out.write_str("0s");
    }
    let mut rest = milliseconds;
    for (name, unit) in DURATION_UNITS {
        if rest >= *unit {
            write!(out, "{}{name}", rest / unit)?;
            rest %= unit;
        }
    }
    Ok(())
}

/// An hour of the day `HH:MM` or `HH:MM:SS` of a zone, as seconds since midnight UTC. Seconds go up to 61, as in `strptime`(3): `23:59:60` is the midnight that follows.
#[must_use]
pub fn parse_hour(text: &str, zone: Zone) -> Option<u32> {
    let mut parts = text.split(':');
    let hour = number(parts.next()?, 23)?;
    let minute = number(parts.next()?, 59)?;
    let second = parts.next().map_or(Some(0), |second| number(second, 61))?;
    if parts.next().is_some() {
        return None;
    }
    let seconds = hour * 3600 + minute * 60 + second - i64::from(zone.now);
    u32::try_from(seconds.rem_euclid(DAY_SECONDS)).ok()
}

/// Writes seconds since midnight UTC as `"HH:MM"` or `"HH:MM:SS"` in a zone.
///
/// # Errors
/// Those of `out`.
pub fn write_hour(out: &mut impl fmt::Write, seconds: u32, zone: Zone) -> fmt::Result {
    // As nft, which counts with a sign in 32 bits, and a day once: a mask and the end of a prefix are listed as no hours.
    const DAY: i32 = DAY_SECONDS as i32;
    let local = match seconds.cast_signed().wrapping_add(zone.now) {
        before @ ..0 => before.wrapping_add(DAY),
        behind @ DAY.. => behind - DAY,
        local => local,
    };
    write!(out, "\"{:02}:{:02}", local / 3600, local / 60 % 60)?;
    if local % 60 != 0 {
        write!(out, ":{:02}", local % 60)?;
    }
    out.write_char('"')
}

/// A point in time `YYYY-MM-DD`, `YYYY-MM-DD HH:MM` or `YYYY-MM-DD HH:MM:SS` of a zone, as
/// nanoseconds since 1970. Days behind a month's end run over into the next.
#[must_use]
pub fn parse_date(text: &str, zone: Zone) -> Option<u64> {
    let (date, clock) = text.trim().split_once(' ').unwrap_or((text.trim(), "0:0"));
    let mut parts = date.split('-');
    let year = number(parts.next()?, 9999)?;
    let month = number(parts.next()?, 12).filter(|month| *month > 0)?;
    let day = number(parts.next()?, 31).filter(|day| *day > 0)?;
    if parts.next().is_some() {
        return None;
    }
    let mut clock = clock.trim().split(':');
    let hour = number(clock.next()?, 23)?;
    let minute = number(clock.next()?, 59)?;
    let second = clock.next().map_or(Some(0), |second| number(second, 61))?;
    if clock.next().is_some() {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    u64::try_from(i128::from(zone.moment(seconds)) * NANOSECONDS).ok()
}

/// Writes nanoseconds since 1970 as `"YYYY-MM-DD HH:MM:SS"` in a zone.
///
/// # Errors
/// Those of `out`.
pub fn write_date(out: &mut impl fmt::Write, nanoseconds: u64, zone: Zone) -> fmt::Result {
    let seconds = i64::try_from(nanoseconds / 1_000_000_000).unwrap_or(i64::MAX);
    let seconds = seconds + zone.offset_at(seconds);
    let (year, month, day) = civil_from_days(seconds.div_euclid(DAY_SECONDS));
    let clock = seconds.rem_euclid(DAY_SECONDS);
    write!(
        out,
        "\"{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}\"",
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    )
}

/// One or two digits (four for a year) up to a limit.
fn number(text: &str, limit: i64) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= limit)
}

/// Days since 1970-01-01 in the Gregorian calendar: a year that starts in March has its leap day at its end, and
/// 400 years have 146097 days.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests;
