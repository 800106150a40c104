//! `titian etr seal`, `open` and `erase`: the content of a record on its way between parties.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::call;
use titian_api::etr_envelope::{EnvelopeName, EraseParams};
use titian_envelope::Envelope;

use super::content::{self, Envelope as ContentFile};
use super::envelope::{self, Sealed, list, mismatch, root_of, shown};
use super::{canonical, show};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, Tone};
use crate::session::Session;
use crate::wallet::KeyRef;

/// Arguments of `seal`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SealArgs {
    /// The record
    id: String,
    /// Content file with its salts, as `titian etr issue` wrote it
    #[arg(long, value_name = "FILE", required_unless_present = "envelope")]
    content: Option<PathBuf>,
    /// Hand over an envelope that was sealed before
    #[arg(long, value_name = "FILE", conflicts_with_all = ["content", "to", "out"])]
    envelope: Option<PathBuf>,
    /// Recipient; repeat it [default: everyone with a role in the record]
    #[arg(long, value_name = "UBIN")]
    to: Vec<String>,
    /// Party that hands the envelope to the node of its state
    #[arg(long = "as", value_name = "PARTY[#kN]")]
    party: KeyRef,
    /// Genesis file of the network, that proves the recipients' keys [default: the devnet's in
    /// ./net, else what the node shows]
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Write the envelope here instead of handing it to a node
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Arguments of `open`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct OpenArgs {
    /// The record
    id: String,
    /// Recipient
    #[arg(long = "as", value_name = "PARTY[#kN]")]
    party: KeyRef,
    /// Envelope in a file [default: the newest one that the node holds for you]
    #[arg(long, value_name = "FILE")]
    envelope: Option<PathBuf>,
    /// Where to keep content and salts [default: the working directory]
    #[arg(long, value_name = "DIR")]
    content_dir: Option<PathBuf>,
}

/// Arguments of `erase`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct EraseArgs {
    /// The record
    id: String,
    /// Party that put the envelopes there, at the node of its state
    #[arg(long = "as", value_name = "PARTY[#kN]")]
    party: KeyRef,
    /// Erase this content file of your own too
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
}

/// Runs `titian etr seal`.
pub(super) fn seal(session: &Session, args: &SealArgs) -> Result<Report> {
    let sealed = match (&args.envelope, &args.content) {
        (Some(path), _) => sealed_before(path, &args.id)?,
        (None, Some(path)) => seal_now(session, args, path)?,
        (None, None) => return Err(CommandError::usage("which content?").hint("--content FILE")),
    };
    let Sealed { name, text, to } = sealed;
    let mut json = json!({
        "id": args.id, "version": name.version, "envelopeNo": name.envelope_no, "to": to,
    });
    if let Some(path) = &args.out {
        document::write(path, &format!("{text}\n"))?;
        return Ok(Report::new(format!("sealed to {} in {}", to.join(", "), path.display()), json));
    }
    let wallet = session.wallet()?;
    let done = envelope::put(session, &wallet, &args.party, &name, text.as_bytes())?;
    json["deliversTo"] = json!(done.delivers_to);
    json["staysFor"] = json!(done.stays_for);
    Ok(Report::new(format!("sealed to {}; {}", to.join(", "), envelope::whereto(&done)), json))
}

fn seal_now(session: &Session, args: &SealArgs, path: &Path) -> Result<Sealed> {
    let content = ContentFile::read(path)?;
    let record = show::get(session, &args.id, None, Some(&args.party))?;
    if content.root().to_string() != root_of(&record) {
        return Err(mismatch());
    }
    let parties = if args.to.is_empty() {
        envelope::parties_of(&record)
    } else {
        args.to.iter().map(|ubin| canonical(ubin)).collect::<Result<_>>()?
    };
    let plain = document::read(path)?;
    let (genesis, what) = (args.genesis.as_ref(), (&content, plain.as_slice()));
    let sealed = envelope::seal_to(session, genesis, &args.id, what, &parties)?;
    sealed.ok_or_else(|| {
        CommandError::refused("nobody of the recipients has a sealing key")
            .hint("each runs: titian key new PARTY --purpose agree, and has it bound")
    })
}

fn sealed_before(path: &Path, id: &str) -> Result<Sealed> {
    let none = |what: &str| CommandError::usage(format!("{}: {what}", path.display()));
    let text = document::read(path)?;
    let envelope = Envelope::parse(&text).map_err(|error| none(&error.to_string()))?;
    if envelope.subject.id != id {
        return Err(none("the envelope is of another record"));
    }
    Ok(Sealed {
        name: envelope::name_of(&envelope),
        text: envelope.to_text(),
        to: envelope.recipients().map(|(party, key)| format!("{party}#k{key}")).collect(),
    })
}

/// Runs `titian etr open`.
pub(super) fn open(session: &Session, args: &OpenArgs) -> Result<Report> {
    let wallet = session.wallet()?;
    if wallet.sealing_keys(&args.party).is_empty() {
        return Err(CommandError::usage(format!(
            "the wallet holds no bound sealing key of {}",
            args.party.party
        ))
        .hint("titian key new PARTY --purpose agree"));
    }
    let record = show::get(session, &args.id, None, None)?;
    let root = root_of(&record);
    let opened = match &args.envelope {
        Some(path) => envelope::open(&wallet, &args.party, &args.id, root, &document::read(path)?)?,
        None => {
            let newest = envelope::newest(session, &wallet, &args.party, &args.id, root)?;
            newest.ok_or_else(|| {
                CommandError::refused("the node holds no envelope for you").named("NOT_FOUND")
            })?
        }
    };
    let folder = args.content_dir.as_deref().unwrap_or(Path::new("."));
    let path = content::path_of(folder, &args.id, opened.file.version);
    content::keep(&path, &opened.plain)?;
    let mark = session.output.paint(Tone::Good, "content matches the record:");
    let (version, content) = (opened.file.version, Json::Object(opened.file.content));
    Ok(Report::new(
        format!("{mark} {} (keep it)", path.display()),
        json!({ "id": args.id, "file": path, "version": version, "content": content }),
    ))
}

/// Runs `titian etr erase`.
pub(super) fn erase(session: &Session, args: &EraseArgs) -> Result<Report> {
    let wallet = session.wallet()?;
    let held = list(session, &wallet, &args.party, &args.id)?;
    let mut erased = 0;
    // an envelope of another party is that party's to erase
    for held in held.iter().filter(|held| held.own) {
        let params = EraseParams {
            name: EnvelopeName {
                id: args.id.clone(),
                version: held.version,
                envelope_no: held.envelope_no,
            },
            capability: shown::<call::EtrEnvelopeErase>(session, &wallet, &args.party, &args.id)?,
        };
        session.client()?.ask::<call::EtrEnvelopeErase>(&params)?;
        erased += 1;
    }
    let text = format!("{erased} envelope(s) erased here; the nodes they went to are told");
    let mut lines = vec![text];
    if let Some(path) = &args.content {
        std::fs::remove_file(path).map_err(|error| CommandError::file("erase", path, &error))?;
        lines.push(format!("{} erased: what the ledger keeps cannot be opened", path.display()));
    }
    Ok(Report::new(lines.join("\n"), json!({ "erased": erased, "file": args.content })))
}
