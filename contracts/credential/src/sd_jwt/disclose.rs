//! Payload and disclosures to claims (RFC 9901 §7.1).
//!
//! Invariant: each digest stands once, each disclosure is used once; a disclosed name neither is
//! reserved nor collides; claims that a verifier needs in clear cannot be disclosed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::digest;
use crate::codes::Fault;
use crate::json;
use crate::key::decode;

/// Claims of an SD-JWT VC that stand in clear.
pub const NEVER_DISCLOSED: [&str; 10] = [
    "iss",
    "nbf",
    "exp",
    "cnf",
    "vct",
    "vct#integrity",
    "status",
    "vctm",
    "@context",
    "credentialStatus",
];

/// One disclosure, read.
struct Disclosure {
    /// The name of an object member; `None` for an element of a list.
    name: Option<String>,
    value: Value,
    used: bool,
}

/// The processed payload. The error is a code of check `proof`.
pub fn claims(
    payload: &Map<String, Value>,
    disclosures: &[String],
) -> Result<Map<String, Value>, Fault> {
    match payload.get("_sd_alg") {
        None => {}
        Some(Value::String(name)) if name == "sha-256" => {}
        Some(_) => return Err(Fault::new("SD_ALG_UNSUPPORTED", "/_sd_alg")),
    }
    let mut known = BTreeMap::new();
    for text in disclosures {
        if known.insert(digest(text), read(text)?).is_some() {
            return Err(Fault::new("SD_DUPLICATE_DISCLOSURE", ""));
        }
    }
    let mut walk = Walk { known, seen: BTreeSet::new(), nodes: 0 };
    let mut top = payload.clone();
    top.remove("_sd_alg");
    let claims = walk.object(&top, 0)?;
    if walk.known.values().any(|disclosure| !disclosure.used) {
        return Err(Fault::new("SD_UNREFERENCED_DISCLOSURE", ""));
    }
    Ok(claims)
}

fn read(text: &str) -> Result<Disclosure, Fault> {
    let malformed = || Fault::new("SD_MALFORMED_DISCLOSURE", "");
    let bytes = decode(text).ok_or_else(malformed)?;
    let value = json::parse(&bytes).map_err(|_| malformed())?;
    let Value::Array(items) = value else { return Err(malformed()) };
    let mut items = items.into_iter();
    let salt = items.next().filter(Value::is_string);
    let (second, third) = (items.next(), items.next());
    if salt.is_none() || items.next().is_some() {
        return Err(malformed());
    }
    match (second, third) {
        (Some(Value::String(name)), Some(value)) => {
            if ["_sd", "..."].contains(&name.as_str()) {
                return Err(Fault::new("SD_RESERVED_NAME", ""));
            }
            Ok(Disclosure { name: Some(name), value, used: false })
        }
        (Some(value), None) => Ok(Disclosure { name: None, value, used: false }),
        _ => Err(malformed()),
    }
}

struct Walk {
    known: BTreeMap<String, Disclosure>,
    seen: BTreeSet<String>,
    nodes: usize,
}

impl Walk {
    /// Takes the disclosure of a digest, if it was presented; a digest may stand once only.
    fn take(&mut self, digest: &Value) -> Result<Option<(Option<String>, Value)>, Fault> {
        let text = digest.as_str().ok_or_else(|| Fault::new("SD_MALFORMED", ""))?;
        if !self.seen.insert(text.to_owned()) {
            return Err(Fault::new("SD_DUPLICATE_DIGEST", ""));
        }
        Ok(self.known.get_mut(text).map(|disclosure| {
            disclosure.used = true;
            (disclosure.name.clone(), disclosure.value.clone())
        }))
    }

    fn count(&mut self, depth: usize) -> Result<(), Fault> {
        self.nodes += 1;
        if depth > json::DEPTH_MAX {
            return Err(Fault::new("TOO_DEEP", ""));
        }
        if self.nodes > json::NODES_MAX {
            return Err(Fault::new("TOO_MANY_NODES", ""));
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<Value, Fault> {
        self.count(depth)?;
        match value {
            Value::Object(members) => self.object(members, depth + 1).map(Value::Object),
            Value::Array(items) => self.list(items, depth + 1).map(Value::Array),
            other => Ok(other.clone()),
        }
    }

    fn object(
        &mut self,
        members: &Map<String, Value>,
        depth: usize,
    ) -> Result<Map<String, Value>, Fault> {
        let malformed = || Fault::new("SD_MALFORMED", "");
        let mut out = Map::new();
        for (name, value) in members {
            match name.as_str() {
                "_sd" => {}
                // a digest object stands in lists only, `_sd_alg` at the top only
                "..." | "_sd_alg" => return Err(malformed()),
                _ => {
                    let value = self.value(value, depth)?;
                    out.insert(name.clone(), value);
                }
            }
        }
        let digests = match members.get("_sd") {
            None => return Ok(out),
            Some(digests) => digests.as_array().ok_or_else(malformed)?,
        };
        for digest in digests {
            let Some((name, value)) = self.take(digest)? else { continue };
            let name = name.ok_or_else(|| Fault::new("SD_MALFORMED_DISCLOSURE", ""))?;
            if out.contains_key(&name) {
                return Err(Fault::new("SD_CLAIM_COLLISION", ""));
            }
            if depth == 0 && NEVER_DISCLOSED.contains(&name.as_str()) {
                return Err(Fault::new("SD_NOT_DISCLOSABLE", ""));
            }
            let value = self.value(&value, depth)?;
            out.insert(name, value);
        }
        Ok(out)
    }

    fn list(&mut self, items: &[Value], depth: usize) -> Result<Vec<Value>, Fault> {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            let Some(digest) = item.get("...") else {
                out.push(self.value(item, depth)?);
                continue;
            };
            if item.as_object().is_none_or(|members| members.len() != 1) {
                return Err(Fault::new("SD_MALFORMED", ""));
            }
            match self.take(digest)? {
                None => {}
                Some((None, value)) => out.push(self.value(&value, depth)?),
                Some((Some(_), _)) => return Err(Fault::new("SD_MALFORMED_DISCLOSURE", "")),
            }
        }
        Ok(out)
    }
}
