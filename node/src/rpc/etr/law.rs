//! What states say of records: profiles, legal effect, court policy.

use titian_api::etr::MatrixParams;
use titian_api::etr_read::{CourtPolicyParams, LegalEffectParams, ProfileParams};
use titian_api::{Object, Refusal};
use titian_contracts::access::{Ams, ams_key};
use titian_contracts::error::Code;
use titian_contracts::etr::court;
use titian_contracts::etr::legal::{self, LegalEffect};
use titian_contracts::etr::provisions::{court_value, effect_value};
use titian_contracts::etr::{keys, profile};
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::state::{Overlay, decode_content};

use super::super::at::At;
use super::super::methods::Answer;
use super::super::{State, view};

/// All type profiles.
pub(super) fn profiles(state: &State) -> Answer<Object> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let profiles = names(state).into_iter().filter_map(|name| one(&overlay, &name));
    let shown = Value::object([("profiles", Value::List(profiles.collect()))]);
    Ok(at.stamp(view::object(&shown)))
}

fn names(state: &State) -> Vec<String> {
    let prefix = keys::profile("");
    let name = |key: &[u8]| Some(std::str::from_utf8(key.get(prefix.len()..)?).ok()?.to_owned());
    let (mut names, mut after) = (Vec::new(), None);
    // each version took a proposal that two thirds of the states accepted, so they stay few
    loop {
        let found = state.ledger().scan(&prefix, after.as_deref(), limits::PAGE_ITEMS_MAX);
        names.extend(found.iter().filter_map(|(key, _)| name(key)));
        match found.last() {
            Some((key, _)) if found.len() == limits::PAGE_ITEMS_MAX => after = Some(key.clone()),
            _ => return names,
        }
    }
}

fn one(overlay: &Overlay<'_>, name: &str) -> Option<Value> {
    let value = profile::value_of(overlay, name)?;
    Some(Value::object([
        ("name", Value::from(name)),
        ("hash", Value::from(profile::profile_hash(&value))),
        ("withdrawn", Value::from(profile::is_withdrawn(overlay, name))),
        ("profile", value),
    ]))
}

/// One type profile; unless a version is named the highest of which records may be issued, if there is
/// one, else the highest.
pub(super) fn profile_of(state: &State, params: &ProfileParams) -> Answer<Object> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let version = params.version.or_else(|| {
        let of_id = |name: &String| {
            let (id, version) = name.split_once('@')?;
            let version = version.parse::<u64>().ok().filter(|_| id == params.id)?;
            Some((!profile::is_withdrawn(&overlay, name), version))
        };
        names(state).iter().filter_map(of_id).max().map(|(_, version)| version)
    });
    let name = format!("{}@{}", params.id, version.unwrap_or(1));
    let shown = one(&overlay, &name);
    let shown = shown.ok_or_else(|| Refusal::new(Code::UnknownProfile, "/id", ""))?;
    Ok(at.stamp(view::object(&shown)))
}

/// Whether a class is one of the model law: not if the profiles of the class say that it is not.
fn is_mletr(state: &State, overlay: &Overlay<'_>, class: &str) -> bool {
    let of_class = |name: &String| {
        let profile = profile::load(overlay, name)?;
        (profile.law_class == class).then_some(profile.mletr)
    };
    let mut said = names(state).into_iter().filter_map(|name| of_class(&name)).peekable();
    said.peek().is_none() || said.any(|mletr| mletr)
}

/// A statement of a state, with its English name if it is one of the network.
fn named(overlay: &Overlay<'_>, ams: &str, said: Value) -> Value {
    match overlay.read::<Ams>(&ams_key(ams)) {
        Some(entry) => said.with("name", Value::from(entry.name)),
        None => said,
    }
}

/// What one state says of one class.
pub(super) fn effect(state: &State, params: &LegalEffectParams) -> Answer<Object> {
    let at = At::height(state, params.height)?;
    let overlay = Overlay::new(&at.reader);
    let entry = legal::effect(&overlay, &params.ams, &params.class);
    let mletr = is_mletr(state, &overlay, &params.class);
    let said = effect_value(&params.ams, entry.as_deref(), &params.class, mletr, at.time_ms);
    Ok(at.stamp(view::object(&named(&overlay, &params.ams, said))))
}

/// All entries of the legal-effect register.
pub(super) fn matrix(state: &State, params: &MatrixParams) -> Answer<Object> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let found = state.ledger().scan(b"gov/legal/", None, 10 * limits::PAGE_ITEMS_MAX);
    let entries = found
        .iter()
        .filter_map(|(_, stored)| decode_content::<LegalEffect>(&stored.content))
        .filter(|entry| {
            params.class.as_ref().is_none_or(|class| &entry.class == class || entry.class == "*")
        })
        .map(|entry| {
            let class = params.class.as_ref().unwrap_or(&entry.class);
            let mletr = is_mletr(state, &overlay, class);
            let said = effect_value(&entry.ams, Some(&entry), class, mletr, at.time_ms);
            named(&overlay, &entry.ams, said)
        });
    let shown = Value::object([("entries", Value::List(entries.collect()))]);
    Ok(at.stamp(view::object(&shown)))
}

/// What a state lets its courts do.
pub(super) fn court_policy(state: &State, params: &CourtPolicyParams) -> Answer<Object> {
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let Some(policy) = court::policy(&overlay, &params.ams, at.time_ms) else {
        let shown = Value::object([
            ("ams", Value::from(params.ams.as_str())),
            ("enacted", Value::from(false)),
        ]);
        return Ok(at.stamp(view::object(&shown)));
    };
    Ok(at.stamp(view::object(&court_value(&policy))))
}
