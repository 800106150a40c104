//! The state of height 0: members and offices as contributed, and the data that registers start
//! with (schemes, type profiles, credential types, legal effects, rulebooks).

use titian_contracts::access::{self, NewKey, Purpose};
use titian_contracts::credential::{
    CredentialType, Profile, ResourceKind, genesis_resource, genesis_type,
};
use titian_contracts::digest::hash;
use titian_contracts::error::{Code, Reject};
use titian_contracts::etr;
use titian_contracts::etr::{law_acts, legal};
use titian_contracts::governance::parameter;
use titian_contracts::json::{self, Members, Value};
use titian_contracts::op;
use titian_contracts::state::{Change, MemoryState, Overlay};
use titian_contracts::ubin::scheme::SchemeTable;

use crate::contribution::{Contribution, OfficeKey, Register};
use crate::{Genesis, GenesisError, profiles};

const SCHEMES: &[u8] = include_bytes!("../../contracts/profiles/ubin/schemes.json");
const RULEBOOK: &str = include_str!("../networks/devnet/rulebook.md");

/// A shipped credential type.
struct CredentialFiles {
    slug: &'static str,
    schema: &'static [u8],
    context: &'static [u8],
    /// Schema of its claims, of a type that travels in both data models.
    claims: Option<&'static [u8]>,
    vct: Option<&'static [u8]>,
    entry: &'static [u8],
}

macro_rules! credential_file {
    ($slug:literal, $name:literal) => {
        include_bytes!(concat!("../../contracts/profiles/credential/", $slug, "/1/", $name))
    };
}

macro_rules! credential_types {
    ($($slug:literal $claims:expr, $vct:expr);* $(;)?) => {
        /// The shipped credential types.
        const CREDENTIAL_TYPES: &[CredentialFiles] = &[$(CredentialFiles {
            slug: $slug,
            schema: credential_file!($slug, "schema.json"),
            context: credential_file!($slug, "context.jsonld"),
            claims: $claims,
            vct: $vct,
            entry: credential_file!($slug, "type.json"),
        }),*];
    };
}

credential_types! {
    "business-registration" Some(credential_file!("business-registration", "claims.json")),
        Some(credential_file!("business-registration", "vct.json"));
    "accreditation-of-issuer" None, None;
    "aeo-authorisation" Some(credential_file!("aeo-authorisation", "claims.json")),
        Some(credential_file!("aeo-authorisation", "vct.json"));
    "authorised-representative" None,
        Some(credential_file!("authorised-representative", "vct.json"));
    "certificate-of-origin" None, None;
    "ecommerce-operator" None, None;
    "mcc-adoption" None, None;
    "phytosanitary-certificate" None, None;
    "professional-qualification" None,
        Some(credential_file!("professional-qualification", "vct.json"));
}

