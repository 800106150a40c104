//! What the record of a natural person's business needs from its register (ubin.md §3): a number that
//! says nothing of the person, and the commitment to a name that stays off the ledger. No node is asked.
//!
//! Invariant: the text comes from a file or standard input, never from the command line, which other
//! users of the machine can see and shells remember; it is printed nowhere. The salt goes into a file
//! of its own, which is never overwritten: who destroys it ends the link between name and record.

use std::path::{Path, PathBuf};

use rand::RngCore as _;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use serde_json::json;
use titian_contracts::digest::Digest;
use titian_contracts::ubin::body::name_commitment;
use titian_contracts::ubin::scheme::SchemeTable;
use titian_contracts::ubin::text::check_name;
use zeroize::Zeroizing;

use super::identify;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone};
use crate::session::Session;
use crate::wallet::write_private;

/// The scheme of numbers that a register draws, in every state.
pub(super) const SURROGATE: &str = "SUR";
/// Its characters: digits and capitals without I, L, O and U.
const CHARACTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Its length.
const LENGTH: usize = 12;

/// Commit to a name or a tax number that stays off the ledger, or check one that is shown; offline
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  titian ubin commit name.txt -o opening.json            prints what stands in the record as nameCommit
  titian ubin commit - -o opening.json < tax-number.txt
  titian ubin commit name.txt --opening opening.json     exit code 3 if it is another name
  titian ubin commit name.txt --opening opening.json --commitment b3:…")]
pub(crate) struct CommitArgs {
    /// File with the text, - for standard input; a line break at its end does not count
    text: PathBuf,
    /// Where to write commitment and salt, mode 0600: keep it with the text, off the ledger
    #[arg(
        short,
        long = "out",
        value_name = "FILE",
        required_unless_present = "opening",
        conflicts_with = "opening"
    )]
    out: Option<PathBuf>,
    /// Check the text against this file, as --out wrote it
    #[arg(long, value_name = "FILE")]
    opening: Option<PathBuf>,
    /// Commitment that the record holds [default: that of the file]
    #[arg(long, value_name = "DIGEST", requires = "opening")]
    commitment: Option<String>,
}

/// What shows a text to be the one that was committed to.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Opening {
    commitment: String,
    /// 32 bytes, hex.
    salt: String,
}

/// Runs `titian ubin commit`.
pub(super) fn commit(session: &Session, args: &CommitArgs) -> Result<Report> {
    let bytes = Zeroizing::new(document::read(&args.text)?);
    let text = read_text(&bytes)?;
    match (&args.out, &args.opening) {
        (_, Some(opening)) => check(session, text, opening, args.commitment.as_deref()),
        (Some(out), None) => make(text, out),
        (None, None) => Err(CommandError::usage("--out or --opening is needed")),
    }
}

/// The text, in the form in which names are signed, so that who types it again commits to the same.
fn read_text(bytes: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(bytes).map_err(|_| CommandError::usage("the text is UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    check_name(text)
        .map_err(|code| CommandError::usage(code.meaning()).named(code.name()))
        .map(|()| text)
}

fn make(text: &str, out: &Path) -> Result<Report> {
    if out.exists() {
        return Err(CommandError::usage(format!("{} is there already", out.display()))
            .hint("it may hold the only salt of another commitment"));
    }
    let mut salt = Zeroizing::new([0_u8; 32]);
    OsRng.fill_bytes(&mut *salt);
    let commitment = name_commitment(&salt, text).to_string();
    let hex = Zeroizing::new(hex::encode(salt.as_slice()));
    let file = json!({ "commitment": commitment, "salt": &*hex });
    let file = Zeroizing::new(file.to_string());
    write_private(out, file.as_bytes())
        .map_err(|error| CommandError::file("write", out, &error))?;
    let json = json!({ "commitment": commitment, "file": out });
    Ok(Report::new(commitment, json))
}

fn check(
    session: &Session,
    text: &str,
    opening: &Path,
    commitment: Option<&str>,
) -> Result<Report> {
    let wrong = || CommandError::usage(format!("{} is no opening", opening.display()));
    let bytes = Zeroizing::new(document::read(opening)?);
    let Opening { commitment: own, salt: hex } =
        serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    let hex = Zeroizing::new(hex);
    let mut salt = Zeroizing::new([0_u8; 32]);
    hex::decode_to_slice(hex.as_bytes(), &mut *salt).map_err(|_| wrong())?;
    let stated = commitment.unwrap_or(&own);
    let due = Digest::parse(stated)
        .ok_or_else(|| CommandError::usage("a commitment is b3: and 64 hex digits"))?;
    if name_commitment(&salt, text) != due {
        return Err(CommandError::new(Kind::NotProven, "not the text that was committed to")
            .named("NOT_PROVEN"));
    }
    let good = session.output.paint(Tone::Good, "ok");
    let told = format!("{good} the text is the one that {due} commits to");
    Ok(Report::new(told, json!({ "ok": true, "commitment": due.to_string() })))
}

/// Runs `titian ubin surrogate`: a number by chance, never derived from the person's.
pub(super) fn surrogate(cc: &str, table: &SchemeTable) -> Result<Report> {
    identify::make(cc, SURROGATE, &drawn(), table)
}

/// Digits alone are drawn anew: they could be read as another number.
fn drawn() -> String {
    let mut bytes = [0_u8; LENGTH];
    loop {
        OsRng.fill_bytes(&mut bytes);
        let character = |byte: &u8| CHARACTERS.get(usize::from(byte % 32)).copied();
        let number: String = bytes.iter().filter_map(character).map(char::from).collect();
        if number.bytes().any(|b| b.is_ascii_alphabetic()) {
            return number;
        }
    }
}
