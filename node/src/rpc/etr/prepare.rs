//! `etr_prepare`: the node fills in the frame of an op, or of the ops of a bundle, and runs them dry.

use rand::RngCore as _;
use titian_api::etr::{BundledAct, PrepareParams};
use titian_api::{Call as _, Prepared, PreparedOp, Refusal, Signer, Verdict, call};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::etr::bundle;
use titian_contracts::etr::legal::{Opinion, Rulebook};
use titian_contracts::etr::person::identity;
use titian_contracts::etr::record::Record;
use titian_contracts::etr::{build, content, profile};
use titian_contracts::execute;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::op::{Op, Register};
use titian_contracts::state::{Overlay, decode_content};

use super::super::at::At;
use super::super::methods::Answer;
use super::super::{Caller, State, prepare, view};
use super::caller::{Ask, Sight, sight_of};

/// Prepares an op, or the first op of a bundle with the others.
pub(super) fn prepare(
    state: &State,
    mut params: PrepareParams,
    caller: &Caller,
) -> Answer<Prepared> {
    if params.act.starts_with("consent_") {
        let common = titian_api::PrepareParams { act: params.act, args: params.args };
        return prepare::common(state, Register::Etr, common);
    }
    let with = std::mem::take(&mut params.bundle_with);
    if with.len() >= limits::ETR_BUNDLE_OPS_MAX {
        return Err(Refusal::new(Code::LimitExceeded, "/bundleWith", "2 to 32 ops"));
    }
    let at = At::height(state, None)?;
    let overlay = Overlay::new(&at.reader);
    let first = BundledAct {
        act: params.act.clone(),
        args: params.args.clone(),
        id: params.id.clone(),
        ack: params.ack.clone().unwrap_or_default(),
    };
    let acts: Vec<BundledAct> = std::iter::once(first).chain(with).collect();
    let all = sees_all(state, &params, caller, &acts, &overlay)?;
    let common = Common::read(state, &params, at.time_ms)?;
    let ops = ops_of(state, &overlay, &common, &acts)?;
    if !all {
        return unchecked(state, ops);
    }
    match <[Value; 1]>::try_from(ops) {
        Ok([op]) => dry_run(state, op),
        Err(ops) => dry_run_bundle(state, ops),
    }
}

/// Runs one op on the head, with what the law says of it.
fn dry_run(state: &State, value: Value) -> Answer<Prepared> {
    let (prepared, said) = prepare::dry_run(state, value)?;
    Ok(Prepared { verdicts: Some(verdicts(&said)), ..prepared })
}

fn verdicts(said: &[Opinion]) -> Vec<Verdict> {
    let one = |opinion: &Opinion| Verdict {
        jurisdiction: opinion.jurisdiction.clone(),
        verdict: opinion.verdict.text().to_owned(),
        effect: opinion.effect.text().to_owned(),
        status: opinion.entry.as_ref().map_or("unknown", |entry| entry.status.as_str()).to_owned(),
        citation: opinion.entry.as_ref().map(|entry| entry.citation.clone()),
    };
    said.iter().map(one).collect()
}

/// The frames alone, for a stranger: who must sign, what is warned of, and whether a check fails would
/// tell the party part, one question after the other.
fn unchecked(state: &State, values: Vec<Value>) -> Answer<Prepared> {
    let head = state.ledger().head();
    let framed = |value: Value| -> Answer<PreparedOp> {
        let op = Op::from_value(value).map_err(Refusal::from)?;
        Ok(PreparedOp {
            op: view::object(&op.value),
            op_digest: op.digest.to_string(),
            signers: Vec::new(),
            verdicts: Vec::new(),
        })
    };
    let mut prepared = values.into_iter().map(framed).collect::<Answer<Vec<_>>>()?;
    let first = prepared.remove(0);
    Ok(Prepared {
        op: first.op,
        op_digest: first.op_digest,
        signers: Vec::new(),
        checked: false,
        verdicts: Some(Vec::new()),
        bundled: prepared,
        warnings: Vec::new(),
        events: Vec::new(),
        fails: None,
        similar_names: Vec::new(),
        as_of: view::as_of(head.height, head.time_ms),
    })
}

