//! Acts on the ledger that the node signs with the key of one of its issuers: status entries, single
//! use, new lists. Each is submitted and waited for.

use std::collections::BTreeMap;
use std::sync::Arc;

use titian_api::Refusal;
use titian_api::ledger::{Receipt, Submission, TransactionInput};
use titian_api::vc_issue::{Acted, SetStatusParams, UseMove, UseParams};
use titian_contracts::credential::{
    Profile, StatusList, Use, bits, is_type_name, list_id, list_key, use_key,
};
use titian_contracts::error::Code;
use titian_contracts::execute::{self, CheckedTransaction};
use titian_contracts::json::Value;
use titian_contracts::state::Overlay;
use titian_contracts::transaction::TransactionId;
use titian_credential::did::did_of;

use super::methods::{Answer, blocking};
use super::vc::bare;
use super::vc::status::read_list;
use super::{Caller, State, ledger, now_ms, prepare, view};
use crate::custody::lists::{Change, Old, parse_local};
use crate::custody::record::Entry;
use crate::issuing::{Instance, Issuing};

/// Signs an act for `instance`, submits it, and gives the receipt of the applied op. Errors: those of
/// the act; `PENDING` if there is no receipt in time.
///
/// What would be refused on the head is not sent: the ledger answers the same bytes with the same
/// receipt for good, so that an act refused for want of a right could not be repeated with it.
pub(super) async fn run(
    state: &State,
    issuing: &Issuing,
    instance: &Instance,
    act: &str,
    args: Value,
) -> Answer<Receipt> {
    let off_ledger = || Refusal::new(Code::NotFound, "", "the issuer is not on the ledger");
    let bytes = instance.act(issuing.chain(), act, args).ok_or_else(off_ledger)?;
    try_on_head(state, &bytes)?;
    let text = String::from_utf8(bytes).map_err(|_| Refusal::from(Code::Unavailable))?;
    let submitted = ledger::submit(state, &TransactionInput::Text(text), true).await;
    match (submitted.status, submitted.receipt, submitted.error) {
        (_, _, Some(refusal)) => Err(refusal),
        (Submission::Executed, Some(receipt), None) => match receipt.error.clone() {
            Some(refusal) => Err(refusal),
            None => Ok(receipt),
        },
        _ => Err(Refusal::new(Code::Pending, "", &submitted.tx_id.unwrap_or_default())),
    }
}

/// Executes a signed transaction on the head and throws the outcome away. One that was executed before
/// passes, for its receipt says more. Errors: those of the act.
fn try_on_head(state: &State, bytes: &[u8]) -> Answer<()> {
    let reader = state.ledger().reader();
    let block = prepare::next_block(state);
    let checked = CheckedTransaction::check(bytes, &Overlay::new(&reader), block.time_ms);
    let outcome = execute::execute(block, &[checked], &reader);
    match outcome.receipts.first().and_then(|receipt| view::receipt(receipt).error) {
        // looked up after the refusal, which a block that came meanwhile may have caused
        Some(_) if state.ledger().receipt(&TransactionId::of(bytes)).is_some() => Ok(()),
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

/// The instance for which the caller may act under `did`. Errors: `FORBIDDEN`.
pub(super) fn instance_of<'a>(
    issuing: &'a Issuing,
    caller: &Caller,
    did: &str,
    field: &str,
) -> Answer<&'a Instance> {
    let forbidden = || Refusal::new(Code::Forbidden, field, "the token does not list the issuer");
    if !caller.acts_for(did) {
        return Err(forbidden());
    }
    issuing.by_did(did).ok_or_else(forbidden)
}

/// What a change did: the receipt if the ledger was asked, and the version of the list.
struct Changed {
    receipt: Option<Receipt>,
    version: u64,
}

/// Sets entries of a list on the ledger, unless all of them have their values already.
async fn change(
    state: &State,
    instance: &Instance,
    (owner, n): (&str, u64),
    changes: &[Change],
    reason: u64,
) -> Answer<Changed> {
    let issuing = state.issuing()?;
    let _turn = issuing.turn(instance).await;
    let (version, rows) = {
        let reader = state.ledger().reader();
        let overlay = Overlay::new(&reader);
        let unknown = || Refusal::new(Code::UnknownList, "/list", "");
        let list: StatusList = overlay.read(&list_key(owner, n)).ok_or_else(unknown)?;
        let mut rows = Vec::new();
        for change in changes {
            if change.index >= list.entries {
                return Err(Refusal::new(Code::StatusIndexRange, "/index", ""));
            }
            let current = u64::from(bits::current(&overlay, owner, n, &list, change.index));
            if change.is_done(current) {
                continue;
            }
            let old = change.old.expected().unwrap_or(current);
            let numbers = [change.index, old, change.new, reason];
            rows.push(Value::List(numbers.into_iter().map(Value::from).collect()));
        }
        (list.version, rows)
    };
    if rows.is_empty() {
        return Ok(Changed { receipt: None, version });
    }
    let args = Value::object([
        ("changes", Value::List(rows)),
        ("list", Value::from(list_id(owner, n))),
        ("version", Value::from(version)),
    ]);
    let receipt = run(state, issuing, instance, "list_set", args).await?;
    Ok(Changed { receipt: Some(receipt), version: version.saturating_add(1) })
}

