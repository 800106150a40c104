//! `titian vc`: credentials and the trust facts behind them.

pub(crate) mod accreditation;
pub(crate) mod bundle;
mod code;
mod did;
pub(crate) mod entry;
mod erase;
pub(crate) mod facts;
mod fetch;
mod holder;
pub(crate) mod issue;
pub(crate) mod list;
mod mandate;
mod overwrite;
pub(crate) mod present;
mod show;
mod status;
mod types;
mod uses;

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::call;
use titian_api::vc::DidParams;
use titian_contracts::credential::ResourceId;
use titian_contracts::credential::linter::lint_schema;
use titian_contracts::json::Value;
use titian_contracts::op::{Register, encode_base64};

use super::access::read_arguments;
use super::verify;
use crate::act::{self, Draft, SigningArgs};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::Report;
use crate::session::Session;
use crate::wallet::KeyRef;
use accreditation::{AccreditationArgs, GrantArgs, RevokeArgs};
use list::{Change, ListCreateArgs, change, list_set};
use status::Verb;

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
  titian vc accreditation-revoke SG:ACRA/acc/1 --reason ceased --as SG#k1 --as SG#k2
  titian vc accreditation-revoke SG:ACRA/acc/1 --reason misconduct --effective-ms 1782864000000 \\
    --as SG#k1 --as SG#k2")]
    AccreditationRevoke(RevokeArgs),
    /// Register a type of credential
    #[command(after_help = "Examples:
  titian vc type-publish --args type.json --as SG#k1 --as SG#k2

The arguments, for a type of Singapore; its schemas and contexts are published before it:
  {\"name\":\"PortPermit\",\"owner\":\"SG\",\"schemas\":[\"SG/schema/port-permit/1\"],
   \"contexts\":[\"SG/context/port-permit/1\"],\"naturalPersonData\":false,\"singleUse\":false,
   \"profiles\":[\"revocation\"],\"validityMaxDays\":30}")]
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
    /// List the credential types that ship with the program
    #[command(after_help = "Examples:
  titian vc types
  titian vc types --ledger --owner SG")]
    Types {
        /// Ask the node for all registered types
        #[arg(long)]
        ledger: bool,
        /// Of this owner, as the node has them
        #[arg(long, value_name = "CC")]
        owner: Option<String>,
    },
    /// Print a filled example of a type, to edit and issue
    #[command(after_help = "Examples:
  titian vc example AEOAuthorisation > aeo.json
  titian vc issue aeo.json --type AEOAuthorisation --as SG:CUSTOMS -o aeo.signed.json
  titian vc example AEOAuthorisation --whole > credential.json    what a node is asked to issue")]
    Example {
        /// The type
        name: String,
        /// The whole unsigned credential, valid from now, not only the claims
        #[arg(long)]
        whole: bool,
    },
    /// Issue a credential: from claims, from an unsigned credential, or from a business record
    #[command(after_help = "Examples:
  titian vc issue --record SG-UEN-199403865N-G7 --as SG:ACRA -o extract.json
  titian vc issue aeo.json --type AEOAuthorisation --form vc+jwt --anchor --as SG:CUSTOMS -o aeo.jwt
  titian vc issue aeo.json --type AEOAuthorisation --form eddsa-jcs-2022 --form vc+jwt \\
    --as SG:CUSTOMS -o aeo.json
  titian vc issue mandate.json --type AuthorisedRepresentative --holder did:key:z6Mk… \\
    --as SG:ACRA -o mandate.sdjwt
  titian vc issue level.json --type ProfessionalQualification --copies 10 --holder keys.json \\
    --as VN:MOC -o level.sdjwt")]
    Issue(issue::Args),
    /// Judge a credential, by a node or from a trust bundle; the same as titian verify
    #[command(after_help = "Examples:
  titian vc verify extract.json
  titian vc verify extract.json --jurisdiction MY --json")]
    Verify(verify::Args),
    /// Show credentials to a verifier, bound to its nonce
    #[command(after_help = "Examples:
  titian vc present quals.sdjwt --disclose level --nonce n-7f3a91ab --audience did:ubin:SG:PEB
  titian vc present aeo.jwt origin.jwt --nonce N --audience A --as SG-UEN-199403865N-G7 -o pres.jwt
  titian vc present quals.sdjwt --nonce TTN1:n-7f3a91ab:did:ubin:SG:PEB -o pres.txt")]
    Present(present::Args),
    /// Ask whether a representative may do an act for a business
    ///
    /// The mandate is an AuthorisedRepresentative that its holder shows. It counts if it is
    /// verified, names the act, covers the amount, is of that business, and the business may act.
    ///
    /// Exit codes: 0 it counts, 3 it does not, 5 that cannot be told, others as everywhere.
    #[command(after_help = "Examples:
  titian vc mandate shown.txt --principal SG-UEN-199403865N-G7 --act etr.offer \\
    --amount 120000 --currency USD --nonce n-7f3a91ab --audience did:ubin:SG:PEB
  titian vc mandate shown.txt --principal SG-UEN-199403865N-G7 --act customs.declare \\
    --offline acra.ttb --genesis genesis.json --json")]
    Mandate(mandate::Args),
    /// Show what stands in a credential; proves nothing, asks no node
    #[command(after_help = "Examples:
  titian vc show aeo.jwt")]
    Show {
        /// Credential or presentation in any form
        file: String,
    },
    /// Draw a credential as a QR code, or the nonce that a holder shall sign
    #[command(after_help = "Examples:
  titian vc qr aeo.jwt
  titian vc qr aeo.jwt -o aeo.svg
  titian vc qr --ask did:ubin:SG:PEB")]
    Qr(code::QrArgs),
    /// Read the QR codes in pictures; nothing in them is opened
    #[command(after_help = "Examples:
  titian vc scan photo.png | titian verify -
  titian vc scan part1.jpg part2.jpg -o origin.json")]
    Scan(code::ScanArgs),
    /// Revoke a credential, for good
    #[command(after_help = "Examples:
  titian vc revoke extract.json --reason superseded --as SG:ACRA
  titian vc revoke urn:uuid:6f1c1f0e-2f4b-4f0c-9c7e-4d1a8f0b7a21 --as SG:ACRA
  titian vc revoke SG:ACRA/status/1#84213 --as SG:ACRA")]
    Revoke(status::ChangeArgs),
    /// Suspend a credential until it is reinstated
    #[command(after_help = "Examples:
  titian vc suspend aeo.jwt --as SG:CUSTOMS")]
    Suspend(status::ChangeArgs),
    /// End the suspension of a credential
    #[command(after_help = "Examples:
  titian vc reinstate aeo.jwt --as SG:CUSTOMS")]
    Reinstate(status::ChangeArgs),
    /// Tell verifiers that a newer credential is there; this one still counts
    #[command(after_help = "Examples:
  titian vc refresh extract.json --reason superseded --as SG:ACRA")]
    Refresh(status::ChangeArgs),
    /// Show the status of a credential
    #[command(after_help = "Examples:
  titian vc status extract.json
  titian vc status SG:ACRA/status/1#84213 --at 88000 --proof status.json")]
    Status(status::ShowArgs),
    /// Single-use certificates: lodge, utilise, release, cancel
    #[command(subcommand)]
    Use(uses::Command),
    /// Keys of holders in this wallet
    #[command(subcommand)]
    Holder(holder::Command),
    /// Trust bundles for verdicts without network
    #[command(subcommand)]
    Bundle(bundle::Command),
    /// Erase what this wallet remembers of a credential, or what the node keeps, and revoke it
    #[command(after_help = "Examples:
  titian vc erase urn:uuid:6f1c1f0e-2f4b-4f0c-9c7e-4d1a8f0b7a21 --as SG:ACRA --yes
  titian vc erase urn:uuid:6f1c1f0e-2f4b-4f0c-9c7e-4d1a8f0b7a21 --token custody.jwt")]
    Erase(erase::Args),
    /// What was issued here of which types, and what was erased; counts below 5 are hidden
    #[command(after_help = "Examples:
  titian vc privacy-report
  titian vc privacy-report --token custody.jwt               what the node keeps")]
    PrivacyReport(erase::ReportArgs),
    /// Show what an issuer may do, and its lists
    #[command(after_help = "Examples:
  titian vc issuer SG:ACRA")]
    Issuer {
        /// The issuer
        party: KeyRef,
    },
    /// Identifiers of parties
    #[command(subcommand)]
    Did(did::Command),
    /// Schemas of credentials
    #[command(subcommand)]
    Schema(SchemaCommand),
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

