//! `titian etr amend`: a changed content, with what changed named (MLETR art. 16).

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use titian_contracts::json::Value;

use super::content::{self, Envelope};
use super::handover::{self, Deed, Faces, Given, NoSealArgs};
use super::issue::{Lot, lot, profile};
use super::verbs::digest_of;
use crate::act::{self, Draft, FrameArgs, SigningArgs};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;

/// Arguments of `amend`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The record
    id: String,
    /// Content file of the record as it is
    #[arg(long, value_name = "FILE")]
    envelope: PathBuf,
    /// The changed content: a JSON object
    #[arg(long, value_name = "FILE")]
    content: PathBuf,
    /// Corrected lot; repeat it for all lots
    #[arg(long, value_name = "LOT", value_parser = lot)]
    lot: Vec<Lot>,
    /// Reason code
    #[arg(long, value_name = "CODE", default_value = "correction")]
    reason: String,
    /// Text of the change: its file, or its b3: digest
    #[arg(long, value_name = "FILE|DIGEST")]
    text: String,
    /// Sign nothing; write the act here for `titian etr bundle`
    #[arg(long, value_name = "FILE")]
    draft: Option<PathBuf>,
    #[command(flatten)]
    seal: NoSealArgs,
    #[command(flatten)]
    frame: FrameArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Runs `titian etr amend`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let before = Envelope::read(&args.envelope)?;
    let Json::Object(content) = document::read_json(&args.content)? else {
        return Err(CommandError::usage("the content must be a JSON object"));
    };
    let fields = profile(session, &before.profile)?;
    let folder = args.envelope.parent().unwrap_or(Path::new("."));
    let tried = content::earlier_amendment(folder, &args.id, &before, &content)?;
    let (committed, leaves, changes) = fields.amend(&before, content, tried.as_ref())?;
    let lots =
        (!args.lot.is_empty()).then(|| Value::List(args.lot.iter().map(Lot::to_value).collect()));
    let op_args = Value::object([
        ("leaves", leaves),
        ("changes", changes),
        ("open", committed.open.clone()),
        ("lots", Value::from(lots)),
        ("reason", Value::from(args.reason.as_str())),
        ("text", Value::from(digest_of(&args.text)?)),
    ]);
    let keep = || committed.write(folder, &args.id, &before.profile);
    let file = (!args.signing.dry_run).then(keep).transpose()?;
    if let Some(path) = &args.draft {
        return super::bundle::write_draft(path, "amend", Some(&args.id), &op_args, &args.frame);
    }
    super::show::before_signing(session, &args.id, &args.signing)?;
    let party = args.signing.asker();
    let deed = Deed { act: "amend", id: &args.id, args: &op_args, party };
    let handover = match file.as_deref().filter(|_| !args.seal.no_seal) {
        Some(file) => handover::prepare(session, deed, Given::This(file), &mut Faces::default())?,
        None => None,
    };
    let draft = Draft::on_record("amend", Some(&args.id), op_args, args.frame.clone());
    let outcome = act::perform(session, &draft, &args.signing);
    let mut report = match handover {
        Some(handover) => handover.finish(session, outcome)?,
        None => outcome?,
    };
    if let Some(file) = file {
        report.text =
            format!("{}\nnew content and salts: {} (keep it)", report.text, file.display());
    }
    Ok(report)
}