/// What a genesis of these members embeds for the registers.
pub(crate) fn register_data(members: &[Contribution]) -> Result<Value, GenesisError> {
    let read = |file: &str, bytes: &[u8]| {
        json::parse(bytes).map_err(|reject| GenesisError::Form { file: file.to_owned(), reject })
    };
    let mut resources = Vec::new();
    let mut types = Vec::new();
    for files in CREDENTIAL_TYPES {
        let (slug, of_claims) = (files.slug.to_owned(), format!("{}-claims", files.slug));
        for (kind, name, bytes) in [
            (ResourceKind::JsonSchema, &slug, Some(files.schema)),
            (ResourceKind::JsonSchema, &of_claims, files.claims),
            (ResourceKind::JsonldContext, &slug, Some(files.context)),
            (ResourceKind::VctMetadata, &slug, files.vct),
        ] {
            let Some(bytes) = bytes else { continue };
            resources.push(Value::object([
                ("bytes", Value::from(op::encode_base64(bytes))),
                ("kind", Value::from(kind.name())),
                ("name", Value::from(name.as_str())),
                ("owner", Value::from("ASEAN")),
                ("version", Value::Int(1)),
            ]));
        }
        types.push(read("type.json", files.entry)?);
    }
    let regime = |id: &str, country: &str, citation: &str| {
        Value::object([
            ("citation", Value::from(citation)),
            ("country", Value::from(country)),
            ("id", Value::from(id)),
        ])
    };
    let is_member = |cc: &str| members.iter().any(|member| member.cc == cc);
    let mut regimes = Vec::new();
    if is_member("SG") {
        regimes.push(regime("SG-ETA-2A", "SG", "Electronic Transactions Act 2010, Part 2A"));
    }
    // a country outside the network comes by a proposal (etr-profiles.md §4)
    for (cc, name, _) in crate::devnet::STATES.into_iter().filter(|(cc, ..)| is_member(cc)) {
        let citation = format!("contract under the rulebook alone; {name} names no statute");
        regimes.push(regime(&format!("CONTRACT-{cc}"), cc, &citation));
    }
    let rulebook = Value::object([
        ("digest", hash("titian rulebook v1", &[RULEBOOK.as_bytes()]).into()),
        ("title", Value::from("Titian development rulebook, version 1")),
    ]);
    Ok(Value::object([
        ("credentialResources", resources.into()),
        ("credentialTypes", types.into()),
        ("etrProfiles", profiles::etr_profiles().into()),
        ("regimes", regimes.into()),
        ("rulebooks", vec![rulebook].into()),
        ("schemes", read("schemes.json", SCHEMES)?),
    ]))
}

/// The values of height 0.
pub(crate) fn state(genesis: &Genesis) -> Result<Vec<Change>, GenesisError> {
    let empty = MemoryState::default();
    let mut overlay = Overlay::new(&empty);
    write_all(genesis, &mut overlay)
        .map_err(|reject| GenesisError::Form { file: "genesis.json".to_owned(), reject })?;
    Ok(overlay.into_changes(0))
}

fn write_all(genesis: &Genesis, state: &mut Overlay<'_>) -> Result<(), Reject> {
    for member in &genesis.members {
        write_member(state, member)?;
    }
    parameter::put_consultation_s(state, genesis.consultation_s)?;
    let data = genesis.registers();
    let mut data = Members::of(data, "/registers")?;
    let countries: Vec<String> = genesis.members.iter().map(|m| m.cc.clone()).collect();
    let schemes = data.required("schemes")?.to_jcs();
    let mut schemes = SchemeTable::read(schemes.as_bytes())?;
    for member in &genesis.members {
        for register in &member.registers {
            let Register { scheme, domain, did } = register;
            schemes.name_register(&member.cc, scheme, domain.as_deref(), did.as_deref())?;
        }
    }
    schemes.install(state, &countries);
    state.write(etr::keys::genesis_hash(), &genesis.hash);
    let install = |profile| etr::profile::install(state, profile);
    let profiles = data.list("etrProfiles")?.iter().map(install).collect::<Result<Vec<_>, _>>()?;
    let family_of = |id: &str| {
        let named = profiles.iter().find(|profile| profile.id == id);
        named.map(|profile| profile.family.clone())
    };
    for profile in &profiles {
        etr::rules::check_exchange_families(profile, family_of)?;
    }
    for resource in data.list("credentialResources")? {
        write_resource(state, resource)?;
    }
    for entry in data.list("credentialTypes")? {
        write_type(state, entry)?;
    }
    for (i, regime) in data.list("regimes")?.iter().enumerate() {
        let regime = Members::of(regime, &format!("/registers/regimes/{i}"))?;
        law_acts::put_genesis_regime(state, regime)?;
    }
    for (i, rulebook) in data.list("rulebooks")?.iter().enumerate() {
        let rulebook = Members::of(rulebook, &format!("/registers/rulebooks/{i}"))?;
        law_acts::put_genesis_rulebook(state, rulebook, &countries)?;
    }
    data.finish()
}