/// An act on an id.
#[derive(Debug, clap::Args)]
pub(crate) struct IdArgs {
    /// The id
    id: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Runs `titian vc`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::AccreditationGrant(args) => accreditation::grant(session, args),
        Command::AccreditationSuspend(args) => accreditation::change(session, "suspend", args),
        Command::AccreditationReinstate(args) => accreditation::change(session, "reinstate", args),
        Command::AccreditationRevoke(args) => accreditation::revoke(session, args),
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
        Command::ListCreate(args) => list::list_create(session, args),
        Command::ListSet { list, set, signing } => list_set(session, bare(list), set, signing),
        Command::ListRetire { list, signing } => {
            let list = Value::object([("list", Value::from(bare(list)))]);
            perform(session, "list_retire", list, signing)
        }
        Command::Issue(args) => issue::run(session, args),
        Command::Verify(args) => verify::run(session, args),
        Command::Types { ledger, owner } => types::list(session, *ledger, owner.as_deref()),
        Command::Example { name, whole } => types::example(name, *whole),
        Command::Present(args) => present::run(session, args),
        Command::Mandate(args) => mandate::run(session, args),
        Command::Show { file } => show::run(session, file),
        Command::Qr(args) => code::qr(session, args),
        Command::Scan(args) => code::scan(session, args),
        Command::Revoke(args) => status::change(session, Verb::Revoke, args),
        Command::Suspend(args) => status::change(session, Verb::Suspend, args),
        Command::Reinstate(args) => status::change(session, Verb::Reinstate, args),
        Command::Refresh(args) => status::change(session, Verb::Refresh, args),
        Command::Status(args) => status::show(session, args),
        Command::Use(command) => uses::run(session, command),
        Command::Holder(command) => holder::run(session, command),
        Command::Bundle(command) => bundle::run(session, command),
        Command::Erase(args) => erase::run(session, args),
        Command::PrivacyReport(args) => erase::report(session, args),
        Command::Issuer { party } => {
            let params = DidParams { did: party.party.clone(), ..DidParams::default() };
            let answer = session.client()?.ask::<call::VcIssuer>(&params)?;
            Ok(Report::json(Json::Object(answer)))
        }
        Command::Did(command) => did::run(session, command),
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

fn lint(file: &Path) -> Result<Report> {
    match lint_schema(&document::read(file)?) {
        Ok(_) => Ok(Report::new("ok: the ledger takes this schema", json!({ "ok": true }))),
        Err(reject) => Err(CommandError::from_reject(Kind::NotProven, &reject)
            .with_data(json!({ "ok": false, "field": reject.field }))),
    }
}
