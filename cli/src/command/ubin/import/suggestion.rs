//! What may be meant by a national number that its scheme does not take.
//!
//! Invariant: a suggestion is shown, never applied. For a number that has the form of a natural
//! person's, under any scheme of the country, there is none, and no part of it is shown.

use titian_contracts::error::Code;
use titian_contracts::ubin::check::NationalCheck;
use titian_contracts::ubin::identifier::squeeze;
use titian_contracts::ubin::scheme::{Scheme, SchemeTable};
use titian_contracts::ubin::suggestion::CONFUSABLE;

use super::report::Fault;

/// The finding about a raw number that was refused with `code`.
pub(super) fn national_number(
    code: Code,
    raw: &str,
    scheme: &Scheme,
    table: &SchemeTable,
    column: &str,
) -> Fault {
    let (cc, name) = (&scheme.entry.cc, &scheme.entry.code);
    let message = match code {
        Code::LocalFormat => format!("does not match {cc}-{name}"),
        code => code.meaning().to_owned(),
    };
    let fault = Fault::new(code, column, message);
    if code == Code::PersonalNumberRefused {
        return fault.suggest("a natural person's business needs a number of scheme SUR");
    }
    let local = squeeze(raw).map(|text| scheme.normalise(&text)).unwrap_or_default();
    let schemes = table.of_country(cc).unwrap_or_default();
    let personal = |text: &str| schemes.iter().any(|scheme| scheme.is_personal(text));
    if personal(&local) {
        return fault.suggest(format!("titian ubin schemes --cc {cc} shows the form"));
    }
    match one_edit_away(&local, scheme).as_slice() {
        [first, ..] if !personal(first) => fault.suggest(first.clone()),
        _ => {
            let example = scheme.entry.accept.first().map_or("", |example| example.raw.as_str());
            fault.suggest(format!("numbers of {cc}-{name} look like {example}"))
        }
    }
}

/// Canonical numbers one confusable substitution or one adjacent swap away, by position.
fn one_edit_away(local: &str, scheme: &Scheme) -> Vec<String> {
    let bytes = local.as_bytes();
    let mut edits: Vec<Vec<u8>> = Vec::new();
    for (at, old) in bytes.iter().enumerate() {
        for (a, b) in CONFUSABLE {
            let new = if *old == a { b } else { a };
            if *old == a || *old == b {
                let mut edited = bytes.to_vec();
                edited.splice(at..=at, [new]);
                edits.push(edited);
            }
        }
    }
    for at in 1..bytes.len() {
        let mut edited = bytes.to_vec();
        edited.swap(at - 1, at);
        edits.push(edited);
    }
    let kept = |edited: Vec<u8>| {
        let text = String::from_utf8(edited).ok()?;
        let right = scheme.canonical_local(&text).as_deref() == Ok(text.as_str())
            && scheme.is_expected_shape(&text)
            && scheme.national_check(&text) != NationalCheck::Fail;
        right.then_some(text)
    };
    edits.into_iter().filter_map(kept).collect()
}
