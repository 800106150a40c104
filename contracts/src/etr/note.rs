//! Notes on a record: `annotate`. A code of the profile and a digest; no text enters the ledger.

use borsh::{BorshDeserialize, BorshSerialize};

use super::kernel::Work;
use super::keys;
use super::record::{Aside, Record};
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::limits;
use crate::state::Overlay;

/// One note: `etr/note/{id}/{n}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Note {
    /// Its number, from 1.
    pub n: u64,
    /// `controller` or `obligor`.
    pub by: String,
    /// A code of the profile.
    pub code: String,
    /// Digest of what it says.
    pub digest: Digest,
    /// Digest of the op.
    pub op: Digest,
    /// Block time, ms.
    pub time_ms: u64,
}

/// The controller or the obligor adds a note. Who signs is its author.
pub fn annotate(
    ctx: &mut Context<'_, '_>,
    work: &Work<'_>,
    record: &Record,
    code: &str,
    digest: Digest,
) -> Result<(), Reject> {
    // one who is both writes as controller
    let by = if work.signed_by(ctx, &record.party.controller) { "controller" } else { "obligor" };
    let allowed = work.profile.notes_by.iter().any(|author| author == by)
        && work.profile.note_codes.iter().any(|allowed| allowed == code);
    if !allowed {
        return Err(Reject::new(Code::NoteForbidden, "/args/code", ""));
    }
    let mut aside = Aside::load(ctx.state, &record.public.id);
    if aside.notes >= limits::ETR_NOTES_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/args/code", "too many notes"));
    }
    aside.notes = aside.notes.saturating_add(1);
    aside.store(ctx.state, &record.public.id);
    let note = Note {
        n: aside.notes,
        by: by.to_owned(),
        code: code.to_owned(),
        digest,
        op: work.op.digest,
        time_ms: ctx.time_ms,
    };
    ctx.state.write(keys::note(&record.public.id, note.n), &note);
    Ok(())
}

/// The notes of a record, in order.
pub fn all(state: &Overlay<'_>, id: &str) -> Vec<Note> {
    (1..=Aside::load(state, id).notes).filter_map(|n| state.read(&keys::note(id, n))).collect()
}
