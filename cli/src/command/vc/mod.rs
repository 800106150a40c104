//! `titian vc`: credentials and the trust facts behind them.

pub(crate) mod issue;

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::call;
use titian_api::vc::{DidParams, ResolveParams, StatusListParams, StatusParams};
use titian_contracts::credential::linter::lint_schema;
use titian_contracts::credential::{NumberedId, REASONS, ResourceId};
use titian_contracts::json::Value;
use titian_contracts::op::{Register, encode_base64};
use titian_contracts::time::Date;

use super::access::read_arguments;
use super::ledger::write_bundle;
use super::verify;
use crate::act::{self, Draft, SigningArgs, now_ms};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::Report;
use crate::session::Session;
use crate::wallet::KeyRef;

const DAY_MS: u64 = 86_400_000;

/// Credentials.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Allow an authority to issue, accredit or use credentials
    #[command(after_help = "Examples:
  titian vc accreditation-grant SG:ACRA --type BusinessRegistration --rights issue \\
    --class registrar --until 2030-12-31 --as SG#k1 --as SG#k2")]
    AccreditationGrant(GrantArgs),
    /// Let an accreditation rest
    #[command(after_help = "Examples:
  titian vc accreditation-suspend SG:ACRA/acc/1 --reason misconduct --as SG#k1 --as SG#k2")]
    AccreditationSuspend(AccreditationArgs),
    /// Make a suspended accreditation active again
    #[command(after_help = "Examples:
  titian vc accreditation-reinstate SG:ACRA/acc/1 --as SG#k1 --as SG#k2")]
    AccreditationReinstate(AccreditationArgs),
    /// End an accreditation for good
    #[command(after_help = "Examples:
  titian vc accreditation-revoke SG:ACRA/acc/1 --reason ceased --as SG#k1 --as SG#k2")]
    AccreditationRevoke(AccreditationArgs),
    /// Register a type of credential
    #[command(after_help = "Examples:
  titian vc type-publish --args type.json --as SG#k1 --as SG#k2")]
    TypePublish {
        /// Arguments: a JSON file, or JSON text
        #[arg(long, value_name = "FILE|JSON")]
        args: String,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Publish a schema or context; it never changes afterwards
    #[command(after_help = "Examples:
  titian vc resource-publish schema.json --id SG/schema/permit/1 -o op.json")]
    ResourcePublish {
        /// The resource
        file: PathBuf,
        /// owner/schema|context|vct/name/version
        #[arg(long, value_name = "ID")]
        id: String,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Mark a type as out of use
    #[command(after_help = "Examples:
  titian vc type-deprecate SG/Permit -o op.json")]
    TypeDeprecate(IdArgs),
    /// Mark a resource as out of use
    #[command(after_help = "Examples:
  titian vc resource-deprecate SG/schema/permit/1 -o op.json")]
    ResourceDeprecate(IdArgs),
    /// Open a status list
    #[command(after_help = "Examples:
  titian vc list-create SG:ACRA --profile revocation --type BusinessRegistration --as SG:ACRA")]
    ListCreate(ListCreateArgs),
    /// Change entries of a status list
    #[command(after_help = "Examples:
  titian vc list-set SG:ACRA/status/1 --set 84213:0:1:superseded --as SG:ACRA")]
    ListSet {
        /// The list, owner/status/n
        list: String,
        /// index:old:new or index:old:new:reason; repeat it
        #[arg(long, required = true, value_name = "CHANGE", value_parser = change)]
        set: Vec<Change>,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Close a status list that no credential uses any more
    #[command(after_help = "Examples:
  titian vc list-retire SG:ACRA/status/1 --as SG:ACRA")]
    ListRetire {
        /// The list, owner/status/n
        list: String,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Issue a credential: an extract of a business record, or one that you wrote
    #[command(after_help = "Examples:
  titian vc issue --record SG-UEN-199403865N-G7 --as SG:ACRA -o extract.json
  titian vc issue unsigned.json --as SG:ACRA#k1 -o signed.json")]
    Issue(issue::Args),
    /// Judge a credential with the help of a node
    #[command(after_help = "Examples:
  titian vc verify extract.json
  titian vc verify extract.json --jurisdiction MY --json")]
    Verify(verify::Args),
    /// Revoke a credential
    #[command(after_help = "Examples:
  titian vc revoke extract.json --reason superseded --as SG:ACRA
  titian vc revoke SG:ACRA/status/1#84213 --as SG:ACRA")]
    Revoke {
        /// The credential, or list#index
        credential: String,
        /// ceased, superseded, privilege, misconduct, compromise, court
        #[arg(long, value_name = "REASON", value_parser = REASONS)]
        reason: Option<String>,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Show the status of a credential
    #[command(after_help = "Examples:
  titian vc status extract.json
  titian vc status SG:ACRA/status/1#84213 --at 88000 --proof status.json")]
    Status {
        /// The credential, or list#index
        credential: String,
        /// As of this height
        #[arg(long, value_name = "HEIGHT")]
        at: Option<u64>,
        /// Write a proof of the answer
        #[arg(long, value_name = "FILE")]
        proof: Option<PathBuf>,
    },
    /// Show what an issuer may do, and its lists
    #[command(after_help = "Examples:
  titian vc issuer SG:ACRA")]
    Issuer {
        /// The issuer
        party: KeyRef,
    },
    /// Identifiers of parties
    #[command(subcommand)]
    Did(DidCommand),
    /// Schemas of credentials
    #[command(subcommand)]
    Schema(SchemaCommand),
}

/// `titian vc did`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DidCommand {
    /// Resolve a DID to its document
    #[command(after_help = "Examples:
  titian vc did resolve did:ubin:SG:ACRA
  titian vc did resolve SG:ACRA --at 2026-06-01T00:00:00Z --proof did.json")]
    Resolve {
        /// The DID; did:ubin: may be left out
        did: String,
        /// As of this time, RFC 3339
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Write a proof of the answer
        #[arg(long, value_name = "FILE")]
        proof: Option<PathBuf>,
    },
}

/// `titian vc schema`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum SchemaCommand {
    /// Check a schema against the ledger's rules, offline
    #[command(after_help = "Examples:
  titian vc schema lint schema.json")]
    Lint {
        /// The schema
        file: PathBuf,
    },
}

/// Arguments of `accreditation_grant`.
#[derive(Debug, clap::Args)]
pub(crate) struct GrantArgs {
    /// Who is allowed
    grantee: KeyRef,
    /// Type of credential; repeat it
    #[arg(long = "type", required = true, value_name = "TYPE")]
    types: Vec<String>,
    /// issue, accredit, use; separated by commas
    #[arg(long, value_delimiter = ',', default_value = "issue", value_name = "RIGHTS")]
    rights: Vec<String>,
    /// Class of issuer: registrar, customs, origin-authority, nppo, professional-body, other …
    #[arg(long, default_value = "other", value_name = "CLASS")]
    class: String,
    /// States for which it holds [default: the own one]
    #[arg(long, value_delimiter = ',', value_name = "CC")]
    jurisdiction: Vec<String>,
    /// How many further links it may grant
    #[arg(long, default_value_t = 0, value_name = "N")]
    depth: u64,
    /// Accreditation it comes from, or the state [default: the state]
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// Until when
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// An act on an accreditation.
#[derive(Debug, clap::Args)]
pub(crate) struct AccreditationArgs {
    /// The accreditation, grantee/acc/n
    id: String,
    /// ceased, superseded, privilege, misconduct, compromise, court
    #[arg(long, value_name = "REASON", value_parser = REASONS)]
    reason: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// An act on an id.
#[derive(Debug, clap::Args)]
pub(crate) struct IdArgs {
    /// The id
    id: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Arguments of `list_create`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListCreateArgs {
    /// The issuer
    owner: KeyRef,
    /// revocation, suspension, refresh, use, token or message
    #[arg(long, value_name = "PROFILE")]
    profile: String,
    /// Type of credential; repeat it
    #[arg(long = "type", required = true, value_name = "TYPE")]
    types: Vec<String>,
    /// Number of entries, a power of two
    #[arg(long, default_value_t = 131_072, value_name = "N")]
    entries: u64,
    /// Bits of an entry
    #[arg(long, default_value_t = 1, value_name = "BITS")]
    size: u64,
    /// No entry may be valid later, in days from now
    #[arg(long, default_value_t = 366, value_name = "DAYS")]
    days: u64,
    #[command(flatten)]
    signing: SigningArgs,
}

/// A change of a list entry.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    index: u64,
    old: u64,
    new: u64,
    reason: u64,
}

impl Change {
    fn to_value(&self) -> Value {
        let numbers = [self.index, self.old, self.new, self.reason];
        Value::List(numbers.map(Value::from).to_vec())
    }
}

fn change(text: &str) -> std::result::Result<Change, String> {
    let usage = || "a change is index:old:new or index:old:new:reason".to_owned();
    let mut parts = text.split(':');
    let mut number = || parts.next().and_then(|part| part.parse().ok()).ok_or_else(usage);
    let (index, old, new) = (number()?, number()?, number()?);
    let reason = match parts.next() {
        None => 0,
        Some(name) => reason_number(name).ok_or_else(usage)?,
    };
    Ok(Change { index, old, new, reason })
}

/// The number of a reason: its place in the list plus one, 0 is not stated.
pub(crate) fn reason_number(name: &str) -> Option<u64> {
    REASONS.iter().zip(1..).find(|(known, _)| **known == name).map(|(_, number)| number)
}

/// Runs `titian vc`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::AccreditationGrant(args) => grant(session, args),
        Command::AccreditationSuspend(args) => accreditation(session, "suspend", args),
        Command::AccreditationReinstate(args) => accreditation(session, "reinstate", args),
        Command::AccreditationRevoke(args) => accreditation(session, "revoke", args),
        Command::TypePublish { args, signing } => {
            perform(session, "type_publish", read_arguments(args)?, signing)
        }
        Command::ResourcePublish { file, id, signing } => resource(session, file, id, signing),
        Command::TypeDeprecate(args) => {
            let id = Value::object([("id", Value::from(bare(&args.id)))]);
            perform(session, "type_deprecate", id, &args.signing)
        }
        Command::ResourceDeprecate(args) => {
            let id = Value::object([("id", Value::from(bare(&args.id)))]);
            perform(session, "resource_deprecate", id, &args.signing)
        }
        Command::ListCreate(args) => list_create(session, args),
        Command::ListSet { list, set, signing } => list_set(session, bare(list), set, signing),
        Command::ListRetire { list, signing } => {
            let list = Value::object([("list", Value::from(bare(list)))]);
            perform(session, "list_retire", list, signing)
        }
        Command::Issue(args) => issue::run(session, args),
        Command::Verify(args) => verify::run(session, args),
        Command::Revoke { credential, reason, signing } => {
            let (list, index) = entry(credential, "revocation")?;
            let reason = reason.as_deref().and_then(reason_number).unwrap_or(0);
            list_set(session, &list, &[Change { index, old: 0, new: 1, reason }], signing)
        }
        Command::Status { credential, at, proof } => {
            status(session, credential, *at, proof.as_deref())
        }
        Command::Issuer { party } => {
            let params = DidParams { did: party.party.clone(), ..DidParams::default() };
            let answer = session.client()?.ask::<call::VcIssuer>(&params)?;
            Ok(Report::json(Json::Object(answer)))
        }
        Command::Did(DidCommand::Resolve { did, at, proof }) => {
            resolve(session, did, at.as_deref(), proof.as_deref())
        }
        Command::Schema(SchemaCommand::Lint { file }) => lint(file),
    }
}

fn perform(session: &Session, act: &str, args: Value, signing: &SigningArgs) -> Result<Report> {
    act::perform(session, &Draft::new(Register::Vc, act, args), signing)
}

fn bare(text: &str) -> &str {
    text.strip_prefix("did:ubin:").unwrap_or(text)
}

fn texts(items: &[String]) -> Value {
    let mut items = items.to_vec();
    items.sort();
    items.dedup();
    Value::List(items.into_iter().map(Value::from).collect())
}

/// How many accreditations and lists a party has had; none for a party nobody accredited.
pub(crate) fn counts(session: &Session, party: &str) -> Result<(u64, Vec<String>)> {
    let params = DidParams { did: party.to_owned(), ..DidParams::default() };
    let answer = match session.client()?.ask::<call::VcIssuer>(&params) {
        Err(error) if error.name.as_deref() == Some("NOT_FOUND") => return Ok((0, Vec::new())),
        other => Json::Object(other?),
    };
    let list = |name: &str| answer.get(name).and_then(Json::as_array).cloned().unwrap_or_default();
    let lists = list("lists");
    let lists = lists.iter().filter_map(Json::as_str).map(|id| bare(id).to_owned()).collect();
    Ok((list("accreditations").len() as u64, lists))
}

fn grant(session: &Session, args: &GrantArgs) -> Result<Report> {
    let grantee = &args.grantee.party;
    let cc = grantee.get(..2).unwrap_or_default().to_owned();
    let until = Date::parse(&args.until)
        .ok_or_else(|| CommandError::usage("a date is written YYYY-MM-DD"))?;
    let jurisdictions =
        if args.jurisdiction.is_empty() { vec![cc.clone()] } else { args.jurisdiction.clone() };
    let (held, _) = counts(session, grantee)?;
    let arguments = Value::object([
        ("depth", Value::from(args.depth)),
        // the clock of this machine may run ahead of block time
        ("fromMs", Value::from(now_ms().saturating_sub(60_000))),
        ("grantee", Value::from(grantee.as_str())),
        ("issuerClass", Value::from(args.class.as_str())),
        ("jurisdictions", texts(&jurisdictions)),
        ("n", Value::from(held.saturating_add(1))),
        ("parent", Value::from(args.parent.clone().unwrap_or(cc))),
        ("rights", texts(&args.rights)),
        ("types", texts(&args.types)),
        ("untilMs", Value::from(until.start_ms())),
    ]);
    perform(session, "accreditation_grant", arguments, &args.signing)
}

fn accreditation(session: &Session, verb: &str, args: &AccreditationArgs) -> Result<Report> {
    let id = bare(&args.id);
    let params = titian_api::vc::IdParams { id: id.to_owned(), height: None, proof: false };
    let current = Json::Object(session.client()?.ask::<call::VcAccreditation>(&params)?);
    let version = current.get("version").and_then(Json::as_u64).unwrap_or(0);
    let mut members = vec![("id", Value::from(id)), ("version", Value::from(version))];
    if let Some(reason) = &args.reason {
        members.push(("reason", Value::from(reason.as_str())));
    }
    if verb == "revoke" {
        members.push(("effectiveMs", Value::from(now_ms().saturating_sub(10_000))));
    }
    let act = format!("accreditation_{verb}");
    perform(session, &act, Value::object(members), &args.signing)
}

fn resource(session: &Session, file: &Path, id: &str, signing: &SigningArgs) -> Result<Report> {
    let parsed = ResourceId::parse(bare(id)).ok_or_else(|| {
        CommandError::usage("an id is owner/schema/name/version, for example SG/schema/permit/1")
    })?;
    let args = Value::object([
        ("bytes", Value::from(encode_base64(&document::read(file)?))),
        ("kind", Value::from(parsed.kind.name())),
        ("name", Value::from(parsed.name)),
        ("owner", Value::from(parsed.owner)),
        ("version", Value::from(parsed.version)),
    ]);
    perform(session, "resource_publish", args, signing)
}

fn list_create(session: &Session, args: &ListCreateArgs) -> Result<Report> {
    let owner = &args.owner.party;
    let (_, lists) = counts(session, owner)?;
    let next = (lists.len() as u64).saturating_add(1);
    let until = now_ms().saturating_add(args.days.saturating_mul(DAY_MS));
    let arguments =
        list_args(owner, next, &args.profile, &args.types, (args.size, args.entries), until);
    perform(session, "list_create", arguments, &args.signing)
}

/// The arguments of `list_create`; `shape` is bits of an entry and number of entries.
pub(crate) fn list_args(
    owner: &str,
    n: u64,
    profile: &str,
    types: &[String],
    shape: (u64, u64),
    until_ms: u64,
) -> Value {
    Value::object([
        ("entries", Value::from(shape.1)),
        ("n", Value::from(n)),
        ("owner", Value::from(owner)),
        ("profile", Value::from(profile)),
        ("statusSize", Value::from(shape.0)),
        ("types", texts(types)),
        ("untilMs", Value::from(until_ms)),
    ])
}

/// Profile and version of a list.
pub(crate) fn list_state(session: &Session, list: &str) -> Result<(String, u64)> {
    let params = StatusListParams { list: list.to_owned(), ..StatusListParams::default() };
    let answer = Json::Object(session.client()?.ask::<call::VcStatusList>(&params)?);
    let version = answer.get("version").and_then(Json::as_u64).unwrap_or(0);
    Ok((document::text(&answer, "/profile").unwrap_or_default().to_owned(), version))
}

fn list_set(
    session: &Session,
    list: &str,
    changes: &[Change],
    signing: &SigningArgs,
) -> Result<Report> {
    let (_, version) = list_state(session, list)?;
    let args = Value::object([
        ("changes", Value::List(changes.iter().map(Change::to_value).collect())),
        ("list", Value::from(list)),
        ("version", Value::from(version)),
    ]);
    perform(session, "list_set", args, signing)
}

/// The list and index that stand for a credential: `list#index`, or read from its file.
fn entry(credential: &str, purpose: &str) -> Result<(String, u64)> {
    let direct = bare(credential).split_once('#').and_then(|(list, index)| {
        let index = index.parse().ok()?;
        NumberedId::parse(list, "status").map(|_| (list.to_owned(), index))
    });
    if let Some(found) = direct {
        return Ok(found);
    }
    let document = document::read_json(credential.as_ref())?;
    entry_of(&document, purpose).ok_or_else(|| {
        CommandError::usage(format!("the credential has no status entry for {purpose}"))
    })
}

/// The list and index of a credential for a purpose.
pub(crate) fn entry_of(credential: &Json, purpose: &str) -> Option<(String, u64)> {
    let status = credential.get("credentialStatus")?;
    let single = std::slice::from_ref(status);
    let entries = status.as_array().map_or(single, Vec::as_slice);
    let found =
        entries.iter().find(|entry| document::text(entry, "/statusPurpose") == Some(purpose))?;
    let list = bare(document::text(found, "/statusListCredential")?).to_owned();
    let index = document::text(found, "/statusListIndex")?.parse().ok()?;
    Some((list, index))
}

fn status(
    session: &Session,
    credential: &str,
    at: Option<u64>,
    proof: Option<&Path>,
) -> Result<Report> {
    let (list, index) = entry(credential, "revocation")?;
    let params = StatusParams { list, index, height: at, proof: proof.is_some() };
    let mut answer = session.client()?.ask::<call::VcStatus>(&params)?;
    let bundle = answer.remove("proof");
    let answer = Json::Object(answer);
    let value = answer.get("value").and_then(Json::as_u64).unwrap_or(0);
    let word = if value == 0 { "valid" } else { "revoked" };
    let height = answer.pointer("/asOf/height").map_or_else(String::new, Json::to_string);
    let mut text = format!("{}#{index}: {word} (value {value}) as of height {height}", params.list);
    if let Some(since) = answer.get("since").filter(|since| !since.is_null()) {
        text = format!("{text}, since height {since}");
    }
    if let (Some(path), Some(bundle)) = (proof, bundle) {
        text = format!("{text}\n{}", write_bundle(path, bundle)?);
    }
    Ok(Report::new(text, answer))
}

fn resolve(session: &Session, did: &str, at: Option<&str>, proof: Option<&Path>) -> Result<Report> {
    let did = if did.starts_with("did:") { did.to_owned() } else { format!("did:ubin:{did}") };
    let params = ResolveParams {
        did,
        version_time: at.map(str::to_owned),
        proof: proof.is_some(),
        ..ResolveParams::default()
    };
    let mut answer = session.client()?.ask::<call::VcResolve>(&params)?;
    // of a resource the bundle stands beside it, of a DID in the metadata
    let in_metadata = answer
        .get_mut("didResolutionMetadata")
        .and_then(Json::as_object_mut)
        .and_then(|metadata| metadata.remove("ledgerProof"));
    let bundle = in_metadata.or_else(|| answer.remove("proof"));
    let mut report = Report::json(Json::Object(answer));
    if let (Some(path), Some(bundle)) = (proof, bundle) {
        report.text = format!("{}\n{}", report.text, write_bundle(path, bundle)?);
    }
    Ok(report)
}

fn lint(file: &Path) -> Result<Report> {
    match lint_schema(&document::read(file)?) {
        Ok(_) => Ok(Report::new("ok: the ledger takes this schema", json!({ "ok": true }))),
        Err(reject) => Err(CommandError::from_reject(Kind::NotProven, &reject)
            .with_data(json!({ "ok": false, "field": reject.field }))),
    }
}
