//! `titian vc issue`: signs a credential with a key of the wallet.
//!
//! Nothing of a credential goes to the ledger; what stands there is the issuer's accreditation and
//! the status list. Status indices are drawn at random and noted beside the wallet, so that none is
//! given twice from this machine.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;
use serde_json::{Value as Json, json};
use titian_api::{call, ubin, vc};
use titian_contracts::credential::{ResourceId, ResourceKind, genesis_resource};
use titian_contracts::digest::Digest;
use titian_contracts::state::{MemoryState, Overlay};
use titian_contracts::time::rfc3339;
use titian_credential::contexts::Contexts;
use titian_credential::proof::issue_jcs;
use titian_credential::registration::{Frame, StatusSlot, business_registration};
use titian_credential::schema::{Evaluation, evaluate};
use titian_credential::snapshot::Live;

use super::super::ubin::canonical;
use super::{DAY_MS, counts, list_state};
use crate::act::{now_ms, random_hex};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone};
use crate::session::Session;
use crate::wallet::{KeyRef, WalletKey, write_private};

/// Entries of the smallest list; indices are drawn below.
const INDICES: u64 = 131_072;
const DRAWS_MAX: usize = 64;

/// What is issued.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Unsigned credential
    #[arg(value_name = "CREDENTIAL", required_unless_present = "record")]
    file: Option<PathBuf>,
    /// Issue an extract of this business record
    #[arg(long, value_name = "UBIN", conflicts_with = "file")]
    record: Option<String>,
    /// Key of the issuer, with purpose assert
    #[arg(long = "as", value_name = "PARTY[#kN]")]
    issuer: KeyRef,
    /// How long the extract is valid, in days
    #[arg(long, default_value_t = 30, value_name = "DAYS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=92))]
    days: u64,
    /// Where to write it
    #[arg(short, long = "out", value_name = "FILE")]
    out: PathBuf,
}

/// Runs `titian vc issue`.
pub(crate) fn run(session: &Session, args: &Args) -> Result<Report> {
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    let key = wallet.find(&args.issuer)?;
    let unsigned = match (&args.file, &args.record) {
        (Some(path), _) => {
            let bytes = document::read(path)?;
            titian_credential::json::parse(&bytes).map_err(|fault| refused(&fault))?
        }
        (None, Some(record)) => extract(session, &canonical(record)?, &key.party, args.days)?,
        (None, None) => return Err(CommandError::usage("name a credential or a record")),
    };
    let signed = sign(session, &unsigned, key)?;
    let text = titian_credential::json::canonical(&signed);
    document::write(&args.out, &format!("{text}\n"))?;
    let id = document::text(&signed, "/id").unwrap_or("").to_owned();
    let lines = [
        format!(
            "{} {} by did:ubin:{}",
            session.output.paint(Tone::Good, "issued"),
            document::text(&signed, "/type/1").unwrap_or("credential"),
            key.party
        ),
        format!("id {id}"),
        format!("written to {}; next: titian verify {}", args.out.display(), args.out.display()),
    ];
    let json = json!({ "id": id, "file": args.out, "credential": signed });
    Ok(Report::new(lines.join("\n"), json))
}

/// Signs a credential as `eddsa-jcs-2022`, after checking that every term in it is defined.
pub(crate) fn sign(session: &Session, unsigned: &Json, key: &WalletKey) -> Result<Json> {
    let number =
        key.number.ok_or_else(|| CommandError::usage("the key of the issuer is not bound yet"))?;
    if !key.purposes.iter().any(|purpose| purpose == "assert") {
        return Err(CommandError::usage(format!("{} has no purpose assert", key.label())));
    }
    let method = format!("did:ubin:{}#k{number}", key.party);
    let registered = registered_contexts(session, unsigned)?;
    let snapshot = Live::new(&registered, session.chain()?, false, 0, Digest::ZERO, now_ms());
    let contexts = Contexts { snapshot: Some(&snapshot), sandbox: false, inline: false };
    let signed = issue_jcs(unsigned, &key.signing_key(), &method, &rfc3339(now_ms()), contexts)
        .map_err(|fault| refused(&fault))?;
    check_schemas(session, &signed)?;
    Ok(signed)
}

/// Refuses what a verifier would refuse: a credential that breaks a schema it names.
fn check_schemas(session: &Session, signed: &Json) -> Result<()> {
    let Some(named) = signed.get("credentialSchema") else { return Ok(()) };
    let single = std::slice::from_ref(named);
    for entry in named.as_array().map_or(single, Vec::as_slice) {
        let Some(id) = document::text(entry, "/id").and_then(|id| id.strip_prefix("did:ubin:"))
        else {
            continue;
        };
        let params = vc::IdParams { id: id.to_owned(), height: None, proof: false };
        let answer = Json::Object(session.client()?.ask::<call::VcResource>(&params)?);
        let schema = answer.get("content").unwrap_or(&Json::Null);
        if let Evaluation::Invalid(pointers) = evaluate(schema, signed) {
            return Err(CommandError::new(
                Kind::Usage,
                format!("the credential breaks {id} at {}", pointers.join(", ")),
            )
            .named("SCHEMA_VIOLATION"));
        }
    }
    Ok(())
}

