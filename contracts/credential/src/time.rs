//! XSD dateTimeStamp: a date and time with its offset from UTC.

use titian_contracts::time::Date;

/// Milliseconds since the Unix epoch of `YYYY-MM-DDThh:mm:ss[.f…](Z|±hh:mm)`; `None` if the text
/// is none. Dates before 1970 count as 1970.
pub fn parse(text: &str) -> Option<i64> {
    let date = Date::parse(text.get(..10)?)?;
    let clock = text.get(11..19)?;
    let two = |at: usize| -> Option<i64> {
        let digits = clock.get(at..at + 2)?;
        let plain = digits.bytes().all(|b| b.is_ascii_digit());
        if plain { digits.parse().ok() } else { None }
    };
    let (hour, minute, second) = (two(0)?, two(3)?, two(6)?);
    let marks = text.as_bytes().get(10) == Some(&b'T')
        && clock.as_bytes().get(2) == Some(&b':')
        && clock.as_bytes().get(5) == Some(&b':');
    if !marks || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction_ms, zone) = fraction(text.get(19..)?)?;
    let start_ms = i64::try_from(date.start_ms()).ok()?;
    let clock_ms = ((hour * 60 + minute) * 60 + second) * 1_000 + fraction_ms;
    Some(start_ms + clock_ms - offset_minutes(zone)? * 60_000)
}

fn fraction(rest: &str) -> Option<(i64, &str)> {
    let Some(after) = rest.strip_prefix('.') else { return Some((0, rest)) };
    let count = after.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 || count > 9 {
        return None;
    }
    let digits = after.get(..count)?;
    let padded = format!("{digits:0<3}");
    Some((padded.get(..3)?.parse().ok()?, after.get(count..)?))
}

fn offset_minutes(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let shape = zone.len() == 6
        && zone
            .bytes()
            .enumerate()
            .skip(1)
            .all(|(i, b)| if i == 3 { b == b':' } else { b.is_ascii_digit() });
    if !shape {
        return None;
    }
    let (hours, minutes): (i64, i64) =
        (zone.get(1..3)?.parse().ok()?, zone.get(4..6)?.parse().ok()?);
    let in_range = hours <= 14 && minutes <= 59;
    in_range.then_some(sign * (hours * 60 + minutes))
}
