//! What a body may say: sections 2 and 3 of ubin.md, in this order: dates, display id, kind of
//! business, names, status, identifiers and relations, personal data.
//!
//! Invariant (I8): no body that passes holds what section 3 forbids. It deliberately knows nothing
//! of acts; what an act may change is judged by `acts`.

use super::body::{Body, PATH};
use super::pattern::Pattern;
use super::scheme::{self, Known, Scheme};
use super::text::{self, Suspicion};
use super::vocabulary::{Category, NameType, RelationType, SchemeUse, Status};
use super::{identifier, reference};
use crate::error::{Code, Reject};
use crate::limits;
use crate::state::Overlay;
use crate::time::Date;

/// Members of the record of a natural person's business (§3.3). Evidence holds digests only.
const MINIMAL_MEMBERS: &[&str] = &[
    "v",
    "ubin",
    "entity",
    "version",
    "prev",
    "category",
    "status",
    "corroboration",
    "registeredOn",
    "endedOn",
    "confirmedOn",
    "sourceAsOf",
    "validFrom",
    "sizeClass",
    "activity",
    "address",
    "nameCommit",
    "evidence",
];

/// What a body is judged by.
pub(super) struct Rules<'a> {
    /// The scheme of its number.
    pub scheme: &'a Scheme,
    /// The national number.
    pub local: &'a str,
    /// The patterns of natural persons' numbers of the country.
    pub deny: &'a [Pattern],
    /// The date of the block.
    pub today: Date,
    /// Whether a text is the canonical number of a known scheme.
    pub known: &'a dyn Fn(&str) -> Result<(), Code>,
}

/// Judges `body` by the schemes in force in `state`, see [`judge`].
pub(super) fn judge_in(
    state: &Overlay<'_>,
    time_ms: u64,
    body: &Body<'_>,
    known: &Known,
    overrides: &[&str],
) -> Result<Vec<String>, Reject> {
    let rules = Rules {
        scheme: &known.scheme,
        local: &known.ubin.local,
        deny: &known.deny,
        today: Date::of_ms(time_ms),
        known: &|target| scheme::known(state, time_ms, target).map(|_| ()),
    };
    judge(body, &rules, overrides)
}

/// Judges `body`; `overrides` are pointers below the body that R2 passed in spite of the scan.
/// Returns the warnings, sorted.
pub(super) fn judge(
    body: &Body<'_>,
    rules: &Rules<'_>,
    overrides: &[&str],
) -> Result<Vec<String>, Reject> {
    check_dates(body, rules.today)?;
    check_display_id(body, rules)?;
    check_kind(body, rules.scheme)?;
    let mut warnings = check_names(body)?;
    check_status(body, rules.scheme)?;
    for identifier in &body.identifiers {
        warnings.extend(identifier.warning);
    }
    check_relations(body, rules.known)?;
    let is_personal = |number: &str| is_personal(rules.scheme, rules.deny, number);
    scan(body, is_personal, |pointer| !overrides.contains(&pointer))?;
    let parsed = identifier::judge(rules.scheme, rules.local.to_owned());
    warnings.extend(parsed.warnings);
    if parsed.national_check == super::check::NationalCheck::Fail {
        warnings.push("NATIONAL_CHECK_FAILED");
    }
    warnings.sort_unstable();
    warnings.dedup();
    Ok(warnings.into_iter().map(str::to_owned).collect())
}

/// The scheme carries records and takes registrations at `height`; the number matches its pattern.
/// Errors name `field`.
pub(super) fn check_scheme(known: &Known, height: u64, field: &str) -> Result<(), Reject> {
    if known.scheme.entry.usage != SchemeUse::Primary || !known.takes_registrations(height) {
        return Err(Reject::new(Code::SchemeNotPrimary, field, ""));
    }
    if known.scheme.is_canonical(&known.ubin.local) {
        return Ok(());
    }
    Err(Reject::new(Code::LocalFormat, field, ""))
}

fn reject(code: Code, pointer: &str, detail: &str) -> Reject {
    Reject::new(code, &format!("{PATH}{pointer}"), detail)
}