/// `vc_setStatus`.
pub(super) async fn set_status(
    state: &State,
    caller: &Caller,
    params: &SetStatusParams,
) -> Answer<Acted> {
    let issuing = state.issuing()?;
    let old = params.old.map_or(Old::Any, Old::Exactly);
    let change_to = Change { index: params.index, old, new: params.new };
    let named = issuing.local_of_url(&params.list).unwrap_or(&params.list);
    if let Some((name, _)) = parse_local(named).filter(|(name, _)| issuing.by_name(name).is_some())
    {
        let did = issuing.by_name(name).map(|instance| instance.did.clone()).unwrap_or_default();
        let instance = instance_of(issuing, caller, &did, "/list")?;
        let version = change_local(issuing, named, vec![change_to]).await?;
        log(caller, "set status", instance);
        return Ok(acted(None, version));
    }
    let id = read_list(&params.list)?;
    let instance = instance_of(issuing, caller, &did_of(&id.owner), "/list")?;
    let list = (id.owner.as_str(), id.number);
    let changed = change(state, instance, list, &[change_to], params.reason).await?;
    log(caller, "set status", instance);
    Ok(acted(changed.receipt, changed.version))
}

/// Sets entries of a list that this node keeps itself, all or none; gives its version.
async fn change_local(issuing: &Arc<Issuing>, id: &str, changes: Vec<Change>) -> Answer<u64> {
    let (shared, id) = (Arc::clone(issuing), id.to_owned());
    blocking(move || Ok(shared.custody.set_local(&id, &changes)?)).await
}

/// Changes of a record's entries, by the list as custody names it.
pub(super) type Changes = BTreeMap<String, Vec<Change>>;

/// Sets entries of a record, those of one list in one act, with reason 0; what each list became.
pub(super) async fn set_entries(
    state: &State,
    instance: &Instance,
    by_list: Changes,
) -> Answer<Vec<Acted>> {
    let mut done = Vec::new();
    for (list, changes) in by_list {
        if instance.party().is_none() {
            let version = change_local(state.issuing()?, &list, changes).await?;
            done.push(acted(None, version));
            continue;
        }
        let id = read_list(&list)?;
        let changed = change(state, instance, (&id.owner, id.number), &changes, 0).await?;
        done.push(acted(changed.receipt, changed.version));
    }
    Ok(done)
}

fn acted(receipt: Option<Receipt>, version: u64) -> Acted {
    let (tx_id, height) = receipt.map(|receipt| (receipt.tx_id, receipt.height)).unzip();
    Acted { tx_id, height, version }
}

/// Who had an issuer act; no values.
pub(super) fn log(caller: &Caller, act: &str, instance: &Instance) {
    tracing::info!(target: "custody", who = %caller.name, act, issuer = %instance.name);
}

/// Revokes what entries of a record say can be revoked, with reason 0; gives the transactions.
pub(super) async fn revoke(
    state: &State,
    instance: &Instance,
    entries: &[Entry],
) -> Answer<Vec<String>> {
    let mut by_list = Changes::new();
    for entry in entries {
        let profile = Profile::parse(&entry.profile);
        if matches!(profile, Some(Profile::Revocation | Profile::Token)) {
            let revoked = Change { index: entry.index, old: Old::Any, new: 1 };
            by_list.entry(entry.list.clone()).or_default().push(revoked);
        }
    }
    if instance.party().is_some() {
        by_list.retain(|list, _| !is_over(state, list));
    }
    let done = set_entries(state, instance, by_list).await?;
    Ok(done.into_iter().filter_map(|acted| acted.tx_id).collect())
}

/// Whether a list of the ledger has ended: a retired one outlived all of its credentials.
fn is_over(state: &State, list: &str) -> bool {
    read_list(list).is_ok_and(|id| {
        let key = list_key(&id.owner, id.number);
        let stored: Option<StatusList> = Overlay::new(&state.ledger().reader()).read(&key);
        stored.is_none_or(|list| list.retired)
    })
}

