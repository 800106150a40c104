//! Who accepts opens the content first (etr-api.md §3).

use std::path::{Path, PathBuf};

use super::{content, envelope, show};
use crate::act::MandateRef;
use crate::error::{CommandError, Result};
use crate::output::Tone;
use crate::session::Session;
use crate::wallet::KeyRef;

/// What the command line of an acceptance says about the content.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct UnseenArgs {
    /// Accept although the sealed content does not open, or is not that of the record
    #[arg(long, help_heading = "Content")]
    pub(super) unseen: bool,
    /// Where to keep content and salts [default: the working directory]
    #[arg(long, value_name = "DIR", help_heading = "Content")]
    pub(super) content_dir: Option<PathBuf>,
}

/// Opens the content that came with an offer, compares it with the record and keeps it, before the
/// acceptance of `party` is signed. Warns where none came, or an agent signs, who opens none. Errors: it
/// does not open or is another one, unless `--unseen`.
pub(super) fn before_accept(
    session: &Session,
    id: &str,
    given: &UnseenArgs,
    mandate: Option<&MandateRef>,
    party: Option<&KeyRef>,
) -> Result<()> {
    let warn = |text: &str| {
        let mark = session.output.paint(Tone::Warn, "warning");
        session.output.note(&format!("{mark} {text}"));
    };
    if let Some(mandate) = mandate {
        let principal = &mandate.principal;
        warn(&format!("you accept unseen: {principal} opens the content (titian etr open)"));
        return Ok(());
    }
    let Some(party) = party else { return Ok(()) };
    let (wallet, record) = (session.wallet()?, show::get(session, id, None, None)?);
    let party = KeyRef { party: party.party.clone(), number: None };
    let root = envelope::root_of(&record);
    let opened = match envelope::newest(session, &wallet, &party, id, root) {
        Err(error) if given.unseen => {
            warn(&format!("you accept unseen: {}", error.message));
            return Ok(());
        }
        Err(error) => return Err(refused(error)),
        Ok(None) => {
            warn("no sealed content is here for you: you accept without having seen it");
            return Ok(());
        }
        Ok(Some(opened)) => opened,
    };
    let folder = given.content_dir.as_deref().unwrap_or(Path::new(""));
    let path = content::path_of(folder, id, opened.file.version);
    content::keep(&path, &opened.plain)?;
    let mark = session.output.paint(Tone::Good, "content matches the record:");
    session.output.note(&format!("{mark} {} (keep it)", path.display()));
    Ok(())
}

/// The error of a content that is not opened. `--unseen` helps those to whom the record is offered, not
/// a stranger, whose acceptance the ledger refuses.
fn refused(error: CommandError) -> CommandError {
    if error.name.as_deref() == Some("FORBIDDEN") {
        return error
            .hint("accept is for whom the record is offered to: titian etr inbox --as PARTY");
    }
    error.hint("--unseen accepts all the same")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_not_told_to_accept_unseen() {
        let hints = |name: &str| refused(CommandError::refused("no").named(name)).hints.join("\n");
        assert!(hints("CONTENT_MISMATCH").contains("--unseen"));
        assert!(!hints("FORBIDDEN").contains("--unseen"), "{}", hints("FORBIDDEN"));
        assert!(hints("FORBIDDEN").contains("titian etr inbox"));
    }
}
