//! Dates as registers write them, by a format of `%Y`, `%m`, `%d` and literal characters.

use titian_contracts::time::Date;

/// Formats that a wrong date is tried against, for the suggestion.
const COMMON: [&str; 7] =
    ["%Y-%m-%d", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d.%m.%Y", "%Y%m%d", "%m/%d/%Y"];

/// How a file writes dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DateFormat(String);

impl Default for DateFormat {
    fn default() -> Self {
        Self("%Y-%m-%d".to_owned())
    }
}

impl DateFormat {
    /// Reads a format: `%Y`, `%m` and `%d` once each.
    pub(super) fn parse(format: &str) -> Option<Self> {
        let mut seen = Vec::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c == '%' {
                seen.push(chars.next()?);
            }
        }
        seen.sort_unstable();
        (seen == ['Y', 'd', 'm']).then(|| Self(format.to_owned()))
    }

    /// The date as `YYYY-MM-DD`; `None` if the text has another form or is no calendar day.
    pub(super) fn read(&self, text: &str) -> Option<String> {
        let (mut year, mut month, mut day) = (0, 0, 0);
        let mut rest = text;
        let mut chars = self.0.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                rest = rest.strip_prefix(c)?;
                continue;
            }
            let part = chars.next()?;
            let wanted = if part == 'Y' { 4 } else { 2 };
            let digits = rest.bytes().take(wanted).take_while(u8::is_ascii_digit).count();
            if digits == 0 || (part == 'Y' && digits < wanted) {
                return None;
            }
            let (number, after) = rest.split_at(digits);
            let number: u32 = number.parse().ok()?;
            match part {
                'Y' => year = number,
                'm' => month = number,
                _ => day = number,
            }
            rest = after;
        }
        let date = format!("{year:04}-{month:02}-{day:02}");
        (rest.is_empty() && Date::parse(&date).is_some()).then_some(date)
    }

    /// What may be meant by a text of another form: the formats that read it, for the map.
    pub(super) fn suggestion(&self, text: &str) -> String {
        let fits = |format: &&str| Self((**format).to_owned()).read(text).is_some();
        let fitting: Vec<&str> = COMMON.into_iter().filter(fits).collect();
        match fitting.as_slice() {
            [] => format!("write the date as {}", self.0),
            [one] => format!("the map may need dates = \"{one}\""),
            [first, ..] => format!("the map may need dates = \"{first}\", or another order"),
        }
    }
}
