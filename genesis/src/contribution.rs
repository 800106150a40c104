//! What one member state brings: its root keys, offices, validator and addresses, signed by every
//! one of its root keys. Made on the state's own machine.

use titian_contracts::access::{Purpose, is_state_code};
use titian_contracts::digest::{Digest, hash};
use titian_contracts::error::{Code, Reject};
use titian_contracts::etr::law_acts;
use titian_contracts::etr::legal::LegalEffect;
use titian_contracts::json::{Members, Value};
use titian_contracts::limits;
use titian_contracts::op;
use titian_contracts::ubin::scheme::{SchemeTable, is_did, is_domain};

use crate::address::is_node_address;
use crate::{initial, public_key};

/// One member state, checked.
#[derive(Clone, Debug)]
pub struct Contribution {
    /// ISO 3166-1 alpha-2.
    pub cc: String,
    /// English name.
    pub name: String,
    /// The chain it signed for.
    pub chain: String,
    /// Root keys that must sign together.
    pub root_k: u64,
    /// Root keys, `k1` first.
    pub root_keys: Vec<[u8; 32]>,
    /// Public authorities.
    pub authorities: Vec<Authority>,
    /// Its validator, if it runs one.
    pub validator: Option<ValidatorNode>,
    /// Its legal-effect entries (etr-profiles.md §4), each class once.
    pub legal: Vec<LegalEffect>,
    /// What it says of the registers behind its schemes (ubin-schemes.md §1), each scheme once.
    pub registers: Vec<Register>,
    /// The whole contribution with its signatures.
    pub value: Value,
}

/// A public authority of the state.
#[derive(Clone, Debug)]
pub struct Authority {
    /// NAME of `CC:NAME`.
    pub name: String,
    /// What the root lets it do.
    pub scopes: Vec<String>,
    /// Signatures for R2.
    pub r2: u64,
    /// Its first keys, `k1` first.
    pub keys: Vec<OfficeKey>,
}

/// A key of an authority.
#[derive(Clone, Debug)]
pub struct OfficeKey {
    /// The Ed25519 public key.
    pub public_key: [u8; 32],
    /// What it may be used for.
    pub purposes: Vec<Purpose>,
    /// What it may sign.
    pub scopes: Vec<String>,
    /// The officer's number.
    pub officer: u64,
}

/// What a state says of the register that gives the numbers of a shipped scheme of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The scheme code.
    pub scheme: String,
    /// Domain of the register, for the URN of its numbers.
    pub domain: Option<String>,
    /// Its DID.
    pub did: Option<String>,
}

/// The node a state runs.
#[derive(Clone, Debug)]
pub struct ValidatorNode {
    /// Its vote key.
    pub public_key: [u8; 32],
    /// Its network identity (Ed25519 public key of the peer id).
    pub peer_key: [u8; 32],
    /// Addresses of the consensus network, as multiaddr without `/p2p/`.
    pub consensus: String,
    /// Address of the mempool network.
    pub gossip: String,
}

impl Contribution {
    /// Reads and checks a contribution: form, limits, the signature of each root key, and that its
    /// state and authorities can be written at height 0.
    pub fn from_value(value: Value) -> Result<Self, Reject> {
        let mut top = Members::of(&value, "")?;
        let cc = top.text("cc")?.to_owned();
        if !is_state_code(&cc) {
            return Err(top.malformed("cc", "two capital letters"));
        }
        let name = top.text("name")?.to_owned();
        let chain = top.text("chain")?.to_owned();
        let root_k = top.uint("rootK")?;
        let root_keys = top
            .texts("rootKeys")?
            .into_iter()
            .map(|text| public_key(&top, "rootKeys", text))
            .collect::<Result<Vec<_>, _>>()?;
        check_policy(&top, root_k, root_keys.len())?;
        let authorities =
            top.list("authorities")?.iter().map(read_authority).collect::<Result<Vec<_>, _>>()?;
        let validator = match top.required("validator")? {
            Value::Null => None,
            node => Some(read_validator(node)?),
        };
        let legal = read_legal(top.list("legal")?, &cc)?;
        let registers = read_registers(&mut top, &cc)?;
        let signatures = top.texts("sigs")?;
        top.finish()?;
        check_signatures(&value, &root_keys, &signatures)?;
        let contribution = Self {
            cc,
            name,
            chain,
            root_k,
            root_keys,
            authorities,
            validator,
            legal,
            registers,
            value,
        };
        initial::check_member(&contribution)?;
        Ok(contribution)
    }