/// `vc_use`.
pub(super) async fn use_entry(state: &State, caller: &Caller, params: &UseParams) -> Answer<Acted> {
    let issuing = state.issuing()?;
    let id = read_list(&params.list)?;
    let by = match (&params.by, params.to, caller.issuers.as_slice()) {
        (Some(did), ..) => did_of(bare(did)),
        (None, UseMove::Cancel, _) => did_of(&id.owner),
        (None, _, [only]) => only.clone(),
        (None, ..) => {
            let detail = "the token lists several issuers; name one";
            return Err(Refusal::new(Code::InvalidParams, "/by", detail));
        }
    };
    let instance = instance_of(issuing, caller, &by, "/by")?;
    let act = match params.to {
        UseMove::Lodge => "use_lodge",
        UseMove::Utilise => "use_utilise",
        UseMove::Release => "use_release",
        UseMove::Cancel => "use_cancel",
    };
    let _turn = issuing.turn(instance).await;
    let entry: Option<Use> =
        Overlay::new(&state.ledger().reader()).read(&use_key(&id.owner, id.number, params.index));
    let seq = entry.map_or(0, |entry| entry.seq);
    let mut args = Value::object([
        ("index", Value::from(params.index)),
        ("list", Value::from(list_id(&id.owner, id.number))),
        ("seq", Value::from(seq)),
    ]);
    if let Some(reference) = &params.reference {
        args = args.with("reference", Value::from(reference.as_str()));
    }
    let receipt = run(state, issuing, instance, act, args).await?;
    log(caller, act, instance);
    Ok(acted(Some(receipt), seq.saturating_add(1)))
}

/// What a new status list shall be.
pub(super) struct NewList {
    pub profile: Profile,
    pub types: Vec<String>,
    pub status_size: u64,
    pub entries: u64,
    pub until_ms: u64,
    pub uri: Option<String>,
}

/// Makes a list of an instance: on the ledger, or on this node if its issuer is not there. Gives the
/// id under which `GET /status-lists/` finds it, and its address in credentials.
pub(super) async fn create_list(
    state: &State,
    caller: &Caller,
    instance: &Instance,
    new: NewList,
) -> Answer<(String, String)> {
    let issuing = state.issuing()?;
    let Some(party) = instance.party() else {
        let made = create_local(issuing, instance, new)?;
        log(caller, "list_create", instance);
        return Ok(made);
    };
    let _turn = issuing.turn(instance).await;
    let n = {
        let reader = state.ledger().reader();
        let overlay = Overlay::new(&reader);
        next_number(|n| overlay.holds(&list_key(party, n)))
    };
    let texts = new.types.iter().map(|name| Value::from(name.as_str()));
    let mut args = Value::object([
        ("entries", Value::from(new.entries)),
        ("n", Value::from(n)),
        ("owner", Value::from(party)),
        ("profile", Value::from(new.profile.name())),
        ("statusSize", Value::from(new.status_size)),
        ("types", Value::List(texts.collect())),
        ("untilMs", Value::from(new.until_ms)),
    ]);
    if let Some(uri) = &new.uri {
        args = args.with("uri", Value::from(uri.as_str()));
    }
    run(state, issuing, instance, "list_create", args).await?;
    log(caller, "list_create", instance);
    Ok((format!("{party}:{n}"), did_of(&list_id(party, n))))
}

fn create_local(issuing: &Issuing, instance: &Instance, new: NewList) -> Answer<(String, String)> {
    use titian_contracts::limits::{LIST_ENTRIES_MAX, LIST_ENTRIES_MIN, LIST_TYPES_MAX};
    if !new.profile.allows_size(new.status_size) || new.profile == Profile::Use {
        return Err(Refusal::new(Code::StatusValue, "/statusSize", ""));
    }
    let sizes = LIST_ENTRIES_MIN..=LIST_ENTRIES_MAX;
    if !sizes.contains(&new.entries) || !new.entries.is_power_of_two() {
        return Err(Refusal::new(Code::StatusValue, "/entries", ""));
    }
    let named = |name: &String| name == "*" || is_type_name(name);
    if new.types.len() > LIST_TYPES_MAX || !new.types.iter().all(named) {
        return Err(Refusal::new(Code::InvalidParams, "/types", "at most 8 type names, or *"));
    }
    if new.until_ms <= now_ms() {
        return Err(Refusal::new(Code::InvalidParams, "/untilMs", "not ahead of now"));
    }
    let list = StatusList {
        profile: new.profile,
        types: new.types,
        status_size: new.status_size,
        entries: new.entries,
        until_ms: new.until_ms,
        uri: None,
        created_height: 0,
        version: 0,
        retired: false,
    };
    let n = issuing.custody.create_local_list(&instance.name, list)?;
    let id = crate::custody::lists::local_id(&instance.name, n);
    let address = issuing.local_url(&id);
    Ok((id, address))
}

/// The first number from 1 that is not taken, where numbers are taken in order.
pub(super) fn next_number(taken: impl Fn(u64) -> bool) -> u64 {
    let mut high = 1u64;
    while taken(high) {
        high = high.saturating_mul(2);
    }
    let mut low = high / 2;
    // taken(low) or low = 0; not taken(high)
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if taken(middle) { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_number_follows_the_last_that_is_taken() {
        for last in [0, 1, 2, 3, 4, 7, 8, 9, 1_000, 1_023, 1_024] {
            assert_eq!(next_number(|n| n <= last), last + 1);
        }
    }
}
