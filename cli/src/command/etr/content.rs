//! The content of a record: it stays with the parties; the ledger sees salted hashes of its fields.
//!
//! Invariant: every salt is 16 fresh random bytes. The envelope file, which holds content and
//! salts, is written before the op is sent: a record whose salts are lost cannot be shown.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};
use titian_contracts::digest::Digest;
use titian_contracts::etr::build::{self, Field};
use titian_contracts::json::Value;

use crate::act::random_hex;
use crate::document;
use crate::error::{CommandError, Result};
use crate::wallet::write_private;

/// A content with its salts, and what of it goes to the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    /// The `leaves` argument.
    pub(crate) leaves: Value,
    /// The `open` argument: salt and value of bound and const fields.
    pub(crate) open: Value,
    /// The root over the leaves.
    pub(crate) root: Digest,
    content: Map<String, Json>,
    salts: Map<String, Json>,
}

/// Which members of a content a profile treats apart.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    /// `id@version`.
    pub(crate) profile: String,
    /// The numbering space.
    pub(crate) series: String,
    /// Kinds of title at issue.
    pub(crate) initial: Vec<String>,
    required: Vec<String>,
    dynamic: Vec<String>,
    /// Bound member by what binds it: ref, amount, unit, due.
    bound: Vec<(String, String)>,
    constant: Vec<String>,
}

impl Fields {
    /// Reads a profile as it stands in state.
    pub(crate) fn of(profile: &Json) -> Result<Self> {
        let texts = |pointer: &str| -> Vec<String> {
            let items = profile.pointer(pointer).and_then(Json::as_array).into_iter().flatten();
            items.filter_map(Json::as_str).map(str::to_owned).collect()
        };
        let members = |pointer: &str| {
            profile.pointer(pointer).and_then(Json::as_object).cloned().unwrap_or_default()
        };
        let id = document::text(profile, "/id");
        let version = profile.pointer("/version").and_then(Json::as_u64);
        let (Some(id), Some(version)) = (id, version) else {
            return Err(CommandError::refused("the node shows no such profile"));
        };
        Ok(Self {
            profile: format!("{id}@{version}"),
            series: document::text(profile, "/series").unwrap_or_default().to_owned(),
            initial: texts("/title/initial"),
            required: texts("/fields/required"),
            dynamic: texts("/fields/dynamic"),
            bound: members("/fields/bound")
                .iter()
                .filter_map(|(by, member)| Some((by.clone(), member.as_str()?.to_owned())))
                .collect(),
            constant: members("/fields/const").keys().cloned().collect(),
        })
    }

    /// Commits to a content. The number is put into the member that is bound to it.
    pub(crate) fn commit(
        &self,
        mut content: Map<String, Json>,
        reference: &str,
    ) -> Result<Committed> {
        for (by, member) in &self.bound {
            if by == "ref" {
                let stated = content.entry(member.clone()).or_insert_with(|| json!(reference));
                if stated != reference {
                    return Err(CommandError::usage(format!(
                        "the content names another number in {member} than --ref"
                    )));
                }
            }
        }
        let missing: Vec<&str> = self
            .required
            .iter()
            .map(String::as_str)
            .filter(|name| !content.contains_key(*name))
            .collect();
        if !missing.is_empty() {
            return Err(CommandError::usage(format!(
                "the content lacks members that {} requires: {}",
                self.profile,
                missing.join(", ")
            ))
            .named("FIELD_MISSING"));
        }
        let fixed: Vec<(String, String, String)> = content
            .iter()
            .filter(|(name, _)| !self.dynamic.contains(name))
            .map(|(name, value)| {
                (name.clone(), random_hex::<16>(), titian_credential::json::canonical(value))
            })
            .collect();
        let fields: Vec<Field<'_>> =
            fixed.iter().map(|(name, salt, value_jcs)| Field { name, salt, value_jcs }).collect();
        let leaves = build::leaves(&fields, 1);
        let opened = |name: &String| {
            self.constant.contains(name) || self.bound.iter().any(|(_, member)| member == name)
        };
        let mut open = Vec::new();
        for (name, salt, value_jcs) in fixed.iter().filter(|(name, ..)| opened(name)) {
            let value = titian_contracts::json::parse(value_jcs.as_bytes()).map_err(|_| {
                CommandError::usage(format!("{name} must be text, a whole number, true or false"))
            })?;
            open.push((name.clone(), Value::List(vec![Value::from(salt.as_str()), value])));
        }
        let salts = fixed.iter().map(|(name, salt, _)| (name.clone(), json!(salt))).collect();
        Ok(Committed {
            root: build::root(&leaves),
            leaves: build::leaves_value(&leaves),
            open: Value::object(open),
            content,
            salts,
        })
    }
}

impl Committed {
    /// Writes the envelope of record `id` into `folder`, readable by its owner only.
    pub(crate) fn write(&self, folder: &Path, id: &str, profile: &str) -> Result<PathBuf> {
        let path = folder.join(format!("{id}.content.json"));
        let envelope = json!({
            "titianContent": 1,
            "id": id,
            "profile": profile,
            "contentVersion": 1,
            "contentRoot": self.root.to_string(),
            "salts": self.salts,
            "content": self.content,
        });
        let text = serde_json::to_string_pretty(&envelope).unwrap_or_default();
        write_private(&path, format!("{text}\n").as_bytes())
            .map_err(|error| CommandError::file("write the content", &path, &error))?;
        Ok(path)
    }
}

/// Checks an envelope against the content root that the ledger shows; answers its content.
pub(crate) fn open_envelope(path: &Path, root: &str) -> Result<Map<String, Json>> {
    let envelope = document::read_json(path)?;
    let part = |name: &str| envelope.get(name).and_then(Json::as_object).cloned();
    let (Some(content), Some(salts)) = (part("content"), part("salts")) else {
        return Err(CommandError::usage(format!("{} is no content envelope", path.display())));
    };
    let version = envelope.get("contentVersion").and_then(Json::as_u64).unwrap_or(1);
    let texts: Vec<(&String, String)> = salts
        .keys()
        .filter_map(|name| {
            content.get(name).map(|value| (name, titian_credential::json::canonical(value)))
        })
        .collect();
    let fields: Vec<Field<'_>> = texts
        .iter()
        .map(|(name, value_jcs)| Field {
            name,
            salt: salts.get(*name).and_then(Json::as_str).unwrap_or_default(),
            value_jcs,
        })
        .collect();
    let computed = build::root(&build::leaves(&fields, version)).to_string();
    if computed == root {
        Ok(content)
    } else {
        Err(CommandError::new(
            crate::error::Kind::NotProven,
            "the content is not the one that the record commits to",
        )
        .named("CONTENT_MISMATCH"))
    }
}
