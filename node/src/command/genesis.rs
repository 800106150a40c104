//! `titian-node genesis`: the ceremony of ledger.md §9.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Deserialize;
use titian_contracts::access::Purpose;
use titian_contracts::json::{self, Value};
use titian_contracts::{limits, op};
use titian_genesis::contribution::{
    self, Authority, Contribution, Draft, OfficeKey, Register, ValidatorNode,
};
use titian_genesis::template::Template;
use titian_genesis::{Genesis, GenesisError};

use super::output::{self, say};
use super::{CommandError, Kind};
use crate::signer::keystore::NodeKey;

/// Make and check the genesis file of a network
#[derive(Debug, Subcommand)]
pub(super) enum GenesisCommand {
    Template(TemplateArgs),
    Contribute(ContributeArgs),
    Assemble(AssembleArgs),
    Check(CheckArgs),
}

/// Print a template: what all members agree on before anyone makes a key
#[derive(Debug, Args)]
pub(super) struct TemplateArgs {
    /// Chain id, never used before
    #[arg(long, value_name = "ID")]
    chain: String,
    /// Member states, such as SG,MY,TH
    #[arg(long, value_delimiter = ',', required = true, value_name = "CC,…")]
    members: Vec<String>,
    /// Block time of height 0, in ms since 1970
    #[arg(long, value_name = "MS")]
    time_ms: u64,
    /// A network for tests
    #[arg(long)]
    sandbox: bool,
    /// Shortest consultation on a proposal, in seconds; less than a day with --sandbox only
    #[arg(long, value_name = "S", default_value_t = limits::CONSULTATION_S_MIN)]
    consultation_s: u64,
}

/// Make the signed contribution of one state; keys are read where they lie and never leave
#[derive(Debug, Args)]
#[command(after_help = DRAFT_HELP)]
pub(super) struct ContributeArgs {
    /// The agreed template
    #[arg(long, value_name = "FILE")]
    template: PathBuf,
    /// The state's draft (TOML, see below); paths in it start at its folder
    #[arg(long, value_name = "FILE")]
    draft: PathBuf,
    /// Where to write the contribution
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Put template and contributions together; the same inputs give the same bytes everywhere
#[derive(Debug, Args)]
pub(super) struct AssembleArgs {
    /// The agreed template
    #[arg(long, value_name = "FILE")]
    template: PathBuf,
    /// Where to write the genesis file
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// The contributions of all members
    #[arg(required = true, value_name = "FILE")]
    contributions: Vec<PathBuf>,
}

/// Check a genesis file, alone or against the inputs it should be made of
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The genesis file
    #[arg(value_name = "GENESIS")]
    genesis: PathBuf,
    /// The agreed template
    #[arg(long, requires = "contributions", value_name = "FILE")]
    template: Option<PathBuf>,
    /// The contributions of all members
    #[arg(requires = "template", value_name = "CONTRIBUTION")]
    contributions: Vec<PathBuf>,
}

