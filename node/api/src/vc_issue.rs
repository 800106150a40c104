//! `vc_issue`, `vc_setStatus`, `vc_use`, `vc_credential`, `vc_erase`, `vc_privacyReport`: what a
//! node does with the keys of its issuers. Each needs a bearer token with the method's scope, and
//! acts for the issuers that the token lists.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};

use crate::Object;

/// JSON in which no member stands twice: of two, one would be signed that the sender may not mean
/// (vc.md S11). What else is wrong with a body, the verifier finds in what was made of it.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OnceVisitor).map(Self)
    }
}

struct OnceVisitor;

impl<'de> Visitor<'de> for OnceVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some((name, Once(member))) = members.next_entry::<String, Once>()? {
            if object.insert(name, member).is_some() {
                return Err(A::Error::custom("duplicate field"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// An object, or nothing.
fn object_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Object>, D::Error> {
    match Once::deserialize(deserializer)?.0 {
        Value::Null => Ok(None),
        Value::Object(object) => Ok(Some(object)),
        _ => Err(D::Error::custom("an object is expected")),
    }
}

/// A list of objects.
fn objects_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Object>, D::Error> {
    let object = |item| match item {
        Once(Value::Object(object)) => Ok(object),
        Once(_) => Err(D::Error::custom("an object is expected")),
    };
    Vec::<Once>::deserialize(deserializer)?.into_iter().map(object).collect()
}

/// `vc_issue`. `credential` or `claims`, or both if forms of both kinds are asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssueParams {
    /// The unsigned credential of VCDM 2.0, for the forms eddsa-jcs-2022, eddsa-rdfc-2022, vc+jwt.
    #[serde(default, deserialize_with = "object_once")]
    pub credential: Option<Object>,
    /// The unsigned claims of an SD-JWT VC, for the form dc+sd-jwt.
    #[serde(default, deserialize_with = "object_once")]
    pub claims: Option<Object>,
    /// One form; the default of the instance if neither this nor `forms` is given.
    #[serde(default)]
    pub form: Option<String>,
    /// Several forms of one claim set; at most 4.
    #[serde(default)]
    pub forms: Vec<String>,
    /// The issuer's instance on this node; needed where several serve one issuer.
    #[serde(default)]
    pub instance: Option<String>,
    /// The id it is kept under: of a credential its own `id`, of claims their `jti`. Made by the
    /// node if there is none; then a repetition issues another credential.
    #[serde(default)]
    pub credential_id: Option<String>,
    /// Public JWK of the holder, for `cnf`.
    #[serde(default, deserialize_with = "object_once")]
    pub holder_key: Option<Object>,
    /// Public JWKs of a batch of dc+sd-jwt: one copy for each, with salts and status entries of its
    /// own; at most 50.
    #[serde(default, deserialize_with = "objects_once")]
    pub copies: Vec<Object>,
    /// JSON pointers of the claims that the holder may keep back; what the type calls personal
    /// always may.
    #[serde(default)]
    pub disclose: Vec<String>,
    /// Status profiles to allocate; those of the registered type if absent.
    #[serde(default)]
    pub status: Option<Vec<String>>,
    /// Whether to anchor it on the ledger.
    #[serde(default)]
    pub anchor: bool,
    /// Signing time, RFC 3339; now if absent.
    #[serde(default)]
    pub created: Option<String>,
    /// Members of an embedded proof.
    #[serde(default)]
    pub challenge: Option<String>,
    /// Members of an embedded proof.
    #[serde(default)]
    pub domain: Option<String>,
}

/// One secured credential.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecuredForm {
    /// Its form.
    pub form: String,
    /// An object with proof, or the text of a token.
    pub credential: serde_json::Value,
    /// The anchor receipt, `"pending"`, or null if none was asked for.
    pub receipt: serde_json::Value,
}

/// A status entry that the node allocated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllocatedEntry {
    /// `revocation`, `suspension`, `refresh`, `use`, `token` or `message`.
    pub profile: String,
    /// The list: a DID URL, or the address of a list that this node keeps itself.
    pub list: String,
    /// The entry.
    pub index: u64,
}

/// What was issued; also what `vc_credential` shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Issued {
    /// The id it is kept under.
    pub id: String,
    /// The issuer's DID.
    pub issuer: String,
    /// The first of `credentials`.
    pub credential: serde_json::Value,
    /// Its receipt.
    pub receipt: serde_json::Value,
    /// Every form and copy, in the order asked for.
    pub credentials: Vec<SecuredForm>,
    /// The status entries, copy by copy.
    pub status: Vec<AllocatedEntry>,
}

/// `vc_setStatus`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetStatusParams {
    /// `SG:CUSTOMS/status/3` (`did:ubin:` before it is allowed), or the address of a list that this
    /// node keeps itself.
    pub list: String,
    /// The entry.
    pub index: u64,
    /// The value it is expected to have; whatever it has if absent.
    #[serde(default)]
    pub old: Option<u64>,
    /// The value to set.
    pub new: u64,
    /// Why: 0 = not stated; 1 ceased, 2 superseded, 3 privilege, 4 misconduct, 5 compromise,
    /// 6 court.
    #[serde(default)]
    pub reason: u64,
}

/// The outcome of an act that the node signed and submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Acted {
    /// The transaction; null for a list that the node keeps itself.
    pub tx_id: Option<String>,
    /// Its height; null likewise.
    pub height: Option<u64>,
    /// The version of the list afterwards, or the `seq` of the entry.
    pub version: u64,
}

/// What happens to a single-use entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UseMove {
    /// 0 to 1.
    Lodge,
    /// 1 to 2, final.
    Utilise,
    /// 1 to 0.
    Release,
    /// 0 to 3, final; by the owner of the list.
    Cancel,
}

/// `vc_use`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UseParams {
    /// `TH:DFT/status/9`; `did:ubin:` before it is allowed.
    pub list: String,
    /// The entry.
    pub index: u64,
    /// What happens.
    #[serde(rename = "move")]
    pub to: UseMove,
    /// A salted commitment to the declaration, `b3:` and 64 hex digits.
    #[serde(default)]
    pub reference: Option<String>,
    /// The DID that acts; needed where the token lists several issuers.
    #[serde(default)]
    pub by: Option<String>,
}

/// `vc_credential`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialParams {
    /// The id it is kept under.
    pub id: String,
}

/// `vc_erase`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EraseParams {
    /// The id it is kept under.
    pub id: String,
    /// Whether to revoke it first, with reason 0.
    #[serde(default = "yes")]
    pub revoke: bool,
}

const fn yes() -> bool {
    true
}

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// Always true: what could not be erased is an error.
    pub erased: bool,
    /// The transaction that revoked it; null if none was needed.
    pub status_tx: Option<String>,
    /// All of them, one per list.
    pub status_txs: Vec<String>,
}
