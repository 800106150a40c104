//! `titian vc types` and `titian vc example`: the regional credential types that ship with the
//! program, and a filled example of each. Needs no node.

use serde_json::{Map, Value as Json, json};
use titian_api::call;
use titian_api::vc::TypesParams;
use titian_contracts::time::rfc3339;
use titian_credential::profiles::{SHIPPED, ShippedType};

use super::DAY_MS;
use super::issue::urn_uuid;
use crate::act::now_ms;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, table};
use crate::session::Session;

/// Claims of an SD-JWT VC that issuing writes.
const WRITTEN_BY_ISSUE: [&str; 7] = ["iss", "iat", "nbf", "exp", "vct", "cnf", "status"];
/// Validity of an example at most, days.
const EXAMPLE_DAYS: u64 = 90;

fn json_of(bytes: &[u8]) -> Result<Json> {
    serde_json::from_slice(bytes).map_err(|_| CommandError::bug("a shipped file is no JSON"))
}

/// Runs `titian vc types`.
pub(super) fn list(session: &Session, on_ledger: bool, owner: Option<&str>) -> Result<Report> {
    let types = if on_ledger || owner.is_some() { registered(session, owner)? } else { shipped()? };
    let mut rows = vec![["TYPE", "OWNER", "FORMS", "STATUS", "DAYS"].map(str::to_owned).to_vec()];
    for entry in &types {
        let text = |name: &str| document::text(entry, name).unwrap_or_default().to_owned();
        let personal = entry.get("naturalPersonData").and_then(Json::as_bool) == Some(true);
        let status: Vec<&str> = entry
            .get("status")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        let forms = if personal { "dc+sd-jwt" } else { "embedded, vc+jwt" };
        let days = entry.get("validityMaxDays").map_or_else(String::new, Json::to_string);
        rows.push(vec![text("/type"), text("/owner"), forms.to_owned(), status.join(" "), days]);
    }
    Ok(Report::new(table(&rows), json!(types)))
}

fn shipped() -> Result<Vec<Json>> {
    SHIPPED
        .iter()
        .map(|shipped| {
            let definition = json_of(shipped.definition)?;
            let member = |name: &str| definition.get(name).cloned().unwrap_or_default();
            Ok(json!({
                "type": member("name"), "owner": member("owner"), "schemas": member("schemas"),
                "contexts": member("contexts"), "naturalPersonData": member("naturalPersonData"),
                "singleUse": member("singleUse"),
                "keyBinding": definition.get("keyBinding") == Some(&json!(true)), "status": member("profiles"),
                "validityMaxDays": member("validityMaxDays"),
            }))
        })
        .collect()
}

fn registered(session: &Session, owner: Option<&str>) -> Result<Vec<Json>> {
    let (mut types, mut cursor) = (Vec::new(), None);
    loop {
        let params =
            TypesParams { owner: owner.map(str::to_owned), cursor, ..TypesParams::default() };
        let page = session.client()?.ask::<call::VcTypes>(&params)?;
        types.extend(page.items.into_iter().map(Json::Object));
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(types);
        }
    }
}

/// Runs `titian vc example`.
pub(super) fn example(name: &str, whole: bool) -> Result<Report> {
    let shipped = find(name)?;
    let example = json_of(shipped.example)?;
    let shown = if whole { credential(shipped, example)? } else { claims(shipped, &example) };
    Ok(Report::json(shown))
}

/// What a user edits and a node or `titian vc issue` takes: the credential with an id of its own and a
/// period that runs, without what issuing writes.
fn credential(shipped: &ShippedType, mut example: Json) -> Result<Json> {
    let definition = json_of(shipped.definition)?;
    let days = definition.get("validityMaxDays").and_then(Json::as_u64).unwrap_or(EXAMPLE_DAYS);
    // the clock of this machine may run ahead of the verifier's
    let from_ms = now_ms().saturating_sub(60_000);
    let until_ms = from_ms.saturating_add(days.min(EXAMPLE_DAYS).saturating_mul(DAY_MS));
    let Some(members) = example.as_object_mut() else {
        return Err(CommandError::bug("a shipped example is no object"));
    };
    let written = if shipped.vct.is_some() {
        for name in ["iat", "cnf", "status"] {
            members.remove(name);
        }
        [("nbf", json!(from_ms / 1_000)), ("exp", json!(until_ms / 1_000))].to_vec()
    } else {
        members.remove("credentialStatus");
        let period = [("validFrom", from_ms), ("validUntil", until_ms)];
        let period = period.map(|(name, ms)| (name, json!(rfc3339(ms))));
        [("id", json!(urn_uuid()))].into_iter().chain(period).collect()
    };
    for (name, value) in written {
        members.insert(name.to_owned(), value);
    }
    Ok(example)
}

/// The type of a name or slug.
fn find(name: &str) -> Result<&'static ShippedType> {
    let called = |shipped: &&ShippedType| {
        let definition = json_of(shipped.definition).unwrap_or_default();
        shipped.slug == name || document::text(&definition, "/name") == Some(name)
    };
    SHIPPED.iter().find(called).ok_or_else(|| {
        CommandError::usage(format!("{name} is no type that ships with the program"))
            .hint("titian vc types lists them")
    })
}

/// What a user edits and `titian vc issue --type` takes: the claims, without what issuing writes.
fn claims(shipped: &ShippedType, example: &Json) -> Json {
    let members = match shipped.vct {
        Some(_) => example.as_object(),
        None => example.get("credentialSubject").and_then(Json::as_object),
    };
    let mut members: Map<String, Json> = members.cloned().unwrap_or_default();
    for name in WRITTEN_BY_ISSUE {
        members.remove(name);
    }
    // a business is named by its UBIN, which issuing turns into the subject's id
    if members.contains_key("ubin") {
        members.remove("id");
    }
    Json::Object(members)
}