    /// What each root key signs: H("titian genesis contribution v1", JCS without `sigs`).
    pub fn digest(unsigned: &Value) -> Digest {
        hash("titian genesis contribution v1", &[unsigned.to_jcs_without(&["sigs"]).as_bytes()])
    }
}

/// A majority or more of the root keys, at most 8 of at most 15.
fn check_policy(top: &Members<'_>, root_k: u64, keys: usize) -> Result<(), Reject> {
    let enough = root_k * 2 > keys as u64 && root_k <= keys as u64;
    if keys == 0 || keys > limits::ROOT_KEYS_MAX || !enough || root_k > limits::ROOT_QUORUM_MAX {
        return Err(Reject::new(
            Code::LimitExceeded,
            &top.pointer("rootK"),
            "1 to 15 root keys, a majority of them, at most 8",
        ));
    }
    Ok(())
}

fn check_signatures(value: &Value, keys: &[[u8; 32]], signatures: &[&str]) -> Result<(), Reject> {
    let digest = Contribution::digest(value);
    let all = keys.len() == signatures.len()
        && keys.iter().zip(signatures).all(|(key, text)| {
            op::decode_fixed::<64>(text).is_some_and(|sig| op::verify(key, &digest, &sig))
        });
    if all { Ok(()) } else { Err(Reject::new(Code::BadSignature, "/sigs", "every root key signs")) }
}

