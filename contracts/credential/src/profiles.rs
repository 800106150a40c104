//! The regional credential types that ship with the program, as genesis registers them under
//! `ASEAN`.

use titian_contracts::credential::{
    CredentialType, Profile, REGION, Resource, ResourceKind, genesis_resource, genesis_type,
};
use titian_contracts::error::{Code, Reject};
use titian_contracts::json::{self, Members};

/// One shipped type.
#[derive(Clone, Copy, Debug)]
pub struct ShippedType {
    /// Its name in ids: `business-registration`.
    pub slug: &'static str,
    /// `type.json`.
    pub definition: &'static [u8],
    /// `schema.json`.
    pub schema: &'static [u8],
    /// `context.jsonld`.
    pub context: &'static [u8],
    /// `vct.json`, of types that travel as SD-JWT VC only.
    pub vct: Option<&'static [u8]>,
    /// `claims.json` and `vct.json`, of types that travel as SD-JWT VC too.
    pub claims: Option<(&'static [u8], &'static [u8])>,
    /// `example.json`: an unsigned credential.
    pub example: &'static [u8],
}

macro_rules! shipped_file {
    ($slug:literal, $name:literal) => {
        include_bytes!(concat!("../../profiles/credential/", $slug, "/1/", $name))
    };
}

macro_rules! shipped {
    ($($slug:literal $vct:expr, $claims:expr);* $(;)?) => {
        /// The shipped types, version 1 each.
        pub const SHIPPED: &[ShippedType] = &[$(ShippedType {
            slug: $slug,
            definition: shipped_file!($slug, "type.json"),
            schema: shipped_file!($slug, "schema.json"),
            context: shipped_file!($slug, "context.jsonld"),
            vct: $vct,
            claims: $claims,
            example: shipped_file!($slug, "example.json"),
        }),*];
    };
}

shipped! {
    "business-registration" None, Some((
        shipped_file!("business-registration", "claims.json"),
        shipped_file!("business-registration", "vct.json"),
    ));
    "accreditation-of-issuer" None, None;
    "aeo-authorisation" None, Some((
        shipped_file!("aeo-authorisation", "claims.json"),
        shipped_file!("aeo-authorisation", "vct.json"),
    ));
    "authorised-representative" Some(shipped_file!("authorised-representative", "vct.json")), None;
    "certificate-of-origin" None, None;
    "ecommerce-operator" None, None;
    "mcc-adoption" None, None;
    "phytosanitary-certificate" None, None;
    "professional-qualification" Some(shipped_file!("professional-qualification", "vct.json")), None;
}

/// What genesis writes for the shipped types.
#[derive(Clone, Debug)]
pub struct GenesisEntries {
    /// State keys and resources.
    pub resources: Vec<(Vec<u8>, Resource)>,
    /// State keys and types.
    pub types: Vec<(Vec<u8>, CredentialType)>,
}

/// All shipped types as genesis entries. Fails only if the shipped files break the linter, which a
/// test rules out.
pub fn genesis_entries() -> Result<GenesisEntries, Reject> {
    let mut entries = GenesisEntries { resources: Vec::new(), types: Vec::new() };
    for shipped in SHIPPED {
        let mut personal = false;
        let (slug, of_claims) = (shipped.slug.to_owned(), format!("{}-claims", shipped.slug));
        let files = [
            (ResourceKind::JsonSchema, &slug, Some(shipped.schema)),
            (ResourceKind::JsonldContext, &slug, Some(shipped.context)),
            (ResourceKind::JsonSchema, &of_claims, shipped.claims.map(|(schema, _)| schema)),
            (ResourceKind::VctMetadata, &slug, shipped.vct),
            (ResourceKind::VctMetadata, &slug, shipped.claims.map(|(_, vct)| vct)),
        ];
        for (kind, name, bytes) in files {
            let Some(bytes) = bytes else { continue };
            let entry = genesis_resource(REGION, kind, name, 1, bytes)?;
            personal |= entry.1.personal;
            entries.resources.push(entry);
        }
        entries.types.push(genesis_type(read_type(shipped.definition)?, personal)?);
    }
    Ok(entries)
}

fn read_type(bytes: &[u8]) -> Result<CredentialType, Reject> {
    let value = json::parse(bytes)?;
    let mut members = Members::of(&value, "")?;
    let texts = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
    let mut profiles = Vec::new();
    for name in members.texts("profiles")? {
        let profile = Profile::parse(name);
        profiles.push(profile.ok_or_else(|| Reject::new(Code::Malformed, "/profiles", ""))?);
    }
    profiles.sort_unstable();
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
    Ok(entry)
}
