//! Issuer instances as the configuration writes them: `[[issuer]]` with `[[issuer.type]]`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use titian_contracts::credential::{NumberedId, is_type_name};
use titian_contracts::limits;
use titian_contracts::op::parse_key_no;
use titian_credential::verdict::Policy;

use super::Form;

/// One issuer instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// Its name in paths: 1 to 32 of a-z 0-9 `-`.
    pub name: String,
    /// The issuer: did:ubin, did:key or did:jwk.
    pub did: String,
    /// Key file of the key that signs credentials, mode 0600.
    pub key_file: PathBuf,
    /// The number of that key in the access register, `k2`; of a did:ubin only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// Key file of the key that signs acts on the ledger; the other one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act_key_file: Option<PathBuf>,
    /// The number of that key; that of the other one if absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub act_key: String,
    /// The form of a credential for which the caller names none.
    #[serde(default = "default_form")]
    pub form: String,
    /// `ledger` or `w3c`.
    #[serde(default = "default_policy")]
    pub policy: String,
    /// The status lists to use, `SG:CUSTOMS/status/3`; all of the issuer's if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<String>,
    /// What it may issue, and why it keeps it.
    #[serde(default, rename = "type", skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<TypeSettings>,
}

/// Why an instance keeps credentials of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeSettings {
    /// The type; `*` for any, under policy `w3c` only.
    pub name: String,
    /// What the data serve.
    pub purpose: String,
    /// On which law that rests.
    pub legal_basis: String,
    /// How long they are to be kept, days; 0 = as long as the credential lives.
    #[serde(default)]
    pub retention_days: u64,
}

fn default_form() -> String {
    Form::Jcs.name().to_owned()
}

fn default_policy() -> String {
    Policy::Ledger.name().to_owned()
}

/// What is wrong with the instances; one sentence each, with the instance.
pub fn problems(issuers: &[IssuerSettings]) -> Vec<String> {
    let mut problems = Vec::new();
    if issuers.len() > limits::ISSUERS_MAX {
        problems.push(format!("issuer: at most {} instances", limits::ISSUERS_MAX));
    }
    let mut names = BTreeSet::new();
    for issuer in issuers {
        let name = &issuer.name;
        if !names.insert(name.as_str()) {
            problems.push(format!("issuer {name}: the name stands twice"));
        }
        problems.extend(issuer.problems().into_iter().map(|what| format!("issuer {name}: {what}")));
    }
    problems
}

impl IssuerSettings {
    /// Whether the issuer is a party of the ledger: its name there.
    pub fn party(&self) -> Option<&str> {
        self.did.strip_prefix("did:ubin:")
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |good: bool, what: &str| {
            if !good {
                problems.push(what.to_owned());
            }
        };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        check(
            (1..=32).contains(&self.name.len()) && self.name.chars().all(plain),
            "name: 1 to 32 of a-z 0-9 -",
        );
        let policy = Policy::parse(&self.policy);
        check(matches!(policy, Some(Policy::Ledger | Policy::W3c)), "policy: ledger or w3c");
        check(
            Form::parse(&self.form).is_some(),
            "form: eddsa-jcs-2022, eddsa-rdfc-2022, vc+jwt or dc+sd-jwt",
        );
        let key_no = |text: &str| parse_key_no(text).is_some();
        match self.party() {
            Some(party) => {
                let known = titian_contracts::access::Party::parse(party).is_some();
                check(known, "did: did:ubin:CC:NAME or a UBIN");
                check(key_no(&self.key), "key: the number in the access register, such as k2");
                check(self.act_key.is_empty() || key_no(&self.act_key), "act_key: such as k1");
                check(
                    self.act_key_file.is_some() != self.act_key.is_empty(),
                    "act_key and act_key_file: both or none",
                );
                let own = |id: &String| {
                    NumberedId::parse(id, "status").is_some_and(|id| id.owner == party)
                };
                check(self.lists.iter().all(own), "lists: lists of this issuer, OWNER/status/N");
            }
            None => {
                let computed = self.did.starts_with("did:key:") || self.did.starts_with("did:jwk:");
                check(computed, "did: did:ubin, did:key or did:jwk");
                check(
                    policy != Some(Policy::Ledger),
                    "policy: w3c, as the ledger knows no such issuer",
                );
                check(
                    self.key.is_empty() && self.act_key.is_empty() && self.act_key_file.is_none(),
                    "key, act_key: of a did:ubin only",
                );
                check(self.lists.is_empty(), "lists: of a did:ubin only");
            }
        }
        check(self.lists.len() <= limits::ISSUER_ITEMS_MAX, "lists: at most 64");
        check(
            (1..=limits::ISSUER_ITEMS_MAX).contains(&self.types.len()),
            "type: 1 to 64 tables [[issuer.type]] with name, purpose and legal_basis",
        );
        let tagged = |kind: &TypeSettings| {
            let text = |tag: &str| !tag.trim().is_empty() && tag.len() <= 256;
            text(&kind.purpose) && text(&kind.legal_basis)
        };
        check(
            self.types.iter().all(tagged),
            "type: purpose and legal_basis are required, at most 256 bytes each",
        );
        let any = |kind: &TypeSettings| kind.name == "*" && policy == Some(Policy::W3c);
        check(
            self.types.iter().all(|kind| is_type_name(&kind.name) || any(kind)),
            "type.name: a credential type, or * under policy w3c",
        );
        problems
    }
}
