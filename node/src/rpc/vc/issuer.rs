//! Issuers: who holds accreditations, what they entitle to, and whether one may issue a type.

use std::sync::Arc;

use serde_json::json;
use titian_api::vc::{AuthorisedParams, DidParams, IdParams, IssuersParams, Listed};
use titian_api::{Object, Refusal};
use titian_contracts::access::{self, Party, PartyEntry, is_state_code};
use titian_contracts::credential::{
    Accreditation, NumberedId, REGION, Right, accreditation_id, accreditation_key, chain, list_id,
    list_key, type_key,
};
use titian_contracts::error::Code;
use titian_contracts::state::{Overlay, Reader};
use titian_credential::accreditation::{self, Question};
use titian_credential::did;

use super::evidence::{self, Noted};
use super::page::{Ask, page};
use super::{bare, live_of, read, read_time};
use crate::rpc::at::At;
use crate::rpc::methods::Answer;
use crate::rpc::{State, prove};

/// Status lists of one issuer that an answer names; `vc_statusLists` gives all, by pages.
const LISTS_MAX: u64 = 1_000;

/// `vc_issuer`.
pub(super) async fn issuer(state: &Arc<State>, params: &DidParams) -> Answer<Object> {
    let party = bare(&params.did).to_owned();
    let parsed = Party::parse(&party).ok_or_else(|| Refusal::new(Code::DidInvalid, "/did", ""))?;
    evidence::answer(state, (params.height, params.proof), move |_, at, noted| {
        let found = of_party(noted, &parsed, &party, at.time_ms);
        let mut found = found.ok_or_else(|| Refusal::new(Code::NotFound, "/did", ""))?;
        found.insert("height".to_owned(), json!(at.height));
        Ok(found)
    })
    .await
}

