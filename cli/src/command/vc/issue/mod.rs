//! `titian vc issue`: signs a credential with keys of the wallet, in one or several forms.
//!
//! Nothing of a credential goes to the ledger; what stands there is the issuer's accreditation and
//! the status list, and with `--anchor` a root that tells nothing without the receipt.
//!
//! Invariant: what a verifier would refuse is refused here, by the same code, from state that is
//! proven; the status index is on disk before the credential is written; under an id goes out one
//! text for each form, also when the same body is issued again.
//!
//! - this file: options and order; `draft`: what is signed; `slots`: status entries; `secure`:
//!   forms and the check; `again`: what was issued before; `anchor`: proof of time.

mod again;
mod anchor;
mod draft;
mod secure;
mod slots;

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::vc::BundleParams;
use titian_contracts::credential::Profile;
use titian_credential::bundle::Bundle;
use titian_credential::codes::Fault;
use titian_credential::key::PublicKey;
use titian_credential::registration;

use super::super::ubin::canonical;
use super::{facts, holder, overwrite};
use crate::act::now_ms;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::issued::{Issued, Network, Record, Slot};
use crate::output::{Report, Tone};
use crate::session::Session;
use crate::wallet::{KeyRef, Wallet, WalletKey, write_private};
pub(super) use draft::urn_uuid;
use draft::{Draft, Written};
use secure::Desk;
pub(crate) use secure::Form;
use slots::{Drawn, Wish};

/// Copies of a batch.
const COPIES_MAX: u64 = 50;
/// How keys for a batch are made.
const BATCH_KEYS: &str = "titian vc holder new NAME --count N -o keys.json; --holder keys.json";

/// What is issued.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Claims of a type, or an unsigned credential as a whole
    #[arg(value_name = "FILE", required_unless_present = "record")]
    pub(crate) file: Option<PathBuf>,
    /// Issue an extract of this business record
    #[arg(long, value_name = "UBIN", conflicts_with = "file")]
    pub(crate) record: Option<String>,
    /// Type of the claims: titian vc types
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
    /// Form; repeat it for several [default: eddsa-jcs-2022, for data of persons dc+sd-jwt]
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) form: Vec<Form>,
    /// Key of the issuer, with purpose assert; repeat it for a proof set
    #[arg(long = "as", required = true, value_name = "PARTY[#kN]")]
    pub(crate) issuer: Vec<KeyRef>,
    /// First day, YYYY-MM-DD [default: now]
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// Last day, YYYY-MM-DD
    #[arg(long, value_name = "DATE", conflicts_with = "days")]
    pub(crate) until: Option<String>,
    /// How long it is valid, in days [default: 365 or what the type allows, an extract 30]
    #[arg(long, value_name = "DAYS")]
    pub(crate) days: Option<u64>,
    /// Also a status entry of this profile; what the type asks for always gets one
    #[arg(long, value_name = "PROFILE", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "")]
    pub(crate) status: Vec<String>,
    /// Anchor it on the ledger: proof that it existed by then
    #[arg(long)]
    pub(crate) anchor: bool,
    /// Public key of the holder: did:key, did:jwk, a JWK file, or a key of this wallet; repeat it,
    /// or name a file with a list, for copies
    #[arg(long, value_name = "KEY")]
    pub(crate) holder: Vec<String>,
    /// Claims that the holder may keep back, as names or JSON pointers; personal ones always may
    #[arg(long, value_delimiter = ',', value_name = "CLAIMS")]
    pub(crate) disclose: Vec<String>,
    /// Copies of a dc+sd-jwt, each with a holder key, salts and a status entry of its own
    #[arg(long, default_value_t = 1, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=COPIES_MAX))]
    pub(crate) copies: u64,
    /// Why the data may be processed: a purpose and legal basis, for the privacy report
    #[arg(long, value_name = "TAG")]
    pub(crate) purpose: Option<String>,
    /// Genesis file of the network [default: the devnet's in ./net]
    #[arg(long, value_name = "FILE")]
    pub(crate) genesis: Option<PathBuf>,
    /// Write over a credential that is in the way
    #[arg(long)]
    pub(crate) force: bool,
    /// Sign the anchor without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Where to write it; of several the names are made from this one
    #[arg(short, long = "out", value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// One secured credential and the file it goes to.
