//! Block time and legal dates, by integer arithmetic only (proleptic Gregorian calendar, UTC).
//!
//! It deliberately does not read any clock.

/// Milliseconds of a day.
pub const DAY_MS: u64 = 86_400_000;

/// A legal date `YYYY-MM-DD`, from 00:00 UTC; stored as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(i64);

impl Date {
    /// Reads `YYYY-MM-DD` with a real calendar day of the years 0001 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let shape = bytes.len() == 10
            && bytes.iter().enumerate().all(|(i, b)| match i {
                4 | 7 => *b == b'-',
                _ => b.is_ascii_digit(),
            });
        if !shape {
            return None;
        }
        let year: i64 = text.get(0..4)?.parse().ok()?;
        let month: i64 = text.get(5..7)?.parse().ok()?;
        let day: i64 = text.get(8..10)?.parse().ok()?;
        let valid =
            year >= 1 && (1..=12).contains(&month) && day >= 1 && day <= month_days(year, month);
        valid.then(|| Self(days_from_civil(year, month, day)))
    }

    /// The UTC date of a time in ms since the Unix epoch.
    pub const fn of_ms(time_ms: u64) -> Self {
        Self((time_ms / DAY_MS) as i64)
    }

    /// 00:00 UTC of this date in ms since the Unix epoch; 0 for dates before 1970.
    pub fn start_ms(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0) * DAY_MS
    }

    /// This date moved by `days`.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days)
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = civil_from_days(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// RFC 3339 text of a time in ms, UTC, with whole seconds (`2026-07-01T02:11:09Z`).
pub fn rfc3339(time_ms: u64) -> String {
    let seconds = (time_ms % DAY_MS) / 1000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", Date::of_ms(time_ms))
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a civil date; years start in March so that leap days come last.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}