/// Local dates run ahead of UTC by up to a day; beyond that nothing may be dated ahead.
fn check_dates(body: &Body<'_>, today: Date) -> Result<(), Reject> {
    let latest = today.plus_days(1);
    let dates = [
        ("/validFrom", Some(body.valid_from)),
        ("/confirmedOn", Some(body.confirmed_on)),
        ("/sourceAsOf", Some(body.source_as_of)),
        ("/registeredOn", body.registered_on),
        ("/endedOn", body.ended_on),
    ];
    for (pointer, date) in dates {
        if date.and_then(Date::parse).is_some_and(|date| date > latest) {
            return Err(reject(Code::FutureEffective, pointer, "more than a day ahead"));
        }
    }
    // dates of this form stand in the order of their texts
    if body.ended_on.zip(body.registered_on).is_some_and(|(ended, registered)| ended < registered) {
        return Err(reject(Code::Malformed, "/endedOn", "before registeredOn"));
    }
    let ended = body.status.code == Status::Dissolved;
    if ended && body.ended_on.is_none() {
        return Err(reject(Code::Malformed, "/endedOn", "a dissolved business has an end"));
    }
    if !ended && !body.status.code.is_terminal() && body.ended_on.is_some() {
        return Err(reject(Code::Malformed, "/endedOn", "only an ended business has an end"));
    }
    Ok(())
}

fn check_display_id(body: &Body<'_>, rules: &Rules<'_>) -> Result<(), Reject> {
    let Some(shown) = body.display_id else { return Ok(()) };
    text::check_text(shown).map_err(|code| reject(code, "/displayId", ""))?;
    let local = identifier::squeeze(shown).map(|squeezed| rules.scheme.normalise(&squeezed));
    if local.as_deref() == Ok(rules.local) {
        Ok(())
    } else {
        Err(reject(Code::DisplayIdMismatch, "/displayId", ""))
    }
}

/// Minimal records for natural persons' businesses, full ones for all others.
fn check_kind(body: &Body<'_>, scheme: &Scheme) -> Result<(), Reject> {
    if body.category.is_natural_person() {
        if !scheme.entry.natural_persons {
            return Err(reject(Code::SurrogateRequired, "/ubin", ""));
        }
        return check_minimal(body);
    }
    let missing = |pointer| Err(reject(Code::Malformed, pointer, "member is missing"));
    if body.has_name_commit || body.is_trade_name_public {
        return Err(reject(Code::Malformed, "", "for businesses of natural persons only"));
    }
    if body.legal_name.is_none() {
        return missing("/legalName");
    }
    if body.corroboration.is_none() {
        return missing("/corroboration");
    }
    if body.registered_on.is_none() && body.status.code != Status::Reserved {
        return missing("/registeredOn");
    }
    if body.address.as_ref().is_some_and(|address| address.country.is_none()) {
        return missing("/address/country");
    }
    let branch = body.relations.iter().any(|r| r.kind == RelationType::BranchOf);
    if body.category == Category::Branch && !branch {
        return Err(reject(Code::Malformed, "/relations", "a branch names what it is a branch of"));
    }
    Ok(())
}

fn check_minimal(body: &Body<'_>) -> Result<(), Reject> {
    let refuse = |pointer: &str, detail| Err(reject(Code::MinimalRecordRequired, pointer, detail));
    let trade_name =
        |name: &str| body.is_trade_name_public && matches!(name, "otherNames" | "tradeNamePublic");
    for (name, _) in body.value.as_object().unwrap_or_default() {
        if !MINIMAL_MEMBERS.contains(&name.as_str()) && !trade_name(name) {
            return refuse("", "a member beyond the minimal record");
        }
    }
    if body.other_names.iter().any(|name| name.kind != NameType::Trading) {
        return refuse("/otherNames", "a public trade name only");
    }
    if !body.has_name_commit {
        return refuse("/nameCommit", "member is missing");
    }
    let region_only = body.address.as_ref().is_none_or(|address| {
        address.lines.is_empty()
            && address.city.is_none()
            && address.postal_code.is_none()
            && address.country.is_none()
    });
    if region_only { Ok(()) } else { refuse("/address", "the region only") }
}