/// Whether a member could be written, were it alone. The fields of refusals name it and the authority.
pub(crate) fn check_member(member: &Contribution) -> Result<(), Reject> {
    let empty = MemoryState::default();
    write_member(&mut Overlay::new(&empty), member)
}

/// Says whose member of the genesis a refusal is about.
fn of_member(reject: Reject, place: &str) -> Reject {
    Reject { field: format!("/members/{place}{}", reject.field), ..reject }
}

fn write_member(state: &mut Overlay<'_>, member: &Contribution) -> Result<(), Reject> {
    let status = if member.validator.is_some() { "validator" } else { "observer" };
    let root: Vec<NewKey> = (1u64..)
        .zip(&member.root_keys)
        .map(|(officer, key)| NewKey {
            algorithm: "Ed25519".to_owned(),
            public_key: key.to_vec(),
            purposes: vec![Purpose::Invoke],
            scopes: Vec::new(),
            officer,
        })
        .collect();
    access::genesis_root(state, &member.cc, &member.name, status, member.root_k, &root)
        .map_err(|reject| of_member(reject, &member.cc))?;
    for office in &member.authorities {
        let keys: Vec<NewKey> = office.keys.iter().map(new_key).collect();
        access::genesis_authority(
            state,
            &member.cc,
            &office.name,
            &office.scopes,
            office.r2,
            &keys,
        )
        .map_err(|reject| {
            of_member(reject, &format!("{}/authorities/{}", member.cc, office.name))
        })?;
    }
    for entry in &member.legal {
        legal::put_effect(state, entry);
    }
    Ok(())
}

fn new_key(key: &OfficeKey) -> NewKey {
    NewKey {
        algorithm: "Ed25519".to_owned(),
        public_key: key.public_key.to_vec(),
        purposes: key.purposes.clone(),
        scopes: key.scopes.clone(),
        officer: key.officer,
    }
}

fn write_resource(state: &mut Overlay<'_>, value: &Value) -> Result<(), Reject> {
    let mut members = Members::of(value, "/registers/credentialResources")?;
    let bytes = decode(members.text("bytes")?, "/registers/credentialResources/bytes")?;
    let kind = ResourceKind::parse(members.text("kind")?)
        .ok_or_else(|| members.malformed("kind", "unknown kind"))?;
    let name = members.text("name")?;
    let owner = members.text("owner")?;
    let version = members.uint("version")?;
    members.finish()?;
    let (key, resource) = genesis_resource(owner, kind, name, version, &bytes)?;
    state.write(key, &resource);
    Ok(())
}

fn write_type(state: &mut Overlay<'_>, value: &Value) -> Result<(), Reject> {
    let mut members = Members::of(value, "/registers/credentialTypes")?;
    let texts = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let profiles = members
        .texts("profiles")?
        .into_iter()
        .map(|p| Profile::parse(p).ok_or_else(|| members.malformed("profiles", "unknown profile")))
        .collect::<Result<Vec<_>, _>>()?;
    let entry = CredentialType {
        name: members.text("name")?.to_owned(),
        owner: members.text("owner")?.to_owned(),
        schemas: texts(members.texts("schemas")?),
        contexts: texts(members.texts("contexts")?),
        natural_person_data: members.boolean("naturalPersonData")?,
        single_use: members.boolean("singleUse")?,
        key_binding: members.flag("keyBinding")?,
        profiles,
        validity_max_days: members.uint("validityMaxDays")?,
        deprecated: false,
    };
    members.finish()?;
    let personal = entry.natural_person_data;
    let (key, entry) = genesis_type(entry, personal)?;
    state.write(key, &entry);
    Ok(())
}

fn decode(text: &str, field: &str) -> Result<Vec<u8>, Reject> {
    op::decode_base64(text)
        .ok_or_else(|| Reject::new(Code::Malformed, field, "base64url without padding"))
}