fn of_party(reader: &dyn Reader, parsed: &Party, party: &str, time_ms: u64) -> Option<Object> {
    let overlay = Overlay::new(reader);
    let name = access::store_name(&overlay, parsed)?;
    let entry: PartyEntry = overlay.read(&access::party_key(&name))?;
    let mut ids = Vec::new();
    for (n, link) in (1u64..).zip(chain::of_party(&overlay, party)) {
        ids.push(json!({
            "id": accreditation_id(party, n),
            "status": shown_status(&link, time_ms),
            "active": chain::chain_active(&overlay, &link, time_ms),
        }));
    }
    let (types, jurisdictions) = entitled(&overlay, party, time_ms);
    let lists: Vec<String> = (1..=LISTS_MAX)
        .take_while(|n| overlay.holds(&list_key(party, *n)))
        .map(|n| did::did_of(&list_id(party, n)))
        .collect();
    let keys = access::view::keys(&overlay, party, time_ms, 1, entry.keys);
    let keys = keys.and_then(|keys| keys.get("keys").map(crate::rpc::view::json));
    let members = [
        ("did", json!(did::did_of(party))),
        ("status", json!(if entry.closed { "closed" } else { "active" })),
        ("keys", keys.unwrap_or_default()),
        ("accreditations", json!(ids)),
        ("types", json!(types)),
        ("jurisdictions", json!(jurisdictions)),
        ("lists", json!(lists)),
    ];
    Some(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The types that a party may issue at a time, and the states for which it may.
fn entitled(overlay: &Overlay<'_>, party: &str, time_ms: u64) -> (Vec<String>, Vec<String>) {
    let (mut types, mut jurisdictions) = (Vec::new(), Vec::new());
    for link in chain::of_party(overlay, party) {
        if link.rights.contains(&Right::Issue) && chain::chain_active(overlay, &link, time_ms) {
            types.extend(link.types);
            jurisdictions.extend(link.jurisdictions);
        }
    }
    for list in [&mut types, &mut jurisdictions] {
        list.sort_unstable();
        list.dedup();
    }
    (types, jurisdictions)
}

/// `vc_issuers`: the parties with an index of accreditations, in the order of their names.
pub(super) async fn issuers(state: &Arc<State>, params: IssuersParams) -> Answer<Listed> {
    let mut prefix = INDEX_PREFIX.to_vec();
    if let Some(cc) = &params.cc {
        if !is_state_code(cc) {
            return Err(Refusal::new(Code::InvalidParams, "/cc", "two capital letters"));
        }
        prefix.extend_from_slice(cc.as_bytes());
    }
    let ask = Ask {
        limit: params.limit,
        cursor: params.cursor,
        height: params.height,
        proof: params.proof,
    };
    let type_name = params.type_name;
    page(state, ask, prefix, move |at, key, _| {
        let party = indexed(key)?;
        let overlay = Overlay::new(&at.reader);
        let (types, jurisdictions) = entitled(&overlay, party, at.time_ms);
        let wanted = type_name.as_ref().is_none_or(|name| types.contains(name));
        wanted.then(|| {
            let members = [
                ("did", json!(did::did_of(party))),
                ("types", json!(types)),
                ("jurisdictions", json!(jurisdictions)),
            ];
            members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        })
    })
    .await
}

/// What comes before the party in the key of an index.
pub(super) const INDEX_PREFIX: &[u8] = b"vc/acc/";

/// The party of an index key; `None` for the key of one accreditation.
pub(super) fn indexed(key: &[u8]) -> Option<&str> {
    let party = std::str::from_utf8(key.strip_prefix(INDEX_PREFIX)?).ok()?;
    Party::parse(party).map(|_| party)
}

/// `vc_authorised`: the accreditation check of a verdict, for an issuer and a type by name.
pub(super) async fn authorised(state: &Arc<State>, params: AuthorisedParams) -> Answer<Object> {
    let issuer_text = bare(&params.issuer).to_owned();
    let issuer = Party::parse(&issuer_text);
    let issuer = issuer.ok_or_else(|| Refusal::new(Code::DidInvalid, "/issuer", ""))?;
    if !is_state_code(&params.jurisdiction) {
        return Err(Refusal::new(Code::InvalidParams, "/jurisdiction", "two capital letters"));
    }
    evidence::answer(state, (params.height, params.proof), move |state, at, noted| {
        let signed_ms = read_time(params.time.as_deref(), "/time", at.time_ms)?;
        let question = Question {
            issuer: &issuer,
            issuer_text: &issuer_text,
            type_name: &params.type_name,
            signed_ms,
            anchored: false,
        };
        let (code, chain) = judge(state, at, noted, question, &params.jurisdiction);
        let members = [
            ("authorised", json!(code == "OK")),
            ("code", json!(code)),
            ("chain", json!(chain)),
            ("height", json!(at.height)),
        ];
        Ok(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    })
    .await
}

fn judge(
    state: &State,
    at: &At,
    noted: &Noted<'_>,
    question: Question<'_>,
    jurisdiction: &str,
) -> (&'static str, Vec<String>) {
    let snapshot = live_of(state, at, noted);
    let cc = question.issuer.cc();
    let registered =
        [REGION, cc].iter().any(|owner| noted.get(&type_key(owner, question.type_name)).is_some());
    if !registered {
        return ("NO_ACCREDITATION", Vec::new());
    }
    // an issuer issues in its own state; what others think of it is recognition
    if jurisdiction != cc {
        return ("JURISDICTION_NOT_COVERED", Vec::new());
    }
    match accreditation::check(&snapshot, question) {
        Ok((chain, _)) => ("OK", chain),
        Err(code) => (code, Vec::new()),
    }
}

/// The stored status; `expired` is derived from the period.
fn shown_status(link: &Accreditation, time_ms: u64) -> &'static str {
    if link.status.name() == "active" && time_ms >= link.until_ms {
        "expired"
    } else {
        link.status.name()
    }
}

/// `vc_accreditation`.
pub(super) async fn accreditation(state: &State, params: &IdParams) -> Answer<Object> {
    let id = bare(&params.id).to_owned();
    let unknown = || Refusal::new(Code::UnknownAccreditation, "/id", "");
    let parsed = NumberedId::parse(&id, "acc").ok_or_else(unknown)?;
    let height = params.proof.then(|| evidence::height(state, params.height)).or(params.height);
    let (mut shown, height) = {
        let at = At::height(state, height)?;
        let overlay = Overlay::new(&at.reader);
        let key = accreditation_key(&parsed.owner, parsed.number);
        let link: Accreditation = read(&at.reader, &key).ok_or_else(unknown)?;
        let changed = at.reader.get(&key).map(|stored| stored.last_changed);
        let rights: Vec<&str> = link.rights.iter().map(|right| right.name()).collect();
        let shown = json!({
            "id": id,
            "parent": link.parent,
            "grantor": did::did_of(&link.grantor),
            "grantee": did::did_of(&link.grantee),
            "rights": rights,
            "issuerClass": link.issuer_class,
            "types": link.types,
            "jurisdictions": link.jurisdictions,
            "depth": link.depth,
            "status": shown_status(&link, at.time_ms),
            "active": chain::chain_active(&overlay, &link, at.time_ms),
            "reason": link.reason,
            "effectiveMs": link.effective_ms,
            "version": link.version,
            "height": changed,
            "fromMs": link.from_ms,
            "untilMs": link.until_ms,
        });
        (at.stamp(shown.as_object().cloned().unwrap_or_default()), at.height)
    };
    if params.proof {
        let stated = [("id", id)];
        prove::add(state, &mut shown, Some(height), "vc-accreditation", &stated).await?;
    }
    Ok(shown)
}