#[derive(Clone, Debug)]
struct Secured {
    form: Form,
    text: String,
    file: PathBuf,
}

/// Everything that an issue leaves.
struct Work {
    draft: Draft,
    secured: Vec<Secured>,
    slots: Vec<Slot>,
    /// The time that the signatures state, ms.
    signed_ms: u64,
    /// Whether it was issued before, by the same body.
    again: bool,
}

/// Runs `titian vc issue`.
pub(crate) fn run(session: &Session, args: &Args) -> Result<Report> {
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    let keys: Result<Vec<&WalletKey>> = args.issuer.iter().map(|key| wallet.find(key)).collect();
    let keys = keys?;
    let issuer = keys.first().map(|key| key.party.clone()).unwrap_or_default();
    if keys.iter().any(|key| key.party != issuer) {
        return Err(CommandError::usage("all keys must be of one issuer"));
    }
    let mut issued = Issued::open(wallet.path(), session.chain()?)?;
    let work = prepare(session, args, &wallet, &keys, issued.network())?;
    check_files(args, &work)?;
    // who does not consent to the anchor has issued nothing
    let anchor = match args.anchor {
        true => Some(anchor::prepare(session, &wallet, &keys, &work.secured, args.yes)?),
        false => None,
    };
    if !work.again {
        remember(&mut issued, &work, args, &issuer)?;
    }
    for secured in &work.secured {
        let written = write_own(&secured.file, &secured.line());
        written.map_err(|error| error.hint(again::noted(&work.draft.id)))?;
    }
    let anchored = anchor.map(|anchor| anchor.submit(session, &work.secured)).transpose();
    let anchored = anchored.map_err(|error| {
        let files = work.secured.iter().map(|one| one.file.display().to_string());
        let files = files.collect::<Vec<_>>().join(", ");
        CommandError { message: format!("issued, not anchored: {}", error.message), ..error }.hint(
            format!("what was issued counts without the anchor: {files}, id {}", work.draft.id),
        )
    })?;
    let (receipts, exit) = anchored.unwrap_or_default();
    Ok(report(session, &work, &issuer, &receipts).exit(exit))
}

impl Secured {
    /// What its file holds.
    fn line(&self) -> String {
        format!("{}\n", self.text)
    }
}

/// Refuses to write over what nobody can make again.
fn check_files(args: &Args, work: &Work) -> Result<()> {
    let inputs: Vec<&Path> = args.file.iter().map(PathBuf::as_path).collect();
    for secured in &work.secured {
        let there = work.again
            && document::read(&secured.file).is_ok_and(|bytes| bytes == secured.line().as_bytes());
        if !there {
            overwrite::check(&secured.file, &inputs, args.force)?;
        }
        let receipt = anchor::receipt_path(&secured.file);
        if args.anchor && !args.force && receipt.exists() {
            return Err(CommandError::usage(format!("{} is there already", receipt.display()))
                .hint("it may prove an earlier time; -o names another file"));
        }
    }
    Ok(())
}

/// Writes a file that its owner alone may read: it may hold data of a person.
fn write_own(path: &Path, text: &str) -> Result<()> {
    write_private(path, text.as_bytes()).map_err(|error| CommandError::file("write", path, &error))
}

