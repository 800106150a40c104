//! Who accepts opens the content first (etr-api.md §3).

use std::path::{Path, PathBuf};

use super::{envelope, show};
use crate::error::{CommandError, Result};
use crate::output::Tone;
use crate::session::Session;
use crate::wallet::{KeyRef, write_private};

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
/// acceptance of `party` is signed. Warns where none came. Errors: it does not open or is another
/// one, unless `--unseen`.
pub(super) fn before_accept(
    session: &Session,
    id: &str,
    given: &UnseenArgs,
    party: &KeyRef,
) -> Result<()> {
    let (wallet, record) = (session.wallet()?, show::get(session, id, None, None)?);
    let party = KeyRef { party: party.party.clone(), number: None };
    let root = envelope::root_of(&record);
    let opened = match envelope::newest(session, &wallet, &party, id, root) {
        Err(error) if given.unseen => {
            let mark = session.output.paint(Tone::Warn, "warning");
            session.output.note(&format!("{mark} you accept unseen: {}", error.message));
            return Ok(());
        }
        Err(error) => return Err(error.hint("--unseen accepts all the same")),
        Ok(None) => {
            let mark = session.output.paint(Tone::Warn, "warning");
            let none = "no sealed content is here for you: you accept without having seen it";
            session.output.note(&format!("{mark} {none}"));
            return Ok(());
        }
        Ok(Some(opened)) => opened,
    };
    let folder = given.content_dir.as_deref().unwrap_or(Path::new(""));
    let path = folder.join(format!("{id}.content.json"));
    write_private(&path, &opened.plain)
        .map_err(|error| CommandError::file("write the content", &path, &error))?;
    let mark = session.output.paint(Tone::Good, "content matches the record:");
    session.output.note(&format!("{mark} {} (keep it)", path.display()));
    Ok(())
}
