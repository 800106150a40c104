//! The act `import_chunk {cc, seq, count, root}` and what a part of its chunk does.
//!
//! Replay: a chunk's number stands once; a record that was judged is not judged again, and a part
//! without any other is refused, so nobody can fill blocks with parts that do nothing.

use super::chunk::{self, Chunk, ChunkScheme, bitmap, chunk_key, root_key};
use super::part::{ImportBody, ImportPart};
use crate::access::authority::{self, Rule};
use crate::context::{Authority, Context};
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;
use crate::state::Overlay;
use crate::ubin::acts;
use crate::ubin::body::PATH;
use crate::ubin::door;
use crate::ubin::scheme;

/// Runs `import_chunk`: the root stands, and parts may follow.
pub(in crate::ubin) fn open(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut m = op.read_args()?;
    let (cc, seq, count) = (m.text("cc")?, m.uint("seq")?, m.uint("count")?);
    let root = m.digest("root")?;
    m.finish()?;
    if count == 0 || count > limits::IMPORT_CHUNK_RECORDS_MAX as u64 {
        return Err(Reject::new(Code::LimitExceeded, "/args/count", "1 to 10,000 records"));
    }
    let country = scheme::country(ctx.state, cc)
        .ok_or_else(|| Reject::new(Code::UbinCountryUnknown, "/args/cc", ""))?;
    let codes: Vec<String> = country.schemes.into_iter().map(|scheme| scheme.code).collect();
    let schemes = schemes_signed_for(ctx, op, cc, codes)?;
    if !is_next(ctx.state, cc, seq) {
        return Err(Reject::new(Code::ImportSeq, "/args/seq", ""));
    }
    let chunk = Chunk {
        count,
        root,
        schemes,
        opened_at: ctx.height,
        transaction: ctx.transaction,
        done: bitmap(count),
        refused: Vec::new(),
    };
    ctx.state.write(chunk_key(cc, seq), &chunk);
    ctx.state.write(root_key(cc, &root), &seq);
    let facts = [
        ("cc", Value::from(cc)),
        ("seq", Value::from(seq)),
        ("count", Value::from(count)),
        ("root", Value::from(root)),
    ];
    ctx.emit(&op.name(), &format!("{cc}/{seq}"), facts);
    Ok(())
}

/// Whether `seq` is the number of the next chunk of a state.
fn is_next(state: &Overlay<'_>, cc: &str, seq: u64) -> bool {
    let stands = |seq| state.holds(&chunk_key(cc, seq));
    let follows = seq == 1 || (seq > 1 && stands(seq - 1));
    follows && !stands(seq)
}

/// The schemes of a state that the signers may import, and which of them by R2.
fn schemes_signed_for(
    ctx: &mut Context<'_, '_>,
    op: &Op,
    cc: &str,
    codes: Vec<String>,
) -> Result<Vec<ChunkScheme>, Reject> {
    let signers = authority::signers(ctx, op)?;
    if ctx.authority == Authority::Assumed {
        let registrar = authority::require_registrar(ctx, &signers, cc, &op.name(), Rule::R1)?;
        let of = |code| ChunkScheme { code, registrar: registrar.clone(), r2: false };
        return Ok(codes.into_iter().map(of).collect());
    }
    let mut schemes = Vec::new();
    let mut refusal = Reject::new(Code::ScopeDenied, "/sigs", "");
    for code in codes {
        let scope = format!("{}:{code}", op.name());
        match authority::require_registrar(ctx, &signers, cc, &scope, Rule::R1) {
            Ok(one) => {
                let two = authority::require_registrar(ctx, &signers, cc, &scope, Rule::R2);
                let r2 = two.is_ok();
                schemes.push(ChunkScheme { code, registrar: two.unwrap_or(one), r2 });
            }
            Err(reject) => refusal = reject,
        }
    }
    if schemes.is_empty() { Err(refusal) } else { Ok(schemes) }
}

/// Admission of a part: its chunk is open at the head, its path leads to the root, and a record of
/// it is still to come. `IMPORT_NOT_OPEN`, `IMPORT_PATH`, `UNCHANGED`.
pub fn admit(head: &Overlay<'_>, part: &ImportPart, time_ms: u64) -> Result<(), Reject> {
    chunk_of(head, part)?;
    for (body, place) in part.bodies.iter().zip(0u64..) {
        match door::check_body(head, &body.value, time_ms) {
            Err(reject) if keeps_out(reject.code) => {
                return Err(Reject::new(reject.code, &format!("/payload/bodies/{place}"), ""));
            }
            // what is wrong in another way is counted as refused by the block
            _ => {}
        }
    }
    Ok(())
}

