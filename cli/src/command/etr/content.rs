//! The content of a record: it stays with the parties; the ledger sees salted hashes of its fields.
//!
//! Invariant: every salt is 16 fresh random bytes. The envelope file, which holds content and
//! salts, is written before the op is sent: a record whose salts are lost cannot be shown. For the same
//! reason no content file replaces another: each version has its own.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};
use titian_contracts::digest::Digest;
use titian_contracts::etr::build::{self, Field};
use titian_contracts::etr::content::Leaf;
use titian_contracts::json::Value;
use titian_contracts::limits::ETR_CONTENT_BYTES_MAX;

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
    /// The version in which each field came to its value.
    versions: Map<String, Json>,
    version: u64,
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
    /// Whether the drawer opens records, not the obligor.
    pub(crate) drawer_issues: bool,
    /// Members that a content must have.
    pub(crate) required: Vec<String>,
    dynamic: Vec<String>,
    /// Bound member by what binds it: ref, amount, unit, due.
    bound: Vec<(String, String)>,
    constant: Map<String, Json>,
}

/// `LIMIT_EXCEEDED` for a content of more than 1 MiB.
fn check_size(content: &Map<String, Json>) -> Result<()> {
    let bytes = titian_credential::json::canonical(&Json::Object(content.clone())).len();
    if bytes <= ETR_CONTENT_BYTES_MAX {
        return Ok(());
    }
    Err(CommandError::usage(format!("the content has {bytes} bytes; 1 MiB is the most"))
        .named("LIMIT_EXCEEDED")
        .hint("keep attachments beside it, and put their digest into the content"))
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
            drawer_issues: document::text(profile, "/parties/issuer") == Some("drawer"),
            required: texts("/fields/required"),
            dynamic: texts("/fields/dynamic"),
            bound: members("/fields/bound")
                .iter()
                .filter_map(|(by, member)| Some((by.clone(), member.as_str()?.to_owned())))
                .collect(),
            constant: members("/fields/const"),
        })
    }

    /// What the type binds a member to: ref, amount, unit or due.
    pub(crate) fn bound_by(&self, name: &str) -> Option<&str> {
        let bound = self.bound.iter().find(|(_, member)| member == name)?;
        Some(&bound.0)
    }

    /// The value that the type fixes for a member.
    pub(crate) fn fixed(&self, name: &str) -> Option<&Json> {
        self.constant.get(name)
    }

    /// The text of the member of a content that something is bound to: ref, amount, unit or due.
    pub(crate) fn stated<'a>(&self, by: &str, content: &'a Map<String, Json>) -> Option<&'a str> {
        self.stated_json(by, content)?.as_str()
    }

    /// The same member, whatever it is.
    pub(crate) fn stated_json<'a>(
        &self,
        by: &str,
        content: &'a Map<String, Json>,
    ) -> Option<&'a Json> {
        let (_, member) = self.bound.iter().find(|(known, _)| known == by)?;
        content.get(member)
    }

    /// Commits to a content. The number is put into the member that is bound to it. `salts` holds
    /// those of an earlier attempt with the same content; others are drawn.
    pub(crate) fn commit(
        &self,
        mut content: Map<String, Json>,
        reference: &str,
        salts: &Map<String, Json>,
    ) -> Result<Committed> {
        check_size(&content)?;
        for (by, member) in &self.bound {
            if by == "ref" {
                let stated = content.entry(member.clone()).or_insert_with(|| json!(reference));
                if stated != reference {
                    return Err(CommandError::usage(format!(
                        "the content names another number in {member} than {reference}"
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
                let known = salts.get(name).and_then(Json::as_str).map(str::to_owned);
                let salt = known.unwrap_or_else(random_hex::<16>);
                (name.clone(), salt, titian_credential::json::canonical(value))
            })
            .collect();
        let fields: Vec<Field<'_>> =
            fixed.iter().map(|(name, salt, value_jcs)| Field { name, salt, value_jcs }).collect();
        let leaves = build::leaves(&fields, 1);
        let open = self.open(fixed.iter().map(|(name, salt, jcs)| (name, salt, jcs)))?;
        let salts = fixed.iter().map(|(name, salt, _)| (name.clone(), json!(salt))).collect();
        let versions = fixed.iter().map(|(name, ..)| (name.clone(), json!(1))).collect();
        Ok(Committed {
            root: build::root(&leaves),
            leaves: build::leaves_value(&leaves),
            open,
            content,
            salts,
            versions,
            version: 1,
        })
    }

    /// Commits to a changed content: what stays keeps salt and version, what changes gets a fresh
    /// salt, or that of `tried`, an earlier attempt at the same change. Returns the new commitment with
    /// the `leaves` before and the `changes` of `amend`.
    pub(crate) fn amend(
        &self,
        before: &Envelope,
        content: Map<String, Json>,
        tried: Option<&Envelope>,
    ) -> Result<(Committed, Value, Value)> {
        check_size(&content)?;
        let version = before.version.saturating_add(1);
        let old = before.leaves();
        let mut fields = Vec::new();
        let mut changes = Vec::new();
        for (name, value) in content.iter().filter(|(name, _)| !self.dynamic.contains(name)) {
            let known = before.salts.get(name).and_then(Json::as_str);
            let (salt, of) = match known.filter(|_| before.content.get(name) == Some(value)) {
                Some(salt) => (salt.to_owned(), before.version_of(name)),
                None => {
                    let tried = tried.and_then(|tried| tried.salts.get(name)?.as_str());
                    (tried.map_or_else(random_hex::<16>, str::to_owned), version)
                }
            };
            let value_jcs = titian_credential::json::canonical(value);
            let field = Field { name, salt: &salt, value_jcs: &value_jcs };
            let leaf = build::leaves(&[field], of);
            if of == version {
                let hash = leaf.first().map(|leaf| Value::from(leaf.hash));
                changes.push((name.clone(), Value::from(hash)));
            }
            fields.push((name.clone(), salt, value_jcs, of, leaf));
        }
        let gone = before.salts.keys().filter(|name| !content.contains_key(*name));
        changes.extend(gone.map(|name| (name.clone(), Value::Null)));
        if changes.is_empty() {
            return Err(CommandError::usage("the content is the same as before"));
        }
        changes.sort_by(|a, b| a.0.cmp(&b.0));
        let mut leaves: Vec<_> = fields.iter().flat_map(|field| field.4.clone()).collect();
        leaves.sort_by(|a, b| a.name.cmp(&b.name));
        let committed = Committed {
            root: build::root(&leaves),
            leaves: build::leaves_value(&leaves),
            open: self.open(fields.iter().map(|(n, salt, jcs, ..)| (n, salt, jcs)))?,
            salts: fields.iter().map(|(n, salt, ..)| (n.clone(), json!(salt))).collect(),
            versions: fields.iter().map(|(n, _, _, of, _)| (n.clone(), json!(of))).collect(),
            content,
            version,
        };
        let change = |(name, hash): (String, Value)| {
            Value::object([("name", Value::from(name)), ("hash", hash)])
        };
        let changes = Value::List(changes.into_iter().map(change).collect());
        Ok((committed, build::leaves_value(&old), changes))
    }

    /// The `open` argument: salt and value of the bound and const fields.
    fn open<'a>(
        &self,
        fields: impl Iterator<Item = (&'a String, &'a String, &'a String)>,
    ) -> Result<Value> {
        let opened = |name: &str| self.fixed(name).is_some() || self.bound_by(name).is_some();
        let mut open = Vec::new();
        for (name, salt, value_jcs) in fields.filter(|(name, ..)| opened(name)) {
            let value = titian_contracts::json::parse(value_jcs.as_bytes()).map_err(|_| {
                CommandError::usage(format!("{name} must be text, a whole number, true or false"))
            })?;
            if self.bound_by(name).is_some() && value.as_text().is_none() {
                return Err(CommandError::usage(format!("{name} must be text, not {value_jcs}")));
            }
            open.push((name.clone(), Value::List(vec![Value::from(salt.as_str()), value])));
        }
        Ok(Value::object(open))
    }
}

/// A content file as it was written: content, salts, and the version of each field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Envelope {
    /// The content.
    pub(crate) content: Map<String, Json>,
    /// `id@version` of the profile.
    pub(crate) profile: String,
    salts: Map<String, Json>,
    versions: Map<String, Json>,
    /// The version of the whole.
    pub(crate) version: u64,
}

impl Envelope {
    /// Reads one.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Self::of(&document::read_json(path)?)
            .ok_or_else(|| CommandError::usage(format!("{} is no content file", path.display())))
    }

    /// The content file in a JSON value.
    pub(crate) fn of(envelope: &Json) -> Option<Self> {
        let part = |name: &str| envelope.get(name).and_then(Json::as_object).cloned();
        Some(Self {
            content: part("content")?,
            salts: part("salts")?,
            versions: part("versions").unwrap_or_default(),
            profile: document::text(envelope, "/profile").unwrap_or_default().to_owned(),
            version: envelope.get("contentVersion").and_then(Json::as_u64).unwrap_or(1),
        })
    }

    /// The members that the record commits to; dynamic ones are none of them.
    pub(crate) fn committed(&self) -> Map<String, Json> {
        let fixed = |(name, _): &(&String, &Json)| self.salts.contains_key(*name);
        let members = self.content.iter().filter(fixed);
        members.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn version_of(&self, name: &str) -> u64 {
        self.versions.get(name).and_then(Json::as_u64).unwrap_or(1)
    }

    fn leaves(&self) -> Vec<Leaf> {
        let mut leaves: Vec<Leaf> = self
            .salts
            .iter()
            .filter_map(|(name, salt)| {
                let value_jcs = titian_credential::json::canonical(self.content.get(name)?);
                let salt = salt.as_str().unwrap_or_default();
                let field = Field { name, salt, value_jcs: &value_jcs };
                build::leaves(&[field], self.version_of(name)).pop()
            })
            .collect();
        leaves.sort_by(|a, b| a.name.cmp(&b.name));
        leaves
    }

    /// The root over the salted fields.
    pub(crate) fn root(&self) -> Digest {
        build::root(&self.leaves())
    }
}

impl Committed {
    /// Writes the envelope of record `id` into `folder`, readable by its owner only.
    pub(crate) fn write(&self, folder: &Path, id: &str, profile: &str) -> Result<PathBuf> {
        let path = path_of(folder, id, self.version);
        self.write_to(&path, id, profile)?;
        Ok(path)
    }

    /// The same under another name.
    pub(super) fn write_to(&self, path: &Path, id: &str, profile: &str) -> Result<()> {
        let envelope = json!({
            "titianContent": 1,
            "id": id,
            "profile": profile,
            "contentVersion": self.version,
            "contentRoot": self.root.to_string(),
            "salts": self.salts,
            "versions": self.versions,
            "content": self.content,
        });
        let text = serde_json::to_string_pretty(&envelope).unwrap_or_default();
        keep(path, format!("{text}\n").as_bytes())
    }
}

/// Keeps a content file, readable by its owner only. One that is there with the same content and salts
/// stays as it is. Errors: it holds others, which may be what a record commits to.
pub(super) fn keep(path: &Path, bytes: &[u8]) -> Result<()> {
    if path.exists() {
        let read = |bytes: &[u8]| Envelope::of(&serde_json::from_slice(bytes).ok()?);
        let there = read(&document::read(path)?);
        if there.is_some() && there == read(bytes) {
            return Ok(());
        }
        return Err(CommandError::usage(format!(
            "{} holds another content or other salts, and is never replaced",
            path.display()
        ))
        .hint("--content-dir DIR keeps the content elsewhere, or move the file away"));
    }
    write_private(path, bytes)
        .map_err(|error| CommandError::file("write the content", path, &error))
}

/// The salts of an envelope that an earlier attempt at the same act left at `path`: that attempt may yet
/// have reached the ledger, so its salts must not be replaced.
pub(super) fn earlier_salts(path: &Path, content: &Map<String, Json>) -> Result<Map<String, Json>> {
    if !path.exists() {
        return Ok(Map::new());
    }
    let envelope = document::read_json(path)?;
    let part = |name: &str| envelope.get(name).and_then(Json::as_object).cloned();
    match (part("content"), part("salts")) {
        (Some(known), Some(salts))
            if content.iter().all(|(name, value)| known.get(name) == Some(value)) =>
        {
            Ok(salts)
        }
        _ => Err(CommandError::usage(format!(
            "{} holds another content for this number",
            path.display()
        ))
        .hint("titian etr show ID says whether the record stands; if not, move the file away")),
    }
}

/// What an earlier attempt to amend record `id` to this content left in `folder`: that attempt may yet
/// have reached the ledger, so its salts must not be replaced. Errors: it was to another content.
pub(super) fn earlier_amendment(
    folder: &Path,
    id: &str,
    before: &Envelope,
    content: &Map<String, Json>,
) -> Result<Option<Envelope>> {
    let path = path_of(folder, id, before.version.saturating_add(1));
    if !path.exists() {
        return Ok(None);
    }
    let tried = Envelope::read(&path)?;
    if tried.content == *content {
        return Ok(Some(tried));
    }
    Err(CommandError::usage(format!("{} holds another content for this version", path.display()))
        .hint("titian etr show ID says which version stands; if not this one, move the file away"))
}

/// Where a version of the content of record `id` is kept.
pub(super) fn path_of(folder: &Path, id: &str, version: u64) -> PathBuf {
    folder.join(match version {
        1 => format!("{id}.content.json"),
        version => format!("{id}.content.v{version}.json"),
    })
}

/// The content of a file, if it is the one that the record commits to by `root`.
pub(crate) fn open_envelope(path: &Path, root: &str) -> Result<Map<String, Json>> {
    let envelope = Envelope::read(path)?;
    if envelope.root().to_string() == root {
        Ok(envelope.content)
    } else {
        Err(CommandError::new(
            crate::error::Kind::NotProven,
            "the content is not the one that the record commits to",
        )
        .named("CONTENT_MISMATCH"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn a_content_of_one_mib_is_taken_and_one_byte_more_is_not() {
        let of = |bytes: usize| {
            // {"a":"…"}
            Map::from_iter([("a".to_owned(), Json::from("x".repeat(bytes - 8)))])
        };
        assert!(check_size(&of(1024 * 1024)).is_ok());
        let error = check_size(&of(1024 * 1024 + 1)).expect_err("it is too large");
        assert_eq!(error.name.as_deref(), Some("LIMIT_EXCEEDED"));
    }

    fn bill() -> Fields {
        Fields::of(&json!({ "id": "bl-order", "version": 1,
            "fields": { "bound": { "ref": "number" } } }))
        .expect("a type")
    }

    /// A folder that goes with the test.
    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        pub(crate) fn new(name: &str) -> Self {
            let name = format!("titian-{name}-{}", random_hex::<8>());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir(&path).expect("a folder");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).expect("it is there");
        }
    }

    fn members(json: &Json) -> Map<String, Json> {
        json.as_object().expect("an object").clone()
    }

    #[test]
    fn etr_an_amendment_that_is_tried_again_has_the_same_salts() {
        let folder = Folder::new("amended");
        let (fields, id) = (bill(), "etr_1");
        let content = members(&json!({ "number": "N-1", "goods": "tea" }));
        let first = fields.commit(content.clone(), "N-1", &Map::new()).expect("committed");
        let before = first.write(&folder.0, id, &fields.profile).expect("written");
        let before = Envelope::read(&before).expect("a content file");

        let changed = members(&json!({ "number": "N-1", "goods": "coffee", "weight": "1" }));
        let amend = |content: &Map<String, Json>| {
            let tried = earlier_amendment(&folder.0, id, &before, content)?;
            let (committed, ..) = fields.amend(&before, content.clone(), tried.as_ref())?;
            Ok((committed.root, committed.write(&folder.0, id, &fields.profile)?))
        };
        let once: Result<(Digest, PathBuf)> = amend(&changed);
        let (root, path) = once.expect("amended");
        assert_eq!(path, folder.0.join("etr_1.content.v2.json"));
        let kept = std::fs::read(&path).expect("a file");
        // that the first attempt stands, and the second is refused, is known only afterwards
        assert_eq!(amend(&changed).expect("again"), (root, path.clone()));
        assert_eq!(std::fs::read(&path).expect("a file"), kept);
        // another change of the same version would take its salts away
        let other = members(&json!({ "number": "N-1", "goods": "rice" }));
        let refused = amend(&other).expect_err("the file holds another content");
        assert!(refused.message.contains("another content"), "{refused}");
        assert_eq!(std::fs::read(&path).expect("a file"), kept);
        // and what stays keeps the salt that it had
        let after = Envelope::read(&path).expect("a content file");
        assert_eq!(after.salts["number"], before.salts["number"]);
        assert_ne!(after.salts["goods"], before.salts["goods"]);
    }

    #[test]
    fn etr_no_content_file_is_replaced_by_another() {
        let folder = Folder::new("kept");
        let text = |salt: &str, value: &str| {
            json!({ "content": { "a": value }, "salts": { "a": salt } }).to_string()
        };
        let path = path_of(&folder.0, "etr_1", 1);
        assert_eq!(path, folder.0.join("etr_1.content.json"));
        let first = text("11", "x");
        keep(&path, first.as_bytes()).expect("a new file");
        // the same in another form of JSON is the same
        let spaced = first.replace(':', " : ");
        keep(&path, spaced.as_bytes()).expect("the same content");
        for other in [text("22", "x"), text("11", "y"), "none".to_owned()] {
            let refused = keep(&path, other.as_bytes()).expect_err("another one");
            assert!(refused.hints.iter().any(|hint| hint.contains("--content-dir")), "{refused}");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), first);
        // what is no content file is not taken for one
        std::fs::write(&path, "mine").expect("a file");
        assert!(keep(&path, first.as_bytes()).is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "mine");
    }
}