/// The registered contexts that a document names, as the node shows them.
///
/// They only decide whether a term is defined; the signature covers the document as it stands.
fn registered_contexts(session: &Session, credential: &Json) -> Result<MemoryState> {
    let empty = MemoryState::default();
    let mut overlay = Overlay::new(&empty);
    let named = credential.get("@context").and_then(Json::as_array).into_iter().flatten();
    for url in named.filter_map(Json::as_str) {
        let Some(id) = url.strip_prefix("did:ubin:").and_then(ResourceId::parse) else { continue };
        if id.kind != ResourceKind::JsonldContext {
            continue;
        }
        let params = vc::IdParams { id: id.text(), height: None, proof: false };
        let answer = Json::Object(session.client()?.ask::<call::VcResource>(&params)?);
        let bytes = document::text(&answer, "/bytes").unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD
            .decode(bytes)
            .map_err(|_| CommandError::refused("the node shows a context that cannot be read"))?;
        let (key, resource) = genesis_resource(&id.owner, id.kind, &id.name, id.version, &bytes)
            .map_err(|reject| CommandError::from_reject(Kind::Refused, &reject))?;
        overlay.write(key, &resource);
    }
    let changes = overlay.into_changes(0);
    let mut state = MemoryState::default();
    state.apply(&changes);
    Ok(state)
}

fn refused(fault: &titian_credential::codes::Fault) -> CommandError {
    CommandError::new(Kind::Usage, format!("the credential is refused at {}", fault.pointer))
        .named(fault.code)
}

/// The unsigned extract of a record, with a fresh entry in each list of the issuer.
pub(crate) fn extract(session: &Session, ubin: &str, issuer: &str, days: u64) -> Result<Json> {
    let params = ubin::GetParams { ubin: ubin.to_owned(), ..ubin::GetParams::default() };
    let answer = Json::Object(session.client()?.ask::<call::UbinGet>(&params)?);
    let body = answer.pointer("/record/body").filter(|body| body.is_object()).ok_or_else(|| {
        CommandError::refused(format!("{ubin} is not registered")).named("UBIN_UNKNOWN")
    })?;
    let height = answer.pointer("/asOf/height").and_then(Json::as_u64).unwrap_or(0);
    let (_, lists) = counts(session, issuer)?;
    let mut slots: Vec<(String, String, u64)> = Vec::new();
    for list in &lists {
        let (profile, _) = list_state(session, list)?;
        let wanted = matches!(profile.as_str(), "revocation" | "refresh");
        if wanted && !slots.iter().any(|(_, known, _)| *known == profile) {
            slots.push((list.clone(), profile, draw_index(session, list)?));
        }
    }
    if !slots.iter().any(|(_, profile, _)| profile == "revocation") {
        return Err(CommandError::refused(format!("{issuer} has no list for revocation"))
            .named("UNKNOWN_LIST")
            .hint(format!("titian vc list-create {issuer} --profile revocation --type …")));
    }
    let slots: Vec<StatusSlot<'_>> = slots
        .iter()
        .map(|(list, purpose, index)| StatusSlot { list, purpose, index: *index })
        .collect();
    let now = now_ms();
    let frame = Frame {
        id: &urn_uuid(),
        issuer,
        // the clock of this machine may run ahead of the verifier's
        valid_from: &rfc3339(now.saturating_sub(60_000)),
        valid_until: &rfc3339(now.saturating_add(days.saturating_mul(DAY_MS))),
        status: &slots,
        record_height: height,
    };
    business_registration(body, frame).map_err(|fault| refused(&fault))
}

/// A random UUID of version 4 as a URN.
fn urn_uuid() -> String {
    let hex = random_hex::<16>();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    // version 4, variant 10
    let variant = match hex.as_bytes().get(16).map(|digit| digit % 4) {
        Some(0) => '8',
        Some(1) => '9',
        Some(2) => 'a',
        _ => 'b',
    };
    let (a, b, c) = (part(0, 8), part(8, 12), part(13, 16));
    format!("urn:uuid:{a}-{b}-4{c}-{variant}{}-{}", part(17, 20), part(20, 32))
}

/// Draws a free index and notes it in `<wallet>.indices.json`.
fn draw_index(session: &Session, list: &str) -> Result<u64> {
    let path = indices_path(&session.wallet_path()?);
    let name = format!("{}/{list}", session.chain()?);
    let mut used: serde_json::Map<String, Json> = match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|_| CommandError::usage(format!("{} is damaged", path.display())))?,
        Err(_) => serde_json::Map::new(),
    };
    let taken = used.entry(name).or_insert_with(|| json!([]));
    let Some(taken) = taken.as_array_mut() else {
        return Err(CommandError::usage(format!("{} is damaged", path.display())));
    };
    for _ in 0..DRAWS_MAX {
        let index = rand::rngs::OsRng.gen_range(0..INDICES);
        if taken.iter().all(|known| known.as_u64() != Some(index)) {
            taken.push(json!(index));
            let text = Json::Object(used).to_string();
            write_private(&path, text.as_bytes())
                .map_err(|error| CommandError::file("write", &path, &error))?;
            return Ok(index);
        }
    }
    Err(CommandError::refused("the list is nearly full")
        .hint("titian vc list-create opens another"))
}

fn indices_path(wallet: &Path) -> PathBuf {
    let mut name = wallet.as_os_str().to_owned();
    name.push(".indices.json");
    PathBuf::from(name)
}
