//! An id that was issued before: the same body gives the same credential, another body is refused.
//!
//! No body is kept. What was signed is made again, with the entries and the time that were noted, and
//! compared by its digest; so who lost the file, or could not write it, has the credential again.
//!
//! Invariant: what differs from what went out under an id does not go out under it.

use titian_contracts::digest::hash;
use titian_contracts::time::rfc3339;

use super::draft::Draft;
use super::secure::{Desk, Form};
use super::{Args, Secured, file_name, profiles, slots};
use crate::error::{CommandError, Result};
use crate::issued::Record;

/// The digests by which signed texts are known again.
pub(super) fn digests(secured: &[Secured]) -> Vec<String> {
    let same_again = |one: &&Secured| one.form != Form::SdJwt;
    secured.iter().filter(same_again).map(|one| digest(&one.text)).collect()
}

fn digest(text: &str) -> String {
    hash("titian vc issued v1", &[text.as_bytes()]).to_text()
}

/// The credential that was issued under the id of `draft`, in the forms that it was issued in.
///
/// # Errors
///
/// `CREDENTIAL_EXISTS` if body, key, form or entries differ; the code of a check if verifiers would
/// refuse it by now, for example `REVOKED`.
pub(super) fn secured(
    desk: &Desk<'_>,
    args: &Args,
    draft: &Draft,
    forms: &[Form],
    record: &Record,
) -> Result<Vec<Secured>> {
    let taken = || taken(&draft.id, record);
    let wanted = profiles(args, draft)?;
    let entries = wanted.iter().map(|profile| profile.name());
    if !entries.eq(record.status.iter().map(|slot| slot.profile.as_str()))
        || !forms.iter().map(|form| form.name()).eq(record.forms.iter().map(String::as_str))
    {
        return Err(taken());
    }
    let drawn: Option<Vec<_>> =
        record.status.iter().map(|slot| slots::noted(desk.facts, slot)).collect();
    let drawn = drawn.ok_or_else(taken)?;
    let mut secured = Vec::new();
    for form in forms {
        let text = desk.sign(draft, *form, &drawn)?;
        let file = file_name(&args.out, *form, (forms.len(), 1), 0);
        secured.push(Secured { form: *form, text, file });
    }
    // one that was noted without digests is never the same
    if digests(&secured) != record.digests {
        return Err(taken());
    }
    secured.iter().try_for_each(|one| desk.check(&one.text))?;
    Ok(secured)
}

fn taken(id: &str, record: &Record) -> CommandError {
    let (at, forms) = (rfc3339(record.issued_ms), record.forms.join(", "));
    CommandError::refused(format!("{id} was issued from this wallet at {at} as {forms}"))
        .named("CREDENTIAL_EXISTS")
        .hint("the same body with the same key, forms and --status gives the one that was issued")
        .hint(format!("another one needs another id; titian vc revoke {id} ends this one"))
}

/// What to do if a credential is noted as issued and could not be written.
pub(super) fn noted(id: &str) -> String {
    format!(
        "it is noted as issued: the same body with this id gives it again; of claims or a body \
         without an id: titian vc erase {id}, then issue anew"
    )
}