/// Draws, signs and checks; nothing is written yet.
fn prepare(
    session: &Session,
    args: &Args,
    wallet: &Wallet,
    keys: &[&WalletKey],
    network: &mut Network,
) -> Result<Work> {
    let issuer = keys.first().map(|key| key.party.as_str()).unwrap_or_default();
    let holders = holder::named(wallet, &args.holder)?;
    let written = match &args.record {
        None => Some(Written::read(args)?),
        Some(_) => None,
    };
    let type_name = match &written {
        Some(written) => written.type_name(args).map(str::to_owned),
        None => Some(registration::TYPE.to_owned()),
    };
    let facts = issuer_facts(session, args.genesis.as_ref(), issuer, type_name)?;
    let draft = match (written, &args.record) {
        (Some(written), _) => draft::of_written(&facts, written, issuer, holders.first(), args)?,
        (None, Some(record)) => {
            let days = args.days.unwrap_or(30);
            draft::of_record(session, &facts, &canonical(record)?, issuer, days)?
        }
        (None, None) => return Err(CommandError::usage("name a file or a record")),
    };
    draft::check_period(&draft)?;
    let forms = forms(args, &draft)?;
    let now_ms = now_ms();
    if let Some(record) = network.credentials.get(&draft.id) {
        let desk = Desk { keys, facts: &facts, signed_ms: record.issued_ms, now_ms };
        let secured = again::secured(&desk, args, &draft, &forms, record)?;
        let (slots, signed_ms) = (record.status.clone(), record.issued_ms);
        return Ok(Work { draft, secured, slots, signed_ms, again: true });
    }
    let desk = Desk { keys, facts: &facts, signed_ms: now_ms, now_ms };
    let (mut secured, mut slots) = (Vec::new(), Vec::new());
    let wish = Wish { issuer, type_name: &draft.entry.name, until_ms: draft.until_ms };
    let bitstring = if forms == [Form::SdJwt] {
        Vec::new()
    } else {
        slots::draw(&facts, network, wish, &profiles(args, &draft)?)?
    };
    slots.extend(bitstring.iter().map(|drawn| drawn.slot.clone()));
    for form in &forms {
        let copies = if *form == Form::SdJwt { copies(args, &holders)? } else { 1 };
        for copy in 0..copies {
            let token = if *form == Form::SdJwt {
                token(&facts, network, wish, &draft)?
            } else {
                Vec::new()
            };
            slots.extend(token.iter().map(|drawn| drawn.slot.clone()));
            let drawn = if *form == Form::SdJwt { &token } else { &bitstring };
            let holder = holders.get(usize::try_from(copy).unwrap_or(usize::MAX));
            let text =
                desk.secure(&draft, *form, drawn, holder.or(holders.first()), &args.disclose)?;
            let file = file_name(&args.out, *form, (forms.len(), copies), copy);
            secured.push(Secured { form: *form, text, file });
        }
    }
    Ok(Work { draft, secured, slots, signed_ms: now_ms, again: false })
}

/// The state that an issuer's credentials rest on, proven.
fn issuer_facts(
    session: &Session,
    genesis: Option<&PathBuf>,
    issuer: &str,
    type_name: Option<String>,
) -> Result<Bundle> {
    let genesis = facts::genesis(session, genesis)?;
    let params = BundleParams {
        issuers: vec![issuer.to_owned()],
        types: type_name.into_iter().collect(),
        lists: Some(true),
        ..BundleParams::default()
    };
    facts::proven(session, &genesis, &params)
}

/// The forms that are asked for, or the usual one of the type.
fn forms(args: &Args, draft: &Draft) -> Result<Vec<Form>> {
    let mut forms = Vec::new();
    for form in &args.form {
        if !forms.contains(form) {
            forms.push(*form);
        }
    }
    if forms.is_empty() {
        forms.push(if draft.credential.is_some() { Form::Jcs } else { Form::SdJwt });
    }
    for form in &forms {
        // before anything is drawn for it
        let (there, how) = match form {
            Form::SdJwt => (draft.claims.is_some(), "not issued as dc+sd-jwt"),
            _ => (draft.credential.is_some(), "issued as dc+sd-jwt only"),
        };
        if !there {
            return Err(CommandError::usage(format!("{} is {how}", draft.entry.name))
                .named("TYPE_NOT_COVERED"));
        }
    }
    if args.copies > 1 && forms != [Form::SdJwt] {
        return Err(CommandError::usage("copies are for --form dc+sd-jwt alone"));
    }
    Ok(forms)
}

/// The profiles that get an entry: those of the type, and what the options add.
fn profiles(args: &Args, draft: &Draft) -> Result<Vec<Profile>> {
    let mut profiles = draft.entry.profiles.clone();
    for name in args.status.iter().filter(|name| !name.is_empty()) {
        let profile = Profile::parse(name)
            .ok_or_else(|| CommandError::usage(format!("{name} is no profile of a list")))?;
        if !profiles.contains(&profile) {
            profiles.push(profile);
        }
    }
    Ok(profiles)
}

