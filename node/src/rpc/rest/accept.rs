//! Which form of an answer a client wants (RFC 9110 §12.5.1).

/// The forms of a record, best first where a client does not mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The record answer.
    Json,
    /// RFC 9264, JSON.
    LinksetJson,
    /// RFC 9264, text.
    Linkset,
    /// A page for people.
    Html,
}

impl Form {
    const ALL: [Self; 4] = [Self::Json, Self::LinksetJson, Self::Linkset, Self::Html];

    /// Its media type.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::LinksetJson => "application/linkset+json",
            Self::Linkset => "application/linkset",
            Self::Html => "text/html",
        }
    }

    /// The form that `accept` rates highest; see [`best`].
    pub(super) fn choose(accept: Option<&str>) -> Option<Self> {
        let names = Self::ALL.map(Self::media_type);
        rated(accept, &names).and_then(|best| Self::ALL.get(best).copied())
    }
}

/// The place of the media type that `accept` rates highest, the first of equals; `None` if it takes
/// none. No header takes all.
pub(super) fn rated(accept: Option<&str>, media_types: &[&str]) -> Option<usize> {
    let Some(accept) = accept.filter(|text| !text.trim().is_empty()) else {
        return Some(0);
    };
    let ranges: Vec<(&str, u16)> = accept.split(',').filter_map(range).collect();
    let rated = media_types.iter().enumerate().map(|(i, name)| (i, rating(name, &ranges)));
    rated.filter(|(_, q)| *q > 0).rev().max_by_key(|(_, q)| *q).map(|(i, _)| i)
}

/// A range with its weight in thousandths; other parameters are not looked at.
fn range(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| name.contains('/'))?;
    let weight = parts.filter_map(|part| part.strip_prefix("q=")).next();
    Some((name, weight.map_or(Some(1000), thousandths)?))
}

fn thousandths(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if rest.len() > 3 || !rest.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{rest:0<3}").parse().ok()?;
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// The weight of the most specific range that holds the type.
fn rating(media_type: &str, ranges: &[(&str, u16)]) -> u16 {
    let family = media_type.split('/').next().unwrap_or_default();
    let specific = |name: &str| {
        if name.eq_ignore_ascii_case(media_type) {
            3
        } else if name.strip_suffix("/*").is_some_and(|f| f.eq_ignore_ascii_case(family)) {
            2
        } else {
            u8::from(name == "*/*")
        }
    };
    let fitting = ranges.iter().map(|(name, q)| (specific(name), *q));
    fitting.filter(|(how, _)| *how > 0).max_by_key(|(how, _)| *how).map_or(0, |(_, q)| q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_rated_highest_is_chosen_and_json_among_equals() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, form) in [
            (None, Some(Form::Json)),
            (Some(""), Some(Form::Json)),
            (Some("*/*"), Some(Form::Json)),
            (Some(browser), Some(Form::Html)),
            (Some("application/linkset+json"), Some(Form::LinksetJson)),
            (Some("Application/Linkset;q=1.0"), Some(Form::Linkset)),
            (Some("application/*;q=0.5, text/html;q=0.4"), Some(Form::Json)),
            (Some("application/*, application/json;q=0"), Some(Form::LinksetJson)),
            (Some("text/html;q=0, */*;q=0.1"), Some(Form::Json)),
            (Some("image/png"), None),
            (Some("application/json;q=0"), None),
            (Some("application/json;q=7"), None),
        ] {
            assert_eq!(Form::choose(accept), form, "{accept:?}");
        }
    }
}