/// The entries of a state, checked as its act `gov.legal_effect_set` is: each is the first version,
/// and there is one of a class.
fn read_legal(items: &[Value], cc: &str) -> Result<Vec<LegalEffect>, Reject> {
    let mut entries: Vec<LegalEffect> = Vec::with_capacity(items.len());
    for item in items {
        let entry = law_acts::read_effect(Members::of(item, "/legal")?, 0)?;
        if entry.ams != cc {
            let detail = "a state writes its own entries";
            return Err(Reject::new(Code::NotOwner, "/legal/ams", detail));
        }
        if entry.version != 1 || entries.iter().any(|before| before.class == entry.class) {
            let detail = "version 1, and each class once";
            return Err(Reject::new(Code::VersionConflict, "/legal/version", detail));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// The optional member `registers`: shipped schemes of the state, each once, with a domain, a DID or
/// both. `SCHEME_UNKNOWN`, `MALFORMED`.
fn read_registers(top: &mut Members<'_>, cc: &str) -> Result<Vec<Register>, Reject> {
    let Some(list) = top.optional("registers") else { return Ok(Vec::new()) };
    let list = list.as_list().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| top.malformed("registers", "a list that is not empty"))?;
    let table = SchemeTable::genesis();
    let mut registers: Vec<Register> = Vec::new();
    for item in list {
        let mut m = Members::of(item, "/registers")?;
        let register = Register {
            scheme: m.text("scheme")?.to_owned(),
            domain: m.optional_text("registerDomain")?.map(str::to_owned),
            did: m.optional_text("did")?.map(str::to_owned),
        };
        if table.find(cc, &register.scheme).is_none() {
            return Err(Reject::new(Code::SchemeUnknown, &m.pointer("scheme"), ""));
        }
        if registers.iter().any(|before| before.scheme == register.scheme) {
            return Err(m.malformed("scheme", "each scheme once"));
        }
        if register.domain.as_deref().is_some_and(|domain| !is_domain(domain)) {
            return Err(m.malformed("registerDomain", "a domain name in small letters"));
        }
        if register.did.as_deref().is_some_and(|did| !is_did(did)) {
            return Err(m.malformed("did", "a DID is expected"));
        }
        if register.domain.is_none() && register.did.is_none() {
            return Err(m.malformed("registerDomain", "a domain or a DID is expected"));
        }
        m.finish()?;
        registers.push(register);
    }
    Ok(registers)
}

fn read_authority(value: &Value) -> Result<Authority, Reject> {
    let mut members = Members::of(value, "/authorities")?;
    let name = members.text("name")?.to_owned();
    let scopes = members.texts("scopes")?.into_iter().map(str::to_owned).collect();
    let r2 = members.uint("r2")?;
    let keys = members.list("keys")?.iter().map(read_key).collect::<Result<Vec<_>, _>>()?;
    members.finish()?;
    Ok(Authority { name, scopes, r2, keys })
}

fn read_key(value: &Value) -> Result<OfficeKey, Reject> {
    let mut members = Members::of(value, "/authorities/keys")?;
    let text = members.text("publicKey")?;
    let key = public_key(&members, "publicKey", text)?;
    let purposes = members
        .texts("purposes")?
        .into_iter()
        .map(|p| Purpose::parse(p).ok_or_else(|| members.malformed("purposes", "unknown purpose")))
        .collect::<Result<Vec<_>, _>>()?;
    let scopes = members.texts("scopes")?.into_iter().map(str::to_owned).collect();
    let officer = members.uint("officer")?;
    members.finish()?;
    Ok(OfficeKey { public_key: key, purposes, scopes, officer })
}

fn read_validator(value: &Value) -> Result<ValidatorNode, Reject> {
    let mut members = Members::of(value, "/validator")?;
    let text = members.text("publicKey")?;
    let vote = public_key(&members, "publicKey", text)?;
    let text = members.text("peerKey")?;
    let peer = public_key(&members, "peerKey", text)?;
    let consensus = read_address(&mut members, "consensus")?;
    let gossip = read_address(&mut members, "gossip")?;
    members.finish()?;
    Ok(ValidatorNode { public_key: vote, peer_key: peer, consensus, gossip })
}

/// An address that nobody can read would cut this state out of the network.
fn read_address(members: &mut Members<'_>, name: &'static str) -> Result<String, Reject> {
    let text = members.text(name)?;
    if is_node_address(text) {
        return Ok(text.to_owned());
    }
    let form = "/ip4/<address>/tcp/<port>, the same with ip6, or /dns4/<name>/tcp/<port>";
    Err(members.malformed(name, form))
}

/// The unsigned form of a contribution, to be signed by every root key.
pub fn unsigned(contribution: &Draft) -> Value {
    let base64 = |key: &[u8; 32]| Value::from(op::encode_base64(key));
    let texts =
        |list: &[String]| Value::List(list.iter().map(|s| Value::from(s.as_str())).collect());
    let authorities = contribution.authorities.iter().map(|authority| {
        let keys = authority.keys.iter().map(|key| {
            let purposes = key.purposes.iter().map(|p| Value::from(p.name())).collect::<Vec<_>>();
            Value::object([
                ("officer", Value::from(key.officer)),
                ("publicKey", base64(&key.public_key)),
                ("purposes", purposes.into()),
                ("scopes", texts(&key.scopes)),
            ])
        });
        Value::object([
            ("keys", Value::List(keys.collect())),
            ("name", Value::from(authority.name.as_str())),
            ("r2", Value::from(authority.r2)),
            ("scopes", texts(&authority.scopes)),
        ])
    });
    let validator = contribution.validator.as_ref().map(|node| {
        Value::object([
            ("consensus", Value::from(node.consensus.as_str())),
            ("gossip", Value::from(node.gossip.as_str())),
            ("peerKey", base64(&node.peer_key)),
            ("publicKey", base64(&node.public_key)),
        ])
    });
    let value = Value::object([
        ("authorities", Value::List(authorities.collect())),
        ("cc", Value::from(contribution.cc.as_str())),
        ("chain", Value::from(contribution.chain.as_str())),
        ("legal", Value::List(contribution.legal.clone())),
        ("name", Value::from(contribution.name.as_str())),
        ("rootK", Value::from(contribution.root_k)),
        ("rootKeys", Value::List(contribution.root_keys.iter().map(base64).collect())),
        ("validator", validator.into()),
    ]);
    if contribution.registers.is_empty() {
        return value;
    }
    let registers = contribution.registers.iter().map(|register| {
        let mut members = vec![("scheme", Value::from(register.scheme.as_str()))];
        members.extend(register.domain.as_deref().map(|text| ("registerDomain", text.into())));
        members.extend(register.did.as_deref().map(|text| ("did", text.into())));
        Value::object(members)
    });
    value.with("registers", Value::List(registers.collect()))
}

/// What a state puts into its contribution before signing.
#[derive(Clone, Debug)]
pub struct Draft {
    /// ISO 3166-1 alpha-2.
    pub cc: String,
    /// English name.
    pub name: String,
    /// The chain.
    pub chain: String,
    /// Root keys that must sign together.
    pub root_k: u64,
    /// Root keys, `k1` first.
    pub root_keys: Vec<[u8; 32]>,
    /// Public authorities.
    pub authorities: Vec<Authority>,
    /// Its validator.
    pub validator: Option<ValidatorNode>,
    /// Its legal-effect entries.
    pub legal: Vec<Value>,
    /// What it says of the registers behind its schemes.
    pub registers: Vec<Register>,
}

/// The signed contribution: `sigs` holds one signature per root key, in their order.
pub fn signed(unsigned: &Value, signatures: &[[u8; 64]]) -> Value {
    let sigs = signatures.iter().map(|sig| Value::from(op::encode_base64(sig))).collect::<Vec<_>>();
    unsigned.with("sigs", sigs.into())
}
