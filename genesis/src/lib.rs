//! The birth of a network (ledger.md §9): a template, one signed contribution per member state, and
//! the genesis file that is assembled from them.
//!
//! Invariant: two persons who assemble the same inputs get the same bytes. The genesis file alone
//! is enough to start a node and to verify any proof: it names the validators and embeds every
//! scheme, profile and credential type in full. Private keys never enter this crate, but for
//! [`devnet`], which makes throw-away networks.

mod address;
pub mod contribution;
pub mod devnet;
mod initial;
pub mod profiles;
pub mod template;

use titian_contracts::block::{Validator, ValidatorSet};
use titian_contracts::digest::{Digest, hash};
use titian_contracts::error::{Code, Reject};
use titian_contracts::json::{self, Members, Value};
use titian_contracts::limits;
use titian_contracts::op;
use titian_contracts::proof::Anchor;
use titian_contracts::state::Change;
use titian_contracts::ubin::unicode::UNICODE_VERSION;

use contribution::Contribution;
use template::Template;

/// Everything that can go wrong while reading or assembling a genesis.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// A file breaks its form; the field is named.
    #[error("{file}: {reject}")]
    Form {
        /// Which input.
        file: String,
        /// What is wrong.
        reject: Reject,
    },
    /// The template is not valid TOML of the expected form.
    #[error("template: {0}")]
    Template(#[from] toml::de::Error),
    /// The inputs do not fit together.
    #[error("{0}")]
    Inconsistent(String),
}

/// A genesis file, checked.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// The chain id.
    pub chain: String,
    /// Block time of height 0, ms.
    pub time_ms: u64,
    /// Version of the rules at height 1.
    pub app_version: u32,
    /// A network for tests: data carry test marks, example contexts are allowed.
    pub sandbox: bool,
    /// Shortest consultation on a proposal, in seconds.
    pub consultation_s: u64,
    /// Validators from height 1.
    pub validators: ValidatorSet,
    /// The member states, ordered by code.
    pub members: Vec<Contribution>,
    /// The whole file.
    pub value: Value,
    /// H("titian genesis v1", JCS).
    pub hash: Digest,
}

impl Genesis {
    /// Reads a genesis file; it must be in canonical form (a final newline is allowed).
    pub fn parse(bytes: &[u8]) -> Result<Self, GenesisError> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let form = |reject| GenesisError::Form { file: "genesis.json".to_owned(), reject };
        let value = json::parse_canonical(bytes).map_err(form)?;
        Self::from_value(value).map_err(form)
    }

    /// The bytes of the file, without final newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.value.to_jcs().into_bytes()
    }

    /// Puts template and contributions together, deterministically; the state of height 0 must come
    /// of it.
    pub fn assemble(
        template: &Template,
        contributions: &[Contribution],
    ) -> Result<Self, GenesisError> {
        let mut members = contributions.to_vec();
        members.sort_by(|a, b| a.cc.cmp(&b.cc));
        template.check_members(&members)?;
        let value = Value::object([
            ("v", Value::Int(1)),
            ("chain", Value::from(template.chain.as_str())),
            ("timeMs", Value::from(template.time_ms)),
            ("appVersion", Value::from(u64::from(template.app_version))),
            ("unicodeVersion", Value::from(template.unicode_version.as_str())),
            ("sandbox", Value::from(template.sandbox)),
            ("consultationS", Value::from(template.consultation_s)),
            ("members", members.iter().map(|m| m.value.clone()).collect::<Vec<_>>().into()),
            ("registers", initial::register_data(&members)?),
        ]);
        let genesis = Self::from_value(value)
            .map_err(|reject| GenesisError::Form { file: "genesis.json".to_owned(), reject })?;
        // what no node could start from is not made
        genesis.initial_state()?;
        Ok(genesis)
    }

    /// What a light client trusts: chain, genesis hash and first validators.
    pub fn anchor(&self) -> Anchor {
        Anchor {
            chain: self.chain.clone(),
            genesis: self.hash,
            validators: self.validators.clone(),
        }
    }

    /// The state of height 0.
    pub fn initial_state(&self) -> Result<Vec<Change>, GenesisError> {
        initial::state(self)
    }

    /// The data that registers start with (schemes, profiles, types, legal effects).
    pub fn registers(&self) -> &Value {
        self.value.get("registers").unwrap_or(&Value::Null)
    }

    fn from_value(value: Value) -> Result<Self, Reject> {
        let mut top = Members::of(&value, "")?;
        if top.uint("v")? != 1 {
            return Err(top.malformed("v", "version 1 is expected"));
        }
        let chain = top.text("chain")?.to_owned();
        template::check_chain(&chain)?;
        let time_ms = top.uint("timeMs")?;
        let app_version = u32::try_from(top.uint("appVersion")?)
            .map_err(|_| top.malformed("appVersion", "too large"))?;
        if top.text("unicodeVersion")? != UNICODE_VERSION {
            // the rules have one set of tables; others would judge names differently
            let due = format!("the tables of the rules are of {UNICODE_VERSION}");
            return Err(top.malformed("unicodeVersion", &due));
        }
        let sandbox = top.boolean("sandbox")?;
        let consultation_s = top.uint("consultationS")?;
        template::check_consultation(consultation_s, sandbox)?;
        let members = top
            .list("members")?
            .iter()
            .map(|member| Contribution::from_value(member.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        top.object("registers")?;
        top.finish()?;
        if !members.windows(2).all(|pair| pair[0].cc < pair[1].cc) {
            return Err(Reject::new(Code::Malformed, "/members", "not ordered by code, or twice"));
        }
        if members.iter().any(|member| member.chain != chain) {
            return Err(Reject::new(Code::Malformed, "/members", "a member signed another chain"));
        }
        let validators = validators_of(&members)?;
        let hash = hash("titian genesis v1", &[value.to_jcs().as_bytes()]);
        Ok(Self {
            chain,
            time_ms,
            app_version,
            sandbox,
            consultation_s,
            validators,
            members,
            value,
            hash,
        })
    }
}

fn validators_of(members: &[Contribution]) -> Result<ValidatorSet, Reject> {
    let validators: Vec<Validator> = members
        .iter()
        .filter_map(|member| {
            member.validator.as_ref().map(|v| Validator {
                ams: member.cc.clone(),
                public_key: v.public_key,
                power: 1,
            })
        })
        .collect();
    let mut keys: Vec<[u8; 32]> = validators.iter().map(|v| v.public_key).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.len() != validators.len() {
        return Err(Reject::new(Code::KeyReused, "/members", "two validators share a key"));
    }
    if validators.is_empty() || validators.len() > limits::VALIDATORS_MAX {
        return Err(Reject::new(Code::LimitExceeded, "/members", "1 to 40 validators"));
    }
    Ok(ValidatorSet::new(validators))
}

/// Reads a base64url public key.
fn public_key(members: &Members<'_>, name: &str, text: &str) -> Result<[u8; 32], Reject> {
    op::decode_fixed::<32>(text)
        .ok_or_else(|| members.malformed(name, "32 bytes in base64url without padding"))
}