/// The entry of an SD-JWT VC: one tells revocation and suspension.
fn token(
    facts: &Bundle,
    network: &mut Network,
    wish: Wish<'_>,
    draft: &Draft,
) -> Result<Vec<Drawn>> {
    if draft.claims.as_ref().is_some_and(|claims| claims.contains_key("status")) {
        return Err(draft::entries_of_others("/status"));
    }
    if draft.entry.profiles.is_empty() {
        return Ok(Vec::new());
    }
    slots::draw(facts, network, wish, &[Profile::Token])
}

/// How many copies: each needs a holder key of its own, or they could be linked by it.
fn copies(args: &Args, holders: &[PublicKey]) -> Result<u64> {
    if args.copies > 1 && holders.len() as u64 != args.copies {
        return Err(CommandError::usage(format!(
            "{} copies need as many holder keys, {} are named",
            args.copies,
            holders.len()
        ))
        .hint(BATCH_KEYS));
    }
    if holders.iter().enumerate().any(|(i, key)| holders.iter().take(i).any(|other| other == key)) {
        return Err(CommandError::usage("a holder key is named twice: its copies could be linked")
            .hint(BATCH_KEYS));
    }
    Ok(args.copies)
}

/// `OUT` for a single one; else `OUT` without its end, the copy, the form.
fn file_name(out: &Path, form: Form, (forms, copies): (usize, u64), copy: u64) -> PathBuf {
    if forms == 1 && copies == 1 {
        return out.to_owned();
    }
    let copy = if copies == 1 { String::new() } else { format!("{}.", copy.saturating_add(1)) };
    out.with_extension(format!("{copy}{}", form.extension()))
}

/// Notes what was given out, on disk.
fn remember(issued: &mut Issued, work: &Work, args: &Args, issuer: &str) -> Result<()> {
    let mut forms: Vec<String> = Vec::new();
    for secured in &work.secured {
        if !forms.iter().any(|known| known == secured.form.name()) {
            forms.push(secured.form.name().to_owned());
        }
    }
    let record = Record {
        issuer: issuer.to_owned(),
        type_name: work.draft.entry.name.clone(),
        forms,
        status: work.slots.clone(),
        personal: work.draft.entry.natural_person_data,
        copies: args.copies,
        issued_ms: work.signed_ms,
        until_ms: work.draft.until_ms,
        purpose: args.purpose.clone(),
        digests: again::digests(&work.secured),
    };
    issued.network().credentials.insert(work.draft.id.clone(), record);
    issued.save()
}

fn report(session: &Session, work: &Work, issuer: &str, receipts: &[PathBuf]) -> Report {
    let what = if work.again { "issued before, the same again:" } else { "issued" };
    let mut lines = vec![
        format!(
            "{} {} by did:ubin:{issuer}",
            session.output.paint(Tone::Good, what),
            work.draft.entry.name
        ),
        format!("id {}", work.draft.id),
    ];
    lines.extend(
        work.slots
            .iter()
            .map(|slot| format!("status {}#{} ({})", slot.list, slot.index, slot.profile)),
    );
    lines.extend(
        work.secured
            .iter()
            .map(|secured| format!("{:<16} {}", secured.form.name(), secured.file.display())),
    );
    lines.extend(receipts.iter().map(|path| format!("{:<16} {}", "receipt", path.display())));
    if let Some(first) = work.secured.first() {
        lines.push(format!("next: titian verify {}", first.file.display()));
    }
    let credentials: Vec<Json> = work
        .secured
        .iter()
        .map(|secured| {
            let credential =
                serde_json::from_str::<Json>(&secured.text).unwrap_or_else(|_| json!(secured.text));
            json!({ "form": secured.form.name(), "file": secured.file, "credential": credential })
        })
        .collect();
    let first = credentials.first().cloned().unwrap_or_default();
    let json = json!({
        "id": work.draft.id,
        "type": work.draft.entry.name,
        "issuer": format!("did:ubin:{issuer}"),
        "file": first.get("file"),
        "credential": first.get("credential"),
        "credentials": credentials,
        "status": work.slots,
        "receipts": receipts,
        "again": work.again,
    });
    Report::new(lines.join("\n"), json)
}

/// A credential that breaks a rule before it is signed.
fn refused(fault: &Fault) -> CommandError {
    let place = match fault.pointer.as_str() {
        "" => String::new(),
        pointer => format!(" at {pointer}"),
    };
    CommandError::new(Kind::Usage, format!("the credential is refused{place}")).named(fault.code)
}
