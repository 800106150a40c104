//! What may not be written over: the file that a command reads, and a credential, which nobody can
//! make again.

use std::path::Path;

use titian_credential::form::{self, Securing};

use crate::document;
use crate::error::{CommandError, Result};

/// Refuses to write to `out` if it is one of `inputs`, or holds a credential and `force` is not set.
/// What was made to be shown once, a presentation, may be replaced.
pub(super) fn check(out: &Path, inputs: &[&Path], force: bool) -> Result<()> {
    // what is not there is the same as nothing
    let Ok(place) = out.canonicalize() else { return Ok(()) };
    let same = |input: &&Path| input.canonicalize().is_ok_and(|input| input == place);
    if inputs.iter().any(same) {
        return Err(CommandError::usage(format!("{} is what is read", out.display()))
            .hint("-o names another file"));
    }
    if !force && place.is_file() && document::read(&place).is_ok_and(|bytes| is_credential(&bytes))
    {
        return Err(CommandError::usage(format!("{} holds another credential", out.display()))
            .hint("-o names another file"));
    }
    Ok(())
}

fn is_credential(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Ok(reading) = form::read(text.trim().as_bytes()) else { return false };
    match &reading.securing {
        Securing::Embedded => reading.document.contains_key("proof") && !reading.is_presentation(),
        Securing::SdJwt(token, ..) => token.key_binding.is_none() && !reading.is_presentation(),
        Securing::Jws(..) => !reading.is_presentation(),
    }
}