/// Whether the caller may see the party part of every record that the acts are about. A capability
/// is about the first one; a party to it that is party to the others too sees those.
fn sees_all(
    state: &State,
    params: &PrepareParams,
    caller: &Caller,
    acts: &[BundledAct],
    overlay: &Overlay<'_>,
) -> Answer<bool> {
    let known = |id: &&String| Record::load(overlay, id).is_some();
    let mut ids = acts.iter().filter_map(|act| act.id.as_ref()).filter(known);
    // a record that does not exist has no party part; the arguments are the caller's own
    let Some(first) = ids.next() else { return Ok(true) };
    let ask = Ask::new(state, caller, params.capability.as_ref(), call::EtrPrepare::NAME);
    if ask.sight_if_any(first)? != Sight::All {
        return Ok(false);
    }
    for id in ids {
        let party = ask.capability.map(|capability| sight_of(state, id, &capability.party));
        let shown = party.transpose()?.unwrap_or(Sight::Public);
        if shown != Sight::All && ask.token_sight(id)? != Sight::All {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What all ops of a bundle share.
struct Common {
    rulebook: Digest,
    place: String,
    blind: String,
}

impl Common {
    fn read(state: &State, params: &PrepareParams, time_ms: u64) -> Answer<Self> {
        let needed = || Refusal::new(Code::InvalidParams, "/place", "a UN/LOCODE is needed");
        Ok(Self {
            rulebook: rulebook(state, params.rulebook.as_deref(), time_ms)?,
            place: params.place.clone().ok_or_else(needed)?,
            blind: params.blind.clone().unwrap_or_else(|| {
                let mut bytes = [0; 16];
                rand::rngs::OsRng.fill_bytes(&mut bytes);
                hex::encode(bytes)
            }),
        })
    }
}

/// The unsigned ops. In a bundle each op on a record stands where the one before leaves it.
fn ops_of(
    state: &State,
    overlay: &Overlay<'_>,
    common: &Common,
    acts: &[BundledAct],
) -> Answer<Vec<Value>> {
    let genesis = state.ledger().genesis().hash;
    let mut places: Vec<(String, u64, Digest)> = Vec::new();
    let mut framed = Vec::new();
    for act in acts {
        let args = prepare::value_of(&act.args, "/args")?;
        let id = match &act.id {
            Some(id) => id.clone(),
            None => issue_id(state, overlay, &args)?,
        };
        let (seq, head) = match places.iter().find(|(known, ..)| *known == id) {
            Some((_, seq, head)) => (*seq, *head),
            // a number whose record became paper is issued anew at the start of a chain
            None if act.act.starts_with("issue") => (0, genesis),
            None => Record::load(overlay, &id)
                .map_or((0, genesis), |record| (record.public.seq, record.public.head)),
        };
        places.retain(|(known, ..)| *known != id);
        places.push((id.clone(), seq.saturating_add(1), head));
        framed.push((id, seq, args, act));
    }
    let item = |(id, seq, args, act): &(String, u64, Value, &BundledAct)| {
        let act = Value::from(act.act.as_str());
        Value::List(vec![Value::from(id.as_str()), Value::from(*seq), act, args.clone()])
    };
    let bundle =
        (framed.len() > 1).then(|| content::bundle_digest(framed.iter().map(item).collect()));
    let mut heads: Vec<(String, Digest)> =
        places.into_iter().map(|(id, _, head)| (id, head)).collect();
    let mut ops = Vec::new();
    for (id, seq, args, act) in framed {
        let head = heads.iter_mut().find(|(known, _)| *known == id);
        let Some((_, head)) = head else { continue };
        let frame = build::Frame {
            chain: state.ledger().chain(),
            id: &id,
            seq,
            head: *head,
            rulebook: common.rulebook,
            place: &common.place,
            ack: &act.ack,
            blind: &common.blind,
        };
        let op = build::op(&frame, &act.act, args).with("bundle", Value::from(bundle));
        *head = content::next_head(*head, titian_contracts::op::digest_of(Register::Etr, &op));
        ops.push(op);
    }
    Ok(ops)
}

/// Runs the ops of a bundle in order on the head.
fn dry_run_bundle(state: &State, values: Vec<Value>) -> Answer<Prepared> {
    let ops: Vec<Op> =
        values.into_iter().map(Op::from_value).collect::<Result<_, _>>().map_err(Refusal::from)?;
    bundle::check_count(&ops).map_err(Refusal::from)?;
    let ledger = state.ledger();
    let head = ledger.head();
    let runs = execute::dry_run_bundle(prepare::next_block(state), &ops, &ledger.reader());
    let (mut events, mut warnings, mut fails) = (Vec::new(), Vec::new(), None);
    let mut prepared = Vec::new();
    for (i, op) in ops.iter().enumerate() {
        let run = runs.get(i);
        let signers = run.map(|run| run.needs.iter().map(signer).collect()).unwrap_or_default();
        if let Some(run) = run {
            events.extend(run.events.iter().map(view::event));
            warnings.extend(run.warnings.iter().cloned());
            let at_op = |mut reject: titian_contracts::error::Reject| {
                reject.field = format!("/ops/{i}{}", reject.field);
                reject
            };
            fails = fails.or_else(|| run.fails.clone().map(at_op));
        }
        prepared.push(PreparedOp {
            op: view::object(&op.value),
            op_digest: op.digest.to_string(),
            signers,
            verdicts: run.map(|run| verdicts(&run.opinions)).unwrap_or_default(),
        });
    }
    let first = prepared.remove(0);
    Ok(Prepared {
        op: first.op,
        op_digest: first.op_digest,
        signers: first.signers,
        checked: true,
        verdicts: Some(first.verdicts),
        bundled: prepared,
        warnings,
        events,
        fails: fails.map(Refusal::from),
        similar_names: Vec::new(),
        as_of: view::as_of(head.height, head.time_ms),
    })
}

fn signer(need: &titian_contracts::context::Need) -> Signer {
    Signer {
        role: need.role.clone(),
        party: need.party.clone(),
        count: need.count,
        scope: need.scope.clone(),
    }
}

/// The id of the record that an `issue` makes.
fn issue_id(state: &State, overlay: &Overlay<'_>, args: &Value) -> Answer<String> {
    let text = |name: &str| {
        let missing = || Refusal::new(Code::InvalidParams, &format!("/args/{name}"), "is needed");
        args.get(name).and_then(Value::as_text).ok_or_else(missing)
    };
    let profile = profile::load(overlay, text("profile")?)
        .ok_or_else(|| Refusal::new(Code::UnknownProfile, "/args/profile", ""))?;
    let issuer = args.get("issuer").and_then(Value::as_text).or_else(|| {
        // the issuer is the obligor, but for instruments that a drawer opens
        args.get("obligor").and_then(Value::as_text)
    });
    let issuer =
        issuer.ok_or_else(|| Refusal::new(Code::InvalidParams, "/id", "id is needed here"))?;
    let entity = identity(overlay, issuer);
    Ok(content::record_id(state.ledger().chain(), &profile.series, &entity, text("ref")?))
}

/// The rulebook named, else the only one in force.
fn rulebook(state: &State, named: Option<&str>, time_ms: u64) -> Answer<Digest> {
    let invalid = |detail: &str| Refusal::new(Code::InvalidParams, "/rulebook", detail);
    if let Some(text) = named {
        return Digest::parse(text).ok_or_else(|| invalid("a b3: digest is expected"));
    }
    let mut digests: Vec<Digest> = state
        .ledger()
        .scan(b"gov/rulebook/", None, limits::PAGE_ITEMS_MAX)
        .iter()
        .filter_map(|(_, stored)| decode_content::<Rulebook>(&stored.content))
        .filter(|book| book.from_ms <= time_ms && book.until_ms.is_none_or(|end| time_ms < end))
        .map(|book| book.digest)
        .collect();
    digests.sort_unstable();
    digests.dedup();
    match digests.as_slice() {
        [only] => Ok(*only),
        _ => Err(invalid("more than one rulebook, or none, is in force; name one")),
    }
}