/// Whether a record must not even stand in a block that refuses it.
const fn keeps_out(code: Code) -> bool {
    matches!(code, Code::PersonalNumberRefused | Code::PersonalDataSuspected)
}

/// The open chunk that a part belongs to.
fn chunk_of(state: &Overlay<'_>, part: &ImportPart) -> Result<Chunk, Reject> {
    let chunk = chunk::find(state, &part.cc, part.seq).filter(Chunk::is_open);
    let chunk = chunk.ok_or_else(|| Reject::new(Code::ImportNotOpen, "/payload/seq", ""))?;
    if part.root(chunk.count) != Some(chunk.root) {
        return Err(Reject::new(Code::ImportPath, "/payload/path", ""));
    }
    let mut places = part.first..part.first.saturating_add(part.bodies.len() as u64);
    if places.all(|place| chunk.is_done(place)) {
        return Err(Reject::new(Code::Unchanged, "/payload/first", "all of it was imported"));
    }
    Ok(chunk)
}

/// Runs a part: judges and writes each record that is still to come, and notes what became of it.
pub(crate) fn apply_part(ctx: &mut Context<'_, '_>, part: &ImportPart) -> Result<(), Reject> {
    let mut chunk = chunk_of(ctx.state, part)?;
    let before = chunk.tally();
    let mut refused = Vec::new();
    for (body, place) in part.bodies.iter().zip(part.first..) {
        if chunk.is_done(place) {
            continue;
        }
        let (mark, events) = (ctx.state.mark(), ctx.events.len());
        let refusal = apply_record(ctx, &chunk, &part.cc, body).err();
        if let Some(reject) = &refusal {
            ctx.state.roll_back(mark);
            ctx.events.truncate(events);
            refused.push(outcome(place, reject));
        }
        chunk.note(place, refusal.map(|reject| reject.code));
    }
    // warnings stand in the meta of each record
    ctx.warnings.clear();
    let applied = chunk.tally().applied.saturating_sub(before.applied);
    ctx.state.write(chunk_key(&part.cc, part.seq), &chunk);
    let facts = [
        ("cc", Value::from(part.cc.as_str())),
        ("seq", Value::from(part.seq)),
        ("first", Value::from(part.first)),
        ("count", Value::from(part.bodies.len() as u64)),
        ("applied", Value::from(applied)),
        ("refused", Value::List(refused)),
        ("open", Value::from(chunk.is_open())),
    ];
    ctx.emit("ubin.import_part", &format!("{}/{}", part.cc, part.seq), facts);
    Ok(())
}

/// What the event tells of a record that was not applied: place in the chunk, name of the rule,
/// and the pointer below its body, if it is about a member.
fn outcome(place: u64, reject: &Reject) -> Value {
    let mut parts = vec![Value::from(place), Value::from(reject.code.name())];
    let pointer = reject.field.strip_prefix(PATH).filter(|pointer| !pointer.is_empty());
    parts.extend(pointer.map(Value::from));
    Value::List(parts)
}

/// Writes one record, or says which rule refuses it.
fn apply_record(
    ctx: &mut Context<'_, '_>,
    chunk: &Chunk,
    cc: &str,
    body: &ImportBody,
) -> Result<(), Reject> {
    let number = Members::of(&body.value, PATH)?.text("ubin")?;
    let refuse = |code| Reject::new(code, &format!("{PATH}/ubin"), "");
    let known = scheme::known(ctx.state, ctx.time_ms, number).map_err(refuse)?;
    if known.ubin.cc != cc {
        return Err(refuse(Code::NotOwner));
    }
    let scheme = chunk.schemes.iter().find(|scheme| scheme.code == known.ubin.scheme);
    let scheme = scheme.ok_or_else(|| refuse(Code::ScopeDenied))?;
    let signed = (scheme.registrar.as_str(), scheme.r2);
    acts::write_imported(ctx, &known, &body.value, body.hash, signed)
}