const DRAFT_HELP: &str = "\
The draft:
  cc = \"SG\"
  name = \"Singapore\"
  root-k = 2                            # root keys that must sign together
  root-keys = [\"root1.key\", \"root2.key\"]  # key files, mode 0600
  legal = \"legal.json\"                  # optional: legal-effect entries, a JSON list
  [[authorities]]
  name = \"ACRA\"
  scopes = [\"ubin.*\"]
  r2 = 2
  [[authorities.keys]]
  officer = 1
  public-key = \"…\"                      # base64url
  purposes = [\"invoke\"]
  scopes = [\"ubin.*\"]
  [[registers]]                         # optional: who gives the numbers of a scheme
  scheme = \"UEN\"
  register-domain = \"acra.example\"     # for the URN of its numbers
  did = \"did:web:acra.example\"
  [validator]                           # optional
  validator-key = \"validator.key\"
  network-key = \"network.key\"
  consensus = \"/ip4/…/tcp/26600\"
  gossip = \"/ip4/…/tcp/26601\"";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DraftFile {
    cc: String,
    name: String,
    root_k: u64,
    root_keys: Vec<PathBuf>,
    legal: Option<PathBuf>,
    #[serde(default)]
    authorities: Vec<AuthorityDraft>,
    #[serde(default)]
    registers: Vec<RegisterDraft>,
    validator: Option<ValidatorDraft>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RegisterDraft {
    scheme: String,
    register_domain: Option<String>,
    did: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AuthorityDraft {
    name: String,
    scopes: Vec<String>,
    r2: u64,
    keys: Vec<KeyDraft>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KeyDraft {
    officer: u64,
    public_key: String,
    purposes: Vec<String>,
    scopes: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ValidatorDraft {
    validator_key: PathBuf,
    network_key: PathBuf,
    consensus: String,
    gossip: String,
}

pub(super) fn genesis(command: GenesisCommand) -> Result<(), CommandError> {
    match command {
        GenesisCommand::Template(args) => template(&args),
        GenesisCommand::Contribute(args) => contribute(&args),
        GenesisCommand::Assemble(args) => assemble(&args),
        GenesisCommand::Check(args) => check(&args),
    }
}

fn template(args: &TemplateArgs) -> Result<(), CommandError> {
    let members: Vec<String> = args.members.iter().map(|cc| format!("{cc:?}")).collect();
    let text = format!(
        "chain = {:?}\ntime-ms = {}\napp-version = 1\nunicode-version = \"14.0.0\"\n\
         sandbox = {}\nconsultation-s = {}\nmembers = [{}]\n",
        args.chain,
        args.time_ms,
        args.sandbox,
        args.consultation_s,
        members.join(", ")
    );
    Template::parse(&text).map_err(|fault| CommandError::new(Kind::Usage, fault))?;
    output::text(&text);
    Ok(())
}

fn contribute(args: &ContributeArgs) -> Result<(), CommandError> {
    let template = read_template(&args.template)?;
    let text = read_text(&args.draft)?;
    let file: DraftFile = toml::from_str(&text)
        .map_err(|fault| CommandError::refused(format!("{}: {fault}", args.draft.display())))?;
    if !template.members.contains(&file.cc) {
        return Err(CommandError::refused(format!("the template does not name {}", file.cc)));
    }
    let folder = args.draft.parent().unwrap_or(Path::new(""));
    let root = file
        .root_keys
        .iter()
        .map(|path| NodeKey::load(&folder.join(path)).map_err(CommandError::refused))
        .collect::<Result<Vec<_>, _>>()?;
    let draft = Draft {
        cc: file.cc,
        name: file.name,
        chain: template.chain,
        root_k: file.root_k,
        root_keys: root.iter().map(NodeKey::public_key).collect(),
        authorities: file.authorities.into_iter().map(authority).collect::<Result<_, _>>()?,
        validator: file.validator.map(|node| validator(node, folder)).transpose()?,
        legal: file
            .legal
            .map(|path| read_legal(&folder.join(path)))
            .transpose()?
            .unwrap_or_default(),
        registers: file.registers.into_iter().map(register).collect(),
    };
    let unsigned = contribution::unsigned(&draft);
    let digest = Contribution::digest(&unsigned);
    let signatures: Vec<[u8; 64]> = root.iter().map(|key| key.sign(&digest.0)).collect();
    let signed = contribution::signed(&unsigned, &signatures);
    // What is written is what the others will accept.
    let checked = Contribution::from_value(signed).map_err(CommandError::refused)?;
    write_new(&args.output, &checked.value.to_jcs())?;
    say!("{}  contribution of {}, {digest}", args.output.display(), checked.cc);
    Ok(())
}

fn assemble(args: &AssembleArgs) -> Result<(), CommandError> {
    let genesis = assembled(&args.template, &args.contributions)?;
    write_new(&args.output, &genesis.value.to_jcs())?;
    say!("{}  genesis of {}, {}", args.output.display(), genesis.chain, genesis.hash);
    Ok(())
}

fn check(args: &CheckArgs) -> Result<(), CommandError> {
    let bytes = std::fs::read(&args.genesis)
        .map_err(|fault| CommandError::refused(format!("{}: {fault}", args.genesis.display())))?;
    let genesis = Genesis::parse(&bytes).map_err(CommandError::refused)?;
    let state = genesis.initial_state().map_err(CommandError::refused)?;
    let (n, f) = (genesis.validators.validators.len(), genesis.validators.faults_max());
    say!("chain      {}", genesis.chain);
    say!("hash       {}", genesis.hash);
    say!("members    {}", names(&genesis));
    say!("validators n = {n}, f = {f}, quorum = {}", n * 2 / 3 + 1);
    say!("state      {} entries at height 0", state.len());
    let Some(template) = &args.template else { return Ok(()) };
    let expected = assembled(template, &args.contributions)?;
    if expected.hash == genesis.hash {
        say!("equal to what the {} inputs give", args.contributions.len() + 1);
        return Ok(());
    }
    let mut places = Vec::new();
    differences(&expected.value, &genesis.value, "", &mut places);
    Err(CommandError::refused(format!(
        "the inputs give {}; the file differs at {}",
        expected.hash,
        places.join(", ")
    ))
    .hint("compare template and contributions with those of the others"))
}

fn assembled(template: &Path, contributions: &[PathBuf]) -> Result<Genesis, CommandError> {
    let template = read_template(template)?;
    let members = contributions
        .iter()
        .map(|path| read_contribution(path))
        .collect::<Result<Vec<_>, CommandError>>()?;
    Genesis::assemble(&template, &members).map_err(CommandError::refused)
}

fn names(genesis: &Genesis) -> String {
    genesis.members.iter().map(|member| member.cc.as_str()).collect::<Vec<_>>().join(" ")
}

/// The JSON pointers at which two values differ, at most 20.
fn differences(expected: &Value, found: &Value, at: &str, places: &mut Vec<String>) {
    if expected == found || places.len() >= 20 {
        return;
    }
    if let (Some(ours), Some(theirs)) = (expected.as_object(), found.as_object()) {
        let mut members: Vec<&String> = ours.iter().chain(theirs).map(|(name, _)| name).collect();
        members.sort();
        members.dedup();
        for member in members {
            let at = format!("{at}/{member}");
            match (expected.get(member), found.get(member)) {
                (Some(expected), Some(found)) => differences(expected, found, &at, places),
                _ => places.push(at),
            }
        }
        return;
    }
    if let (Some(expected), Some(found)) = (expected.as_list(), found.as_list())
        && expected.len() == found.len()
    {
        for (i, (expected, found)) in expected.iter().zip(found).enumerate() {
            differences(expected, found, &format!("{at}/{i}"), places);
        }
        return;
    }
    places.push(at.to_owned());
}

fn authority(draft: AuthorityDraft) -> Result<Authority, CommandError> {
    let keys = draft.keys.into_iter().map(office_key).collect::<Result<Vec<_>, _>>()?;
    Ok(Authority { name: draft.name, scopes: draft.scopes, r2: draft.r2, keys })
}

fn office_key(draft: KeyDraft) -> Result<OfficeKey, CommandError> {
    let public_key = op::decode_fixed::<32>(&draft.public_key).ok_or_else(|| {
        CommandError::refused("authorities.keys.public-key: 32 bytes in base64url without padding")
    })?;
    let purposes = draft
        .purposes
        .iter()
        .map(|name| {
            Purpose::parse(name).ok_or_else(|| {
                CommandError::refused("authorities.keys.purposes: invoke, assert, present, agree")
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(OfficeKey { public_key, purposes, scopes: draft.scopes, officer: draft.officer })
}

fn validator(draft: ValidatorDraft, folder: &Path) -> Result<ValidatorNode, CommandError> {
    let load = |path: &Path| NodeKey::load(&folder.join(path)).map_err(CommandError::refused);
    Ok(ValidatorNode {
        public_key: load(&draft.validator_key)?.public_key(),
        peer_key: load(&draft.network_key)?.public_key(),
        consensus: draft.consensus,
        gossip: draft.gossip,
    })
}

fn read_text(path: &Path) -> Result<String, CommandError> {
    std::fs::read_to_string(path)
        .map_err(|fault| CommandError::refused(format!("{}: {fault}", path.display())))
}

fn read_template(path: &Path) -> Result<Template, CommandError> {
    Template::parse(&read_text(path)?)
        .map_err(|fault| CommandError::refused(format!("{}: {fault}", path.display())))
}

fn register(draft: RegisterDraft) -> Register {
    Register { scheme: draft.scheme, domain: draft.register_domain, did: draft.did }
}

fn read_legal(path: &Path) -> Result<Vec<Value>, CommandError> {
    let value = read_json(path)?;
    let list = value.as_list().map(<[Value]>::to_vec);
    list.ok_or_else(|| CommandError::refused(format!("{}: a list is expected", path.display())))
}

fn read_contribution(path: &Path) -> Result<Contribution, CommandError> {
    Contribution::from_value(read_json(path)?).map_err(|reject| {
        let file = path.display().to_string();
        CommandError::refused(GenesisError::Form { file, reject })
    })
}

/// A JSON file in canonical form, with or without a final newline.
fn read_json(path: &Path) -> Result<Value, CommandError> {
    let text = read_text(path)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    json::parse_canonical(text.as_bytes())
        .map_err(|reject| CommandError::refused(format!("{}: {reject}", path.display())))
}

fn write_new(path: &Path, text: &str) -> Result<(), CommandError> {
    use std::io::Write as _;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        })
        .map_err(|fault| CommandError::refused(format!("{}: {fault}", path.display())))
}