fn check_names(body: &Body<'_>) -> Result<Vec<&'static str>, Reject> {
    let mut warnings = Vec::new();
    let other = body.other_names.iter().map(|other| &other.name);
    for name in body.legal_name.iter().chain(other) {
        text::check_name(name.value).map_err(|code| reject(code, &name.pointer, ""))?;
        warnings.extend(text::name_warnings(name.value));
    }
    for (pointer, text) in free_texts(body) {
        text::check_text(text).map_err(|code| reject(code, pointer, ""))?;
    }
    Ok(warnings)
}

/// A mapped national code fixes the common code; an unmapped one means OTHER. Nothing is guessed.
fn check_status(body: &Body<'_>, scheme: &Scheme) -> Result<(), Reject> {
    let status = &body.status;
    let Some(national) = status.national.as_deref().filter(|_| !status.code.is_terminal()) else {
        return Ok(());
    };
    if scheme.mapped_status(national).unwrap_or(Status::Other) == status.code {
        Ok(())
    } else {
        Err(reject(Code::StatusMapMismatch, "/status/code", ""))
    }
}

/// Targets are canonical UBINs of known schemes; a relation of loaded history fits the status.
fn check_relations(
    body: &Body<'_>,
    known: &dyn Fn(&str) -> Result<(), Code>,
) -> Result<(), Reject> {
    for (i, relation) in body.relations.iter().enumerate() {
        let pointer = format!("/relations/{i}/target");
        known(relation.target).map_err(|code| reject(code, &pointer, ""))?;
        if relation.target == body.value.get("ubin").and_then(|u| u.as_text()).unwrap_or_default() {
            return Err(reject(Code::Malformed, &pointer, "a record does not relate to itself"));
        }
        if relation.kind.terminal_status().is_some_and(|status| status != body.status.code) {
            let pointer = format!("/relations/{i}/type");
            return Err(reject(Code::Malformed, &pointer, "does not fit the status"));
        }
    }
    Ok(())
}

/// Texts beside names: pointer below the body, and text.
fn free_texts<'a>(body: &Body<'a>) -> Vec<(&'static str, &'a str)> {
    const LINES: [&str; limits::ADDRESS_LINES_MAX] =
        ["/address/lines/0", "/address/lines/1", "/address/lines/2"];
    let mut texts = Vec::new();
    if let Some(national) = body.legal_form.as_ref().and_then(|form| form.national) {
        texts.push(("/legalForm/national", national));
    }
    if let Some(address) = &body.address {
        texts.extend(LINES.into_iter().zip(address.lines.iter().copied()));
        texts.extend(address.city.map(|city| ("/address/city", city)));
        texts.extend(address.postal_code.map(|code| ("/address/postalCode", code)));
    }
    texts
}

/// Whether a number in a text of a record of `scheme` is one of a natural person: a pattern of the
/// country matches, and `scheme` does not take it for a company's.
fn is_personal(scheme: &Scheme, deny: &[Pattern], number: &str) -> bool {
    deny.iter().any(|pattern| pattern.matches(number)) && !scheme.is_company_number(number)
}

/// No text and no identifier holds a number of a natural person of the country.
pub(super) fn check_denied(body: &Body<'_>, known: &Known) -> Result<(), Reject> {
    scan(body, |number| is_personal(&known.scheme, &known.deny, number), |_| false)
}

/// No text holds what looks like a natural person's data (§3.4): names, the texts beside them, the
/// register's status code and the identifiers are scanned. `refuses` is asked of the pointer of a text
/// that is suspicious only; what `is_personal` nobody may pass.
fn scan(
    body: &Body<'_>,
    is_personal: impl Fn(&str) -> bool,
    refuses: impl Fn(&str) -> bool,
) -> Result<(), Reject> {
    let refuse = |pointer: &str| Err(reject(Code::PersonalDataSuspected, pointer, ""));
    let other = body.other_names.iter().map(|other| &other.name);
    let names = body.legal_name.iter().chain(other).map(|n| (n.pointer.as_str(), n.value));
    let status = body.status.national.iter().map(|text| ("/status/national", text.as_str()));
    for (pointer, text) in names.chain(free_texts(body)).chain(status) {
        match text::scan(text, &is_personal) {
            Suspicion::Denied => return refuse(pointer),
            Suspicion::Suspected if refuses(pointer) => return refuse(pointer),
            _ => {}
        }
    }
    for (i, identifier) in body.identifiers.iter().enumerate() {
        let value = identifier.value.and_then(|v| reference::scanned(identifier.scheme, v));
        if value.is_some_and(|value| text::scan(value, &is_personal) == Suspicion::Denied) {
            return refuse(&format!("/identifiers/{i}/value"));
        }
    }
    Ok(())
}
